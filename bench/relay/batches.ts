/** v2 batches of 100 operations: how many operations a second are stored. */
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'

import type { Case } from '../case.ts'
import { measureInChild } from '../child.ts'
import { median, perSecond } from '../numbers.ts'
import type { SaturateAnswer, SaturateInput } from './saturate.ts'
import { startRelay, startUpstream } from './servers.ts'

const SIZES = { full: { rounds: 5, seconds: 8 }, quick: { rounds: 1, seconds: 1 } } as const
const OPERATIONS = 100
const CONNECTIONS = 16
const PER_SECOND_MIN = 30_000

export const batches: Case = {
  name: 'batches',
  async run(context) {
    const { rounds, seconds } = SIZES[context.scale]
    const upstream = await startUpstream()
    const folder = join(context.folder, 'batches')
    const rates: number[] = []
    for (let round = 0; round < rounds; round++) {
      mkdirSync(folder, { recursive: true })
      const relay = await startRelay(folder, upstream.url)
      const input: SaturateInput = { url: relay.url, connections: CONNECTIONS, seconds, operations: OPERATIONS }
      const answer = await measureInChild<SaturateAnswer>(new URL('./saturate.ts', import.meta.url), input)
      await relay.close()
      rmSync(folder, { recursive: true, force: true })
      rates.push(answer.requestsPerSecond * OPERATIONS)
      context.say(`batches, round ${round + 1} of ${rounds}: ${perSecond(rates.at(-1)!)} operations`)
    }
    await upstream.close()
    const rate = median(rates)
    return [
      {
        what: `v2 batches of ${OPERATIONS} operations, stored`,
        required: `${PER_SECOND_MIN.toLocaleString('en-US')} operations/s`,
        measured: perSecond(rate),
        holds: rate >= PER_SECOND_MIN,
        numbers: { rate },
      },
    ]
  },
}
