/** What callers give to a circuit breaker and get from it. */
import type { BreakerView } from './breaker-contract.ts'
import type { CircuitOpenError, RefusalReason } from './circuit-errors.ts'

export interface ExecuteOptions {
  /** Ends the call at once when it aborts; the breaker takes no side. */
  readonly signal?: AbortSignal | null | undefined
}

/** The operation was not called. */
export interface Refused {
  readonly ok: false
  readonly reason: RefusalReason
  readonly error: CircuitOpenError
  /** As in the error: whole milliseconds, undefined while isolated. */
  readonly retryAfterMs: number | undefined
}

/** What `tryExecute` gives. An operation's own result is under `value`, whatever it is. */
export type TryResult<Value> =
  | { readonly ok: true; readonly value: Value }
  | Refused
  /** `failed`: `error` is what the operation threw. `aborted`: the signal's reason. `timed-out`: a `TimeoutError`, of a probe. */
  | {
      readonly ok: false
      readonly reason: 'failed' | 'aborted' | 'timed-out'
      readonly error: unknown
      readonly retryAfterMs?: undefined
    }

export interface CircuitStats extends Omit<BreakerView, 'sinceMs' | 'untilMs'> {
  /** How long it has been in this state; null when it was never in another. */
  readonly stateForMs: number | null
  /** What is left of the open time; null when not open, or isolated. */
  readonly retryAfterMs: number | null
  /** Operations that were called and whose calls have not ended. */
  readonly inFlight: number
}

/** Holds the circuit open until it is released, by hand or by `using`. Releasing twice does nothing. */
export interface Isolation extends Disposable {
  readonly reason: string
  release(): void
}
