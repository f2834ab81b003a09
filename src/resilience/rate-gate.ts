/** A rate limit that its callers await: the rate limiter with a line before it and a clock. */
import type { Clock } from '../runtime/clock.ts'
import type { Random } from '../runtime/runtime.ts'
import { systemRuntime } from '../runtime/system.ts'
import { Alarms } from './alarms.ts'
import { checkNumber } from './check-number.ts'
import { withoutStack } from './circuit-errors.ts'
import { RateLimitedError } from './limit-errors.ts'
import { createRateLimiter, type RateLimiter, type RateLimiterOptions, type RateLimiterView } from './rate-limiter.ts'
import { RateLine } from './rate-line.ts'
import { waitForTurn, type WaitOptions } from './turn.ts'
import type { Shed, Waiter } from './wait-queue.ts'

export interface RateGateOptions extends RateLimiterOptions {
  /** Callers that may wait. @defaultValue 10000 */
  readonly queue?: number
  /** @defaultValue the system's */
  readonly clock?: Clock
  /** A number in [0, 1), for the jitter of cooldowns. @defaultValue Math.random */
  readonly random?: Random
}

export interface RateGateView extends RateLimiterView {
  /** Callers that wait now. */
  readonly waiting: number
  /** Callers refused since creation, because the line was full or their turn would have come too late. */
  readonly shed: number
}

export const RATE_QUEUE = 10_000

/**
 * Lets callers through at a rate, first come, first served. What a server says with 429 is shared by all: one cooldown
 * holds everybody, and the rate is cut and rises again by itself until it fits.
 *
 * @example
 * const gate = new RateGate({ perSecond: 90 })
 * await gate.acquire({ signal, deadlineMs: 15_000 })
 * const response = await fetch(url)
 * if (response.status === 429) gate.throttled(retryAfterMs)
 * else gate.succeeded()
 */
export class RateGate {
  readonly #clock: Clock
  readonly #alarms: Alarms
  readonly #limiter: RateLimiter
  readonly #line: RateLine
  readonly #leave = (waiter: Waiter): void => void this.#line.leave(waiter, this.#clock.monotonicMs())

  /** @throws OptionsError naming the field */
  constructor(options: RateGateOptions = {}) {
    const { queue = RATE_QUEUE, clock = systemRuntime.clock, random = systemRuntime.random, ...limits } = options
    checkNumber('queue', queue, { min: 0, integer: true, infinite: true })
    this.#clock = clock
    this.#alarms = new Alarms(clock)
    this.#limiter = createRateLimiter(limits, random)
    this.#line = new RateLine(this.#limiter, queue, this.#alarms)
  }

  /**
   * Resolves when the caller may make one call. Its turn is used up then, whether it makes the call or not.
   *
   * @param options `signal` ends the wait, `deadlineMs` (from now; default Infinity) bounds it
   * @throws RateLimitedError (`RATE_LIMITED`) with `retryAfterMs`: at once when the wait would pass the deadline or
   * too many wait; also while waiting, when a 429 puts the turn off beyond the deadline
   * @throws the signal's reason, when it aborts
   * @throws OptionsError when `deadlineMs` is no number of at least 0
   */
  async acquire(options: WaitOptions = {}): Promise<void> {
    const { signal, deadlineMs = Infinity } = options
    checkNumber('deadlineMs', deadlineMs, { min: 0, infinite: true })
    signal?.throwIfAborted()
    const nowMs = this.#clock.monotonicMs()
    if (this.#line.take(nowMs)) return
    await waitForTurn(
      { alarms: this.#alarms, nowMs, deadlineAtMs: nowMs + deadlineMs, signal, leave: this.#leave, refused },
      (waiter) => this.#line.join(waiter, nowMs),
    )
  }

  /** Takes a turn if that needs no wait. */
  tryAcquire(): boolean {
    return this.#line.take(this.#clock.monotonicMs())
  }

  /**
   * A call was answered with 429: cuts the rate and begins or lengthens the cooldown.
   *
   * @param retryAfterMs what the answer's Retry-After said
   * @returns whether it said something new; the answers to one burst say one thing
   */
  throttled(retryAfterMs?: number): boolean {
    return this.#line.throttled(this.#clock.monotonicMs(), retryAfterMs)
  }

  /** A call was accepted: the rate rises, up to `perSecond`. */
  succeeded(): void {
    this.#limiter.succeeded(this.#clock.monotonicMs())
  }

  /** The gate as it is now. */
  view(): RateGateView {
    return {
      ...this.#limiter.view(this.#clock.monotonicMs()),
      waiting: this.#line.waiting,
      shed: this.#line.shed,
    }
  }
}

function refused(shed: Shed): RateLimitedError {
  return withoutStack(() => new RateLimitedError(shed.reason, shed.retryAfterMs))
}
