/** What the attempts of one call gave that was no success, newest last; bounded, for 429s alone can go on for hours. */
import { EARLIER_ERRORS_MAX } from './earlier-errors.ts'
import type { EndReason, Result } from './pipeline-contract.ts'

export interface FailedEnding {
  /** False where the last attempt gave a value that counts as no success. */
  readonly threw: boolean
  readonly result: Extract<Result<never>, { readonly ok: false }>
}

const NOTHING: readonly never[] = Object.freeze([])

export class Setbacks {
  #threw: boolean
  #last: unknown
  #earlier: unknown[] | null = null

  constructor(threw: boolean, outcome: unknown) {
    this.#threw = threw
    this.#last = outcome
  }

  get last(): unknown {
    return this.#last
  }

  add(threw: boolean, outcome: unknown): void {
    this.#earlier ??= []
    this.#earlier.push(this.#last)
    if (this.#earlier.length > EARLIER_ERRORS_MAX) this.#earlier.shift()
    this.#threw = threw
    this.#last = outcome
  }

  ending(reason: EndReason, attempts: number, retryAfterMs: number | undefined): FailedEnding {
    const earlier = this.#earlier ?? NOTHING
    return { threw: this.#threw, result: { ok: false, reason, error: this.#last, earlier, retryAfterMs, attempts } }
  }
}
