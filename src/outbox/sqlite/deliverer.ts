/**
 * The side of the outbox that delivers: claims, leases and settlements, as long as this handle is the owner.
 *
 * A settlement is planned in memory, written in a commit (with appends, if there are any), and applied to memory when
 * the commit held. Entries that another handle has purged meanwhile show by the `purged` of the account.
 */
import type { Runtime } from '../../runtime/runtime.ts'
import type { Claim, ClaimWant, Lease, LeaseState, OutboxNotice, Settlement, Verdict } from '../outbox.ts'
import { positionOf, sequenceOf } from '../position.ts'
import { Claims, TAIL_ROWS, type Given } from './claims.ts'
import type { Commits } from './commits.ts'
import type { Database } from './database.ts'
import type { Departures } from './departures.ts'
import type { Purged } from './operators.ts'
import { PROOF_MS, type Ownership } from './ownership.ts'
import type { State, StateTransactions } from './state.ts'
import { Tail } from './tail.ts'
import { Turns, type Out } from './turns.ts'

/** A claim that found nothing, or is of a standby, is worth repeating after this long at the latest. */
const ASK_AGAIN_MS = 1_000

interface Part {
  readonly index: number
  readonly out: Out
  readonly verdict: Verdict
}

export interface SettlementPlan {
  readonly answers: LeaseState[]
  readonly parts: Part[]
  /** Whether anything of it has to be written. */
  readonly writes: boolean
}

export interface DelivererParts {
  readonly database: Database
  readonly transactions: StateTransactions
  readonly commits: Commits
  readonly ownership: Ownership
  readonly departures: Departures
  readonly runtime: Pick<Runtime, 'clock'>
  readonly notice: (notice: OutboxNotice) => void
  readonly filterBits: number
}

export class Deliverer {
  readonly #parts: DelivererParts
  readonly #turns: Turns
  readonly #tail: Tail
  readonly #claims: Claims
  #role: 'active' | 'standby' | undefined
  /** `purged` of the account, as far as the turns know of it. */
  #purged = 0
  #leaseNumber = 0
  /** Whether a claim was made since the end was last seen. */
  #readsAhead = false

  constructor(parts: DelivererParts) {
    this.#parts = parts
    this.#turns = new Turns(parts.database)
    this.#tail = new Tail(parts.database, this.#turns, parts.filterBits)
    this.#claims = new Claims(parts.database, this.#turns, this.#tail)
  }

  get role(): 'active' | 'standby' {
    return this.#role ?? 'standby'
  }

  counts(): { readonly inFlight: number; readonly lanesHeld: number } {
    this.#turns.expire(this.#nowMs())
    return { inFlight: this.#turns.inFlight, lanesHeld: this.#turns.lanesHeld }
  }

  /** Sequence up to which certainly nothing waits in these lanes; 0 where that is not known. */
  idleUpTo(lanes: readonly string[]): number {
    return this.role === 'active' ? this.#tail.idleUpTo(lanes) : 0
  }

  /** Whether this handle delivers; it takes over where nobody does. */
  delivers(): boolean {
    return this.#mayDeliver(this.#nowMs())
  }

  claim(want: ClaimWant): Claim {
    const nowMs = this.#nowMs()
    if (!this.#mayDeliver(nowMs)) return { lease: '', entries: [], nextInMs: ASK_AGAIN_MS, role: 'standby' }
    const lease = `${this.#parts.ownership.token}.${++this.#leaseNumber}`
    this.#turns.expire(nowMs)
    const given = this.#give(want, lease, nowMs)
    if (given === undefined) {
      this.lost()
      return { lease: '', entries: [], nextInMs: ASK_AGAIN_MS, role: 'standby' }
    }
    if (given.damaged.length > 0) this.bury(given.damaged)
    const nextMs = this.#turns.nextMs() ?? Infinity
    const nextInMs = given.more || given.damaged.length > 0 ? 0 : Math.min(ASK_AGAIN_MS, Math.max(0, nextMs - nowMs))
    return { lease, entries: given.entries, nextInMs, role: 'active' }
  }

  renew(leases: readonly Lease[], leaseMs: number): readonly LeaseState[] {
    const nowMs = this.#nowMs()
    this.#turns.expire(nowMs)
    return leases.map((lease) => this.#turns.renew(lease, nowMs + leaseMs))
  }

  /** What these settlements will do, as far as memory knows. */
  plan(settlements: readonly Settlement[]): SettlementPlan {
    this.#turns.expire(this.#nowMs())
    const parts: Part[] = []
    const taken = new Set<number>()
    const answers = settlements.map(({ lease, position, verdict }, index): LeaseState => {
      const out = this.#turns.out(sequenceOf(position))
      if (out?.lease !== lease || taken.has(out.sequence)) return 'lapsed'
      taken.add(out.sequence)
      parts.push({ index, out, verdict })
      return 'held'
    })
    return { answers, parts, writes: parts.some(({ verdict }) => verdict.to !== 'waiting' || verdict.countAttempt) }
  }

  /** In a commit: writes the plan down. Gives the sequences that turned out to be settled by nobody of us any more. */
  settleIn(plan: SettlementPlan, state: State, owner: boolean): ReadonlySet<number> {
    const sequences = plan.parts.map(({ out }) => out.sequence)
    if (!owner) return new Set(sequences)
    const { departures, runtime } = this.#parts
    const missing = state.purged === this.#purged ? new Set<number>() : departures.missing(sequences)
    const present = plan.parts.filter(({ out }) => !missing.has(out.sequence))
    departures.deliver(
      present.filter(({ verdict }) => verdict.to === 'delivered').map(({ out }) => out),
      state,
    )
    for (const { out, verdict } of present) {
      if (verdict.to === 'waiting' && verdict.countAttempt) departures.countAttempt(out.sequence)
      if (verdict.to === 'dead') departures.die(out.sequence, verdict, runtime.clock.wallMs(), state)
    }
    return missing
  }

  /** After the commit. */
  apply(plan: SettlementPlan, missing: ReadonlySet<number>): readonly LeaseState[] {
    const nowMs = this.#nowMs()
    for (const { index, out, verdict } of plan.parts) {
      if (missing.has(out.sequence)) plan.answers[index] = 'lapsed'
      if (verdict.to === 'waiting' && !missing.has(out.sequence)) this.#turns.hold(out, nowMs + verdict.delayMs)
      else this.#leave(out.sequence, out.lanes)
    }
    return plan.answers
  }

  /** Entries were purged through this handle. */
  purged(entries: readonly Purged[]): void {
    this.#purged += entries.length
    if (this.role === 'standby') return
    for (const { sequence, lanes } of entries) this.#leave(sequence, lanes)
    this.#claims.rewind()
  }

  /** Entries were handed over to another outbox: their sequences, with their lanes. */
  handedOver(entries: ReadonlyMap<number, readonly string[]>): void {
    for (const [sequence, lanes] of entries) this.#leave(sequence, lanes)
    this.#claims.rewind()
  }

  /** Becomes the owner where it can, stays it with a beat where it is. `appended` tells of entries of other handles. */
  tick(): void {
    const nowMs = this.#nowMs()
    const { ownership, commits, transactions, notice } = this.#parts
    const before = this.role
    const seen = commits.sequence
    if (!this.#mayDeliver(nowMs) || (ownership.beatDue(nowMs) && !this.#beat())) return
    if (before === 'standby') return
    const state = transactions.read((state) => state)
    commits.saw(state)
    if (state.sequence > seen) notice({ type: 'appended' })
  }

  /**
   * Goes on with what a claim has begun: reads ahead of a backlog, a little. Says whether there is more to read. While
   * nothing is claimed, in an outage or a pause, appends have the disk and the thread for themselves.
   */
  readAhead(): boolean {
    if (this.role === 'standby' || !this.#readsAhead) return false
    this.#readsAhead = this.#readSomeAhead()
    return this.#readsAhead
  }

  /** Another handle has taken over. */
  lost(): void {
    this.#parts.ownership.yield()
    this.#claims.reset(0)
    this.#setRole('standby')
  }

  #readSomeAhead(): boolean {
    return this.#parts.transactions.read((state) => {
      if (!this.#claims.behind(state)) return false
      try {
        return this.#tail.readOn(TAIL_ROWS)
      } catch (error) {
        this.#claims.rewind()
        throw error
      }
    })
  }

  #mayDeliver(nowMs: number): boolean {
    const { ownership, transactions, commits } = this.#parts
    if (ownership.active) return !ownership.beatDue(nowMs, PROOF_MS) || this.#beat()
    const mayTake = transactions.read((state) => ownership.mayTake(state, nowMs))
    const taken = mayTake
      ? commits.commitLazily((state) => {
          if (!ownership.mayTake(state, nowMs)) return undefined
          ownership.takeIn(state)
          return state
        })
      : undefined
    if (taken === undefined) {
      this.#setRole('standby')
      return false
    }
    ownership.taken(taken.owner, nowMs)
    this.#claims.reset(taken.sequence)
    this.#purged = taken.purged
    this.#setRole('active')
    return true
  }

  #beat(): boolean {
    const owner = this.#parts.commits.commitLazily((_, owner) => owner)
    if (!owner) this.lost()
    return owner
  }

  /** Undefined when another handle has taken over. */
  #give(want: ClaimWant, lease: Lease, nowMs: number): Given | undefined {
    const { ownership, transactions, commits } = this.#parts
    try {
      return transactions.read((state) => {
        if (!ownership.holds(state)) return undefined
        if (state.purged !== this.#purged) this.#reconcile(state)
        commits.saw(state)
        this.#readsAhead = true
        return this.#claims.claim(want, lease, nowMs, state)
      })
    } catch (error) {
      this.#claims.abandon(lease)
      throw error
    }
  }

  /** Another handle has purged: what it removed is out no more, and what is parked is found anew. */
  #reconcile(state: Readonly<State>): void {
    for (const sequence of this.#parts.departures.missing(this.#turns.sequencesOut())) {
      this.#leave(sequence, this.#turns.out(sequence)!.lanes)
    }
    this.#claims.rewind()
    this.#purged = state.purged
  }

  #leave(sequence: number, lanes: readonly string[]): void {
    const out = this.#turns.out(sequence)
    if (out !== undefined) this.#turns.release(out)
    this.#tail.left(sequence, lanes)
  }

  /** Makes dead letters of entries that are not what was written. */
  bury(damaged: readonly number[]): void {
    const { commits, departures, runtime, notice } = this.#parts
    try {
      commits.commit((state, owner) => {
        if (!owner) return
        for (const sequence of damaged) {
          departures.die(sequence, { reason: 'damaged' }, runtime.clock.wallMs(), state)
        }
      })
    } finally {
      this.#claims.rewind()
    }
    for (const sequence of damaged) notice({ type: 'damaged-entry', position: positionOf(sequence) })
  }

  #setRole(role: 'active' | 'standby'): void {
    if (role === this.#role) return
    this.#role = role
    this.#parts.notice({ type: 'role', role })
  }

  #nowMs(): number {
    return this.#parts.runtime.clock.monotonicMs()
  }
}
