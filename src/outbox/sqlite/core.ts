/**
 * The outbox on one open file: synchronous, without threads, with a clock from outside. It runs in a worker thread in
 * production (`worker.ts`) and in the caller's own thread in simulations (`inline.ts`).
 *
 * Every change is decided in memory first, then committed, then done in memory: a commit that fails changes nothing.
 * Only the owner of the file (`ownership.ts`) has turns, leases and waits; a standby appends and asks.
 */
import type { HoldfastError } from '../../errors.ts'
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
  SharedPause,
} from '../outbox.ts'
import { Appends } from './appends.ts'
import { Census } from './census.ts'
import { Commits } from './commits.ts'
import type { Database, Statement } from './database.ts'
import { Deliverer, type SettlementPlan } from './deliverer.ts'
import { Departures } from './departures.ts'
import { storedLane } from './entry-rows.ts'
import { Executions } from './executions.ts'
import { failureOf, isDiskFull } from './failure.ts'
import { FileIdentity } from './file-identity.ts'
import { Operators } from './operators.ts'
import { Handover, type Handed, type Head, type HeadWant, type Whereabouts } from './handover.ts'
import { LaneRows } from './lane-rows.ts'
import type { ResolvedSqliteOptions } from './options.ts'
import { Ownership } from './ownership.ts'
import { Pause } from './pause.ts'
import { Queries } from './queries.ts'
import { Reserve } from './reserve.ts'
import { StateTransactions } from './state.ts'
import type { Steps } from './steps.ts'
import { Vacuum } from './vacuum.ts'

export interface CoreContext {
  readonly runtime: Pick<Runtime, 'clock' | 'random'>
  readonly notice: (notice: OutboxNotice) => void
  /** The token of an earlier connection of this same handle, or 0. */
  readonly formerToken: number
  /** 2^n counters of two bytes that know idle lanes behind a backlog. */
  readonly filterBits: number
}

/** What is committed together: calls of `append`, and calls of `settle`. */
export interface Group {
  readonly appends: readonly (readonly NewEntry[])[]
  readonly settlements: readonly (readonly Settlement[])[]
}

/** One answer for each call. */
export interface GroupResult {
  readonly appends: readonly (readonly AppendResult[] | HoldfastError)[]
  readonly settlements: readonly (readonly LeaseState[])[]
}

export class Core {
  readonly #options: ResolvedSqliteOptions
  readonly #database: Database
  readonly #clock: Runtime['clock']
  readonly #transactions: StateTransactions
  readonly #ownership: Ownership
  readonly #reserve: Reserve
  readonly identity: FileIdentity
  readonly #commits: Commits
  readonly #appends: Appends
  readonly #deliverer: Deliverer
  readonly #queries: Queries
  readonly #laneRows: LaneRows
  readonly #operators: Operators
  readonly #handover: Handover
  readonly #census: Census
  readonly #vacuum: Vacuum
  readonly executions: Executions
  readonly #pause: Pause
  readonly #oldest: Statement

  constructor(database: Database, options: ResolvedSqliteOptions, context: CoreContext) {
    const { runtime, notice } = context
    this.#options = options
    this.#database = database
    this.#clock = runtime.clock
    this.#transactions = new StateTransactions(database, options.durability === 'power' ? 'FULL' : 'NORMAL')
    this.#ownership = new Ownership(context.formerToken)
    this.#reserve = new Reserve(`${options.path}-reserve`, options.reserveBytes)
    this.identity = new FileIdentity(options.path)
    this.#commits = new Commits({
      database,
      transactions: this.#transactions,
      ownership: this.#ownership,
      identity: this.identity,
      reserve: this.#reserve,
      clock: runtime.clock,
      path: options.path,
    })
    this.#appends = new Appends(database, options)
    const departures = new Departures(database, this.#appends)
    this.#deliverer = new Deliverer({
      database,
      transactions: this.#transactions,
      commits: this.#commits,
      ownership: this.#ownership,
      departures,
      runtime,
      notice,
      filterBits: context.filterBits,
    })
    this.#queries = new Queries(database, this.#transactions)
    this.#laneRows = new LaneRows(database)
    this.#operators = new Operators(database, departures, {
      lastSequence: () => this.#transactions.read((state) => state.sequence),
      commit: (work) => this.#commits.commit(work),
      purged: (entries) => this.#deliverer.purged(entries),
    })
    this.#handover = new Handover({
      database,
      transactions: this.#transactions,
      commits: this.#commits,
      deliverer: this.#deliverer,
      departures,
    })
    this.#census = new Census(options.path, database, this.#transactions, runtime)
    this.#vacuum = new Vacuum(database)
    this.executions = new Executions({
      database,
      transactions: this.#transactions,
      commits: this.#commits,
      clock: runtime.clock,
      limits: options,
    })
    this.#pause = new Pause(database, this.#commits, notice)
    this.#oldest = database.prepare('SELECT accepted_at FROM entry ORDER BY seq LIMIT 1')
    this.#reserve.keep()
    this.#deliverer.tick()
    this.#pause.look()
  }

  /** The token under which this handle delivers, or 0. */
  get token(): number {
    return this.#ownership.token
  }

  /** False when the connection cannot be used any more, or its file is not the one at the path. */
  get usable(): boolean {
    return !this.#database.stuck && this.identity.kept
  }

  write(group: Group): GroupResult {
    const plan = this.#deliverer.plan(group.settlements.flat())
    let appends: GroupResult['appends'] = []
    let missing: ReadonlySet<number> = new Set()
    if (group.appends.length > 0) {
      try {
        this.#commits.append((state, owner) => {
          missing = this.#deliverer.settleIn(plan, state, owner)
          appends = this.#appends.append(group.appends, state, this.#clock.wallMs())
        })
      } catch (error) {
        if (!isDiskFull(error)) throw error
        const failure = failureOf(error, this.#options.path)
        appends = group.appends.map(() => failure)
        missing = this.#settle(plan)
      }
    } else {
      missing = this.#settle(plan)
    }
    const answers = this.#deliverer.apply(plan, missing)
    return { appends, settlements: cut(answers, group.settlements) }
  }

  claim(want: ClaimWant): Claim {
    return this.#deliverer.claim(want)
  }

  renew(leases: readonly Lease[], leaseMs: number): readonly LeaseState[] {
    return this.#deliverer.renew(leases, leaseMs)
  }

  mayHold(lanes: readonly string[]): boolean {
    const stored = lanes.map(storedLane)
    return this.#transactions.read((state) => {
      if (state.waiting === 0) return false
      return this.#laneRows.mayHold(stored, this.#deliverer.idleUpTo(stored))
    })
  }

  lookup(positions: readonly Position[]): readonly EntryState[] {
    return this.#queries.lookup(positions)
  }

  head(want: HeadWant): Head {
    return this.#handover.head(want)
  }

  handOver(handed: readonly Handed[]): boolean {
    return this.#handover.handOver(handed)
  }

  whereabouts(positions: readonly Position[]): readonly Whereabouts[] {
    return this.#queries.whereabouts(positions)
  }

  list(query: ListQuery): Steps<ListPage> {
    return this.#queries.list(query)
  }

  purge(lane: string): Steps<number> {
    return this.#operators.purge(lane)
  }

  resolveDead(selection: DeadSelection, how: 'replay' | 'drop'): Steps<number> {
    return this.#operators.resolveDead(selection, how)
  }

  setPaused(pause: SharedPause | null): void {
    this.#pause.set(pause)
  }

  *stats(): Steps<OutboxStats> {
    const census = yield* this.#census.take()
    const { role } = this.#deliverer
    return this.#transactions.read((state): OutboxStats => {
      const { accepted, delivered, dead, expired, purged, dropped, duplicates } = state
      const oldest = this.#oldest.get()
      return {
        role,
        waiting: state.waiting,
        waitingBytes: state.waitingBytes,
        ...this.#deliverer.counts(),
        deadLetters: state.deadLetters,
        deadBytes: state.deadBytes,
        operationsMax: this.#options.maxOperations,
        bytesMax: this.#options.maxBytes,
        oldestAcceptedAtMs: oldest === undefined ? null : Number(oldest[0]),
        oldestCampaignAtMs: oldest === undefined ? null : census.oldestCampaignAtMs,
        totals: { accepted, delivered, dead, expired, purged, dropped, duplicates },
        spilled: 0,
        lost: census.lost,
      }
    })
  }

  /** What must happen from time to time, four times a second or so. */
  tick(): void {
    this.#reserve.recheck()
    this.#deliverer.tick()
    this.#pause.look()
  }

  /** A little of what can be done when nothing else is to do. Says whether there is more of it. */
  idle(): boolean {
    if (this.#deliverer.role === 'standby') return false
    return this.#deliverer.readAhead() || this.#vacuum.some(!this.#reserve.keep())
  }

  /** Lets go of a file that cannot be used. */
  abandon(): void {
    this.#database.close()
  }

  /** Gives the outbox up, so that another handle takes over at once. */
  close(): void {
    try {
      if (this.#ownership.active) {
        this.#commits.commitLazily((state, owner) => {
          if (owner) state.owner = 0
        })
      }
      this.#database.exec('PRAGMA wal_checkpoint(TRUNCATE)')
    } finally {
      this.#database.close()
    }
  }

  #settle(plan: SettlementPlan): ReadonlySet<number> {
    if (!plan.writes) return new Set()
    return this.#commits.commit((state, owner) => this.#deliverer.settleIn(plan, state, owner))
  }
}

/** Answers of all calls in a row, cut into those of each. */
function cut<Answer>(
  answers: readonly Answer[],
  calls: readonly (readonly unknown[])[],
): readonly (readonly Answer[])[] {
  let from = 0
  return calls.map(({ length }) => answers.slice(from, (from += length)))
}
