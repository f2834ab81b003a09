/**
 * What the memory outbox stores: waiting entries and dead letters by sequence, what it remembers of the others, and
 * the totals. The part of the model that another outbox has on disk; who may go is in `turns.ts`.
 */
import { OutboxFullError } from '../../errors.ts'
import { CAMPAIGN_WINDOW_MS, KEYS_MAX, RESEND_MS, RETRY_FULL_MS, TOMBSTONES_MAX, type OutboxLimits } from '../limits.ts'
import type {
  AppendResult,
  DeadDetail,
  DeadSelection,
  EntryState,
  ListedEntry,
  ListPage,
  ListQuery,
  NewEntry,
  OutboxStats,
} from '../outbox.ts'
import { positionOf, sequenceOf } from '../position.ts'

export interface StoredEntry {
  readonly sequence: number
  readonly entry: NewEntry
  readonly bytes: number
  attempts: number
}

interface DeadEntry extends StoredEntry {
  readonly dead: DeadDetail & { readonly atMs: number }
}

type Tombstone = { readonly state: 'purged' | 'dropped' } | { readonly movedTo: number }

export class MemoryRecords {
  readonly waiting: Map<number, StoredEntry> = new Map()
  readonly #dead = new Map<number, DeadEntry>()
  readonly #tombstones = new Map<number, Tombstone>()
  readonly #keys = new Map<string, { readonly sequence: number; readonly atMs: number; readonly forMs: number }>()
  /** Every id is known again for a while, not only those with a key. */
  readonly #remembersAll: boolean
  readonly #limits: Required<OutboxLimits>
  #lastSequence = 0
  /** Nothing is known any more about missing entries up to here. */
  #forgottenTo = 0
  #waitingBytes = 0
  #deadBytes = 0
  readonly #totals = { accepted: 0, delivered: 0, dead: 0, expired: 0, purged: 0, dropped: 0, duplicates: 0 }

  constructor(limits: Required<OutboxLimits>, remembersAll: boolean) {
    this.#limits = limits
    this.#remembersAll = remembersAll
  }

  /** All entries or none. `added` are those that were not there yet. */
  append(
    entries: readonly NewEntry[],
    wallMs: number,
  ): { readonly results: readonly AppendResult[]; readonly added: readonly StoredEntry[] } {
    const added: StoredEntry[] = []
    const inThisCall = new Map<string, number>()
    const results = entries.map((entry): AppendResult => {
      const isKnown = entry.keyed || this.#remembersAll
      const first = isKnown ? (inThisCall.get(entry.id) ?? this.#known(entry.id, wallMs)) : undefined
      if (first !== undefined) return { state: 'duplicate', position: positionOf(first) }
      const sequence = this.#lastSequence + added.length + 1
      added.push({ sequence, entry, bytes: Buffer.byteLength(entry.body), attempts: 0 })
      if (isKnown) inThisCall.set(entry.id, sequence)
      return { state: 'stored', position: positionOf(sequence) }
    })
    this.#checkRoom(added)
    for (const stored of added) {
      this.#insert(stored)
      if (stored.entry.keyed) this.#remember(stored, wallMs, this.#limits.rememberKeysMs)
      else if (this.#remembersAll) this.#remember(stored, wallMs, RESEND_MS)
    }
    this.#totals.accepted += added.length
    this.#totals.duplicates += entries.length - added.length
    return { results, added }
  }

  deliver(stored: StoredEntry): void {
    this.#removeWaiting(stored)
    this.#totals.delivered++
  }

  bury(stored: StoredEntry, detail: DeadDetail, atMs: number): void {
    this.#removeWaiting(stored)
    this.#dead.set(stored.sequence, { ...stored, dead: { ...detail, atMs } })
    this.#deadBytes += stored.bytes
    this.#totals[countedAs(detail)]++
  }

  /** Removes all of a lane. The waiting ones are handed back. */
  purge(lane: string): { readonly waiting: readonly StoredEntry[]; readonly total: number } {
    const inLane = (stored: StoredEntry): boolean => stored.entry.lanes.includes(lane)
    const waiting = [...this.waiting.values()].filter(inLane)
    const dead = [...this.#dead.values()].filter(inLane)
    for (const stored of waiting) this.#removeWaiting(stored)
    for (const stored of dead) this.#removeDead(stored)
    for (const stored of [...waiting, ...dead]) this.#bequeath(stored.sequence, { state: 'purged' })
    this.#totals.purged += waiting.length + dead.length
    return { waiting, total: waiting.length + dead.length }
  }

  drop(selection: DeadSelection): number {
    const selected = this.#selectDead(selection)
    for (const stored of selected) {
      this.#removeDead(stored)
      this.#bequeath(stored.sequence, { state: 'dropped' })
    }
    this.#totals.dropped += selected.length
    return selected.length
  }

  /** The new entries, at the end of their lanes. */
  replay(selection: DeadSelection): readonly StoredEntry[] {
    return this.#selectDead(selection).map((stored) => {
      this.#removeDead(stored)
      const again = { sequence: this.#lastSequence + 1, entry: stored.entry, bytes: stored.bytes, attempts: 0 }
      this.#insert(again)
      this.#bequeath(stored.sequence, { movedTo: again.sequence })
      return again
    })
  }

  lookup(sequence: number): EntryState {
    if (this.waiting.has(sequence)) return { state: 'waiting' }
    const dead = this.#dead.get(sequence)
    if (dead !== undefined) {
      const { atMs: _, ...detail } = dead.dead
      return { state: 'dead', ...detail }
    }
    const tombstone = this.#tombstones.get(sequence)
    if (tombstone !== undefined) return 'movedTo' in tombstone ? this.lookup(tombstone.movedTo) : tombstone
    if (sequence <= this.#forgottenTo || sequence > this.#lastSequence) return { state: 'unknown' }
    return { state: 'delivered' }
  }

  list(query: ListQuery): ListPage {
    const newestFirst = query.order === 'newest-first'
    const after = query.after === undefined ? null : sequenceOf(query.after)
    const inOrder: (StoredEntry | DeadEntry)[] = [
      ...(query.from === 'waiting' ? this.waiting.values() : this.#deadInOrder()),
    ]
    const matching = (newestFirst ? inOrder.reverse() : inOrder).filter(
      (stored) =>
        (after === null || (newestFirst ? stored.sequence < after : stored.sequence > after)) &&
        (query.id === undefined || stored.entry.id === query.id) &&
        (query.lane === undefined || stored.entry.lanes.includes(query.lane)) &&
        (query.reason === undefined || ('dead' in stored && stored.dead.reason === query.reason)),
    )
    const page = matching.slice(0, query.limit)
    const last = page.at(-1)
    return {
      entries: page.map(listed),
      after: last === undefined || matching.length === page.length ? null : positionOf(last.sequence),
    }
  }

  stats(wallMs: number): Omit<OutboxStats, 'role' | 'inFlight' | 'lanesHeld'> {
    const opened = [...this.waiting.values()]
      .map((stored) => stored.entry.campaignAtMs)
      .filter((atMs) => atMs !== null && atMs > wallMs - CAMPAIGN_WINDOW_MS)
    const [oldest] = this.waiting.values()
    const { accepted, delivered, purged, dropped } = this.#totals
    return {
      waiting: this.waiting.size,
      waitingBytes: this.#waitingBytes,
      deadLetters: this.#dead.size,
      deadBytes: this.#deadBytes,
      operationsMax: this.#limits.maxOperations,
      bytesMax: this.#limits.maxBytes,
      oldestAcceptedAtMs: oldest?.entry.acceptedAtMs ?? null,
      oldestCampaignAtMs: opened.reduce((least, atMs) => (least === null || atMs! < least ? atMs : least), null),
      totals: { ...this.#totals },
      spilled: 0,
      lost: accepted - delivered - purged - dropped - this.waiting.size - this.#dead.size,
    }
  }

  #insert(stored: StoredEntry): void {
    this.#lastSequence = stored.sequence
    this.waiting.set(stored.sequence, stored)
    this.#waitingBytes += stored.bytes
  }

  #removeWaiting(stored: StoredEntry): void {
    this.waiting.delete(stored.sequence)
    this.#waitingBytes -= stored.bytes
  }

  #removeDead(stored: DeadEntry): void {
    this.#dead.delete(stored.sequence)
    this.#deadBytes -= stored.bytes
    this.#totals[countedAs(stored.dead)]--
  }

  #bequeath(sequence: number, tombstone: Tombstone): void {
    this.#tombstones.set(sequence, tombstone)
    for (const [oldest] of this.#tombstones) {
      if (this.#tombstones.size <= TOMBSTONES_MAX) break
      this.#tombstones.delete(oldest)
      this.#forgottenTo = Math.max(this.#forgottenTo, oldest)
    }
  }

  #known(id: string, wallMs: number): number | undefined {
    const key = this.#keys.get(id)
    if (key === undefined) return undefined
    const fresh = wallMs - key.atMs < key.forMs
    return fresh || this.waiting.has(key.sequence) ? key.sequence : undefined
  }

  #remember({ entry: { id }, sequence }: StoredEntry, atMs: number, forMs: number): void {
    this.#keys.delete(id)
    this.#keys.set(id, { sequence, atMs, forMs })
    for (const [oldest] of this.#keys) {
      if (this.#keys.size <= KEYS_MAX) break
      this.#keys.delete(oldest)
    }
  }

  #selectDead(selection: DeadSelection): readonly DeadEntry[] {
    if ('positions' in selection) {
      const sequences = new Set(selection.positions.map(sequenceOf))
      return this.#deadInOrder().filter((stored) => sequences.has(stored.sequence))
    }
    return this.#deadInOrder().filter(
      (stored) =>
        (selection.reason === undefined || stored.dead.reason === selection.reason) &&
        (selection.lane === undefined || stored.entry.lanes.includes(selection.lane)),
    )
  }

  /** As they were appended, not as they died. */
  #deadInOrder(): readonly DeadEntry[] {
    return [...this.#dead.values()].sort((one, other) => one.sequence - other.sequence)
  }

  #checkRoom(added: readonly StoredEntry[]): void {
    const { maxOperations, maxBytes } = this.#limits
    const operations = this.waiting.size + this.#dead.size
    if (operations + added.length > maxOperations) {
      const details = { bound: 'operations', limit: maxOperations, used: operations } as const
      throw new OutboxFullError({ ...details, retryAfterMs: RETRY_FULL_MS })
    }
    const bytes = this.#waitingBytes + this.#deadBytes
    if (bytes + added.reduce((sum, stored) => sum + stored.bytes, 0) > maxBytes) {
      throw new OutboxFullError({ bound: 'bytes', limit: maxBytes, used: bytes, retryAfterMs: RETRY_FULL_MS })
    }
  }
}

function countedAs(detail: DeadDetail): 'dead' | 'expired' {
  return detail.reason === 'expired' ? 'expired' : 'dead'
}

function listed(stored: StoredEntry | DeadEntry): ListedEntry {
  return {
    ...stored.entry,
    position: positionOf(stored.sequence),
    attempts: stored.attempts,
    ...('dead' in stored ? { dead: stored.dead } : {}),
  }
}
