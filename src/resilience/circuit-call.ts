/**
 * One call through a circuit breaker: what the operation gets to know of it, and the watch over a call that may end
 * before its operation does.
 *
 * Invariants
 * 1. The signal is made when the operation reads it: most never do, and a controller is dear.
 * 2. A watched call ends once: by its operation, its caller's abort or its timeout, whichever is first. What comes
 *    later is dropped, a rejection too.
 * 3. It keeps at most one listener on the caller's signal and one timer, and neither after its end.
 */
import { OptionsError } from '../errors.ts'
import type { CancelTimer, Clock } from '../runtime/clock.ts'
import { ProbeTimeoutError, withoutStack } from './circuit-errors.ts'

/** What an operation is called with. */
export interface CircuitCall {
  /** This call finds out whether the server is back; it gets `probeTimeoutMs`. */
  readonly probe: boolean
  /** Aborts when the caller's signal does and when a probe's time is over; never because the call went well. */
  readonly signal: AbortSignal
  /** What a probe has left of its time, in milliseconds as of the reading. Undefined for other calls. */
  readonly remainingMs: number | undefined
}

export type Operation<Value> = (call: CircuitCall) => PromiseLike<Value> | Value

/** A call that nothing but its operation ends. */
export class OrdinaryCall implements CircuitCall {
  #controller: AbortController | undefined

  get probe(): boolean {
    return false
  }

  get signal(): AbortSignal {
    return (this.#controller ??= new AbortController()).signal
  }

  get remainingMs(): undefined {
    return undefined
  }
}

export type Ending<Value> =
  | { readonly kind: 'value'; readonly value: Value }
  | { readonly kind: 'failed' | 'aborted' | 'timed-out'; readonly error: unknown }

export interface Watch<Value> {
  readonly clock: Clock
  readonly startMs: number
  /** The time of a probe; undefined for any other call. */
  readonly probeTimeoutMs: number | undefined
  /** Not aborted yet. */
  readonly signal: AbortSignal | undefined
  /** Called once, before anything else learns of the end. */
  readonly ended: (ending: Ending<Value>) => void
}

export class WatchedCall<Value> implements CircuitCall {
  readonly #watch: Watch<Value>
  #controller: AbortController | undefined
  #over = false
  /** Why the operation is asked to stop; null while it is not. */
  #stopped: { readonly reason: unknown } | null = null
  #cancelTimer: CancelTimer | undefined

  constructor(watch: Watch<Value>) {
    this.#watch = watch
  }

  get probe(): boolean {
    return this.#watch.probeTimeoutMs !== undefined
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.#stopped !== null) this.#controller.abort(this.#stopped.reason)
    }
    return this.#controller.signal
  }

  get remainingMs(): number | undefined {
    const { clock, startMs, probeTimeoutMs } = this.#watch
    return probeTimeoutMs === undefined ? undefined : Math.max(0, startMs + probeTimeoutMs - clock.monotonicMs())
  }

  /** Calls the operation. Never throws. */
  run(operation: Operation<Value>): void {
    const { clock, probeTimeoutMs, signal } = this.#watch
    signal?.addEventListener('abort', this)
    if (probeTimeoutMs !== undefined) {
      // A caller waits for it, perhaps with nothing else to keep the process alive.
      this.#cancelTimer = clock.timer(
        probeTimeoutMs,
        () => {
          const error = withoutStack(() => new ProbeTimeoutError(probeTimeoutMs))
          this.#stop({ kind: 'timed-out', error })
        },
        'held',
      )
    }
    try {
      Promise.resolve(operation(this)).then(
        (value) => this.#end({ kind: 'value', value }),
        (error: unknown) => this.#end({ kind: 'failed', error }),
      )
    } catch (error) {
      this.#end({ kind: 'failed', error })
    }
  }

  /** The caller's signal aborted. */
  handleEvent(): void {
    this.#stop({ kind: 'aborted', error: this.#watch.signal?.reason })
  }

  #stop(ending: { readonly kind: 'aborted' | 'timed-out'; readonly error: unknown }): void {
    if (this.#over) return
    this.#stopped = { reason: ending.error }
    this.#end(ending)
    this.#controller?.abort(ending.error)
  }

  #end(ending: Ending<Value>): void {
    if (this.#over) return
    this.#over = true
    this.#cancelTimer?.()
    this.#watch.signal?.removeEventListener('abort', this)
    this.#watch.ended(ending)
  }
}

/** What is wrong with the arguments; a mistake of the caller's is no failure of the server's. */
export function wrongCall(operation: unknown, signal: unknown): OptionsError | undefined {
  if (typeof operation !== 'function')
    return new OptionsError('operation', `must be a function, not ${typeof operation}`)
  if (signal === undefined || isSignal(signal)) return undefined
  return new OptionsError('signal', 'must be an AbortSignal')
}

/** Also one of another realm, or of a library of old. */
function isSignal(signal: unknown): boolean {
  return typeof (signal as { readonly addEventListener?: unknown } | null)?.addEventListener === 'function'
}
