/**
 * The side of delivery. Claims come from the remote outbox. While it is away they are empty, or, where delivery goes on
 * in an outage, of the file: from the time when it has been away for long enough until it answers again.
 *
 * Before the file drains, what is in flight from it must have ended: no lease on it is prolonged then, and nobody sends
 * under one that could end before the attempt does.
 */
import type { Clock } from '../../runtime/clock.ts'
import type { Claim, ClaimWant, Lease, LeaseState, Outbox, Settlement } from '../outbox.ts'
import { isAway } from './away.ts'
import { isMarked, markedClaim, unmarked, zipped } from './names.ts'
import type { Remote } from './remote.ts'

/** When an empty claim is worth repeating. */
const ASK_AGAIN_MS = 1_000
/** Answers that are kept for a call that is made again. */
const KEPT_ANSWERS_MAX = 10_000

export interface DeliveringParts {
  readonly remote: Remote
  readonly file: Outbox
  readonly clock: Clock
  readonly onOutage: 'hold' | 'deliver'
  readonly deliverAfterMs: number
  readonly isSpilling: () => boolean
  /** A claim found the remote outbox away. */
  readonly missed: (error: unknown) => void
}

export class Delivering {
  readonly #parts: DeliveringParts
  /** Since when no claim of the remote outbox succeeds. */
  #awaySinceMs: number | undefined
  /** Whether it was heard of since the last claim that failed. */
  #answers = false
  #isQuiet = false
  /** By lease and position: settlements in the file whose call failed for what else was in it. */
  readonly #kept = new Map<string, LeaseState>()

  constructor(parts: DeliveringParts) {
    this.#parts = parts
  }

  /** Whether claims may be worth a try. */
  get answers(): boolean {
    return this.#answers || this.#awaySinceMs === undefined
  }

  /** It could not be opened or claimed from. */
  away(): void {
    this.#awaySinceMs ??= this.#parts.clock.monotonicMs()
    this.#answers = false
  }

  /** It was heard of again. Whether claims succeed is still to be seen. */
  answered(): void {
    this.#answers = true
  }

  /** The file is to drain: nothing more of it goes out. */
  quiesce(): void {
    this.#isQuiet = true
  }

  /** There is nothing to drain, or it did not drain. */
  resume(): void {
    this.#isQuiet = false
  }

  async claim(want: ClaimWant): Promise<Claim> {
    const claim = await this.#claimRemote(want)
    if (claim !== undefined) return claim
    if (!this.#deliversFile()) return nothing()
    const given = await this.#parts.file.claim(want)
    const nextInMs = Math.min(given.nextInMs ?? ASK_AGAIN_MS, ASK_AGAIN_MS)
    return { ...markedClaim(given), nextInMs, role: 'active' }
  }

  async renew(leases: readonly Lease[], leaseMs: number): Promise<readonly LeaseState[]> {
    const own = leases.filter(isMarked).map(unmarked)
    const others = leases.filter((lease) => !isMarked(lease))
    const { remote, file } = this.#parts
    const ownStates = own.length === 0 || !this.#deliversFile() ? lapsed(own) : await file.renew(own, leaseMs)
    const otherStates =
      others.length === 0 || remote.opened === undefined ? lapsed(others) : await remote.opened.renew(others, leaseMs)
    return zipped(leases, isMarked, ownStates, otherStates)
  }

  async settle(settlements: readonly Settlement[]): Promise<readonly LeaseState[]> {
    const isOwn = ({ lease }: Settlement): boolean => isMarked(lease)
    const own = settlements.filter(isOwn)
    const others = settlements.filter((settlement) => !isOwn(settlement))
    const ownStates = own.length === 0 ? [] : await this.#settleFile(own)
    try {
      const { opened } = this.#parts.remote
      const otherStates = others.length === 0 || opened === undefined ? lapsed(others) : await opened.settle(others)
      return zipped(settlements, isOwn, ownStates, otherStates)
    } catch (error) {
      // Whoever asks again, for all, must not hear that these have lapsed.
      if (this.#kept.size > KEPT_ANSWERS_MAX) this.#kept.clear()
      for (const [index, settlement] of own.entries()) this.#kept.set(keyOf(settlement), ownStates[index]!)
      throw error
    }
  }

  async #claimRemote(want: ClaimWant): Promise<Claim | undefined> {
    const { opened } = this.#parts.remote
    if (opened === undefined || !this.answers) return undefined
    try {
      const claim = await opened.claim(want)
      this.#awaySinceMs = undefined
      return claim
    } catch (error) {
      if (!isAway(error)) throw error
      this.away()
      this.#parts.missed(error)
      return undefined
    }
  }

  async #settleFile(settlements: readonly Settlement[]): Promise<readonly LeaseState[]> {
    const asked = settlements.filter((settlement) => !this.#kept.has(keyOf(settlement)))
    const states = await this.#parts.file.settle(
      asked.map(({ lease, position, verdict }) => ({ lease: unmarked(lease), position: unmarked(position), verdict })),
    )
    const kept = settlements.filter((settlement) => this.#kept.has(keyOf(settlement)))
    const keptStates = kept.map((settlement) => this.#kept.get(keyOf(settlement))!)
    const isKept = (settlement: Settlement): boolean => kept.includes(settlement)
    for (const settlement of kept) this.#kept.delete(keyOf(settlement))
    return zipped(settlements, isKept, keptStates, states)
  }

  #deliversFile(): boolean {
    const { onOutage, deliverAfterMs, isSpilling, clock } = this.#parts
    if (onOutage === 'hold' || this.#awaySinceMs === undefined || this.#isQuiet || !isSpilling()) return false
    return clock.monotonicMs() - this.#awaySinceMs >= deliverAfterMs
  }
}

function nothing(): Claim {
  return { lease: '', entries: [], nextInMs: ASK_AGAIN_MS, role: 'active' }
}

function lapsed(of: readonly unknown[]): readonly LeaseState[] {
  return of.map(() => 'lapsed')
}

function keyOf({ lease, position }: Settlement): string {
  return `${lease} ${position}`
}
