/**
 * The pipeline: deadline, retry, rate, slot, circuit and time-out around an operation, in the one order that works.
 *
 *     deadline -> retry -> rate -> slot -> circuit -> time-out -> operation
 *     and back: circuit (of its period) -> slot -> word to the rate -> word to the retry budget
 *
 * - The deadline lies around everything: no wait is begun that does not fit into it.
 * - Retry lies outside the circuit, so each attempt is judged and an open circuit ends the retries; and outside the
 *   rate, so retries pay like everybody else. A backoff holds no token, no slot and no probe.
 * - The circuit comes last before the operation, so the wait for a slot is never counted as the server's. An open one
 *   is also looked at first, so that it costs no token.
 */
import { OptionsError } from '../errors.ts'
import { checkNumber } from './check-number.ts'
import { withoutStack } from './circuit-errors.ts'
import { QueueFullError } from './limit-errors.ts'
import { PipelineCall } from './pipeline-call.ts'
import type {
  CallOptions,
  LimitView,
  PipelineOperation,
  Pipeline,
  PipelineEvent,
  PipelineHealth,
  PipelineSnapshot,
  PipelineStats,
  Result,
} from './pipeline-contract.ts'
import { PipelineCore } from './pipeline-core.ts'
import type { PipelineLimit } from './pipeline-limit.ts'
import { resolvePipelineOptions, type PipelineOptions } from './pipeline-options.ts'
import type { Subscription } from './subscribers.ts'
import { Waiter } from './wait-queue.ts'

/**
 * Makes a pipeline: everything that stands between an application and one server that has limits and fails at times.
 *
 * @param options limits by name, and what differs from the defaults
 * @throws OptionsError naming the field
 * @example
 * const pipeline = createPipeline({ limits: { track: { perSecond: 90 }, app: { perSecond: 9, concurrency: 8 } } })
 * await pipeline.execute('track', ({ signal }) => fetch(url, { signal }), { idempotent: true, deadlineMs: 5_000 })
 */
export function createPipeline<L extends string>(options: PipelineOptions<L>): Pipeline<L> {
  return new ComposedPipeline<L>(new PipelineCore(resolvePipelineOptions(options)))
}

type Settle<T> = (value: T | Result<T>) => void

class ComposedPipeline<L extends string> implements Pipeline<L> {
  readonly #core: PipelineCore

  constructor(core: PipelineCore) {
    this.#core = core
  }

  execute<T>(limit: L, operation: PipelineOperation<T>, options?: CallOptions): Promise<T> {
    return new Promise((resolve, reject) => this.#call(limit, operation, options, resolve as Settle<T>, reject))
  }

  tryExecute<T>(limit: L, operation: PipelineOperation<T>, options?: CallOptions): Promise<Result<T>> {
    return new Promise((resolve) => this.#call(limit, operation, options, resolve as Settle<T>, null))
  }

  async ready(limit: L, signal?: AbortSignal): Promise<void> {
    const found = this.#limit(limit)
    signal?.throwIfAborted()
    await new Promise<void>((resolve, reject) => {
      const worker = new ReadyWorker(this.#core, found, signal, resolve, reject)
      worker.begin(this.#core.clock.monotonicMs())
    })
  }

  isolate(reason: string = 'isolated by the application'): Subscription {
    const core = this.#core
    if (typeof reason !== 'string') throw new OptionsError('reason', `must be a string, not ${typeof reason}`)
    const release = core.breaker.isolate(reason, core.clock.monotonicMs())
    const end = (): void => {
      const nowMs = core.clock.monotonicMs()
      release(nowMs)
      core.lookAgain(nowMs)
    }
    return Object.assign(end, { [Symbol.dispose]: end })
  }

  subscribe(listen: (event: PipelineEvent<L>) => void): Subscription {
    return this.#core.subscribers.add((event) => listen(event as PipelineEvent<L>))
  }

  stats(): PipelineStats<L> {
    const core = this.#core
    const nowMs = core.clock.monotonicMs()
    return {
      calls: core.calls,
      succeeded: core.succeeded,
      ended: { ...core.ended },
      attempts: core.attempts,
      retries: core.retries,
      throttled: core.throttled,
      timeouts: core.timeouts,
      waitingForCircuit: core.circuit.waiting,
      breaker: core.breaker.view(nowMs),
      budget: core.budget?.view(nowMs) ?? null,
      limits: this.#limits(nowMs),
    }
  }

  health(): PipelineHealth<L> {
    const nowMs = this.#core.clock.monotonicMs()
    const forecast = this.#core.peek(nowMs)
    const breaker = this.#core.breaker.view(nowMs)
    const limits = this.#limits(nowMs)
    const slowed = Object.values<LimitView>(limits).some((limit) => limit.cooldownMs > 0)
    const degraded = slowed || this.#core.breaker.concurrencyShare(nowMs) < 1
    const passing = degraded ? 'degraded' : 'ok'
    const refused = breaker.isolated.length > 0 ? 'blocked' : breaker.state === 'open' ? 'failing' : 'degraded'
    return { status: forecast.admitted ? passing : refused, breaker, limits }
  }

  snapshot(): PipelineSnapshot {
    const { breaker, clock } = this.#core
    return { version: 1, breaker: breaker.snapshot(clock.monotonicMs(), clock.wallMs()) }
  }

  restore(snapshot: unknown): boolean {
    if (typeof snapshot !== 'object' || snapshot === null) return false
    const { version, breaker } = snapshot as { readonly [key: string]: unknown }
    const { clock } = this.#core
    return version === 1 && this.#core.breaker.restore(breaker, clock.monotonicMs(), clock.wallMs())
  }

  #call<T>(
    limit: L,
    operation: PipelineOperation<T>,
    options: CallOptions | undefined,
    resolve: Settle<T>,
    reject: ((error: unknown) => void) | null,
  ): void {
    const found = this.#limit(limit)
    if (options !== undefined) checkCallOptions(options)
    if (typeof operation !== 'function')
      throw new OptionsError('operation', `must be a function, not ${typeof operation}`)
    const call = new PipelineCall(this.#core, found, operation, options, resolve, reject)
    call.begin(this.#core.clock.monotonicMs())
  }

  #limit(name: string): PipelineLimit {
    const limit = this.#core.limits.get(name)
    if (limit !== undefined) return limit
    throw new OptionsError('limit', `must be one of ${[...this.#core.limits.keys()].join(', ')}`)
  }

  #limits(nowMs: number): Readonly<Record<L, LimitView>> {
    const views = [...this.#core.limits].map(([name, limit]) => [name, limit.view(nowMs)] as const)
    return Object.fromEntries(views) as Record<L, LimitView>
  }
}

function checkCallOptions({ deadlineMs, timeoutMs }: CallOptions): void {
  if (deadlineMs !== undefined) checkNumber('deadlineMs', deadlineMs, { min: 0, infinite: true })
  if (timeoutMs !== undefined) checkNumber('timeoutMs', timeoutMs, { above: 0, infinite: true })
}

/** One `ready()`. */
class ReadyWorker extends Waiter {
  readonly #core: PipelineCore
  readonly #limit: PipelineLimit
  readonly #signal: AbortSignal | undefined
  readonly #resolve: () => void
  readonly #reject: (reason: unknown) => void

  constructor(
    core: PipelineCore,
    limit: PipelineLimit,
    signal: AbortSignal | undefined,
    resolve: () => void,
    reject: (reason: unknown) => void,
  ) {
    super()
    this.#core = core
    this.#limit = limit
    this.#signal = signal
    this.#resolve = resolve
    this.#reject = reject
  }

  begin(nowMs: number): void {
    this.#signal?.addEventListener('abort', this)
    if (this.#limit.addWorker(this, nowMs)) return
    this.#leave()
    this.#reject(withoutStack(() => new QueueFullError(this.#limit.queueMax)))
  }

  granted(): void {
    this.#leave()
    this.#resolve()
  }

  /** The caller's signal aborted. */
  handleEvent(): void {
    this.#leave()
    this.#limit.removeWorker(this, this.#core.clock.monotonicMs())
    this.#reject(this.#signal?.reason)
  }

  #leave(): void {
    this.#signal?.removeEventListener('abort', this)
  }
}
