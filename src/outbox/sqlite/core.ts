/**
 * The outbox on one open file: synchronous, without threads, with a clock from outside. It runs in a worker thread in
 * production (`worker.ts`) and in the caller's own thread in simulations (`inline.ts`).
 *
 * Every change is decided in memory first, then committed, then done in memory: a commit that fails changes nothing.
 * Only the owner (`ownership.ts`) has turns, leases and waits; a standby appends and asks.
 */
import { type HoldfastError, isHoldfastError } from '../../errors.ts'
import type { CancelTimer } from '../../runtime/clock.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type {
  AppendResult,
  Claim,
  ClaimWant,
  DeadSelection,
  EntryState,
  Lease,
  LeaseState,
  ListPage,
  ListQuery,
  NewEntry,
  OutboxNotice,
  OutboxStats,
  Position,
  Settlement,
} from '../outbox.ts'
import { positionOf } from '../position.ts'
import { Appends } from './appends.ts'
import { Census } from './census.ts'
import { Claims, type Given, TAIL_ROWS } from './claims.ts'
import { openDatabase, synchronousOf } from './connection.ts'
import type { Database, Statement } from './database.ts'
import { Departures } from './departures.ts'
import { failureOf, isDiskFull } from './failure.ts'
import { FileIdentity } from './file-identity.ts'
import { Operators, type Purged } from './operators.ts'
import type { ResolvedSqliteOptions } from './options.ts'
import { Ownership, PROOF_MS } from './ownership.ts'
import { Queries } from './queries.ts'
import { Reserve } from './reserve.ts'
import { Settlements } from './settlements.ts'
import { type State, StateTransactions } from './state.ts'
import type { Steps } from './steps.ts'
import { Tail } from './tail.ts'
import { Turns } from './turns.ts'

/** The owner beats and looks for other processes' appends this often. */
const TICK_MS = 1_000
/** 2^22 counters of two bytes: up to a million waiting lanes few idle ones are taken for busy. */
const FILTER_BITS = 22

export interface CoreContext {
  readonly runtime: Pick<Runtime, 'clock' | 'random'>
  readonly workspace: string
  readonly notice: (notice: OutboxNotice) => void
}

/** What one append call of a group became: its results, or why none of it is stored. */
export type Appended = readonly AppendResult[] | HoldfastError

export class SqliteCore {
  readonly #options: ResolvedSqliteOptions
  readonly #context: CoreContext
  readonly #database: Database
  readonly #transactions: StateTransactions
  readonly #identity: FileIdentity
  readonly #reserve: Reserve
  readonly #ownership = new Ownership(0)
  readonly #appends: Appends
  readonly #departures: Departures
  readonly #queries: Queries
  readonly #operators: Operators
  readonly #census: Census
  readonly #turns: Turns
  readonly #tail: Tail
  readonly #claims: Claims
  readonly #settlements: Settlements
  readonly #firstAccepted: Statement
  #role: 'active' | 'standby' | undefined
  #leases = 0
  /** As last seen, to notice what other processes did. */
  #seenSequence = 0
  #seenPurged = 0
  #cancelTick: CancelTimer | undefined
  #closed = false

  /** @throws OutboxError */
  constructor(options: ResolvedSqliteOptions, context: CoreContext) {
    this.#options = options
    this.#context = context
    const { path } = options
    const database = openDatabase(options, context.workspace, context.runtime)
    this.#database = database
    try {
      this.#transactions = new StateTransactions(database, synchronousOf(options))
      this.#identity = new FileIdentity(path)
      this.#reserve = new Reserve(`${path}-reserve`, options.reserveBytes)
      this.#appends = new Appends(database, options)
      this.#departures = new Departures(database, this.#appends)
      this.#queries = new Queries(database, this.#transactions)
      this.#census = new Census(path, database, this.#transactions, context.runtime)
      this.#turns = new Turns(database)
      this.#tail = new Tail(database, this.#turns, FILTER_BITS)
      this.#claims = new Claims(database, this.#turns, this.#tail)
      this.#settlements = new Settlements(this.#turns, this.#tail, this.#departures, context.runtime.clock, (state) =>
        this.#noticeOthers(state),
      )
      this.#operators = new Operators(database, this.#departures, {
        lastSequence: () => this.#transactions.read((state) => state.sequence),
        commit: (work) => this.#write((state) => work(state), true),
        purged: (entries) => this.#purged(entries),
      })
      this.#firstAccepted = database.prepare('SELECT accepted_at FROM entry ORDER BY seq LIMIT 1')
      this.#reserve.keep()
      this.#refreshRole()
    } catch (error) {
      database.close()
      throw failureOf(error, path)
    }
    this.#tick()
  }

  /** Commits a group of append calls and settlements at once. A call that does not fit is refused alone. */
  commit(
    calls: readonly (readonly NewEntry[])[],
    settlements: readonly Settlement[],
  ): { readonly appended: readonly Appended[]; readonly settled: readonly LeaseState[] } {
    const wallMs = this.#context.runtime.clock.wallMs()
    if (calls.length === 0) return { appended: [], settled: this.settle(settlements) }
    let settled: readonly LeaseState[] = []
    let appended: readonly Appended[]
    try {
      this.#identity.check()
      const group = this.#settlements.decide(settlements)
      appended = this.#write((state, held) => {
        const done = calls.map((entries) => this.#append(entries, state, wallMs))
        this.#settlements.depart(group, state, held)
        return done
      }, false)
      settled = this.#settlements.follow(group)
      if (!this.#reserve.keep()) this.#reserve.recheck()
    } catch (error) {
      const failure = failureOf(error, this.#options.path)
      appended = calls.map(() => failure)
      settled = this.settle(settlements)
    }
    return { appended, settled }
  }

  settle(settlements: readonly Settlement[]): readonly LeaseState[] {
    if (settlements.length === 0) return []
    const group = this.#settlements.decide(settlements)
    if (group.changes > 0) this.#write((state, held) => this.#settlements.depart(group, state, held), true)
    return this.#settlements.follow(group)
  }

  claim(want: ClaimWant): Claim {
    const nowMs = this.#now()
    this.#refreshRole()
    if (!this.#ownership.active) return { lease: '', entries: [], nextInMs: TICK_MS, role: 'standby' }
    if (this.#ownership.beatDue(nowMs, PROOF_MS)) this.#beat()
    this.#turns.expire(nowMs)
    const lease: Lease = `${this.#ownership.token}.${++this.#leases}`
    let given: Given | undefined
    try {
      given = this.#transactions.read((state) => {
        if (!this.#ownership.holds(state)) return undefined
        this.#noticeOthers(state)
        return this.#claims.claim(want, lease, nowMs, state)
      })
    } catch (error) {
      this.#claims.abandon(lease)
      throw failureOf(error, this.#options.path)
    }
    if (given === undefined) {
      this.#standDown()
      return { lease: '', entries: [], nextInMs: TICK_MS, role: 'standby' }
    }
    this.#bury(given.damaged)
    const nextMs = this.#turns.nextMs()
    const waitMs = Math.min(TICK_MS, nextMs === undefined ? Infinity : Math.max(0, nextMs - nowMs))
    return { lease, entries: given.entries, nextInMs: given.more ? 0 : waitMs, role: 'active' }
  }

  renew(leases: readonly Lease[], leaseMs: number): readonly LeaseState[] {
    const nowMs = this.#now()
    this.#turns.expire(nowMs)
    return leases.map((lease) => this.#turns.renew(lease, nowMs + leaseMs))
  }

  *stats(): Steps<OutboxStats> {
    const { lost, oldestCampaignAtMs } = yield* this.#census.take()
    this.#turns.expire(this.#now())
    return this.#transactions.read((state): OutboxStats => {
      const { accepted, delivered, dead, expired, purged, dropped, duplicates } = state
      const first = this.#firstAccepted.get()?.[0]
      return {
        role: this.#ownership.active ? 'active' : 'standby',
        waiting: state.waiting,
        waitingBytes: state.waitingBytes,
        inFlight: this.#turns.inFlight,
        lanesHeld: this.#turns.lanesHeld,
        deadLetters: state.deadLetters,
        deadBytes: state.deadBytes,
        operationsMax: this.#options.maxOperations,
        bytesMax: this.#options.maxBytes,
        oldestAcceptedAtMs: typeof first === 'number' ? first : null,
        oldestCampaignAtMs,
        totals: { accepted, delivered, dead, expired, purged, dropped, duplicates },
        lost,
      }
    })
  }

  lookup(positions: readonly Position[]): readonly EntryState[] {
    return this.#queries.lookup(positions)
  }

  list(query: ListQuery): Steps<ListPage> {
    return this.#queries.list(query)
  }

  resolveDead(selection: DeadSelection, how: 'replay' | 'drop'): Steps<number> {
    return this.#operators.resolveDead(selection, how)
  }

  purge(lane: string): Steps<number> {
    return this.#operators.purge(lane)
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#cancelTick?.()
    try {
      if (this.#ownership.active) {
        this.#transactions.writeLazily((state) => {
          if (this.#ownership.holds(state)) state.owner = 0
        })
      }
      this.#database.exec('PRAGMA wal_checkpoint(TRUNCATE)')
    } catch {
      // What is committed is safe in the WAL; who opens next finds the owner silent and takes over.
    }
    this.#database.close()
  }

  /** As `close`, but as a process does it that is killed: the owner's token stays in the file. For simulations. */
  abandon(): void {
    this.#closed = true
    this.#cancelTick?.()
    this.#database.close()
  }

  #now(): number {
    return this.#context.runtime.clock.monotonicMs()
  }

  #append(entries: readonly NewEntry[], state: State, wallMs: number): Appended {
    try {
      return this.#appends.append(entries, state, wallMs)
    } catch (error) {
      // It does not fit, and has written nothing; the others of the group go on.
      if (isHoldfastError(error)) return error
      throw error
    }
  }

  /** A commit. One that must succeed may use the room that is kept for it. */
  #write<Result>(work: (state: State, held: boolean) => Result, must: boolean): Result {
    const atMs = this.#now()
    let held = false
    const commit = (): Result =>
      this.#transactions.write((state) => {
        held = this.#ownership.beatIn(state)
        this.#seenSequence = Math.max(this.#seenSequence, state.sequence)
        return work(state, held)
      })
    let result: Result
    try {
      result = commit()
    } catch (error) {
      if (!must || !isDiskFull(error) || !this.#reserve.spend()) throw failureOf(error, this.#options.path)
      result = commit()
    }
    if (held) this.#ownership.proven(atMs)
    else if (this.#ownership.active) this.#standDown()
    return result
  }

  /** Rows that are not what was written become dead letters, with their bytes as they are. */
  #bury(damaged: readonly number[]): void {
    if (damaged.length === 0) return
    const wallMs = this.#context.runtime.clock.wallMs()
    this.#write((state) => {
      for (const sequence of damaged) this.#departures.die(sequence, { reason: 'damaged' }, wallMs, state)
    }, true)
    this.#claims.rewind()
    for (const sequence of damaged) this.#context.notice({ type: 'damaged-entry', position: positionOf(sequence) })
  }

  #purged(entries: readonly Purged[]): void {
    this.#seenPurged += entries.length
    for (const { sequence, lanes } of entries) {
      const out = this.#turns.out(sequence)
      if (out !== undefined) this.#turns.release(out)
      this.#tail.left(sequence, lanes)
    }
    this.#claims.rewind()
  }

  /** What other processes did since the last look: appends are worth a claim, a purge may have taken what is out. */
  #noticeOthers(state: Readonly<State>): void {
    if (state.purged !== this.#seenPurged) {
      this.#seenPurged = state.purged
      for (const sequence of this.#departures.missing([...this.#turns.outSequences()])) {
        const out = this.#turns.out(sequence)
        if (out !== undefined) this.#turns.release(out)
      }
      this.#claims.rewind()
    }
    this.#seenSequence = Math.max(this.#seenSequence, state.sequence)
  }

  #tick(): void {
    this.#cancelTick = this.#context.runtime.clock.timer(TICK_MS, () => {
      if (this.#closed) return
      try {
        this.#refreshRole()
        if (this.#ownership.active) this.#look()
      } catch {
        // The next claim meets the same trouble and can say so.
      }
      this.#tick()
    })
  }

  /** The owner's look around: appends of others, and the part of the backlog that the tail has not seen. */
  #look(): void {
    const { sequence, behind } = this.#transactions.read((state) => ({
      sequence: state.sequence,
      behind: this.#claims.behind(state) && this.#tail.readOn(TAIL_ROWS),
    }))
    const news = sequence > this.#seenSequence
    this.#seenSequence = sequence
    if (news || behind) this.#context.notice({ type: 'appended' })
  }

  #refreshRole(): void {
    const nowMs = this.#now()
    if (this.#ownership.active) {
      if (this.#ownership.beatDue(nowMs)) this.#beat()
    } else if (this.#transactions.read((state) => this.#ownership.mayTake(state, nowMs))) this.#takeOver(nowMs)
    this.#tell()
  }

  #beat(): void {
    const atMs = this.#now()
    const held = this.#transactions.writeLazily((state) => this.#ownership.beatIn(state))
    if (held) this.#ownership.proven(atMs)
    else this.#standDown()
  }

  #takeOver(nowMs: number): void {
    const taken = this.#transactions.writeLazily((state) => {
      // Somebody else may have been faster since the look.
      if (!this.#ownership.mayTake(state, nowMs)) return undefined
      this.#ownership.takeIn(state)
      return { token: state.owner, sequence: state.sequence, purged: state.purged }
    })
    if (taken === undefined) return
    this.#ownership.taken(taken.token, nowMs)
    this.#seenPurged = taken.purged
    this.#seenSequence = taken.sequence
    this.#claims.reset(taken.sequence)
  }

  #standDown(): void {
    this.#ownership.yield()
    this.#claims.reset(0)
    this.#tell()
  }

  /** Says the role, when it is another one. */
  #tell(): void {
    const role = this.#ownership.active ? 'active' : 'standby'
    if (role === this.#role) return
    this.#role = role
    this.#context.notice({ type: 'role', role })
  }
}
