/** `executions` of the contract in Redis, whose own clock ends leases and results. */
import type { IdempotencyStore } from '../../idempotency/store.ts'
import { RESULT_TTL_MS } from '../../idempotency/store.ts'
import type { OutboxLimits } from '../limits.ts'
import type { RedisLink, RedisScript } from './link.ts'
import { abandonScript, beginScript, completeScript, renewExecutionScript } from './scripts/executions.ts'

export function executionsIn(link: RedisLink, base: string, limits: Required<OutboxLimits>): IdempotencyStore {
  const run = (script: RedisScript, args: readonly (string | number)[]): Promise<unknown> =>
    link.run(script, [base], args)
  return {
    async begin({ key, token, leaseMs }) {
      const [state, rest] = (await run(beginScript, [key, token, Math.ceil(leaseMs)])) as [string, string | number]
      if (state === 'done') return { state, value: String(rest) }
      return state === 'running' ? { state, leftMs: Math.max(1, Number(rest)) } : { state: 'held' }
    },
    async renew({ key, token, leaseMs }) {
      return (await run(renewExecutionScript, [key, token, Math.ceil(leaseMs)])) === 1 ? 'held' : 'lapsed'
    },
    async complete({ key, token, value, ttlMs = RESULT_TTL_MS }) {
      const bounds = [limits.maxResults, limits.maxResultChars, key.length + value.length]
      return { value: String(await run(completeScript, [key, token, value, Math.ceil(ttlMs), ...bounds])) }
    },
    async abandon({ key, token }) {
      await run(abandonScript, [key, token])
    },
  }
}
