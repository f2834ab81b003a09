/**
 * The breaker's contract: ask before a call, report after it. Time comes in as `nowMs`, from one monotonic clock.
 *
 * 4xx answers are successes to a breaker, for they show that the server lives; 429 and the caller's own abort are
 * neutral. Whoever classifies must see to it.
 */
import type { CircuitState } from './breaker-options.ts'
import type { BreakerSnapshot } from './breaker-snapshot.ts'

/** The right to make one call, to be given back with its result. Calls of a closed circuit share one. */
export interface Permit {
  /** This call finds out whether the server is back: give it `probeTimeoutMs` and no more. */
  readonly probe: boolean
  readonly generation: number
  /** Monotonic end of a probe's lease; Infinity for an ordinary call. */
  readonly leaseUntilMs: number
}

export interface Refusal {
  readonly admitted: false
  /** `probing`: half open, and the probes are under way. */
  readonly reason: 'open' | 'probing' | 'isolated'
  /** Monotonic; when it is worth asking again at the latest. Null when only a release of the isolation can help. */
  readonly retryAtMs: number | null
}

export interface Admitted {
  readonly admitted: true
  readonly permit: Permit
}

export type Admission = Admitted | Refusal
export type Forecast = { readonly admitted: true; readonly probe: boolean } | Refusal

/** `neutral`: the caller's own abort, a local refusal, a rate limit. */
export type CallResult = 'success' | 'failure' | 'neutral'

export interface ResultDetails {
  /** How long the call took; slow ones are counted. */
  readonly durationMs?: number
  /** What a failure's Retry-After said. */
  readonly retryAfterMs?: number
}

export interface BreakerView {
  /** As it is at the time asked for: an open time that is over reads `half-open` although no probe has gone yet. */
  readonly state: CircuitState
  /** Monotonic; null when it was never another. */
  readonly sinceMs: number | null
  /** Monotonic; null when not open, or isolated. */
  readonly untilMs: number | null
  /** Reasons of the isolations that hold, oldest first. */
  readonly isolated: readonly string[]
  readonly consecutiveFailures: number
  /** Of the window. */
  readonly calls: number
  readonly failures: number
  readonly slow: number
  readonly probesInFlight: number
  /** Good probes of this half-open period. */
  readonly probeSuccesses: number
  /** Since creation. `late` results came in another period than their call's, or after a probe's lease. */
  readonly totals: {
    readonly admitted: number
    readonly refused: number
    readonly successes: number
    readonly failures: number
    readonly neutrals: number
    readonly late: number
    readonly opened: number
  }
}

export interface Breaker {
  /** Every permit must come back by `report`; one that does not is only a lost count, or a probe whose lease ends. */
  admit(nowMs: number): Admission
  /** What `admit` would say; takes nothing and changes nothing. */
  peek(nowMs: number): Forecast
  report(permit: Permit, result: CallResult, nowMs: number, details?: ResultDetails): void
  view(nowMs: number): BreakerView
  /** The `state` of `view`, without the rest. */
  stateAt(nowMs: number): CircuitState
  /** 0 while not closed, then `rampShare` doubling to 1. Always 1 where the breaker may refuse nothing. */
  concurrencyShare(nowMs: number): number
  /** Failures without a success between them that would open it now; Infinity where no number of them would. */
  failuresToOpen(): number
  /**
   * Refuses all calls, in every mode of the breaker, until released. Isolations nest: each is released by the
   * function it returned, which does nothing when called again. Not part of a snapshot, since nobody could release it.
   */
  isolate(reason: string, nowMs: number): (nowMs: number) => void
  snapshot(nowMs: number, wallMs: number): BreakerSnapshot
  /** Takes over a snapshot and begins a new period. False, and nothing changes, when it is not one. */
  restore(snapshot: unknown, nowMs: number, wallMs: number): boolean
}
