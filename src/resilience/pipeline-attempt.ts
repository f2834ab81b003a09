/**
 * One attempt of a call: what its operation gets to see, and how it ends.
 *
 * Invariants
 * 1. The controller is made when the operation reads its signal: many never do, and one is dear. It aborts with a
 *    reason that is there already, and never because the attempt went well.
 * 2. The call hears of the operation's end once. When it has given the attempt up before, it hears of it as `outlived`.
 */
import { isThenable } from './attempt.ts'
import type { Permit } from './breaker-contract.ts'
import type { PipelineAttempt } from './pipeline-contract.ts'

/** The call that an attempt belongs to. */
export interface AttemptOwner {
  readonly idempotencyKey: string | undefined
  nowMs(): number
  ended(attempt: RunningAttempt, threw: boolean, outcome: unknown): void
  outlived(outcome: unknown): void
}

export class RunningAttempt implements PipelineAttempt {
  readonly attempt: number
  readonly permit: Permit
  readonly startedAtMs: number
  readonly endAtMs: number
  readonly #owner: AttemptOwner
  #controller: AbortController | null = null
  #givenUp = false
  #reason: unknown

  constructor(owner: AttemptOwner, attempt: number, permit: Permit, startedAtMs: number, endAtMs: number) {
    this.#owner = owner
    this.attempt = attempt
    this.permit = permit
    this.startedAtMs = startedAtMs
    this.endAtMs = endAtMs
  }

  get probe(): boolean {
    return this.permit.probe
  }

  get signal(): AbortSignal {
    if (this.#controller === null) {
      this.#controller = new AbortController()
      if (this.#givenUp) this.#controller.abort(this.#reason)
    }
    return this.#controller.signal
  }

  get idempotencyKey(): string | undefined {
    return this.#owner.idempotencyKey
  }

  remainingMs(): number {
    return Math.max(0, this.endAtMs - this.#owner.nowMs())
  }

  /** Calls the operation. Never throws. */
  run<T>(operation: (attempt: PipelineAttempt) => PromiseLike<T> | T): void {
    let value: PromiseLike<T> | T
    try {
      value = operation(this)
      if (isThenable(value)) {
        Promise.resolve(value).then(
          (value) => this.#end(false, value),
          (error: unknown) => this.#end(true, error),
        )
        return
      }
    } catch (error) {
      this.#end(true, error)
      return
    }
    this.#end(false, value)
  }

  /** The call waits no longer; the operation is asked to stop. */
  giveUp(reason: unknown): void {
    this.#givenUp = true
    this.#reason = reason
    this.#controller?.abort(reason)
  }

  #end(threw: boolean, outcome: unknown): void {
    if (this.#givenUp) this.#owner.outlived(outcome)
    else this.#owner.ended(this, threw, outcome)
  }
}
