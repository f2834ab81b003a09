/**
 * The places for probes of a half-open circuit, each held under a lease.
 *
 * Invariants
 * 1. At most `slotsMax` leases hold at any time.
 * 2. A lease ends by itself; its place is then free, and whoever held it can give nothing back any more.
 */

export interface Leased {
  /** Monotonic. */
  readonly leaseUntilMs: number
}

export class ProbeSlots<Probe extends Leased> {
  readonly #slotsMax: number
  #held: readonly Probe[] = []

  constructor(slotsMax: number) {
    this.#slotsMax = slotsMax
  }

  live(nowMs: number): number {
    let live = 0
    for (const probe of this.#held) if (nowMs < probe.leaseUntilMs) live++
    return live
  }

  /** When a place will be free at the latest; null when one is free now. */
  freeAtMs(nowMs: number): number | null {
    if (this.live(nowMs) < this.#slotsMax) return null
    return this.#held.reduce((endMs, probe) => Math.min(endMs, probe.leaseUntilMs), Infinity)
  }

  /** The caller has seen that a place is free. */
  take(probe: Probe, nowMs: number): void {
    this.#held = [...this.#held.filter((held) => nowMs < held.leaseUntilMs), probe]
  }

  /** Frees a probe's place. False when it holds none, or its lease is over. */
  giveBack(probe: Probe, nowMs: number): boolean {
    const held = this.#held.includes(probe)
    this.#held = this.#held.filter((other) => other !== probe)
    return held && nowMs < probe.leaseUntilMs
  }
}
