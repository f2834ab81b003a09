/** Durations in buckets that grow by 2 %: any number of them in a fixed size, each percentile right to that much. */
const GROWTH = Math.log(1.02)
/** 0.01 ms to 10 minutes. */
const LEAST_MS = 0.01
const BUCKETS = Math.ceil(Math.log(600_000 / LEAST_MS) / GROWTH) + 1

export interface Percentiles {
  readonly p50Ms: number
  readonly p90Ms: number
  readonly p99Ms: number
  readonly p999Ms: number
  readonly maxMs: number
}

export class Histogram {
  readonly #buckets = new Float64Array(BUCKETS)
  #count = 0
  #maxMs = 0

  add(ms: number): void {
    const bucket = ms <= LEAST_MS ? 0 : Math.min(BUCKETS - 1, Math.ceil(Math.log(ms / LEAST_MS) / GROWTH))
    this.#buckets[bucket]!++
    this.#count++
    if (ms > this.#maxMs) this.#maxMs = ms
  }

  /** All 0 when nothing was added. */
  percentiles(): Percentiles {
    return {
      p50Ms: this.#at(0.5),
      p90Ms: this.#at(0.9),
      p99Ms: this.#at(0.99),
      p999Ms: this.#at(0.999),
      maxMs: rounded(this.#maxMs),
    }
  }

  #at(share: number): number {
    let left = Math.ceil(this.#count * share)
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      left -= this.#buckets[bucket]!
      if (left <= 0) return rounded(Math.min(this.#maxMs, LEAST_MS * Math.exp(bucket * GROWTH)))
    }
    return rounded(this.#maxMs)
  }
}

function rounded(ms: number): number {
  return Number(ms.toFixed(ms < 10 ? 2 : 1))
}
