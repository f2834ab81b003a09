/**
 * The line before a rate limiter: one token after the other to whoever has waited longest.
 *
 * Invariants
 * 1. First in, first out: nobody takes a token while somebody waits.
 * 2. Whoever stands here fits: its forecast, with its place in the line, is within its deadline. A cut of the rate asks
 *    all again, and who no longer fits is told at once instead of at the deadline.
 * 3. One alarm while somebody waits for a token, none otherwise.
 */
import { Alarm, type Alarms } from './alarms.ts'
import type { RateLimiter } from './rate-limiter.ts'
import { WaitQueue, type Shed, type Waiter } from './wait-queue.ts'

export class RateLine<W extends Waiter = Waiter> {
  readonly #limiter: RateLimiter
  readonly #alarms: Alarms
  readonly #queue: WaitQueue<W>
  readonly #alarm: Alarm
  #shed = 0

  constructor(limiter: RateLimiter, queueMax: number, alarms: Alarms) {
    this.#limiter = limiter
    this.#alarms = alarms
    this.#queue = new WaitQueue(queueMax)
    this.#alarm = new TokenAlarm((nowMs) => this.#serve(nowMs))
  }

  get waiting(): number {
    return this.#queue.length
  }

  /** Waiters that were refused a place, or lost theirs to a cut of the rate. */
  get shed(): number {
    return this.#shed
  }

  /** What a newcomer would wait for a token, with so many others before it besides those that stand here. */
  waitMs(nowMs: number, ahead: number = 0): number {
    return this.#limiter.forecastMs(nowMs, this.#queue.length + ahead + 1)
  }

  /** Takes a token if nobody waits and one is due. */
  take(nowMs: number): boolean {
    return this.#queue.length === 0 && this.#limiter.take(nowMs).taken
  }

  /** `take` was false: the waiter now stands in the line, unless it does not fit (then the reason comes back). */
  join(waiter: W, nowMs: number): Shed | null {
    const refusal = this.#refusal(waiter, this.#queue.length + 1, nowMs)
    if (refusal !== null) {
      this.#shed++
      return refusal
    }
    this.#queue.push(waiter)
    if (this.#queue.length === 1) this.#await(nowMs)
    return null
  }

  /** False when it does not stand here. */
  leave(waiter: W, nowMs: number): boolean {
    const left = this.#queue.remove(waiter)
    if (left && this.#queue.length === 0) this.#await(nowMs)
    return left
  }

  /** Takes all waiters out, in their order. */
  clear(nowMs: number): W[] {
    const waiters: W[] = []
    for (let waiter = this.#queue.shift(); waiter !== null; waiter = this.#queue.shift()) waiters.push(waiter)
    this.#await(nowMs)
    return waiters
  }

  /** A 429 came. True when it says something new. */
  throttled(nowMs: number, retryAfterMs?: number): boolean {
    const slower = this.#limiter.throttled(nowMs, retryAfterMs)
    if (slower) this.#shedLate(nowMs)
    return slower
  }

  #refusal(waiter: W, position: number, nowMs: number): Shed | null {
    const full = position > this.#queue.lengthMax
    if (!full && waiter.deadlineAtMs === Infinity) return null
    const waitMs = this.#limiter.forecastMs(nowMs, position)
    if (full) return { reason: 'queue-full', retryAfterMs: waitMs }
    return nowMs + waitMs >= waiter.deadlineAtMs ? { reason: 'deadline', retryAfterMs: waitMs } : null
  }

  #serve(nowMs: number): void {
    while (this.#queue.length > 0 && this.#limiter.take(nowMs).taken) this.#queue.shift()!.granted(nowMs)
    this.#await(nowMs)
  }

  #await(nowMs: number): void {
    const dueMs = this.#queue.length === 0 ? Infinity : nowMs + this.#limiter.peek(nowMs).waitMs
    this.#alarms.set(this.#alarm, dueMs, nowMs)
  }

  #shedLate(nowMs: number): void {
    const late: [W, Shed][] = []
    let position = 1
    for (let waiter = this.#queue.first; waiter !== null; waiter = this.#queue.after(waiter)) {
      const refusal = this.#refusal(waiter, position, nowMs)
      if (refusal === null) position++
      else late.push([waiter, refusal])
    }
    for (const [waiter] of late) this.#queue.remove(waiter)
    this.#shed += late.length
    this.#await(nowMs)
    for (const [waiter, refusal] of late) waiter.shed(refusal, nowMs)
  }
}

class TokenAlarm extends Alarm {
  readonly #serve: (nowMs: number) => void

  constructor(serve: (nowMs: number) => void) {
    super()
    this.#serve = serve
  }

  ring(nowMs: number): void {
    this.#serve(nowMs)
  }
}
