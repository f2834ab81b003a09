/**
 * The SQLite outbox of production: the contract on the caller's thread, SQLite and its fsyncs in another. When that
 * thread dies, all that is under way fails with a typed error, and the next call starts another one.
 */
import { OutboxError } from '../../errors.ts'
import type { Clock } from '../../runtime/clock.ts'
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
  OutboxContext,
  OutboxNotice,
  OutboxStats,
  Position,
  Settlement,
  SharedPause,
  TransactionQuery,
} from '../outbox.ts'
import { noTransactions } from '../limits.ts'
import type { IdempotencyStore } from '../../idempotency/store.ts'
import { ExecutionGroups } from './execution-groups.ts'
import { GroupCommit } from './group-commit.ts'
import type { Handed, HandoverOutbox, Head, HeadWant, Whereabouts } from './handover.ts'
import type { ResolvedSqliteOptions } from './options.ts'
import { onlyNewPauses } from './pause.ts'
import {
  unpackClaim,
  unpackHead,
  type PackedClaim,
  type PackedGroupResult,
  type PackedHead,
  type Request,
  type WorkerSetup,
} from './wire.ts'
import { WorkerLink, type WorkerEvents } from './worker-link.ts'

/** A thread that does not live longer than this is not started again at once. */
const RESTART_MS = 1_000

type StartLink = (setup: WorkerSetup, events: WorkerEvents) => WorkerLink

/** Opens the outbox in a thread of its own, as `startLink` starts it. Throws `OutboxError`. */
export async function openThreaded(
  options: ResolvedSqliteOptions,
  context: OutboxContext,
  startLink: StartLink = (setup, events) => new WorkerLink(setup, events),
): Promise<HandoverOutbox> {
  const outbox = new ThreadedOutbox(options, context, startLink)
  await outbox.open()
  return outbox
}

class ThreadedOutbox implements HandoverOutbox {
  readonly executions: IdempotencyStore
  readonly #setup: WorkerSetup
  readonly #clock: Clock
  readonly #notice: (notice: OutboxNotice) => void
  readonly #groups: GroupCommit
  readonly #executionGroups: ExecutionGroups
  readonly #startLink: StartLink
  #link: WorkerLink
  #startedMs = 0
  #closed: Promise<void> | undefined

  constructor(options: ResolvedSqliteOptions, context: OutboxContext, startLink: StartLink) {
    this.#startLink = startLink
    this.#setup = { options, workspace: context.workspace }
    this.#clock = context.runtime.clock
    this.#notice = onlyNewPauses(context.notice)
    this.#groups = new GroupCommit(options.maxPendingBytes, (group) =>
      this.#send<PackedGroupResult>({ kind: 'write', group }),
    )
    this.#executionGroups = new ExecutionGroups((requests) => this.#send({ kind: 'execution', requests }))
    const { store } = this.#executionGroups
    this.executions = {
      begin: (ask) => (this.#closed === undefined ? store.begin(ask) : refused()),
      renew: (ask) => (this.#closed === undefined ? store.renew(ask) : refused()),
      complete: (ask) => (this.#closed === undefined ? store.complete(ask) : refused()),
      abandon: (ask) => (this.#closed === undefined ? store.abandon(ask) : refused()),
    }
    this.#link = this.#start()
  }

  async open(): Promise<void> {
    try {
      await this.#send({ kind: 'open' })
    } catch (error) {
      await this.#link.close()
      throw error
    }
  }

  append(entries: readonly NewEntry[], within?: TransactionQuery): Promise<readonly AppendResult[]> {
    if (within !== undefined) return Promise.reject(noTransactions())
    return this.#closed === undefined ? this.#groups.append(entries) : refused()
  }

  async claim(want: ClaimWant): Promise<Claim> {
    return unpackClaim(await this.#ask<PackedClaim>({ kind: 'claim', want }))
  }

  renew(leases: readonly Lease[], leaseMs: number): Promise<readonly LeaseState[]> {
    return this.#ask({ kind: 'renew', leases, leaseMs })
  }

  settle(settlements: readonly Settlement[]): Promise<readonly LeaseState[]> {
    return this.#closed === undefined ? this.#groups.settle(settlements) : refused()
  }

  stats(): Promise<OutboxStats> {
    return this.#ask({ kind: 'stats' })
  }

  mayHold(lanes: readonly string[]): Promise<boolean> {
    return this.#ask({ kind: 'mayHold', lanes })
  }

  lookup(positions: readonly Position[]): Promise<readonly EntryState[]> {
    return this.#ask({ kind: 'lookup', positions })
  }

  list(query: ListQuery): Promise<ListPage> {
    return this.#ask({ kind: 'list', query })
  }

  resolveDead(selection: DeadSelection, how: 'replay' | 'drop'): Promise<number> {
    return this.#ask({ kind: 'resolveDead', selection, how })
  }

  purge(lane: string): Promise<number> {
    return this.#ask({ kind: 'purge', lane })
  }

  async head(want: HeadWant): Promise<Head> {
    return unpackHead(await this.#ask<PackedHead>({ kind: 'head', want }))
  }

  handOver(handed: readonly Handed[]): Promise<boolean> {
    return this.#ask({ kind: 'handOver', handed })
  }

  whereabouts(positions: readonly Position[]): Promise<readonly Whereabouts[]> {
    return this.#ask({ kind: 'whereabouts', positions })
  }

  /** Nobody else delivers while this handle does. */
  tell(): void {}

  setPaused(pause: SharedPause | null): Promise<void> {
    return this.#ask({ kind: 'setPaused', pause })
  }

  close(): Promise<void> {
    this.#closed ??= Promise.all([this.#groups.idle(), this.#executionGroups.idle()]).then(() => this.#link.close())
    return this.#closed
  }

  #ask<Answer>(request: Request): Promise<Answer> {
    return this.#closed === undefined ? this.#send(request) : refused()
  }

  #send<Answer>(request: Request): Promise<Answer> {
    if (this.#link.dead && this.#clock.monotonicMs() - this.#startedMs >= RESTART_MS) this.#link = this.#start()
    return this.#link.call(request)
  }

  #start(): WorkerLink {
    this.#startedMs = this.#clock.monotonicMs()
    return this.#startLink(this.#setup, {
      notice: this.#notice,
      died: () => this.#notice({ type: 'role', role: 'standby' }),
    })
  }
}

function refused(): Promise<never> {
  return Promise.reject(new OutboxError('OUTBOX_CLOSED', 'the outbox is closed'))
}
