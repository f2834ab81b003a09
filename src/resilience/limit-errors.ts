/** What our own limits throw. Made often under load, so without the cost of a stack. */
import { HoldfastError } from '../errors.ts'

/**
 * The rate does not allow this call in time; it was not made.
 *
 * It has no stack: where it was thrown is no news, and stacks would be most of the cost of a refusal.
 */
export class RateLimitedError extends HoldfastError {
  override readonly name = 'RateLimitedError'
  readonly code = 'RATE_LIMITED'
  /** `deadline`: its turn would come, or came, too late. `queue-full`: too many wait already. */
  readonly reason: 'deadline' | 'queue-full'
  /** When it is worth trying again, in whole milliseconds. */
  readonly retryAfterMs: number

  constructor(reason: 'deadline' | 'queue-full', retryAfterMs: number) {
    const whole = Math.ceil(retryAfterMs)
    super(
      reason === 'deadline'
        ? `the rate limit allows the call only after its deadline; try again in ${whole} ms`
        : `too many calls wait for the rate limit; try again in ${whole} ms`,
    )
    this.reason = reason
    this.retryAfterMs = whole
  }
}

/** Too many calls wait for a slot of a concurrency limit; this one was not made. It has no stack. */
export class QueueFullError extends HoldfastError {
  override readonly name = 'QueueFullError'
  readonly code = 'QUEUE_FULL'
  /** How many may wait. */
  readonly limit: number

  constructor(limit: number) {
    super(`the queue of the concurrency limit is full: ${limit} calls wait`)
    this.limit = limit
  }
}

/** The time that the caller gave is over, and what it waited for has not come. It has no stack. */
export class DeadlineError extends HoldfastError {
  override readonly name = 'DeadlineError'
  readonly code = 'DEADLINE_EXCEEDED'
  /** What it waited for. */
  readonly phase: 'slot' | 'circuit'

  constructor(phase: DeadlineError['phase']) {
    super(phase === 'slot' ? 'no slot came free before the deadline' : 'the circuit did not close before the deadline')
    this.phase = phase
  }
}
