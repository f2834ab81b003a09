/**
 * Writes down one person's day: time only goes forward, so the calls of one person stand in the order in which they
 * are made. What would come after closing time is not made today.
 */
import type { Random } from '../../src/runtime/runtime.ts'
import type { Line, Method } from '../calls/line.ts'
import { markOfLine } from '../calls/mark.ts'

/** The shop is open from 8 to 22 o'clock. */
export const DAY_MS: number = 14 * 3_600_000
/** 2026-03-12, 08:00 UTC, in unix seconds. */
export const OPENING = 1_773_302_400

export class Chance {
  readonly #random: Random

  constructor(random: Random) {
    this.#random = random
  }

  /** True in this share of the cases. */
  is(share: number): boolean {
    return this.#random() < share
  }

  /** A whole number, both ends included. */
  whole(min: number, max: number): number {
    return min + Math.floor(this.#random() * (max - min + 1))
  }

  pick<T>(list: readonly T[]): T {
    const picked = list[Math.floor(this.#random() * list.length)]
    if (picked === undefined) throw new Error('nothing to pick from')
    return picked
  }

  /** When somebody comes: around noon, in the evening, or at any time. */
  arrivalMs(): number {
    const kind = this.#random()
    const bell = (this.#random() + this.#random() + this.#random()) / 3
    if (kind < 0.3) return Math.floor((2.5 + 4 * bell) * 3_600_000)
    if (kind < 0.65) return Math.floor((8.5 + 5 * bell) * 3_600_000)
    return Math.floor(this.#random() * 0.96 * DAY_MS)
  }

  /** Hexadecimal digits, as tokens and session ids are made of. */
  hex(digits: number): string {
    return Array.from({ length: digits }, () => this.whole(0, 15).toString(16)).join('')
  }
}

/** Everybody's calls of the day. */
export class Day {
  readonly lines: Line[] = []
  readonly #marks = new Set<string>()

  /** False for a call that could not be told from an earlier one at the provider; it is left out. */
  add(line: Line): boolean {
    const mark = markOfLine(line)
    if (this.#marks.has(mark)) return false
    this.#marks.add(mark)
    this.lines.push(line)
    return true
  }
}

export class Diary {
  readonly chance: Chance
  readonly day: Day
  #atMs: number

  constructor(chance: Chance, day: Day, fromMs: number) {
    this.chance = chance
    this.day = day
    this.#atMs = fromMs
  }

  /** Unix seconds. */
  get now(): number {
    return OPENING + Math.floor(this.#atMs / 1_000)
  }

  get closed(): boolean {
    return this.#atMs >= DAY_MS
  }

  /** Lets a while pass. */
  wait(minSeconds: number, maxSeconds: number): void {
    this.#atMs += this.chance.whole(minSeconds * 1_000, maxSeconds * 1_000)
  }

  /** Goes on at another time of the day, never back. */
  goTo(atMs: number): void {
    this.#atMs = Math.max(this.#atMs, atMs)
  }

  call(method: Method, ...args: readonly unknown[]): void {
    if (!this.closed) this.day.add({ offsetMs: this.#atMs, method, args })
    // Two things that one person does never happen in the same moment.
    this.#atMs += this.chance.whole(300, 900)
  }
}
