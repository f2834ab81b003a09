/** How long a claim takes behind one lane that is held back with everything it has. */
import { startPostgres } from '../../test/servers/postgres.ts'
import { startRedis } from '../../test/servers/redis.ts'
import type { Case, Context } from '../case.ts'
import { measureInChild } from '../child.ts'
import { count, median } from '../numbers.ts'
import type { ClaimsAnswer, ClaimsInput } from './children/claims.ts'
import { type StoreName, STORES } from './stores.ts'

const SIZES = {
  full: { blocked: 50_000, claims: 100, claimSize: 500 },
  quick: { blocked: 2_000, claims: 5, claimSize: 100 },
} as const

const CLAIM_MS_MAX = 50

async function measure(context: Context, store: StoreName): Promise<readonly number[]> {
  const server = await (store === 'redis' ? startRedis({}, context.folder) : startPostgres({}, context.folder))
  try {
    const url = 'url' in server ? server.url : await server.database()
    const input: ClaimsInput = { store, url, ...SIZES[context.scale] }
    const { claimsMs } = await measureInChild<ClaimsAnswer>(new URL('./children/claims.ts', import.meta.url), input)
    return claimsMs
  } finally {
    await server.stop()
  }
}

export const blocked: Case = {
  name: 'blocked',
  async run(context) {
    const { blocked, claims } = SIZES[context.scale]
    const results: { store: StoreName; medianMs: number; worstMs: number }[] = []
    for (const store of STORES) {
      const claimsMs = await measure(context, store)
      results.push({ store, medianMs: median(claimsMs), worstMs: Math.max(...claimsMs) })
    }
    return results.map(({ store, medianMs, worstMs }) => ({
      what: `claim behind a held lane of ${count(blocked)}: ${store}`,
      required: `below ${CLAIM_MS_MAX} ms`,
      measured: `${medianMs.toFixed(1)} ms, worst of ${claims} ${worstMs.toFixed(1)} ms`,
      holds: worstMs < CLAIM_MS_MAX,
      numbers: { medianMs, worstMs },
    }))
  },
}
