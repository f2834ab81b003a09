/** The outbox with a spill, joined from its parts. */
import { codeOf, OutboxError } from '../../errors.ts'
import type { IdempotencyStore } from '../../idempotency/store.ts'
import type { Clock } from '../../runtime/clock.ts'
import { noTransactions } from '../limits.ts'
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
  OpenOutbox,
  Outbox,
  OutboxContext,
  OutboxStats,
  Position,
  ProviderHint,
  Settlement,
  SharedPause,
  TransactionQuery,
} from '../outbox.ts'
import { sequenceOf } from '../position.ts'
import type { HandoverOutbox, OpenHandoverOutbox } from '../sqlite/handover.ts'
import { isAway } from './away.ts'
import { Delivering } from './delivering.ts'
import { Keeper } from './keeper.ts'
import { Line } from './line.ts'
import { Notices } from './notices.ts'
import { Operators } from './operators.ts'
import { Remote } from './remote.ts'
import { statsOfBoth } from './stats.ts'
import { Transfer } from './transfer.ts'
import { Turnstile } from './turnstile.ts'

/** How long opening waits for the remote outbox; then it goes on without it. */
const OPEN_MS_MAX = 5_000

export interface Spilling {
  readonly remote: OpenOutbox
  readonly local: OpenHandoverOutbox
  readonly onOutage: 'hold' | 'deliver'
  readonly deliverAfterMs: number
}

/** As `openWithSpill`, with a local outbox of the caller's choice: tests on virtual time have one without a thread. */
export function openSpilling(spilling: Spilling): OpenOutbox {
  return async (context) => {
    const told = new Notices(context.notice)
    told.fromRemote({ type: 'role', role: 'active' })
    const file = await spilling.local({ ...context, notice: (notice) => told.fromFile(notice) })
    const remote = new Remote(() => spilling.remote({ ...context, notice: (notice) => told.fromRemote(notice) }))
    try {
      const failure = await openSoon(remote, context.runtime.clock)
      const [last] = (await file.list({ from: 'waiting', order: 'newest-first', limit: 1 })).entries
      const { waiting: left } = await file.head({ entriesMax: 1, bytesMax: 1 })
      const outbox = new SpillOutbox(spilling, context, told, file, remote)
      outbox.start({ mark: sequenceOf(last?.position ?? ''), left, failure })
      return outbox
    } catch (error) {
      await Promise.allSettled([remote.close(), file.close()])
      throw error
    }
  }
}

/** Gives why it is not open, where that is because it is away. Throws every other reason. */
async function openSoon(remote: Remote, clock: Clock): Promise<unknown> {
  const late = new OutboxError('OUTBOX_UNAVAILABLE', `the outbox did not open within ${OPEN_MS_MAX} ms`)
  let cancel: (() => void) | undefined
  const waited = new Promise<'late'>((resolve) => {
    cancel = clock.timer(OPEN_MS_MAX, () => resolve('late'), 'held')
  })
  try {
    return (await Promise.race([remote.open(), waited])) === 'late' ? late : undefined
  } catch (error) {
    if (!isAway(error)) throw error
    return error
  } finally {
    cancel!()
  }
}

class SpillOutbox implements Outbox {
  readonly executions: IdempotencyStore = {
    begin: async (ask) => this.#there().executions.begin(ask),
    renew: async (ask) => this.#there().executions.renew(ask),
    complete: async (ask) => this.#there().executions.complete(ask),
    abandon: async (ask) => this.#there().executions.abandon(ask),
  }
  readonly #file: HandoverOutbox
  readonly #remote: Remote
  readonly #notices: Notices
  readonly #line: Line
  readonly #delivering: Delivering
  readonly #operators: Operators
  readonly #keeper: Keeper
  #known: OutboxStats | undefined
  #closed: Promise<void> | undefined

  constructor(spilling: Spilling, { runtime }: OutboxContext, notices: Notices, file: HandoverOutbox, remote: Remote) {
    const turnstile = new Turnstile()
    this.#file = file
    this.#remote = remote
    this.#notices = notices
    this.#line = new Line({
      toRemote: (entries) => remote.get().append(entries),
      toFile: (entries) => file.append(entries),
      began: (error, entries) => this.#began(codeOf(error), entries),
      fileFailed: () => this.#keeper.wake(),
    })
    this.#delivering = new Delivering({
      remote,
      file,
      clock: runtime.clock,
      onOutage: spilling.onOutage,
      deliverAfterMs: spilling.deliverAfterMs,
      isSpilling: () => this.#line.state !== 'direct',
      missed: () => this.#keeper.missed(),
    })
    this.#operators = new Operators({ remote, file, turnstile, replayed: () => this.#keeper.wake() })
    this.#keeper = new Keeper({
      runtime,
      remote,
      line: this.#line,
      delivering: this.#delivering,
      transfer: new Transfer(file, runtime.clock),
      turnstile,
      notice: (notice) => notices.tell(notice),
      opened: () => notices.opened(file),
      pinged: (stats) => (this.#known = stats),
    })
    notices.woken = () => this.#keeper.wake()
  }

  /** @param left what a former process left in the file, and the sequence of the last of it. */
  start(found: { readonly mark: number; readonly left: number; readonly failure: unknown }): void {
    this.#line.mark = found.mark
    const isOpen = found.failure === undefined
    if (isOpen) {
      this.#notices.opened(this.#file)
    } else {
      this.#notices.away(this.#file)
      this.#delivering.away()
    }
    if (isOpen && found.left === 0) this.#line.turn('direct')
    else this.#began(isOpen ? null : codeOf(found.failure), found.left)
    this.#keeper.start(isOpen)
  }

  async append(entries: readonly NewEntry[], within?: TransactionQuery): Promise<readonly AppendResult[]> {
    this.#checkOpen()
    if (within !== undefined) throw noTransactions()
    return this.#line.append(entries)
  }

  async claim(want: ClaimWant): Promise<Claim> {
    this.#checkOpen()
    return this.#delivering.claim(want)
  }

  async renew(leases: readonly Lease[], leaseMs: number): Promise<readonly LeaseState[]> {
    this.#checkOpen()
    return this.#delivering.renew(leases, leaseMs)
  }

  async settle(settlements: readonly Settlement[]): Promise<readonly LeaseState[]> {
    this.#checkOpen()
    return this.#delivering.settle(settlements)
  }

  async stats(): Promise<OutboxStats> {
    this.#checkOpen()
    const { opened } = this.#remote
    if (opened !== undefined && this.#delivering.answers) {
      try {
        this.#known = await opened.stats()
      } catch (error) {
        if (!isAway(error)) throw error
      }
    }
    return statsOfBoth(this.#known, await this.#file.stats())
  }

  async mayHold(lanes: readonly string[]): Promise<boolean> {
    this.#checkOpen()
    return this.#operators.mayHold(lanes)
  }

  async lookup(positions: readonly Position[]): Promise<readonly EntryState[]> {
    this.#checkOpen()
    return this.#operators.lookup(positions)
  }

  async list(query: ListQuery): Promise<ListPage> {
    this.#checkOpen()
    return this.#operators.list(query)
  }

  async resolveDead(selection: DeadSelection, how: 'replay' | 'drop'): Promise<number> {
    this.#checkOpen()
    return this.#operators.resolveDead(selection, how)
  }

  async purge(lane: string): Promise<number> {
    this.#checkOpen()
    return this.#operators.purge(lane)
  }

  tell(hint: ProviderHint): void {
    this.#remote.opened?.tell(hint)
  }

  async setPaused(pause: SharedPause | null): Promise<void> {
    await this.#there().setPaused(pause)
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    await this.#keeper.stop()
    await this.#line.idle()
    await Promise.allSettled([this.#remote.close(), this.#file.close()])
  }

  #began(code: string | null, waiting: number): void {
    this.#notices.tell({ type: 'spill', state: 'begun', code, waiting })
    if (code !== null) this.#keeper.missed()
  }

  #there(): Outbox {
    this.#checkOpen()
    return this.#remote.get()
  }

  #checkOpen(): void {
    if (this.#closed !== undefined) throw new OutboxError('OUTBOX_CLOSED', 'the outbox is closed')
  }
}
