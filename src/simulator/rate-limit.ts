/** A token bucket: as many requests at once as a second allows, then one whenever a token has grown back. Pure but for its state. */
export class TokenBucket {
  #tokens = 0
  #atMs: number | null = null

  /** Takes a token if there is one, and returns 0; otherwise the milliseconds until there will be. */
  take(nowMs: number, perSecond: number): number {
    // Below one a second there must still be room for a whole token.
    const most = Math.max(1, perSecond)
    const grown = this.#atMs === null ? most : ((nowMs - this.#atMs) * perSecond) / 1000
    this.#tokens = Math.min(most, this.#tokens + grown)
    this.#atMs = nowMs
    // Sums of fractions fall short of whole tokens by a hair.
    if (this.#tokens < 1 - 1e-9) return ((1 - this.#tokens) * 1000) / perSecond
    this.#tokens -= 1
    return 0
  }
}
