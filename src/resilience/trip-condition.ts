/**
 * When a closed circuit opens: many failures in a row, OR a large share of failures in the window, OR a large share of
 * slow calls in it. The first finds an outage after a few calls, the others find what fails in part. Each alone does
 * badly: a ratio needs a window's worth of failures to see an outage, and a short row loses most calls of a brown-out.
 *
 * Only a failure or a slow call fulfils it, never a good call. Calls that were refused or are still running are in no
 * sum, so they hide nothing.
 */
import type { ResolvedBreakerOptions } from './breaker-options.ts'
import { FailureWindow } from './failure-window.ts'

export type TripCause = 'consecutive-failures' | 'failure-ratio' | 'slow-calls'

export class TripCondition {
  readonly #options: ResolvedBreakerOptions
  readonly window: FailureWindow
  #consecutiveFailures = 0

  constructor(options: ResolvedBreakerOptions) {
    this.#options = options
    this.window = new FailureWindow(options.windowMs)
  }

  get consecutiveFailures(): number {
    return this.#consecutiveFailures
  }

  /** Counts one result. Not null when the circuit must open now. */
  record(nowMs: number, failed: boolean, slow: boolean): TripCause | null {
    const { consecutiveFailures, failureRatio, slowRatio, callsMin } = this.#options
    const window = this.window
    window.record(nowMs, failed, slow)
    this.#consecutiveFailures = failed ? this.#consecutiveFailures + 1 : 0
    if (this.#consecutiveFailures >= consecutiveFailures) return 'consecutive-failures'
    if (window.calls < callsMin) return null
    if (failed && window.failures >= failureRatio * window.calls) return 'failure-ratio'
    if (slow && window.slow >= slowRatio * window.calls) return 'slow-calls'
    return null
  }

  /** What was counted so far says nothing about the server as it is now. */
  reset(): void {
    this.window.reset()
    this.#consecutiveFailures = 0
  }
}
