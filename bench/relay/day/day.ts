/** 24 hours of traffic with faults, on virtual time. */
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'

import type { Case } from '../../case.ts'
import { measureInChild } from '../../child.ts'
import { count, median } from '../../numbers.ts'
import type { DayAnswer, DayInput } from './child.ts'

const SIZES = { full: { hours: 24, callers: 12 }, quick: { hours: 3, callers: 2 } } as const
/** Of the last hours above the early ones. */
const GROWTH_MAX = 1.1

export const day: Case = {
  name: 'day',
  async run(context) {
    const { hours, callers } = SIZES[context.scale]
    const folder = join(context.folder, 'day')
    mkdirSync(folder, { recursive: true })
    const input: DayInput = { folder, hours, callers, seed: 20_261_124 }
    const answer = await measureInChild<DayAnswer>(new URL('./child.ts', import.meta.url), input, ['--expose-gc'])
    rmSync(folder, { recursive: true, force: true })
    const { account, heapMb, kills, restarts } = answer
    const third = Math.max(1, Math.floor(heapMb.length / 3))
    const growth = median(heapMb.slice(-third)) / median(heapMb.slice(0, third))
    const isWhole = account.lost === 0 && account.disordered === 0 && account.doubled === 0
    return [
      {
        what: `${hours} simulated hours of traffic with faults, ${kills} kills and ${restarts} restarts`,
        required: '0 lost, 0 order violations, memory flat',
        measured:
          `${count(account.acknowledged)} acknowledged: ${account.lost} lost, ${account.disordered} out of order, ` +
          `${account.doubled} doubled, ${account.repeats} repeats with the same id; heap of the last hours ${growth.toFixed(2)} of the first ones`,
        holds: isWhole && growth <= GROWTH_MAX,
        numbers: { ...account, growth, firstMb: median(heapMb.slice(0, third)), lastMb: median(heapMb.slice(-third)) },
      },
    ]
  },
}
