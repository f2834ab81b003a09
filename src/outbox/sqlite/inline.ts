/**
 * The SQLite outbox in the caller's own thread, on the caller's clock: for simulations on virtual time, where each
 * fsync may block and no thread may bring chance into the order of things. Production uses `sqliteOutbox`.
 */
import { OutboxError } from '../../errors.ts'
import type { CancelTimer, Clock } from '../../runtime/clock.ts'
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
  OutboxStats,
  Position,
  Settlement,
  SharedPause,
  TransactionQuery,
} from '../outbox.ts'
import { noTransactions } from '../limits.ts'
import type { IdempotencyStore } from '../../idempotency/store.ts'
import type { Core } from './core.ts'
import { executionStore, type ExecutionRequest } from './executions.ts'
import type { Handed, HandoverOutbox, Head, HeadWant, OpenHandoverOutbox, Whereabouts } from './handover.ts'
import { resolveSqliteOptions, type SqliteOutboxOptions } from './options.ts'
import { onlyNewPauses } from './pause.ts'
import { Session, TICK_MS } from './session.ts'
import { finish, type Steps } from './steps.ts'

/** Small: a simulation has few lanes and many outboxes. */
const FILTER_BITS = 16

/** @example `const outbox = await openInlineSqliteOutbox({ path })({ runtime, workspace: 'main', notice: () => {} })` */
export function openInlineSqliteOutbox(options: SqliteOutboxOptions): OpenHandoverOutbox {
  const resolved = resolveSqliteOptions(options)
  return async ({ runtime, workspace, notice }) => {
    const session = new Session(resolved, {
      runtime,
      workspace,
      notice: onlyNewPauses(notice),
      filterBits: FILTER_BITS,
    })
    session.open()
    return new InlineOutbox(session, runtime.clock)
  }
}

class InlineOutbox implements HandoverOutbox {
  readonly executions: IdempotencyStore = executionStore(async <Answer>(request: ExecutionRequest) => {
    const [answer] = this.#run((core) => core.executions.run([request]))
    if (answer instanceof Error) throw answer
    return answer as Answer
  })
  readonly #session: Session
  readonly #clock: Clock
  #cancelTick: CancelTimer
  #closed = false

  constructor(session: Session, clock: Clock) {
    this.#session = session
    this.#clock = clock
    this.#cancelTick = clock.timer(TICK_MS, () => this.#tick())
  }

  async append(entries: readonly NewEntry[], within?: TransactionQuery): Promise<readonly AppendResult[]> {
    if (within !== undefined) throw noTransactions()
    const [result] = this.#run((core) => core.write({ appends: [entries], settlements: [] })).appends
    if (result instanceof Error) throw result
    return result ?? []
  }

  async claim(want: ClaimWant): Promise<Claim> {
    return this.#run((core) => core.claim(want))
  }

  async renew(leases: readonly Lease[], leaseMs: number): Promise<readonly LeaseState[]> {
    return this.#run((core) => core.renew(leases, leaseMs))
  }

  async settle(settlements: readonly Settlement[]): Promise<readonly LeaseState[]> {
    return this.#run((core) => core.write({ appends: [], settlements: [settlements] })).settlements[0] ?? []
  }

  async stats(): Promise<OutboxStats> {
    return this.#steps((core) => core.stats())
  }

  async mayHold(lanes: readonly string[]): Promise<boolean> {
    return this.#run((core) => core.mayHold(lanes))
  }

  async lookup(positions: readonly Position[]): Promise<readonly EntryState[]> {
    return this.#run((core) => core.lookup(positions))
  }

  async list(query: ListQuery): Promise<ListPage> {
    return this.#steps((core) => core.list(query))
  }

  async resolveDead(selection: DeadSelection, how: 'replay' | 'drop'): Promise<number> {
    return this.#steps((core) => core.resolveDead(selection, how))
  }

  async purge(lane: string): Promise<number> {
    return this.#steps((core) => core.purge(lane))
  }

  async head(want: HeadWant): Promise<Head> {
    return this.#run((core) => core.head(want))
  }

  async handOver(handed: readonly Handed[]): Promise<boolean> {
    return this.#run((core) => core.handOver(handed))
  }

  async whereabouts(positions: readonly Position[]): Promise<readonly Whereabouts[]> {
    return this.#run((core) => core.whereabouts(positions))
  }

  /** Nobody else delivers while this handle does. */
  tell(): void {}

  async setPaused(pause: SharedPause | null): Promise<void> {
    this.#run((core) => core.setPaused(pause))
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#cancelTick()
    this.#session.close()
  }

  #run<Result>(work: (core: Core) => Result): Result {
    if (this.#closed) throw new OutboxError('OUTBOX_CLOSED', 'the outbox is closed')
    return this.#session.run(work)
  }

  #steps<Result>(work: (core: Core) => Steps<Result>): Result {
    if (this.#closed) throw new OutboxError('OUTBOX_CLOSED', 'the outbox is closed')
    return finish(this.#session.steps(work))
  }

  #tick(): void {
    this.#session.tick()
    this.#session.idle()
    this.#cancelTick = this.#clock.timer(TICK_MS, () => this.#tick())
  }
}
