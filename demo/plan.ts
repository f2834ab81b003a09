/** When what happens in a run, in milliseconds since the shop opens. */
import type { Line } from './calls/line.ts'

const HOUR_MS = 3_600_000

export interface Plan {
  /** So many hours of the shop's day, from 8 o'clock on, are played in `dayMs`. The whole day has 14. */
  readonly hours: number
  readonly dayMs: number
  /** From then on half of the answers are lost, though the work is done: how many an outage begins. */
  readonly brownOutAtMs: number
  readonly downAtMs: number
  readonly killAtMs: number
  readonly restartAtMs: number
  /** Customer.io is back then, and not before the backends are. */
  readonly backAtMs: number
  /** How long the demo waits for everything to arrive after closing time. */
  readonly patienceMs: number
}

/** An hour of the shop in each second. */
export const PLAN: Plan = Object.freeze({
  hours: 14,
  dayMs: 14_000,
  brownOutAtMs: 4_000,
  downAtMs: 5_000,
  killAtMs: 7_500,
  restartAtMs: 8_500,
  backAtMs: 10_500,
  patienceMs: 60_000,
})

/** For a test, and for those in a hurry. */
export const FAST_PLAN: Plan = Object.freeze({
  hours: 6,
  dayMs: 3_000,
  brownOutAtMs: 1_000,
  downAtMs: 1_400,
  killAtMs: 1_900,
  restartAtMs: 2_100,
  backAtMs: 2_600,
  patienceMs: 60_000,
})

/** The calls of the hours that are played. */
export function playedLines(lines: readonly Line[], plan: Plan): readonly Line[] {
  return lines.filter(({ offsetMs }) => offsetMs < plan.hours * HOUR_MS)
}
