/**
 * The outbox contract: a durable store of entries in lane order. The memory outbox is the model; every outbox passes
 * the conformance suite (`testing/outbox-conformance.ts`), which is this contract's other half.
 *
 * Invariants
 * 1. `append` is atomic and durable when it resolves: all entries of one call, in the order given, or none.
 * 2. An entry is claimed only when it is the oldest unsettled entry of each of its lanes, and none of its lanes is in
 *    flight or held back by a retry. So at most one entry of a lane is in flight.
 * 3. Every write back proves its right: a settlement under a lapsed lease changes nothing and answers `lapsed`.
 * 4. A lease ends by itself. Its entries are then claimable again, with their place in the lane kept.
 * 5. A retry holds back its own lanes and nothing else. Where one handle delivers, waits are measured on its monotonic
 *    clock and are forgotten by a restart: a clock that jumps cannot hold a lane back. Where all deliver, leases and waits
 *    are measured on the store's clock, which all of them share, and a wait outlives the handle that asked for it.
 * 6. `accepted = delivered + dead + expired + purged + dropped + waiting + lost`, and `lost` is 0 (see `OutboxTotals`).
 * 7. Settling, listing and purging work in a full outbox, and on a full disk.
 * 8. Live entries of lanes that had nothing waiting when they were appended are not stuck behind a backlog, nor are
 *    live entries that follow only such ones: a claim serves them and the backlog side by side, a quarter of it at
 *    least for the backlog. Inside a lane the order holds whatever the priority.
 * 9. Several handles, also of several processes, may share one outbox; all append and ask. In one kind of outbox one
 *    handle at a time delivers: only the active one claims; another takes over at once when it closes, and within seconds
 *    when it dies, and a takeover ends all leases and all waits. In the other kind, for many machines, all deliver: every
 *    handle is active, a lane in flight with one of them is not given to another, and a handle that closes ends its own
 *    leases at once.
 * 10. Where all deliver, a call of `append` whose answer was lost can be made again, whole, with the same ids, through any
 *     handle: for 15 minutes, or until a million others have come, its entries are known again, keyed or not, and are
 *     stored once.
 * 11. A pause is the outbox's: it holds for all handles, outlives them, and each is told of it. The outbox goes on giving
 *     claims; whoever sends keeps to the pause.
 * 12. `executions` keeps its own contract (`idempotency/store.ts`) for all handles of the outbox, active or not. What is
 *     in it does not count among the entries, and survives as they do.
 */
import type { IdempotencyStore } from '../idempotency/store.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { NewEntry } from './entry.ts'

/** Where an entry is in its outbox; opaque to everyone else. */
export type Position = string

/** The right to settle what one claim gave; opaque. */
export type Lease = string

export interface AppendResult {
  readonly state: 'stored' | 'duplicate'
  /** For a duplicate: the position of the entry that was there first. */
  readonly position: Position
  /** It is in an outbox beside this one, because this one is away. */
  readonly spilled?: true
}

export interface ClaimWant {
  readonly entriesMax: number
  /** Of bodies. One entry is given even if it is larger. */
  readonly bytesMax: number
  readonly leaseMs: number
}

export interface ClaimedEntry extends NewEntry {
  readonly position: Position
  /** Attempts that were counted so far. */
  readonly attempts: number
}

export interface Claim {
  readonly lease: Lease
  readonly entries: readonly ClaimedEntry[]
  /** When to ask again, at the latest, if nothing is appended here meanwhile; null when only an append can help. */
  readonly nextInMs: number | null
  /** `standby`: another process delivers from this outbox, and this claim is therefore empty. */
  readonly role: 'active' | 'standby'
}

export type LeaseState = 'held' | 'lapsed'

export type DeadReason = 'rejected' | 'expired' | 'campaign-window' | 'unreadable' | 'damaged' | 'unknown-fate'

/** Why an entry became a dead letter, in Customer.io's own words where it gave some. Never holds a payload. */
export interface DeadDetail {
  readonly reason: DeadReason
  readonly status?: number
  readonly field?: string
  readonly message?: string
}

/** What becomes of a claimed entry. */
export type Verdict =
  | { readonly to: 'delivered' }
  /** Back to the head of its lanes, which are held for `delayMs`. */
  | { readonly to: 'waiting'; readonly delayMs: number; readonly countAttempt: boolean }
  | ({ readonly to: 'dead' } & DeadDetail)

export interface Settlement {
  readonly lease: Lease
  readonly position: Position
  readonly verdict: Verdict
}

/**
 * What became of everything accepted since the outbox was made; kept in the same commits as what they count. Each
 * accepted entry is in exactly one of `delivered`, `dead`, `expired`, `purged`, `dropped`, or still waiting.
 */
export interface OutboxTotals {
  readonly accepted: number
  readonly delivered: number
  /** Dead letters, without expired ones. One that is replayed, dropped or purged is taken off again. */
  readonly dead: number
  /** Dead letters of the reason `expired`. Taken off like `dead`. */
  readonly expired: number
  readonly purged: number
  /** Dead letters that an operator dropped. */
  readonly dropped: number
  /** Appends that were answered `duplicate`. They are not accepted a second time. */
  readonly duplicates: number
}

export interface OutboxStats {
  readonly role: 'active' | 'standby'
  /** Unsettled entries, whatever their state. */
  readonly waiting: number
  readonly waitingBytes: number
  readonly inFlight: number
  /** Lanes that are held back by a retry. */
  readonly lanesHeld: number
  readonly deadLetters: number
  readonly deadBytes: number
  /** Bounds of waiting entries and dead letters together. */
  readonly operationsMax: number
  readonly bytesMax: number
  /** Wall time at which the first waiting entry was accepted. */
  readonly oldestAcceptedAtMs: number | null
  /** Start of the tightest campaign window that is still open among what waits. May be some minutes old in a large outbox. */
  readonly oldestCampaignAtMs: number | null
  readonly totals: OutboxTotals
  /** Entries that wait in an outbox beside this one because it was away when they came; they are not in `waiting`. */
  readonly spilled: number
  /**
   * What was accepted and is neither settled nor found when the stored entries are counted; not 0 means that the
   * outbox lost something. Counted anew each time in a small outbox, from time to time in a large one.
   */
  readonly lost: number
}

/**
 * `waiting` also while in flight. A replayed dead letter is what became of it since. `unknown`: the outbox never gave
 * this position, or has forgotten what became of it (of purged and dropped entries it remembers the newest only).
 */
export type EntryState =
  | { readonly state: 'waiting' }
  | { readonly state: 'delivered' }
  | ({ readonly state: 'dead' } & DeadDetail)
  | { readonly state: 'purged' }
  | { readonly state: 'dropped' }
  | { readonly state: 'unknown' }

export interface ListQuery {
  readonly from: 'waiting' | 'dead'
  readonly lane?: string
  readonly reason?: DeadReason
  /** Of this operation alone. */
  readonly id?: string
  /** @defaultValue 'oldest-first' */
  readonly order?: 'oldest-first' | 'newest-first'
  /** `after` of the page before, in the same order. */
  readonly after?: Position
  /** At most 1,000. */
  readonly limit: number
}

export interface ListedEntry extends NewEntry {
  readonly position: Position
  readonly attempts: number
  /** For dead letters. */
  readonly dead?: DeadDetail & { readonly atMs: number }
}

export interface ListPage {
  readonly entries: readonly ListedEntry[]
  /** Null on the last page. */
  readonly after: Position | null
}

/** Which dead letters: by position, or all that match. */
export type DeadSelection =
  | { readonly positions: readonly Position[] }
  | { readonly all: true; readonly reason?: DeadReason; readonly lane?: string }

/** Who stopped delivery from an outbox, for all its handles. */
export interface SharedPause {
  readonly who: string
  /** In the operator's words; empty where none were given. */
  readonly why: string
  /** Wall time. */
  readonly atMs: number
}

/**
 * Runs one SQL statement, with `$1` to `$n` for its values, in a transaction that the caller has open. Resolves to the
 * rows; rejects as the database does.
 */
export type TransactionQuery = (
  text: string,
  values: readonly unknown[],
) => Promise<readonly Readonly<Record<string, unknown>>[]>

export interface Outbox {
  /** Leases and results of `executeIdempotent`. Throws `OutboxError`. */
  readonly executions: IdempotencyStore
  /**
   * Resolves once all entries are durable. Throws `OutboxFullError` or `OutboxError`; then none is stored, unless the
   * error says `mayBeStored`.
   * @param within a transaction of the caller's in which the entries are written: they are there if and only if it
   * commits. Only for an outbox in the caller's database; others throw `OptionsError` (`within`).
   */
  append(entries: readonly NewEntry[], within?: TransactionQuery): Promise<readonly AppendResult[]>
  /** Leases entries that may go now. */
  claim(want: ClaimWant): Promise<Claim>
  /** Makes leases last `leaseMs` from now. */
  renew(leases: readonly Lease[], leaseMs: number): Promise<readonly LeaseState[]>
  /** Writes verdicts back, durably. One answer for each settlement. */
  settle(settlements: readonly Settlement[]): Promise<readonly LeaseState[]>
  stats(): Promise<OutboxStats>
  /**
   * Whether anything unsettled may be in one of these lanes. `false` is certain for everything whose append, through
   * whatever handle, had resolved before; `true` may also mean that there is more than can be looked through.
   */
  mayHold(lanes: readonly string[]): Promise<boolean>
  /** What became of entries, one answer for each position. */
  lookup(positions: readonly Position[]): Promise<readonly EntryState[]>
  /** For operators; in the order in which the entries were appended, or the other way round. */
  list(query: ListQuery): Promise<ListPage>
  /** Puts dead letters at the end of their lanes again (same id, same times), or drops them. Resolves to how many. */
  resolveDead(selection: DeadSelection, how: 'replay' | 'drop'): Promise<number>
  /**
   * Removes everything of a lane, waiting and dead, also entries that have other lanes besides; what is in flight
   * loses its lease. Resolves to how many. What is appended meanwhile may stay.
   */
  purge(lane: string): Promise<number>
  /**
   * Tells the other handles that deliver what this one has learned of the provider. Waits for nothing and never throws;
   * a hint may be lost, or come late.
   */
  tell(hint: ProviderHint): void
  /** Pauses delivery for all handles, or ends the pause (null). Resolves once it is stored; each handle is then told. */
  setPaused(pause: SharedPause | null): Promise<void>
  /** Ends leases and gives the outbox back. What is under way finishes first. Closing twice is allowed. */
  close(): Promise<void>
}

/**
 * What one handle has learned of the provider. `limited`: it was asked to send less, and waits for so long. `failing`: its
 * circuit is open for so long. `well`: its circuit has closed.
 */
export type ProviderHint =
  | { readonly kind: 'limited'; readonly forMs: number }
  | { readonly kind: 'failing'; readonly forMs: number }
  | { readonly kind: 'well' }

/** Which server keeps the outbox, and what it may lose. */
export interface StoreReport {
  /** `redis 7.0.15`, `postgres 15.18`. */
  readonly server: string
  /** Sentences of what the server is not safe against as it is configured; none where all is well. */
  readonly risks: readonly string[]
}

/** What an outbox has to say without having been asked. */
export type OutboxNotice =
  /** This handle may deliver from now on, or may not any more; its leases have then lapsed. The first one follows opening. */
  | { readonly type: 'role'; readonly role: 'active' | 'standby' }
  /** Another handle appended: it is worth claiming. */
  | { readonly type: 'appended' }
  /** From another handle, where all deliver. */
  | { readonly type: 'hint'; readonly hint: ProviderHint }
  /** Where all deliver: how many handles there are now, this one included. Told when it changes, within seconds. */
  | { readonly type: 'handles'; readonly count: number }
  /** Delivery from this outbox is paused, or not any more. Told when a handle opens on a paused one, and at each change. */
  | { readonly type: 'paused'; readonly pause: SharedPause | null }
  /** What a server that keeps the outbox can do, told once it is known, and again when it has changed. */
  | { readonly type: 'store-report'; readonly report: StoreReport }
  /**
   * Appends go to an outbox beside this one, because this one is away (`begun`, with the code of the error), or have all
   * been taken over from it (`ended`). `waiting`: entries that are there.
   */
  | {
      readonly type: 'spill'
      readonly state: 'begun' | 'ended'
      readonly code: string | null
      readonly waiting: number
    }
  /** A stored entry does not match its checksum any more; it was made a dead letter `damaged`, with its bytes kept. */
  | { readonly type: 'damaged-entry'; readonly position: Position }
  /**
   * The store was damaged: it was set aside under `path`, and what could be read of it was taken over into a new one.
   * `lost` is how many entries could not be, null where even their number is unknown.
   */
  | {
      readonly type: 'quarantined'
      readonly path: string
      readonly recovered: number
      readonly lost: number | null
    }

/** What an outbox gets from whoever opens it. */
export interface OutboxContext {
  readonly runtime: Runtime
  /** Whose operations these are; opaque. A store belongs to one workspace, and that of another one is refused. */
  readonly workspace: string
  /** Must not throw. Called at any time between opening and the end of `close`. */
  readonly notice: (notice: OutboxNotice) => void
  /** An operator's handle: it looks and acts, and never claims. Where all deliver it does not count among the handles. */
  readonly looks?: true
}

/** Opens a handle. Throws `OutboxError` where the store cannot be used. */
export type OpenOutbox = (context: OutboxContext) => Promise<Outbox>

export type { NewEntry }
