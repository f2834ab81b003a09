/**
 * Who delivers. The state row holds the token of the owner (`owner`, 0 for nobody) and a counter (`beat`) that changes
 * as long as it lives. Whoever takes over writes a new token in one transaction, so each commit of the owner sees
 * whether it still is the one.
 *
 * No wall clock and no other process's clock is trusted: a contender must see the same token and beat for `STALE_MS`
 * of its own monotonic time. The owner beats each second, and hands out no entry unless it committed within
 * `PROOF_MS`; so one that was stopped for long learns that it lost before it goes on.
 */
import type { State } from './state.ts'

const BEAT_MS = 1_000
export const PROOF_MS = 2_000
const STALE_MS = 4_000

export class Ownership {
  /** Our token, or 0 as a standby. */
  #token = 0
  /** The token that we had on a connection before this one: nobody else can have it. */
  #formerToken: number
  /** When our last commit as owner began. */
  #provenMs = 0
  #seen: { readonly owner: number; readonly beat: number; readonly sinceMs: number } | undefined

  constructor(formerToken: number) {
    this.#formerToken = formerToken
  }

  get active(): boolean {
    return this.#token !== 0
  }

  get token(): number {
    return this.#token
  }

  /** In every write: whether we still are the owner. The commit then is a beat, which `proven` notes when it held. */
  beatIn(state: State): boolean {
    if (!this.holds(state)) return false
    state.beat++
    return true
  }

  /** A commit that began at `atMs` held, and in it we were the owner. */
  proven(atMs: number): void {
    this.#provenMs = atMs
  }

  /** In every read. */
  holds(state: Readonly<State>): boolean {
    return this.#token !== 0 && state.owner === this.#token
  }

  /** Whether the last beat is `afterMs` ago, and it is time for another one. */
  beatDue(nowMs: number, afterMs: number = BEAT_MS): boolean {
    return nowMs - this.#provenMs >= afterMs
  }

  /** As a standby: whether to take over, because nobody delivers, or the one who did has died. */
  mayTake(state: Readonly<State>, nowMs: number): boolean {
    if (state.owner === 0 || state.owner === this.#formerToken) return true
    if (this.#seen?.owner !== state.owner || this.#seen.beat !== state.beat) {
      this.#seen = { owner: state.owner, beat: state.beat, sinceMs: nowMs }
    }
    return nowMs - this.#seen.sinceMs >= STALE_MS
  }

  /** In a write, after `mayTake`: writes a new token down, which `taken` takes up when the commit held. */
  takeIn(state: State): void {
    state.fence++
    state.owner = state.fence
    state.beat++
  }

  taken(token: number, nowMs: number): void {
    this.#token = token
    this.#provenMs = nowMs
  }

  /** It was lost, or is given up. */
  yield(): void {
    this.#token = 0
    this.#formerToken = 0
    this.#seen = undefined
  }
}
