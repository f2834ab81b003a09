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
import { TimeoutError } from '../errors.ts'
import type { CancelTimer, Clock } from '../runtime/clock.ts'
import type { Operation, OperationContext } from './attempt.ts'
import { withoutStack } from './circuit-errors.ts'

/** What an operation is called with. May be taken apart: `({ signal }) => ...`. */
export interface CircuitCall extends OperationContext {
  /** This call finds out whether the server is back; it gets `probeTimeoutMs`, and others have no limit here. */
  readonly probe: boolean
}

export type CircuitOperation<Value> = Operation<Value, CircuitCall>

const unlimited = (): number => Infinity

/** A call that nothing but its operation ends. */
export class OrdinaryCall implements CircuitCall {
  #controller: AbortController | undefined

  get probe(): boolean {
    return false
  }

  get signal(): AbortSignal {
    return (this.#controller ??= new AbortController()).signal
  }

  get remainingMs(): () => number {
    return unlimited
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

  get remainingMs(): () => number {
    const { clock, startMs, probeTimeoutMs } = this.#watch
    if (probeTimeoutMs === undefined) return unlimited
    return () => Math.max(0, startMs + probeTimeoutMs - clock.monotonicMs())
  }

  /** Calls the operation. Never throws. */
  run(operation: CircuitOperation<Value>): void {
    const { clock, probeTimeoutMs, signal } = this.#watch
    signal?.addEventListener('abort', this)
    if (probeTimeoutMs !== undefined) {
      // A caller waits for it, perhaps with nothing else to keep the process alive.
      this.#cancelTimer = clock.timer(
        probeTimeoutMs,
        () => {
          const error = withoutStack(() => new TimeoutError(probeTimeoutMs))
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
