/**
 * The way of one call through a pipeline, as one state machine: no promise and no closure for a step.
 *
 *     circuit? -> rate -> slot -> circuit -> attempt -> release -> end, or backoff and again
 *
 * Mode by mode (`#stage`)
 * - `circuit`: waits, holding nothing, for the circuit to let somebody pass (`onOpen: 'wait'` alone).
 * - `rate`: waits for a token, holding nothing. - `slot`: waits for a slot, its token used.
 * - `running`: has a slot and a permit; its operation works.
 * - `backoff`: waits for the next attempt, holding nothing but a token of the budget.
 * - `ended`: its promise is settled. An operation that was given up may still work, and keeps the slot until its end.
 *
 * Invariants
 * 1. It stands in one line at most, has one alarm at most (its deadline, its backoff or its attempt's time-out), and
 *    at most one listener on the caller's signal from its first wait to its end.
 * 2. Before each wait: does it fit into the deadline? What does not is not begun.
 * 3. What an attempt took is given back once, in the order permit, slot, word to the rate, word to the budget.
 * 4. What an attempt gave is the end that the caller sees; a refusal of ours never covers it.
 */
import { TimeoutError } from '../errors.ts'
import { backoffMs, withRetryAfterMs } from './backoff.ts'
import type { Forecast, Permit, Refusal } from './breaker-contract.ts'
import { CircuitOpenError, withoutStack } from './circuit-errors.ts'
import type { Classification } from './classify.ts'
import { discardAnswer } from './discard-answer.ts'
import { keepEarlierErrors } from './earlier-errors.ts'
import { DeadlineError, QueueFullError, RateLimitedError } from './limit-errors.ts'
import { RunningAttempt, type AttemptOwner } from './pipeline-attempt.ts'
import type { CallOptions, EndReason, PipelineOperation, Result } from './pipeline-contract.ts'
import type { PipelineCore } from './pipeline-core.ts'
import { CallWaiter, type PipelineLimit } from './pipeline-limit.ts'
import { release } from './pipeline-release.ts'
import { Setbacks } from './setbacks.ts'
import type { Shed } from './wait-queue.ts'

type Stage = 'new' | 'circuit' | 'rate' | 'slot' | 'running' | 'backoff' | 'ended'

/** A deadline that cuts an attempt shorter than this says nothing of the server. */
const BLAMELESS_MS = 1_000

const TIMED_OUT: Classification = Object.freeze({ verdict: 'failure', fate: 'unknown' })

export class PipelineCall<T> extends CallWaiter implements AttemptOwner {
  readonly #core: PipelineCore
  readonly #limit: PipelineLimit
  readonly #operation: PipelineOperation<T>
  readonly #options: CallOptions | undefined
  readonly #resolve: (value: T | Result<T>) => void
  /** Null: the caller wants a `Result` and no throw. */
  readonly #reject: ((error: unknown) => void) | null
  #stage: Stage = 'new'
  #attempt: RunningAttempt | null = null
  #attempts = 0
  /** Attempts that count against `retry.attempts`. */
  #charged = 0
  #setbacks: Setbacks | null = null
  #listening = false

  constructor(
    core: PipelineCore,
    limit: PipelineLimit,
    operation: PipelineOperation<T>,
    options: CallOptions | undefined,
    resolve: (value: T | Result<T>) => void,
    reject: ((error: unknown) => void) | null,
  ) {
    super()
    this.#core = core
    this.#limit = limit
    this.#operation = operation
    this.#options = options
    this.#resolve = resolve
    this.#reject = reject
  }

  get idempotencyKey(): string | undefined {
    return this.#options?.idempotencyKey
  }

  nowMs(): number {
    return this.#core.clock.monotonicMs()
  }

  begin(nowMs: number): void {
    this.deadlineAtMs = nowMs + (this.#options?.deadlineMs ?? this.#core.options.deadlineMs)
    this.#core.calls++
    this.#limit.called()
    const signal = this.#options?.signal
    if (signal?.aborted === true) this.#refuse('aborted', signal.reason)
    else this.#approach(nowMs)
  }

  /** An open circuit is met before anything is taken. */
  #approach(nowMs: number): void {
    const forecast = this.#core.peek(nowMs)
    if (!forecast.admitted) this.#meetClosed(forecast, nowMs)
    else if (this.#limit.rate.take(nowMs)) this.#seekSlot(forecast, nowMs)
    else {
      const shed = this.#limit.rate.join(this, nowMs)
      if (shed === null) this.#wait('rate', nowMs)
      else this.shed(shed)
    }
  }

  /** It has a token. */
  #seekSlot(forecast: Forecast, nowMs: number): void {
    const core = this.#core
    const { slots, queueMax } = this.#limit
    if (!forecast.admitted) return this.#meetClosed(forecast, nowMs)
    if (core.narrowed) core.narrow(nowMs)
    // A probe needs no room: what hangs from before must not keep us from finding out that the server is back.
    if (forecast.probe) slots.takeBeyond()
    else if (!slots.take()) {
      if (slots.full)
        return this.#refuse(
          'limited',
          withoutStack(() => new QueueFullError(queueMax)),
        )
      slots.join(this)
      if (core.narrowed) core.rampLater(nowMs)
      return this.#wait('slot', nowMs)
    }
    this.#enter(nowMs)
  }

  /** It has a token and a slot. */
  #enter(nowMs: number): void {
    const admission = this.#core.breaker.admit(nowMs)
    if (admission.admitted) return this.#run(admission.permit, nowMs)
    this.#limit.slots.giveBack(nowMs)
    this.#meetClosed(admission, nowMs)
  }

  #run(permit: Permit, nowMs: number): void {
    const core = this.#core
    if (this.#setbacks !== null) discardAnswer(this.#setbacks.last)
    const timeoutMs = this.#timeoutMs(permit)
    const endAtMs = Math.min(nowMs + timeoutMs, this.deadlineAtMs)
    const attempt = new RunningAttempt(this, ++this.#attempts, permit, nowMs, endAtMs)
    this.#attempt = attempt
    core.attempts++
    this.#stage = 'running'
    core.alarms.set(this, endAtMs, nowMs)
    this.#listen()
    if (core.circuit.candidate === this) core.circuit.settled(this, nowMs)
    attempt.run(this.#operation)
  }

  ended(attempt: RunningAttempt, threw: boolean, outcome: unknown): void {
    const core = this.#core
    const nowMs = core.clock.monotonicMs()
    core.alarms.clear(this)
    this.#attempt = null
    let means: Classification
    try {
      means = core.options.classify(threw ? { error: outcome } : { value: outcome })
    } catch {
      // A classification that fails knows nothing.
      means = { verdict: threw ? 'failure' : 'success' }
    }
    release(core, this.#limit, attempt, means, nowMs)
    if (means.verdict === 'success' && !threw) this.#succeed(outcome as T)
    else this.#judge(means, threw, outcome, nowMs)
    core.freed(this.#limit, attempt.probe, nowMs)
  }

  outlived(outcome: unknown): void {
    const nowMs = this.nowMs()
    discardAnswer(outcome)
    this.#limit.abandoned--
    this.#limit.slots.giveBack(nowMs)
    this.#core.freed(this.#limit, false, nowMs)
  }

  granted(nowMs: number): void {
    const stage = this.#stage
    if (nowMs >= this.deadlineAtMs) {
      if (stage === 'slot') this.#limit.slots.giveBack(nowMs)
      return this.#refuseLate(stage)
    }
    if (stage === 'slot') this.#enter(nowMs)
    else if (stage === 'rate') this.#seekSlot(this.#core.peek(nowMs), nowMs)
    else this.#approach(nowMs)
  }

  override shed({ reason, retryAfterMs }: Shed): void {
    this.#refuse(
      'limited',
      withoutStack(() => new RateLimitedError(reason, retryAfterMs)),
      retryAfterMs,
    )
  }

  turnedAway(nowMs: number): void {
    const forecast = this.#core.peek(nowMs)
    if (forecast.admitted) this.#approach(nowMs)
    else this.#meetClosed(forecast, nowMs)
  }

  /** The alarm: a deadline, the end of a backoff, or an attempt's time-out. */
  override ring(nowMs: number): void {
    const stage = this.#stage
    if (stage === 'backoff') this.#approach(nowMs)
    else if (stage === 'running') this.#timeOut(nowMs)
    else if (stage !== 'ended') {
      this.#leaveLine(nowMs)
      this.#refuseLate(stage)
    }
  }

  /** The caller's signal aborted. */
  handleEvent(): void {
    const nowMs = this.nowMs()
    const reason: unknown = this.#options?.signal?.reason
    if (this.#stage === 'backoff') this.#core.budget?.giveBack()
    this.#leaveLine(nowMs)
    const attempt = this.#attempt
    if (attempt !== null) this.#giveUp(attempt, 'neutral', reason, nowMs)
    this.#note(true, reason)
    this.#fail('aborted')
    if (attempt !== null) this.#core.freed(this.#limit, attempt.probe, nowMs)
  }

  #timeoutMs(permit: Permit): number {
    const timeoutMs = this.#options?.timeoutMs ?? this.#core.options.timeoutMs
    return permit.probe ? Math.min(timeoutMs, this.#core.probeTimeoutMs) : timeoutMs
  }

  #timeOut(nowMs: number): void {
    const attempt = this.#attempt!
    const timeoutMs = Math.round(attempt.endAtMs - attempt.startedAtMs)
    const late = nowMs >= this.deadlineAtMs
    const blameless = late && timeoutMs < Math.min(BLAMELESS_MS, this.#timeoutMs(attempt.permit))
    const error = withoutStack(() => new TimeoutError(timeoutMs))
    this.#core.timeouts++
    this.#core.tell({ type: 'timeout', limit: this.#limit.name, attempt: attempt.attempt, timeoutMs })
    this.#giveUp(attempt, blameless ? 'neutral' : 'failure', error, nowMs)
    if (late) {
      this.#note(true, error)
      this.#refuse('deadline', error)
    } else this.#judge(TIMED_OUT, true, error, nowMs)
    this.#core.freed(this.#limit, attempt.probe, nowMs)
  }

  /** The operation may go on, and its slot with it; the circuit hears at once. */
  #giveUp(attempt: RunningAttempt, result: 'failure' | 'neutral', reason: unknown, nowMs: number): void {
    this.#attempt = null
    this.#limit.abandoned++
    this.#core.breaker.report(attempt.permit, result, nowMs, { durationMs: nowMs - attempt.startedAtMs })
    attempt.giveUp(reason)
  }

  /** What an attempt that was no success leads to. */
  #judge(means: Classification, threw: boolean, outcome: unknown, nowMs: number): void {
    this.#note(threw, outcome)
    const { verdict, retryAfterMs } = means
    const { retry } = this.#core.options
    if (verdict === 'success' || verdict === 'permanent') return this.#fail('permanent')
    if (verdict === 'neutral') return this.#fail('failed')
    if (retry === null) return this.#fail(verdict === 'throttled' ? 'limited' : 'failed', retryAfterMs)
    // The gate knows when it may go again, and whether that fits.
    if (verdict === 'throttled') return this.#approach(nowMs)
    const again = ++this.#charged < retry.attempts && (means.fate !== 'unknown' || this.#idempotent)
    if (again) this.#backOff(retryAfterMs, nowMs)
    else this.#fail('failed', retryAfterMs)
  }

  #note(threw: boolean, outcome: unknown): void {
    if (this.#setbacks === null) this.#setbacks = new Setbacks(threw, outcome)
    else this.#setbacks.add(threw, outcome)
  }

  get #idempotent(): boolean {
    return this.#options?.idempotent ?? this.idempotencyKey !== undefined
  }

  #backOff(retryAfterMs: number | undefined, nowMs: number): void {
    const core = this.#core
    const retry = core.options.retry!
    const { random } = core.options
    const ownMs = backoffMs(this.#charged - 1, retry.backoff, random)
    const waitMs = withRetryAfterMs(ownMs, retryAfterMs, retry.retryAfterCapMs, random)
    if (nowMs + waitMs >= this.deadlineAtMs) return this.#fail('deadline', retryAfterMs)
    if (core.options.onOpen === 'reject') {
      const forecast = core.peek(nowMs + waitMs)
      // It would come back to be refused.
      if (!forecast.admitted && forecast.reason !== 'probing') return this.#meetClosed(forecast, nowMs)
    }
    if (core.budget !== null && !core.budget.tryTake(nowMs)) return this.#fail('budget', retryAfterMs)
    core.retries++
    this.#stage = 'backoff'
    this.#listen()
    core.alarms.set(this, nowMs + waitMs, nowMs)
    core.tell({
      type: 'retry',
      limit: this.#limit.name,
      attempt: this.#attempts,
      waitMs,
      error: this.#setbacks!.last,
    })
  }

  /** The circuit does not let it pass now. */
  #meetClosed(refusal: Refusal, nowMs: number): void {
    const core = this.#core
    const { reason, retryAtMs } = refusal
    const waits = core.options.onOpen === 'wait' && (reason === 'probing' || (retryAtMs ?? 0) < this.deadlineAtMs)
    if (waits && !core.circuit.full) {
      this.#wait('circuit', nowMs)
      return core.circuit.join(this, nowMs)
    }
    const retryAfterMs = retryAtMs === null ? undefined : Math.ceil(retryAtMs - nowMs)
    this.#refuse(
      reason === 'isolated' ? 'isolated' : 'open',
      withoutStack(() => new CircuitOpenError(reason, retryAfterMs)),
      retryAfterMs,
    )
  }

  #wait(stage: 'circuit' | 'rate' | 'slot', nowMs: number): void {
    this.#stage = stage
    this.#core.alarms.set(this, this.deadlineAtMs, nowMs)
    this.#listen()
  }

  #listen(): void {
    const signal = this.#options?.signal
    if (signal === undefined || this.#listening) return
    this.#listening = true
    signal.addEventListener('abort', this)
  }

  #leaveLine(nowMs: number): void {
    const { rate, slots } = this.#limit
    if (this.#stage === 'rate') rate.leave(this, nowMs)
    else if (this.#stage === 'slot') slots.leave(this)
    else if (this.#stage === 'circuit') this.#core.circuit.leave(this, nowMs)
  }

  #refuseLate(stage: Stage): void {
    if (stage === 'rate') return this.shed({ reason: 'deadline', retryAfterMs: 0 })
    const phase = stage === 'slot' ? 'slot' : 'circuit'
    this.#refuse(
      'deadline',
      withoutStack(() => new DeadlineError(phase)),
    )
  }

  /** Ends it for a reason of ours: what an attempt gave comes first. */
  #refuse(reason: EndReason, error: unknown, retryAfterMs?: number): void {
    if (this.#setbacks === null) this.#note(true, error)
    this.#fail(reason, retryAfterMs)
  }

  #succeed(value: T): void {
    this.#core.succeeded++
    this.#finish()
    this.#resolve(this.#reject === null ? { ok: true, value, attempts: this.#attempts } : value)
  }

  #fail(reason: EndReason, retryAfterMs?: number): void {
    const early = this.#stage === 'new'
    const reject = this.#reject
    const { threw, result } = this.#setbacks!.ending(reason, this.#attempts, retryAfterMs)
    this.#core.ended[reason]++
    this.#finish()
    if (reject === null) return this.#resolve(result)
    keepEarlierErrors(result.error, result.earlier)
    if (!threw) this.#resolve(result.error as T)
    // A promise that is rejected before anybody can listen costs as much again.
    else if (early) queueMicrotask(() => reject(result.error))
    else reject(result.error)
  }

  #finish(): void {
    const core = this.#core
    this.#stage = 'ended'
    core.alarms.clear(this)
    if (this.#listening) this.#options?.signal?.removeEventListener('abort', this)
    if (core.circuit.candidate === this) core.circuit.settled(this, this.nowMs())
  }
}
