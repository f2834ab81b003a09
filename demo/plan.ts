/** When what happens in a run, in milliseconds since the shop opens. */

export interface Plan {
  /** The shop's day of 14 hours is played in this time. */
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
  dayMs: 14_000,
  brownOutAtMs: 4_000,
  downAtMs: 5_000,
  killAtMs: 7_500,
  restartAtMs: 8_500,
  backAtMs: 10_500,
  patienceMs: 60_000,
})

export const FAST_PLAN: Plan = Object.freeze({
  dayMs: 3_500,
  brownOutAtMs: 700,
  downAtMs: 1_200,
  killAtMs: 1_900,
  restartAtMs: 2_100,
  backAtMs: 2_800,
  patienceMs: 60_000,
})
