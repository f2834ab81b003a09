/**
 * What others that deliver from the same outbox have said of Customer.io, and how far it is believed.
 *
 * - `quiet`: nothing, or it is over. - `warned`: another one's circuit is open, so nothing is sent for as long as that one
 *   waits. - `testing`: that time is over; one request at a time finds out, until an answer of our own is good.
 *
 * Invariants
 * 1. Own evidence wins: a good answer of our own ends the matter, and while the newest one of the last seconds is good,
 *    nothing said to the contrary is believed. So one whose own network is broken stops nobody who gets through.
 * 2. A warning holds for `WARNED_MS_MAX` at most and is not prolonged: after it comes a try of our own.
 * 3. It holds nothing that only others could end.
 */
import type { ProviderHint } from '../outbox/outbox.ts'

/** As long as a circuit is open at most. */
const WARNED_MS_MAX = 15_000
/** As long as an answer of our own says something: the window of the circuit. */
const EVIDENCE_MS = 10_000

type State =
  | { readonly kind: 'quiet' }
  /** Becomes `testing` by itself at `untilMs`, on the monotonic clock. */
  | { readonly kind: 'warned'; readonly untilMs: number }

const QUIET: State = { kind: 'quiet' }

export class Hearsay {
  #state: State = QUIET
  #goodAtMs = -Infinity
  #badAtMs = -Infinity

  /** Says whether the hint changes anything. */
  heard(hint: ProviderHint & { readonly kind: 'failing' | 'well' }, nowMs: number): boolean {
    if (hint.kind === 'well') return this.#end()
    const isContradicted = this.#goodAtMs > this.#badAtMs && nowMs - this.#goodAtMs < EVIDENCE_MS
    if (this.#state.kind === 'warned' || isContradicted) return false
    this.#state = { kind: 'warned', untilMs: nowMs + Math.min(hint.forMs, WARNED_MS_MAX) }
    return true
  }

  /** An answer of our own. `isGood`: Customer.io works, whatever it said. */
  answered(isGood: boolean, nowMs: number): void {
    if (!isGood) {
      this.#badAtMs = nowMs
      return
    }
    this.#goodAtMs = nowMs
    this.#end()
  }

  /** Until when nothing is sent; null when that is not so. */
  closedUntilMs(nowMs: number): number | null {
    return this.#state.kind === 'warned' && nowMs < this.#state.untilMs ? this.#state.untilMs : null
  }

  stateAt(nowMs: number): 'quiet' | 'warned' | 'testing' {
    if (this.#state.kind === 'quiet') return 'quiet'
    return nowMs < this.#state.untilMs ? 'warned' : 'testing'
  }

  #end(): boolean {
    const wasWarned = this.#state.kind === 'warned'
    this.#state = QUIET
    return wasWarned
  }
}
