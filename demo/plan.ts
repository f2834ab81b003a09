/** When what happens in a run, in milliseconds since the shop opens. */

export interface Plan {
  /** The shop's day of 14 hours is played in this time. */
  readonly dayMs: number
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
  dayMs: 14_000,
  downAtMs: 3_500,
  killAtMs: 7_000,
  restartAtMs: 8_000,
  backAtMs: 11_000,
  patienceMs: 60_000,
})

export const FAST_PLAN: Plan = Object.freeze({
  dayMs: 3_500,
  downAtMs: 900,
  killAtMs: 1_800,
  restartAtMs: 2_000,
  backAtMs: 2_700,
  patienceMs: 60_000,
})
