/** The contract on Redis: joins the data plane's parts, and the control plane beside it. */
import { OutboxError } from '../../errors.ts'
import type { IdempotencyStore } from '../../idempotency/store.ts'
import type { CancelTimer } from '../../runtime/clock.ts'
import { noTransactions, type OutboxLimits } from '../limits.ts'
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
  Outbox,
  OutboxContext,
  OutboxStats,
  Position,
  ProviderHint,
  Settlement,
  SharedPause,
  TransactionQuery,
} from '../outbox.ts'
import { Appends } from './appends.ts'
import type { ControlPlane, ControlPlaneParts } from './control-plane.ts'
import { Deliveries, type Died, handleName } from './deliveries.ts'
import { executionsIn } from './executions.ts'
import type { OutboxKeys } from './keys.ts'
import type { RedisLink } from './link.ts'
import { Presence } from './presence.ts'
import { Records } from './records.ts'
import { openScript, sweepScript } from './scripts/presence.ts'

/** Of what the scripts have written. A later one is refused. */
const FORMAT = 1
/** The newest dead letters are shown again so often, in case that one was missed. */
const SWEEPS_PER_MIRRORING = 300
const MIRRORED_AT_ONCE = 1_000
const SHOW_AGAIN_MS = 500

export type ControlPlaneHandlers = Pick<ControlPlaneParts, 'woken' | 'sweep' | 'pausedChanged'>

export interface RedisOutboxParts {
  readonly link: RedisLink
  readonly keys: OutboxKeys
  readonly limits: Required<OutboxLimits>
  readonly context: OutboxContext
  readonly openControlPlane: (handlers: ControlPlaneHandlers) => Promise<ControlPlane>
}

/** Throws `OutboxError`: `OUTBOX_NEWER_VERSION`, `OUTBOX_UNAVAILABLE`. The link is the outbox's from then on. */
export async function openRedisOutbox(parts: RedisOutboxParts): Promise<Outbox> {
  const format = Number(await parts.link.run(openScript, [parts.keys.base], [FORMAT]))
  if (format !== FORMAT) {
    throw new OutboxError(
      'OUTBOX_NEWER_VERSION',
      `the outbox in Redis has format ${format}; this version reads ${FORMAT}`,
    )
  }
  const outbox = new RedisOutbox(parts)
  await outbox.open()
  return outbox
}

class RedisOutbox implements Outbox {
  readonly executions: IdempotencyStore
  readonly #parts: RedisOutboxParts
  readonly #appends: Appends
  readonly #deliveries: Deliveries
  readonly #records: Records
  readonly #presence: Presence
  #control: ControlPlane | undefined
  #cancelShow: CancelTimer = () => {}
  #sweeps = 0
  #underWay = 0
  readonly #whenIdle: (() => void)[] = []
  #closed: Promise<void> | undefined

  constructor(parts: RedisOutboxParts) {
    this.#parts = parts
    const { link, keys, limits, context } = parts
    const handle = handleName(context.runtime.random)
    this.#appends = new Appends(link, keys.base, limits, () => this.#control?.ring())
    this.#deliveries = new Deliveries(link, keys.base, handle, (dead) => this.#mirror(dead))
    this.#records = new Records(link, keys.base, limits)
    this.#presence = new Presence({
      link,
      keys,
      handle,
      clock: context.runtime.clock,
      notice: context.notice,
      looks: context.looks === true,
    })
    const store = executionsIn(link, keys.base, limits)
    this.executions = {
      begin: (ask) => this.#ask(() => store.begin(ask)),
      renew: (ask) => this.#ask(() => store.renew(ask)),
      complete: (ask) => this.#ask(() => store.complete(ask)),
      abandon: (ask) => this.#ask(() => store.abandon(ask)),
    }
  }

  async open(): Promise<void> {
    this.#parts.context.notice({ type: 'role', role: 'active' })
    await this.#presence.open()
    // Bell and sweep are for those that deliver; what an operator changes they see by themselves.
    if (this.#parts.context.looks === true) return
    this.#control = await this.#parts.openControlPlane({
      woken: () => this.#presence.wakeAll(),
      sweep: () => this.#sweep(),
      pausedChanged: (paused) => this.#queuePaused(paused),
    })
    if (this.#presence.isPaused) this.#showPause()
  }

  append(entries: readonly NewEntry[], within?: TransactionQuery): Promise<readonly AppendResult[]> {
    if (within !== undefined) return Promise.reject(noTransactions())
    return this.#ask(() => this.#appends.append(entries))
  }

  claim(want: ClaimWant): Promise<Claim> {
    return this.#ask(() => this.#deliveries.claim(want))
  }

  renew(leases: readonly Lease[], leaseMs: number): Promise<readonly LeaseState[]> {
    return this.#ask(() => this.#deliveries.renew(leases, leaseMs))
  }

  settle(settlements: readonly Settlement[]): Promise<readonly LeaseState[]> {
    return this.#ask(() => this.#deliveries.settle(settlements))
  }

  async stats(): Promise<OutboxStats> {
    const stats = await this.#ask(() => this.#records.stats())
    return { role: 'active', ...stats, spilled: 0 }
  }

  mayHold(lanes: readonly string[]): Promise<boolean> {
    return this.#ask(() => this.#records.holds(lanes))
  }

  lookup(positions: readonly Position[]): Promise<readonly EntryState[]> {
    return this.#ask(() => this.#records.lookup(positions))
  }

  list(query: ListQuery): Promise<ListPage> {
    return this.#ask(() => this.#records.list(query))
  }

  async resolveDead(selection: DeadSelection, how: 'replay' | 'drop'): Promise<number> {
    const { count, wakes, ids } = await this.#ask(() => this.#records.resolveDead(selection, how))
    if (ids.length > 0) this.#control?.unmirror(ids)
    if (wakes && this.#control === undefined) this.#presence.wakeAll()
    else if (wakes) this.#control?.ring()
    return count
  }

  purge(lane: string): Promise<number> {
    return this.#ask(() => this.#records.purge(lane))
  }

  tell(hint: ProviderHint): void {
    if (this.#closed === undefined) this.#presence.tell(hint)
  }

  setPaused(pause: SharedPause | null): Promise<void> {
    return this.#ask(async () => {
      await this.#presence.setPaused(pause)
      this.#showPause()
    })
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    this.#cancelShow()
    await this.#appends.idle()
    if (this.#underWay > 0) await new Promise<void>((resolve) => this.#whenIdle.push(resolve))
    const wakes = await this.#deliveries.release().catch(() => false)
    await this.#presence.close()
    if (wakes) this.#presence.wakeAll()
    await this.#control?.close()
    await this.#parts.link.close()
  }

  async #ask<Answer>(question: () => Promise<Answer>): Promise<Answer> {
    if (this.#closed !== undefined) throw new OutboxError('OUTBOX_CLOSED', 'the outbox is closed')
    this.#underWay++
    try {
      return await question()
    } finally {
      this.#underWay--
      if (this.#underWay === 0) for (const resolve of this.#whenIdle.splice(0)) resolve()
    }
  }

  async #sweep(): Promise<void> {
    if (this.#closed !== undefined) return
    const { link, keys } = this.#parts
    if ((await link.run(sweepScript, [keys.base], [])) === 1) this.#presence.wakeAll()
    if (this.#sweeps++ % SWEEPS_PER_MIRRORING !== 0) return
    const { entries } = await this.#records.list({ from: 'dead', order: 'newest-first', limit: MIRRORED_AT_ONCE })
    this.#control?.mirror(entries.flatMap(({ id, type, dead }) => (dead === undefined ? [] : [{ id, type, ...dead }])))
  }

  #mirror(dead: readonly Died[]): void {
    const atMs = this.#parts.context.runtime.clock.wallMs()
    this.#control?.mirror(
      dead.map(({ id, type, detail: { reason, status, field } }) => ({
        id,
        type,
        reason,
        atMs,
        ...(status === undefined ? {} : { status }),
        ...(field === undefined ? {} : { field }),
      })),
    )
  }

  /** The queue of BullMQ only shows the pause; it follows when it can. */
  #showPause(): void {
    this.#cancelShow()
    void this.#control?.setPaused(this.#presence.isPaused).catch(() => {
      if (this.#closed !== undefined) return
      this.#cancelShow = this.#parts.context.runtime.clock.timer(SHOW_AGAIN_MS, () => this.#showPause())
    })
  }

  /** By somebody's hand, in Bull Board for instance; or it is the echo of a `setPaused` here or in another process. */
  #queuePaused(paused: boolean): void {
    void this.#followQueue(paused).catch(() => {})
  }

  async #followQueue(paused: boolean): Promise<void> {
    // Another process writes its pause first and then shows it in the queue, but its message may come after both.
    if (paused !== this.#presence.isPaused) await this.#presence.look()
    if (this.#closed !== undefined || paused === this.#presence.isPaused) return
    const { clock } = this.#parts.context.runtime
    const pause = paused ? { who: 'BullMQ', why: 'the queue was paused', atMs: clock.wallMs() } : null
    await this.#presence.setPaused(pause)
  }
}
