/** A limit on how many calls are under way at once, which its callers await. */
import type { Clock } from '../runtime/clock.ts'
import { systemRuntime } from '../runtime/system.ts'
import { Alarms } from './alarms.ts'
import { checkNumber } from './check-number.ts'
import { withoutStack } from './circuit-errors.ts'
import { DeadlineError, QueueFullError } from './limit-errors.ts'
import { SlotLine } from './slot-line.ts'
import { waitForTurn, type WaitOptions } from './turn.ts'
import type { Shed, Waiter } from './wait-queue.ts'

export interface ConcurrencyLimitOptions {
  /** Slots. @defaultValue 32 */
  readonly limit?: number
  /** Callers that may wait for one. @defaultValue 10000 */
  readonly queue?: number
  /** @defaultValue the system's */
  readonly clock?: Clock
}

export interface ConcurrencyLimitView {
  readonly limit: number
  /** May be more than the limit, after the limit became smaller. */
  readonly inUse: number
  readonly waiting: number
}

/** Gives a slot back, as a call or by `using`. Giving it back twice does nothing. */
export interface Slot extends Disposable {
  (): void
}

export const CONCURRENCY = 32
export const SLOT_QUEUE = 10_000

/**
 * A semaphore whose line is first in, first out, bounded, and left at once by whoever aborts.
 *
 * @example
 * const limit = new ConcurrencyLimit({ limit: 8 })
 * const release = await limit.acquire({ signal })
 * try {
 *   await call()
 * } finally {
 *   release()
 * }
 */
export class ConcurrencyLimit {
  readonly #clock: Clock
  readonly #alarms: Alarms
  readonly #line: SlotLine
  readonly #queueMax: number
  readonly #leave = (waiter: Waiter): void => void this.#line.leave(waiter)
  readonly #refused = (shed: Shed): Error =>
    withoutStack(() => (shed.reason === 'queue-full' ? new QueueFullError(this.#queueMax) : new DeadlineError('slot')))

  /** @throws OptionsError naming the field */
  constructor(options: ConcurrencyLimitOptions = {}) {
    const { limit = CONCURRENCY, queue = SLOT_QUEUE, clock = systemRuntime.clock } = options
    checkNumber('limit', limit, { min: 1, integer: true, infinite: true })
    checkNumber('queue', queue, { min: 0, integer: true, infinite: true })
    this.#clock = clock
    this.#alarms = new Alarms(clock)
    this.#line = new SlotLine(limit, queue)
    this.#queueMax = queue
  }

  /**
   * Resolves to a slot as soon as the caller has one. Give it back when the work has really ended, not when you stop
   * waiting for it: else more runs than the limit says.
   *
   * @param options `signal` ends the wait, `deadlineMs` (from now; default Infinity) bounds it
   * @throws QueueFullError (`QUEUE_FULL`) when too many wait
   * @throws DeadlineError (`DEADLINE_EXCEEDED`) when no slot came in time
   * @throws the signal's reason, when it aborts
   * @throws OptionsError when `deadlineMs` is no number of at least 0
   */
  async acquire(options: WaitOptions = {}): Promise<Slot> {
    const { signal, deadlineMs = Infinity } = options
    checkNumber('deadlineMs', deadlineMs, { min: 0, infinite: true })
    signal?.throwIfAborted()
    if (this.#line.take()) return this.#slot()
    const nowMs = this.#clock.monotonicMs()
    await waitForTurn(
      {
        alarms: this.#alarms,
        nowMs,
        deadlineAtMs: nowMs + deadlineMs,
        signal,
        leave: this.#leave,
        refused: this.#refused,
      },
      (waiter) => {
        if (this.#line.full) return { reason: 'queue-full', retryAfterMs: 0 }
        this.#line.join(waiter)
        return null
      },
    )
    return this.#slot()
  }

  /** A slot if one is free and nobody waits, else null. */
  tryAcquire(): Slot | null {
    return this.#line.take() ? this.#slot() : null
  }

  /**
   * Changes the number of slots. A larger one lets waiting callers in at once; a smaller one takes no slot away.
   *
   * @throws OptionsError when it is no whole number of at least 1
   */
  setLimit(limit: number): void {
    checkNumber('limit', limit, { min: 1, integer: true, infinite: true })
    this.#line.setLimit(limit, this.#clock.monotonicMs())
  }

  /** The limit as it is now. */
  view(): ConcurrencyLimitView {
    return { limit: this.#line.limit, inUse: this.#line.inUse, waiting: this.#line.waiting }
  }

  #slot(): Slot {
    let held = true
    const release = (): void => {
      if (!held) return
      held = false
      this.#line.giveBack(this.#clock.monotonicMs())
    }
    return Object.assign(release, { [Symbol.dispose]: release })
  }
}
