/**
 * The memory outbox: the model of the contract, in the simplest code that keeps it. Nothing survives the process.
 *
 * What one factory opens is one outbox, so that a test can open it again after a simulated crash, or twice. The first
 * handle delivers; another takes over when that one closes, or has not been heard of for some seconds. As a model of the
 * outboxes for many machines all handles deliver.
 */
import { OptionsError, OutboxError } from '../errors.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { memoryIdempotencyStore } from '../idempotency/memory-store.ts'
import type { IdempotencyStore } from '../idempotency/store.ts'
import { noTransactions, resolveLimits, type OutboxLimits } from './limits.ts'
import { MemoryRecords } from './memory/records.ts'
import { MemoryTurns } from './memory/turns.ts'
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
  OutboxNotice,
  OutboxStats,
  Position,
  ProviderHint,
  Settlement,
  SharedPause,
  TransactionQuery,
} from './outbox.ts'
import { positionOf, sequenceOf } from './position.ts'

const SILENT_MS = 4_000
const STANDBY_CLAIM_MS = 1_000

/** What the handles of one outbox share. */
interface Shared {
  readonly records: MemoryRecords
  readonly turns: MemoryTurns
  readonly handles: Set<MemoryOutbox>
  owner: MemoryOutbox | undefined
  ownerSeenMs: number
  /** Made by the first handle, which brings the clock. */
  executions: IdempotencyStore | undefined
  readonly limits: Required<OutboxLimits>
  readonly allDeliver: boolean
  pause: SharedPause | null
}

export interface MemoryOutboxOptions extends OutboxLimits {
  /** Which of several handles deliver: one at a time, as with a file, or all, as with a store of many machines. @defaultValue 'one' */
  readonly deliver?: 'one' | 'all'
}

/**
 * An outbox without a file, for tests and for what may be lost with the process. Throws `OptionsError`.
 * @example `const outbox = await memoryOutbox()({ runtime: systemRuntime, workspace: 'main', notice: () => {} })`
 */
export function memoryOutbox(options: MemoryOutboxOptions = {}): OpenOutbox {
  const limits = resolveLimits(options)
  const { deliver = 'one' } = options
  if (deliver !== 'one' && deliver !== 'all') throw new OptionsError('deliver', 'must be one of one, all')
  const shared: Shared = {
    records: new MemoryRecords(limits, deliver === 'all'),
    turns: new MemoryTurns(),
    handles: new Set(),
    owner: undefined,
    ownerSeenMs: 0,
    executions: undefined,
    limits,
    allDeliver: deliver === 'all',
    pause: null,
  }
  return (context) => Promise.resolve(new MemoryOutbox(shared, context))
}

class MemoryOutbox implements Outbox {
  readonly executions: IdempotencyStore
  readonly #shared: Shared
  readonly #runtime: Runtime
  readonly #notice: (notice: OutboxNotice) => void
  #role: 'active' | 'standby' | undefined
  #closed = false

  constructor(shared: Shared, context: OutboxContext) {
    this.#shared = shared
    this.#runtime = context.runtime
    this.#notice = context.notice
    const { maxResults: maxKeys, maxResultChars: maxChars } = shared.limits
    const store = (shared.executions ??= memoryIdempotencyStore({ maxKeys, maxChars, clock: context.runtime.clock }))
    this.executions = {
      begin: async (ask) => this.#open(store).begin(ask),
      renew: async (ask) => this.#open(store).renew(ask),
      complete: async (ask) => this.#open(store).complete(ask),
      abandon: async (ask) => this.#open(store).abandon(ask),
    }
    shared.handles.add(this)
    this.#isActive(true)
    this.#tellCount()
    if (shared.pause !== null) this.#notice({ type: 'paused', pause: shared.pause })
  }

  async append(entries: readonly NewEntry[], within?: TransactionQuery): Promise<readonly AppendResult[]> {
    this.#checkOpen()
    if (within !== undefined) throw noTransactions()
    const { records, turns, handles } = this.#shared
    const { results, added } = records.append(entries, this.#runtime.clock.wallMs())
    for (const stored of added) turns.add(stored)
    for (const handle of handles) if (handle !== this && added.length > 0) handle.#notice({ type: 'appended' })
    return results
  }

  async claim(want: ClaimWant): Promise<Claim> {
    this.#checkOpen()
    if (!this.#isActive(true)) return { lease: '', entries: [], nextInMs: STANDBY_CLAIM_MS, role: 'standby' }
    const nowMs = this.#runtime.clock.monotonicMs()
    const { lease, given } = this.#shared.turns.claim(want, nowMs, this)
    const nextMs = this.#shared.turns.nextMs(nowMs)
    return {
      lease,
      entries: given.map((stored) => ({
        ...stored.entry,
        position: positionOf(stored.sequence),
        attempts: stored.attempts,
      })),
      nextInMs: nextMs === undefined ? null : nextMs - nowMs,
      role: 'active',
    }
  }

  async renew(leases: readonly Lease[], leaseMs: number): Promise<readonly LeaseState[]> {
    this.#checkOpen()
    const active = this.#isActive(false)
    const nowMs = this.#runtime.clock.monotonicMs()
    return leases.map((lease) => (active ? this.#shared.turns.renew(lease, leaseMs, nowMs) : 'lapsed'))
  }

  async settle(settlements: readonly Settlement[]): Promise<readonly LeaseState[]> {
    this.#checkOpen()
    const active = this.#isActive(false)
    this.#shared.turns.expire(this.#runtime.clock.monotonicMs())
    return settlements.map((settlement) => (active ? this.#settleOne(settlement) : 'lapsed'))
  }

  async stats(): Promise<OutboxStats> {
    this.#checkOpen()
    this.#shared.turns.expire(this.#runtime.clock.monotonicMs())
    const role = this.#isActive(false) ? 'active' : 'standby'
    const counts = role === 'active' ? this.#shared.turns.counts() : { inFlight: 0, lanesHeld: 0 }
    return { role, ...counts, ...this.#shared.records.stats(this.#runtime.clock.wallMs()) }
  }

  async mayHold(lanes: readonly string[]): Promise<boolean> {
    this.#checkOpen()
    return this.#shared.turns.holds(lanes)
  }

  async lookup(positions: readonly Position[]): Promise<readonly EntryState[]> {
    this.#checkOpen()
    return positions.map((position) => this.#shared.records.lookup(sequenceOf(position)))
  }

  async list(query: ListQuery): Promise<ListPage> {
    this.#checkOpen()
    return this.#shared.records.list(query)
  }

  async resolveDead(selection: DeadSelection, how: 'replay' | 'drop'): Promise<number> {
    this.#checkOpen()
    const { records, turns } = this.#shared
    if (how === 'drop') return records.drop(selection)
    const replayed = records.replay(selection)
    for (const stored of replayed) turns.add(stored)
    return replayed.length
  }

  async purge(lane: string): Promise<number> {
    this.#checkOpen()
    const { waiting, total } = this.#shared.records.purge(lane)
    for (const stored of waiting) this.#shared.turns.remove(stored)
    return total
  }

  tell(hint: ProviderHint): void {
    if (this.#closed || !this.#shared.allDeliver) return
    for (const handle of this.#shared.handles) if (handle !== this) handle.#notice({ type: 'hint', hint })
  }

  async setPaused(pause: SharedPause | null): Promise<void> {
    this.#checkOpen()
    if (pause === null && this.#shared.pause === null) return
    this.#shared.pause = pause
    for (const handle of this.#shared.handles) handle.#notice({ type: 'paused', pause })
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#shared.handles.delete(this)
    if (this.#shared.owner === this) this.#shared.owner = undefined
    if (this.#shared.allDeliver) this.#shared.turns.endOf(this)
    this.#tellCount()
  }

  #tellCount(): void {
    const { handles, allDeliver } = this.#shared
    if (allDeliver) for (const handle of handles) handle.#notice({ type: 'handles', count: handles.size })
  }

  #settleOne({ lease, position, verdict }: Settlement): LeaseState {
    const { records, turns } = this.#shared
    const stored = turns.held(lease, sequenceOf(position))
    if (stored === undefined) return 'lapsed'
    if (verdict.to === 'waiting') {
      if (verdict.countAttempt) stored.attempts++
      turns.holdBack(stored, verdict.delayMs, this.#runtime.clock.monotonicMs())
      return 'held'
    }
    if (verdict.to === 'delivered') {
      records.deliver(stored)
    } else {
      const { to: _, ...detail } = verdict
      records.bury(stored, detail, this.#runtime.clock.wallMs())
    }
    turns.remove(stored)
    return 'held'
  }

  /** Also a sign of life: an owner that is not heard of loses the outbox to a handle that asks for it. */
  #isActive(takeOver: boolean): boolean {
    const active = this.#shared.allDeliver || this.#owns(takeOver)
    const role = active ? 'active' : 'standby'
    if (role !== this.#role) {
      this.#role = role
      this.#notice({ type: 'role', role })
    }
    return active
  }

  #owns(takeOver: boolean): boolean {
    const shared = this.#shared
    const nowMs = this.#runtime.clock.monotonicMs()
    const vacant = shared.owner === undefined || nowMs - shared.ownerSeenMs > SILENT_MS
    if (shared.owner !== this && vacant && takeOver) {
      shared.owner = this
      shared.turns.reset()
    }
    if (shared.owner === this) shared.ownerSeenMs = nowMs
    return shared.owner === this
  }

  #open(store: IdempotencyStore): IdempotencyStore {
    this.#checkOpen()
    return store
  }

  #checkOpen(): void {
    if (this.#closed) throw new OutboxError('OUTBOX_CLOSED', 'the outbox is closed')
  }
}
