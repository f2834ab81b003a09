/**
 * Counts of calls, failures and slow calls over the last `windowMs`, in ten buckets of one typed array.
 *
 * Invariants
 * 1. The sums are those of the buckets; recording and reading touch the current bucket and whatever has gone stale.
 * 2. Time alone makes a bucket stale, not traffic: after a window without calls all sums are 0.
 * 3. Time that seems to go back counts into the current bucket.
 *
 * The current bucket is not full yet, so the window covers between nine and ten tenths of its length.
 */

const BUCKETS = 10
const CALLS = 0
const FAILURES = 1
const SLOW = 2
const COLUMNS = 3

export class FailureWindow {
  readonly #bucketMs: number
  /** Made at the first call: most of many breakers are idle. */
  #counts: Uint32Array | null = null
  /** Number of the current bucket since time 0. */
  #epoch = -Infinity
  /** When the current bucket ends: most calls come before that, and need to know no more. */
  #endMs = -Infinity
  /** Where the columns of the current bucket begin. */
  #at = 0
  #calls = 0
  #failures = 0
  #slow = 0

  constructor(windowMs: number) {
    this.#bucketMs = windowMs / BUCKETS
  }

  record(nowMs: number, failed: boolean, slow: boolean): void {
    if (nowMs >= this.#endMs) this.advance(nowMs)
    const counts = (this.#counts ??= new Uint32Array(BUCKETS * COLUMNS))
    const at = this.#at
    counts[at + CALLS]!++
    this.#calls++
    if (failed) {
      counts[at + FAILURES]!++
      this.#failures++
    }
    if (slow) {
      counts[at + SLOW]!++
      this.#slow++
    }
  }

  /** Drops what has gone stale. The sums are as of the last `advance` or `record`. */
  advance(nowMs: number): void {
    const epoch = Math.floor(nowMs / this.#bucketMs)
    if (epoch <= this.#epoch) return
    const steps = Math.min(BUCKETS, epoch - this.#epoch)
    this.#epoch = epoch
    this.#endMs = (epoch + 1) * this.#bucketMs
    this.#at = indexOf(epoch)
    if (this.#counts === null) return
    for (let step = 0; step < steps; step++) this.#clear(this.#counts, indexOf(epoch - step))
  }

  reset(): void {
    this.#counts?.fill(0)
    this.#calls = 0
    this.#failures = 0
    this.#slow = 0
  }

  get calls(): number {
    return this.#calls
  }

  get failures(): number {
    return this.#failures
  }

  get slow(): number {
    return this.#slow
  }

  #clear(counts: Uint32Array, at: number): void {
    this.#calls -= counts[at + CALLS]!
    this.#failures -= counts[at + FAILURES]!
    this.#slow -= counts[at + SLOW]!
    counts.fill(0, at, at + COLUMNS)
  }
}

/** Where a bucket's columns begin. Buckets before time 0 have places too. */
function indexOf(epoch: number): number {
  return (((epoch % BUCKETS) + BUCKETS) % BUCKETS) * COLUMNS
}
