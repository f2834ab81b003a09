/**
 * The room of one claim, and how express entries and the backlog share it: a quarter of the entries is served from the
 * backlog first, then express entries, then the backlog again. So neither can starve the other. Claims of fewer than
 * four entries give the backlog its turn in every second to fourth claim.
 */
import { assert } from '../runtime/assert.ts'
import type { ClaimWant } from './outbox.ts'

export class ClaimRoom {
  readonly #want: ClaimWant
  #entries = 0
  #bytes = 0

  constructor(want: ClaimWant) {
    assert(want.entriesMax >= 1 && want.bytesMax >= 1 && want.leaseMs > 0, 'a claim wants something')
    this.#want = want
  }

  get entriesLeft(): number {
    return this.#want.entriesMax - this.#entries
  }

  get full(): boolean {
    return this.entriesLeft === 0 || (this.#entries > 0 && this.#bytes >= this.#want.bytesMax)
  }

  /** Takes room for one body, if it fits. The first one always does. */
  take(bytes: number): boolean {
    if (this.full || (this.#entries > 0 && this.#bytes + bytes > this.#want.bytesMax)) return false
    this.#entries++
    this.#bytes += bytes
    return true
  }

  /** Whether the backlog has had its share: `entries` of them, or a quarter of the bytes. */
  shareGiven(entries: number): boolean {
    return this.#entries >= entries || this.#bytes * 4 >= this.#want.bytesMax || this.full
  }
}

export class BacklogShare {
  #quarters = 0

  /** How many entries of the next claim the backlog gets before all others. */
  next(entriesMax: number): number {
    this.#quarters += entriesMax
    const entries = Math.floor(this.#quarters / 4)
    this.#quarters -= entries * 4
    return entries
  }
}
