/**
 * One attempt at an operation under a time limit and the caller's signal, whichever ends it first.
 *
 * - The operation's own result wins when it comes first: after it, nothing is aborted and nothing is thrown.
 * - The end comes at once, also for an operation that does not listen to its signal; what it gives later is dropped
 *   and never an unhandled rejection.
 * - The attempt's signal is its own. It is made when it is first read, as most of the cost of an attempt is there.
 * - At most one listener is on the caller's signal, and none when the attempt is over.
 * - Its timer holds the process: somebody awaits the attempt, and the timer may be the only thing that ends it.
 */
import { OptionsError, TimeoutError } from '../errors.ts'
import type { CancelTimer, Clock } from '../runtime/clock.ts'

/** What an operation under a time limit is told. May be taken apart: `({ signal }) => ...`. */
export interface OperationContext {
  /** Aborts when the time is up or when the caller aborts; never because the operation succeeded. */
  readonly signal: AbortSignal
  /** What is left of the time, at least 0. Infinity where there is no limit. */
  readonly remainingMs: () => number
}

export type Operation<T, C extends OperationContext = OperationContext> = (context: C) => T | PromiseLike<T>

export interface AttemptLimits {
  readonly clock: Clock
  /** Above 0; Infinity for no limit. */
  readonly timeoutMs: number
  /** The caller's. Must not be aborted yet. */
  readonly signal?: AbortSignal | undefined
}

export class Attempt implements OperationContext {
  /** 1 for the first. */
  readonly attempt: number
  readonly #limits: AttemptLimits
  readonly #endsAtMs: number
  #controller: AbortController | undefined
  #cancel: CancelTimer | undefined
  #onAbort: (() => void) | undefined
  /** Only while the attempt runs. */
  #reject: ((reason: unknown) => void) | undefined
  #ended: { readonly reason: unknown; readonly by: 'timeout' | 'caller' } | undefined

  constructor(limits: AttemptLimits, attempt: number = 1) {
    this.attempt = attempt
    this.#limits = limits
    this.#endsAtMs = limits.timeoutMs === Infinity ? Infinity : limits.clock.monotonicMs() + limits.timeoutMs
  }

  get signal(): AbortSignal {
    const { signal, timeoutMs } = this.#limits
    if (timeoutMs === Infinity && signal !== undefined) return signal
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      // Who first reads it after the end must not wait for an end that has been.
      if (this.#ended !== undefined) this.#controller.abort(this.#ended.reason)
    }
    return this.#controller.signal
  }

  get remainingMs(): () => number {
    return () => {
      if (this.#ended !== undefined) return 0
      return this.#endsAtMs === Infinity ? Infinity : Math.max(0, this.#endsAtMs - this.#limits.clock.monotonicMs())
    }
  }

  /** What ended the attempt before the operation did. */
  get endedBy(): 'timeout' | 'caller' | undefined {
    return this.#ended?.by
  }

  /** Runs the operation; rejects with what it throws, with a `TimeoutError`, or with the reason of the caller's abort. */
  run<T, C extends OperationContext>(this: Attempt & C, operation: Operation<T, C>): Promise<T> {
    const { timeoutMs, signal, clock } = this.#limits
    if (timeoutMs === Infinity && signal === undefined) return begin(operation, this)
    return new Promise<T>((resolve, reject) => {
      this.#reject = reject
      if (timeoutMs !== Infinity) {
        this.#cancel = clock.timer(timeoutMs, () => this.#end('timeout', new TimeoutError(timeoutMs)), 'held')
      }
      if (signal !== undefined) {
        this.#onAbort = () => this.#end('caller', signal.reason)
        signal.addEventListener('abort', this.#onAbort, { once: true })
      }
      const succeed = (value: T): void => {
        if (this.#finish()) resolve(value)
      }
      const fail = (error: unknown): void => {
        if (this.#finish()) reject(error)
      }
      try {
        const result = operation(this)
        if (isThenable(result)) Promise.resolve(result).then(succeed, fail)
        else succeed(result)
      } catch (error) {
        fail(error)
      }
    })
  }

  #end(by: 'timeout' | 'caller', reason: unknown): void {
    const reject = this.#reject
    if (!this.#finish()) return
    this.#ended = { by, reason }
    reject?.(reason)
    this.#controller?.abort(reason)
  }

  /** True for the first who asks: that is who decides. */
  #finish(): boolean {
    if (this.#reject === undefined) return false
    this.#reject = undefined
    this.#cancel?.()
    if (this.#onAbort !== undefined) this.#limits.signal?.removeEventListener('abort', this.#onAbort)
    return true
  }
}

/** The operation as a promise, also when it throws at once or returns no promise. */
async function begin<T, C extends OperationContext>(operation: Operation<T, C>, context: C): Promise<T> {
  return operation(context)
}

/** A promise of whatever library. */
export function isThenable<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  const isObject = (typeof value === 'object' && value !== null) || typeof value === 'function'
  return isObject && 'then' in value && typeof value.then === 'function'
}

/** @throws OptionsError when it is no signal */
export function checkSignal(signal: unknown): void {
  if (signal === undefined) return
  const isSignal = typeof signal === 'object' && signal !== null && 'aborted' in signal && 'addEventListener' in signal
  if (!isSignal) throw new OptionsError('signal', 'must be an AbortSignal')
}

/** @throws OptionsError when it is no function */
export function checkOperation(operation: unknown): void {
  if (typeof operation !== 'function')
    throw new OptionsError('operation', `must be a function, not ${typeof operation}`)
}
