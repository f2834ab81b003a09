/** One caller's wait for its turn in a line, as a promise that its own signal and deadline can end. */
import type { Alarms } from './alarms.ts'
import { Waiter, type Shed } from './wait-queue.ts'

export interface WaitOptions {
  /** Ends the wait at once; the promise rejects with its reason. */
  readonly signal?: AbortSignal | undefined
  /** The longest wait, in milliseconds from now. @defaultValue Infinity */
  readonly deadlineMs?: number | undefined
}

export interface Turn {
  readonly alarms: Alarms
  readonly nowMs: number
  readonly deadlineAtMs: number
  readonly signal: AbortSignal | undefined
  /** Takes the waiter out of its line. */
  readonly leave: (waiter: Waiter) => void
  readonly refused: (shed: Shed) => Error
}

/** Puts a waiter into a line by `join`, which gives back why there is no place. Keeps one listener on the signal while it waits. */
export function waitForTurn(turn: Turn, join: (waiter: Waiter) => Shed | null): Promise<void> {
  return new Promise((resolve, reject) => {
    const waiter = new TurnWaiter(turn, resolve, reject)
    const shed = join(waiter)
    if (shed === null) waiter.begin()
    else reject(turn.refused(shed))
  })
}

class TurnWaiter extends Waiter {
  readonly #turn: Turn
  readonly #resolve: () => void
  readonly #reject: (reason: unknown) => void

  constructor(turn: Turn, resolve: () => void, reject: (reason: unknown) => void) {
    super()
    this.#turn = turn
    this.#resolve = resolve
    this.#reject = reject
    this.deadlineAtMs = turn.deadlineAtMs
  }

  begin(): void {
    const { alarms, deadlineAtMs, nowMs, signal } = this.#turn
    alarms.set(this, deadlineAtMs, nowMs)
    signal?.addEventListener('abort', this)
  }

  granted(): void {
    this.#end()
    this.#resolve()
  }

  override shed(shed: Shed): void {
    this.#end()
    this.#reject(this.#turn.refused(shed))
  }

  override ring(): void {
    this.#turn.leave(this)
    this.shed({ reason: 'deadline', retryAfterMs: 0 })
  }

  /** The caller's signal aborted. */
  handleEvent(): void {
    this.#turn.leave(this)
    this.#end()
    this.#reject(this.#turn.signal?.reason)
  }

  #end(): void {
    this.#turn.alarms.clear(this)
    this.#turn.signal?.removeEventListener('abort', this)
  }
}
