/**
 * Plays the shop's day: has both backends make each call at its time. A call that is due while they are dead is made by
 * neither, so both sides always have the same calls.
 */
import { setTimeout as sleep } from 'node:timers/promises'

import type { Backend } from './backend/backend.ts'
import type { Line } from './calls/line.ts'
import type { Plan } from './plan.ts'

const TICK_MS = 5
const OPENING_MS = 8 * 3_600_000

export class Player {
  readonly #lines: readonly Line[]
  readonly #backends: readonly Backend[]
  readonly #plan: Plan
  /** Shop time in real time. */
  readonly #speed: number
  #next = 0
  #notMade = 0

  constructor(lines: readonly Line[], plan: Plan, backends: readonly Backend[]) {
    this.#lines = lines
    this.#backends = backends
    this.#plan = plan
    this.#speed = (plan.hours * 3_600_000) / plan.dayMs
  }

  /** Calls that were due when nobody could make them. */
  get notMade(): number {
    return this.#notMade
  }

  /** The time of day in the shop, in milliseconds since midnight. */
  timeOfDayMs(nowMs: number): number {
    return OPENING_MS + Math.min(this.#plan.dayMs, nowMs) * this.#speed
  }

  /** Resolves at closing time. `nowMs` counts from the opening. */
  async play(nowMs: () => number, signal: AbortSignal): Promise<void> {
    while (this.#next < this.#lines.length) {
      const due = this.#takeDue(nowMs() * this.#speed)
      if (this.#backends.every((backend) => backend.isAlive)) for (const backend of this.#backends) backend.make(due)
      else this.#notMade += due.length
      await sleep(TICK_MS, undefined, { signal })
    }
  }

  #takeDue(offsetMs: number): readonly number[] {
    const due: number[] = []
    for (let line = this.#lines[this.#next]; line !== undefined && line.offsetMs <= offsetMs;) {
      due.push(this.#next)
      this.#next++
      line = this.#lines[this.#next]
    }
    return due
  }
}
