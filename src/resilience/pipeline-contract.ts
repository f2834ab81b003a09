/** What a pipeline gives its callers: the calls, their results, events and figures. */
import type { BreakerView } from './breaker-contract.ts'
import type { BreakerSnapshot } from './breaker-snapshot.ts'
import type { CircuitState, TransitionCause } from './breaker-options.ts'
import type { RateLimiterView } from './rate-limiter.ts'
import type { RetryBudgetView } from './retry-budget.ts'
import type { Subscription } from './subscribers.ts'

/** What an operation is called with, anew for each attempt. */
export interface PipelineAttempt {
  /** 1 for the first. Attempts that were answered with 429 count here. */
  readonly attempt: number
  /** This attempt finds out whether the server is back: it gets less time. */
  readonly probe: boolean
  /**
   * Aborts when the caller's signal does, and when the attempt's time is over; never because the attempt went well.
   * Give it to whatever does the work: the slot of an attempt comes free when its operation has ended, not before.
   */
  readonly signal: AbortSignal
  /** As the caller gave it. */
  readonly idempotencyKey: string | undefined
  /** What the attempt has left of its time, in milliseconds. */
  remainingMs(): number
}

export type PipelineOperation<T> = (attempt: PipelineAttempt) => PromiseLike<T> | T

export interface CallOptions {
  /** Ends the call at once, wherever it is. */
  readonly signal?: AbortSignal | undefined
  /** For the whole call, in milliseconds from now. @defaultValue the pipeline's */
  readonly deadlineMs?: number | undefined
  /** For one attempt. @defaultValue the pipeline's */
  readonly timeoutMs?: number | undefined
  /** Whether it does no harm twice; else an attempt whose fate is unknown is not tried again. @defaultValue whether there is a key */
  readonly idempotent?: boolean | undefined
  readonly idempotencyKey?: string | undefined
}

/**
 * Why a call ended without success.
 *
 * - `open`, `isolated`: the circuit lets nothing pass.
 * - `limited`: the rate, or a full queue, does not allow it in time.
 * - `deadline`: its time is over, or too short for the next wait.
 * - `aborted`: by its signal.
 * - `budget`: it failed, and all calls together have retried too much.
 * - `failed`: it failed as often as it may, or may not be tried again.
 * - `permanent`: the server refuses it for its own sake.
 */
export type EndReason = 'open' | 'isolated' | 'limited' | 'deadline' | 'aborted' | 'budget' | 'failed' | 'permanent'

export type Result<T> =
  | { readonly ok: true; readonly value: T; readonly attempts: number }
  | {
      readonly ok: false
      readonly reason: EndReason
      /** The last that an attempt threw, or an answer that counts as no success; where there was no attempt, what refused it. */
      readonly error: unknown
      /** What earlier attempts gave, oldest first. */
      readonly earlier: readonly unknown[]
      /** When it is worth trying again, where that is known. */
      readonly retryAfterMs: number | undefined
      readonly attempts: number
    }

export type PipelineEvent<L extends string = string> =
  | {
      readonly type: 'circuit'
      readonly from: CircuitState
      readonly to: CircuitState
      readonly cause: TransitionCause
      /** How long it will be open; null when it is not, or until someone releases it. */
      readonly openForMs: number | null
    }
  | { readonly type: 'throttled'; readonly limit: L; readonly perSecond: number; readonly cooldownMs: number }
  | {
      readonly type: 'retry'
      readonly limit: L
      /** The attempt that failed. */
      readonly attempt: number
      readonly waitMs: number
      readonly error: unknown
    }
  | { readonly type: 'timeout'; readonly limit: L; readonly attempt: number; readonly timeoutMs: number }
  | { readonly type: 'budget-exhausted' }
  /** An alarm: the credentials are refused, and nothing passes for so long. */
  | { readonly type: 'unauthorized'; readonly inARow: number; readonly isolatedForMs: number }

export interface LimitView extends RateLimiterView {
  /** Calls that wait for the rate. */
  readonly waiting: number
  readonly shed: number
  /** Slots: how many there are now, how many are in use, how many calls wait for one. */
  readonly concurrency: number
  readonly inFlight: number
  readonly waitingForSlot: number
  /** Operations that go on although their call has ended. Each still has its slot. */
  readonly abandoned: number
}

export interface PipelineStats<L extends string = string> {
  readonly calls: number
  readonly succeeded: number
  /** Calls that ended otherwise, by reason. */
  readonly ended: Readonly<Record<EndReason, number>>
  readonly attempts: number
  /** Attempts after a failure of the same call. */
  readonly retries: number
  readonly throttled: number
  readonly timeouts: number
  /** Calls that wait for the circuit. */
  readonly waitingForCircuit: number
  readonly breaker: BreakerView
  /** Null where there is none. */
  readonly budget: RetryBudgetView | null
  readonly limits: Readonly<Record<L, LimitView>>
}

/**
 * - `ok`: calls pass.
 * - `degraded`: they pass slowly or by probes; it mends itself.
 * - `failing`: the circuit is open.
 * - `blocked`: isolated, by a person or because the credentials are refused.
 */
export interface PipelineHealth<L extends string = string> {
  readonly status: 'ok' | 'degraded' | 'failing' | 'blocked'
  readonly breaker: BreakerView
  readonly limits: Readonly<Record<L, LimitView>>
}

export interface PipelineSnapshot {
  readonly version: 1
  readonly breaker: BreakerSnapshot
}

export interface Pipeline<L extends string = string> {
  /**
   * Makes a call: waits for the rate and a slot, calls the operation with a time limit, and again after a failure.
   *
   * @param limit the limit it counts against
   * @param operation one attempt; also called again
   * @returns the operation's value, also one that counts as no success (a `Response` with 503) once nothing more is tried
   * @throws what the last attempt threw, where there was one; else `CircuitOpenError`, `RateLimitedError`,
   * `QueueFullError` or `DeadlineError`, all without a stack; the signal's reason when it aborted; `OptionsError` for
   * an unknown limit or a bad option
   * @example
   * const response = await pipeline.execute('track', ({ signal }) => fetch(url, { signal }), { idempotent: true })
   */
  execute<T>(limit: L, operation: PipelineOperation<T>, options?: CallOptions): Promise<T>
  /**
   * The same with a result instead of a throw; rejects for mistakes alone (`OptionsError`). Far cheaper while the
   * circuit is open.
   *
   * @example
   * const result = await pipeline.tryExecute('track', () => send(event))
   * if (!result.ok && result.reason === 'open') await store(event)
   */
  tryExecute<T>(limit: L, operation: PipelineOperation<T>, options?: CallOptions): Promise<Result<T>>
  /**
   * For a worker of a queue, before it claims a job: resolves when a call could start now. An open circuit, a cooldown,
   * an isolation and a lack of slots hold it, so that they cost no job an attempt. Takes nothing: workers that wait are
   * let go one by one, as fast as the limit would let their calls.
   *
   * @throws the signal's reason, when it aborts; `QueueFullError` when too many wait
   * @example
   * while (!signal.aborted) {
   *   await pipeline.ready('track', signal)
   *   const job = await queue.claim()
   *   await pipeline.execute('track', () => deliver(job))
   * }
   */
  ready(limit: L, signal?: AbortSignal): Promise<void>
  /**
   * Lets nothing pass until released, as a call or by `using`. Isolations nest; calls under way go on.
   *
   * @param reason for people; in `stats()` and in the errors
   */
  isolate(reason?: string): Subscription
  /** Calls `listen` with each event, when the pipeline is in its new state. What it throws is dropped. */
  subscribe(listen: (event: PipelineEvent<L>) => void): Subscription
  stats(): PipelineStats<L>
  health(): PipelineHealth<L>
  /** The circuit for another process, as JSON. Rates and isolations are not part of it. */
  snapshot(): PipelineSnapshot
  /** Takes over a snapshot. False, and nothing changes, when it is not one. */
  restore(snapshot: unknown): boolean
}
