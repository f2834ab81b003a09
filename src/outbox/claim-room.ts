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

  /** Entries that may still be given; of the backlog's share of `share` entries and a quarter of the bytes, where told. */
  left(share: number = this.#want.entriesMax): number {
    const bytesMax = share < this.#want.entriesMax ? this.#want.bytesMax / 4 : this.#want.bytesMax
    return this.#entries > 0 && this.#bytes >= bytesMax ? 0 : Math.max(0, share - this.#entries)
  }

  /** Takes room for one body, if it fits. The first one always does. */
  take(bytes: number): boolean {
    if (this.left() === 0 || (this.#entries > 0 && this.#bytes + bytes > this.#want.bytesMax)) return false
    this.#entries++
    this.#bytes += bytes
    return true
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
