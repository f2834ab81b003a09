/** What it means that the remote outbox is away, and how long it is left alone then. */
import { codeOf, OutboxError } from '../../errors.ts'
import type { Runtime } from '../../runtime/runtime.ts'

const FIRST_MS = 250
const LAST_MS = 5_000

/** Whether an error of the remote outbox says that it is away. Every other one is the caller's. */
export function isAway(error: unknown): boolean {
  return codeOf(error) === 'OUTBOX_UNAVAILABLE'
}

/** What a call that needs the remote outbox rejects with. @param reason what its opening failed with */
export function awayError(reason: unknown): Error {
  if (reason instanceof Error && !isAway(reason)) return reason
  return new OutboxError('OUTBOX_UNAVAILABLE', 'the outbox is away; what is appended is kept in the spill', {
    cause: reason,
  })
}

/** Waits between tries: each twice the one before, up to 5 s, a quarter more or less. */
export class Backoff {
  readonly #random: Runtime['random']
  #failures = 0

  constructor(random: Runtime['random']) {
    this.#random = random
  }

  succeeded(): void {
    this.#failures = 0
  }

  /** Gives how long to wait now. */
  failed(): number {
    const fullMs = Math.min(LAST_MS, FIRST_MS * 2 ** this.#failures)
    this.#failures = Math.min(this.#failures + 1, 16)
    return fullMs * (0.75 + this.#random() / 2)
  }
}
