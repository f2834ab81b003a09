/** How fast a backlog is delivered, and whether a large one costs more for each operation than a small one. */
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'

import type { Case } from '../case.ts'
import { measureInChild } from '../child.ts'
import type { FillAnswer, FillInput } from '../fill.ts'
import { count, median, perSecond } from '../numbers.ts'
import type { DrainAnswer, DrainInput } from './child.ts'

const SIZES = {
  // The large ones average over minutes, the small ones over seconds: those are repeated.
  full: { warmUp: 20_000, backlogs: [10_000, 100_000, 10_000, 1_000_000, 10_000, 100_000, 10_000, 100_000, 10_000] },
  quick: { warmUp: 100, backlogs: [100, 200, 400] },
} as const

const PER_SECOND_MIN = 15_000
const SLOWER_MAX = 1.1

async function fill(path: string, size: number): Promise<{ readonly path: string; readonly size: number }> {
  const input: FillInput = { path, size }
  const { waiting } = await measureInChild<FillAnswer>(new URL('../fill.ts', import.meta.url), input)
  if (waiting !== size) throw new Error(`the outbox holds ${waiting} of ${size} operations`)
  return { path, size }
}

export const drain: Case = {
  name: 'drain',
  async run(context) {
    const { warmUp, backlogs } = SIZES[context.scale]
    const answers = new Map<number, DrainAnswer[]>()
    for (const size of backlogs) {
      const folder = join(context.folder, 'drain')
      mkdirSync(folder, { recursive: true })
      const input: DrainInput = {
        warmUp: await fill(join(folder, 'warm-up.db'), warmUp),
        backlog: await fill(join(folder, 'backlog.db'), size),
      }
      const answer = await measureInChild<DrainAnswer>(new URL('./child.ts', import.meta.url), input)
      rmSync(folder, { recursive: true, force: true })
      answers.set(size, [...(answers.get(size) ?? []), answer])
      context.say(`drain, ${count(size)} waiting: ${perSecond(answer.perSecond)}`)
    }
    const rates = [...answers].map(([size, list]) => ({ size, rate: median(list.map((one) => one.perSecond)) }))
    const slowest = rates.toSorted((a, b) => a.rate - b.rate)[0]!
    const small = rates.toSorted((a, b) => a.size - b.size)[0]!
    const large = rates.toSorted((a, b) => b.size - a.size)[0]!
    const tenths = answers.get(large.size)![0]!.tenths
    const slower = small.rate / Math.min(...rates.map(({ rate }) => rate))
    const last = tenths.at(-1)! / tenths[0]!
    const each = rates.map(({ size, rate }) => `${count(size)}: ${perSecond(rate)}`).join(', ')
    return [
      {
        what: 'drain at 20 ms, concurrency 8',
        required: `${count(PER_SECOND_MIN)}/s`,
        measured: `${perSecond(slowest.rate)} at ${count(slowest.size)} waiting (${each})`,
        holds: slowest.rate >= PER_SECOND_MIN,
        numbers: Object.fromEntries(rates.map(({ size, rate }) => [`perSecondAt${size}`, rate])),
      },
      {
        what: `time of one operation, up to ${count(large.size)} waiting`,
        required: `at most ${SLOWER_MAX} of that at ${count(small.size)}`,
        measured: `${slower.toFixed(2)} (last tenth of ${count(large.size)} to its first: ${last.toFixed(2)})`,
        holds: slower <= SLOWER_MAX,
        numbers: { slower, lastTenthToFirst: last },
      },
    ]
  },
}
