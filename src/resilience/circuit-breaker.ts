/**
 * The circuit breaker as callers use it: it puts time, an operation and its caller's signal to the core in
 * `breaker.ts`, which decides.
 *
 * Invariants
 * 1. An operation is called only with a permit, and each permit is reported once: when the operation ends, or at once
 *    when its caller aborts or a probe's time is over.
 * 2. The closed path has no timer, no listener and no controller.
 * 3. What user code throws (operation, `classify`, listeners) never reaches the breaker's own state.
 */
import { OptionsError } from '../errors.ts'
import type { Clock } from '../runtime/clock.ts'
import { checkOperation, checkSignal } from './attempt.ts'
import type { Breaker, CallResult, Permit, Refusal } from './breaker-contract.ts'
import type { CircuitState, Transition } from './breaker-options.ts'
import type { BreakerSnapshot } from './breaker-snapshot.ts'
import { createBreakerOf } from './breaker.ts'
import type { CircuitStats, ExecuteOptions, Isolation, Refused, TryResult } from './circuit-breaker-contract.ts'
import { resolveCircuitBreakerOptions, SharedOptions, type CircuitBreakerOptions } from './circuit-breaker-options.ts'
import { OrdinaryCall, WatchedCall, type CircuitOperation, type Ending } from './circuit-call.ts'
import { CircuitOpenError, withoutStack, type RefusalReason } from './circuit-errors.ts'
import { callResultOf, type CallOutcome } from './classify.ts'
import { judge, type ClassifyCall } from './judge.ts'
import { checkedListener, Subscribers, type Subscription } from './subscribers.ts'

const STATE_NAMES = Object.freeze({ closed: 'CLOSED', open: 'OPEN', 'half-open': 'HALF_OPEN' } as const)

/**
 * Stops calls to a server that fails, and finds out with few calls when it is back.
 *
 * Failures in a row, or too many failed or slow calls in a window, open the circuit: calls are refused at once. When
 * the open time is over, single calls pass as probes, each with a short time of its own; enough good ones close it.
 * A result counts only in the period in which its call began. It holds no timer while no probe is under way, so it
 * needs no closing.
 *
 * @example
 * ```ts
 * const breaker = new CircuitBreaker({ failureThreshold: 5, successThreshold: 3, timeout: 30_000 })
 * const person = await breaker.execute(({ signal }) => fetchPerson('42', { signal }))
 * ```
 */
export class CircuitBreaker {
  readonly #breaker: Breaker
  readonly #clock: Clock
  readonly #classify: ClassifyCall | undefined
  readonly #probeTimeoutMs: number
  readonly #slowMs: number
  readonly #subscribers: Subscribers<Transition> = new Subscribers()
  #inFlight = 0
  /** The last refusal of `tryExecute`. The next one mostly says the same. */
  #refused: { readonly result: Refused; readonly promise: Promise<Refused> } | undefined

  /** @throws OptionsError naming the field, for a wrong value and for an unknown option */
  constructor(options?: CircuitBreakerOptions | SharedOptions) {
    const { breaker, onTransition, classify, clock, random } =
      options instanceof SharedOptions ? options.resolved : resolveCircuitBreakerOptions(options)
    this.#clock = clock
    this.#classify = classify
    this.#probeTimeoutMs = breaker.probeTimeoutMs
    this.#slowMs = breaker.slowMs
    this.#breaker = createBreakerOf(breaker, random, (transition) => this.#subscribers.tell(transition))
    if (onTransition !== undefined) this.#subscribers.keep(onTransition)
  }

  /**
   * Calls the operation, unless the circuit refuses it.
   *
   * The operation gets a `CircuitCall`: `signal`, which is made when it is read; `probe`; and `remainingMs`. It may
   * return a promise or a value, and throw at once or later.
   *
   * @param options `signal` ends the call as soon as it aborts, whatever the operation does; its slot is free then
   * @returns what the operation returns, when it has
   * @throws the operation's own error, as it is
   * @throws CircuitOpenError (`CIRCUIT_OPEN`) when the circuit is open, probing or isolated; the operation was not called
   * @throws TimeoutError (`TIMEOUT`) when it was a probe and took longer than `probeTimeoutMs`
   * @throws the signal's reason when it aborted
   * @throws OptionsError when `operation` is no function or `signal` no signal
   *
   * @example
   * ```ts
   * try {
   *   await breaker.execute(({ signal }) => deliver(mail, signal), { signal: request.signal })
   * } catch (error) {
   *   if (error instanceof CircuitOpenError) return later(error.retryAfterMs)
   *   throw error
   * }
   * ```
   */
  execute<Value>(operation: CircuitOperation<Value>, options?: ExecuteOptions): Promise<Value> {
    const signal = options?.signal ?? undefined
    const wrong = wrongCall(operation, signal)
    if (wrong !== undefined) return rejectSoon(wrong)
    if (signal?.aborted) return rejectSoon(signal.reason)
    const nowMs = this.#clock.monotonicMs()
    const admission = this.#breaker.admit(nowMs)
    if (!admission.admitted) return rejectSoon(this.#openError(admission.reason, retryAfterOf(admission, nowMs)))
    const { permit } = admission
    if (signal === undefined && !permit.probe) return this.#run(operation, permit, nowMs)
    return this.#watch(operation, permit, nowMs, signal).then(valueOrThrow)
  }

  /**
   * The same as `execute` without throwing: for callers who expect refusals, which cost next to nothing here.
   *
   * @returns `{ ok: true, value }`, or `{ ok: false, reason, error, retryAfterMs }`; the promise never rejects. A wrong
   * argument is `failed` with an `OptionsError`. Results of refusals are frozen and may be shared.
   *
   * @example
   * ```ts
   * const result = await breaker.tryExecute(() => deliver(mail))
   * if (!result.ok) await queue.add(mail, { delay: result.retryAfterMs ?? 1_000 })
   * ```
   */
  tryExecute<Value>(operation: CircuitOperation<Value>, options?: ExecuteOptions): Promise<TryResult<Value>> {
    const signal = options?.signal ?? undefined
    const wrong = wrongCall(operation, signal)
    if (wrong !== undefined) return Promise.resolve({ ok: false, reason: 'failed', error: wrong })
    if (signal?.aborted) return Promise.resolve({ ok: false, reason: 'aborted', error: signal.reason as unknown })
    const nowMs = this.#clock.monotonicMs()
    const admission = this.#breaker.admit(nowMs)
    if (!admission.admitted) return this.#refuse(admission.reason, retryAfterOf(admission, nowMs))
    const { permit } = admission
    if (signal === undefined && !permit.probe) return this.#tryRun(operation, permit, nowMs)
    return this.#watch(operation, permit, nowMs, signal)
  }

  /** `closed`, `open` or `half-open`, as it is now: an open time that is over reads `half-open` without a call. */
  get state(): CircuitState {
    return this.#breaker.stateAt(this.#clock.monotonicMs())
  }

  /** The same as `state` in the words of the recipe. */
  getState(): 'CLOSED' | 'OPEN' | 'HALF_OPEN' {
    return STATE_NAMES[this.state]
  }

  /** Whether an isolation holds. */
  get isolated(): boolean {
    const forecast = this.#breaker.peek(this.#clock.monotonicMs())
    return !forecast.admitted && forecast.reason === 'isolated'
  }

  /** Operations that were called and whose calls have not ended. */
  get inFlight(): number {
    return this.#inFlight
  }

  /** Counts of the window, of the probes and since creation, as of now. A new object each time. */
  stats(): CircuitStats {
    const nowMs = this.#clock.monotonicMs()
    const { sinceMs, untilMs, ...view } = this.#breaker.view(nowMs)
    return {
      ...view,
      stateForMs: sinceMs === null ? null : nowMs - sinceMs,
      retryAfterMs: untilMs === null ? null : Math.ceil(untilMs - nowMs),
      inFlight: this.#inFlight,
    }
  }

  /**
   * Refuses all calls until the isolation is released, whatever the circuit does below it and in every mode. Several
   * hold until the last is released. Calls under way go on. Not part of a snapshot.
   *
   * @param reason stands in the errors and in `stats().isolated`
   *
   * @example
   * ```ts
   * using isolation = breaker.isolate('migration')
   * await migrate()
   * ```
   */
  isolate(reason: string = 'by hand'): Isolation {
    if (typeof reason !== 'string') throw new OptionsError('reason', `must be a string, not ${typeof reason}`)
    this.#refused = undefined
    const end = this.#breaker.isolate(reason, this.#clock.monotonicMs())
    const release = (): void => {
      this.#refused = undefined
      end(this.#clock.monotonicMs())
    }
    return { reason, release, [Symbol.dispose]: release }
  }

  /**
   * Tells of each change of state, when the new state holds already. A listener that throws or rejects harms nothing.
   *
   * @returns ends the subscription, when it is called or by `using`
   */
  subscribe(listener: (transition: Transition) => void): Subscription {
    return this.#subscribers.add(checkedListener('listener', listener))
  }

  /** What is left of an open time, and when that was so; plain JSON, for `restore` in another process. */
  snapshot(): BreakerSnapshot {
    return this.#breaker.snapshot(this.#clock.monotonicMs(), this.#clock.wallMs())
  }

  /**
   * Takes over a snapshot and begins a new period. However the wall clock moved meanwhile and whatever the snapshot
   * says, the circuit is open for no longer than an open time can be.
   *
   * @returns false when it is no snapshot, or the mode is `off`; nothing has changed then
   */
  restore(snapshot: unknown): boolean {
    return this.#breaker.restore(snapshot, this.#clock.monotonicMs(), this.#clock.wallMs())
  }

  /** A call that nothing but its operation ends. Handlers and no `await`, for that costs a sixth of the whole call more. */
  #run<Value>(operation: CircuitOperation<Value>, permit: Permit, startMs: number): Promise<Value> {
    return this.#call(operation).then(
      (value) => {
        this.#succeeded(permit, startMs, value)
        return value
      },
      (error: unknown) => {
        this.#judge(permit, startMs, { error })
        throw error
      },
    )
  }

  #tryRun<Value>(operation: CircuitOperation<Value>, permit: Permit, startMs: number): Promise<TryResult<Value>> {
    return this.#call(operation).then(
      (value): TryResult<Value> => {
        this.#succeeded(permit, startMs, value)
        return { ok: true, value }
      },
      (error: unknown): TryResult<Value> => {
        this.#judge(permit, startMs, { error })
        return { ok: false, reason: 'failed', error }
      },
    )
  }

  #call<Value>(operation: CircuitOperation<Value>): Promise<Value> {
    this.#inFlight++
    try {
      return Promise.resolve(operation(new OrdinaryCall()))
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** A probe, or a call whose caller may abort it. */
  #watch<Value>(
    operation: CircuitOperation<Value>,
    permit: Permit,
    startMs: number,
    signal: AbortSignal | undefined,
  ): Promise<TryResult<Value>> {
    return new Promise((resolve) => {
      this.#inFlight++
      const ended = (ending: Ending<Value>): void => {
        if (ending.kind === 'value') {
          this.#succeeded(permit, startMs, ending.value)
          resolve({ ok: true, value: ending.value })
          return
        }
        if (ending.kind === 'failed') this.#judge(permit, startMs, { error: ending.error })
        else this.#report(permit, startMs, ending.kind === 'aborted' ? 'neutral' : 'failure', undefined)
        resolve({ ok: false, reason: ending.kind, error: ending.error })
      }
      const probeTimeoutMs = permit.probe ? this.#probeTimeoutMs : undefined
      new WatchedCall({ clock: this.#clock, startMs, probeTimeoutMs, signal, ended }).run(operation)
    })
  }

  #succeeded(permit: Permit, startMs: number, value: unknown): void {
    // Most values are no answer of `fetch`, and then nothing need be made to judge them.
    if (this.#classify === undefined && (typeof value !== 'object' || value === null)) {
      this.#report(permit, startMs, 'success', undefined)
    } else {
      this.#judge(permit, startMs, { value })
    }
  }

  #judge(permit: Permit, startMs: number, outcome: CallOutcome): void {
    const { verdict, retryAfterMs } = judge(outcome, this.#classify, this.#clock)
    this.#report(permit, startMs, callResultOf(verdict), retryAfterMs)
  }

  #report(permit: Permit, startMs: number, result: CallResult, retryAfterMs: number | undefined): void {
    this.#inFlight--
    const nowMs = this.#clock.monotonicMs()
    const durationMs = nowMs - startMs
    // Only a slow call's time tells the breaker something.
    if (durationMs <= this.#slowMs && retryAfterMs === undefined) this.#breaker.report(permit, result, nowMs)
    else
      this.#breaker.report(permit, result, nowMs, {
        durationMs,
        ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      })
  }

  #refuse(reason: RefusalReason, retryAfterMs: number | undefined): Promise<Refused> {
    const last = this.#refused
    if (last?.result.reason === reason && last.result.retryAfterMs === retryAfterMs) return last.promise
    const error = Object.freeze(this.#openError(reason, retryAfterMs))
    const result: Refused = Object.freeze({ ok: false, reason, error, retryAfterMs })
    const promise = Promise.resolve(result)
    this.#refused = { result, promise }
    return promise
  }

  #openError(reason: RefusalReason, retryAfterMs: number | undefined): CircuitOpenError {
    const isolation =
      reason === 'isolated' ? this.#breaker.view(this.#clock.monotonicMs()).isolated.join(', ') : undefined
    return withoutStack(() => new CircuitOpenError(reason, retryAfterMs, isolation))
  }
}

function retryAfterOf(refusal: Refusal, nowMs: number): number | undefined {
  return refusal.retryAtMs === null ? undefined : Math.max(0, Math.ceil(refusal.retryAtMs - nowMs))
}

function valueOrThrow<Value>(result: TryResult<Value>): Value {
  if (result.ok) return result.value
  throw result.error
}

/** One step later: a promise that is rejected before its caller can wait for it costs the host its bookkeeping. */
function rejectSoon(reason: unknown): Promise<never> {
  return Promise.resolve().then(() => {
    throw reason
  })
}

/** What is wrong with the arguments: a mistake of the caller's is no failure of the server's. */
function wrongCall(operation: unknown, signal: unknown): unknown {
  try {
    checkOperation(operation)
    checkSignal(signal)
    return undefined
  } catch (error) {
    return error
  }
}
