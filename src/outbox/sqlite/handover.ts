/**
 * What the spill asks of the file besides the contract: its entries in the order of append, whatever their lanes, to be
 * taken over by another outbox. Only the owner hands over, and only while nothing is in flight. What is handed over was
 * never accepted here, as the account has it; a tombstone tells where it is now.
 */
import type { ClaimedEntry, EntryState, Outbox, OutboxContext, Position } from '../outbox.ts'
import { positionOf, sequenceOf } from '../position.ts'
import type { Commits } from './commits.ts'
import type { Database, Statement } from './database.ts'
import type { Deliverer } from './deliverer.ts'
import type { Departures } from './departures.ts'
import { ENTRY_COLUMNS, lanesOf, readEntry } from './entry-rows.ts'
import type { StateTransactions } from './state.ts'

/** Rows that are read at once. */
const CHUNK_ROWS = 100

export interface HeadWant {
  readonly entriesMax: number
  /** Of bodies. One entry is given even if it is larger. */
  readonly bytesMax: number
}

export interface Head {
  /** `standby`: another handle delivers from the file and hands over; no entries are given then. */
  readonly role: 'active' | 'standby'
  /** The oldest ones that wait; none while something is in flight. */
  readonly entries: readonly ClaimedEntry[]
  /** Of the oldest one that waits, also where none is given. */
  readonly first: Position | null
  readonly inFlight: number
  /** All that wait. */
  readonly waiting: number
}

/** An entry that another outbox has taken over. */
export interface Handed {
  readonly position: Position
  /** Its position there. */
  readonly to: Position
}

export type Whereabouts = EntryState | { readonly state: 'handed'; readonly to: Position }

/** An outbox that another one can drain. */
export interface HandoverOutbox extends Outbox {
  head(want: HeadWant): Promise<Head>
  /** Removes what was taken over, durably. False when another handle delivers by now: then nothing is removed. */
  handOver(handed: readonly Handed[]): Promise<boolean>
  /** As `lookup`, and besides where those are that were handed over. */
  whereabouts(positions: readonly Position[]): Promise<readonly Whereabouts[]>
}

export type OpenHandoverOutbox = (context: OutboxContext) => Promise<HandoverOutbox>

export interface HandoverParts {
  readonly database: Database
  readonly transactions: StateTransactions
  readonly commits: Commits
  readonly deliverer: Deliverer
  readonly departures: Departures
}

interface Found {
  readonly entries: ClaimedEntry[]
  readonly damaged: number[]
}

export class Handover {
  readonly #parts: HandoverParts
  readonly #next: Statement
  readonly #first: Statement
  readonly #lanes: Statement

  constructor(parts: HandoverParts) {
    this.#parts = parts
    this.#next = parts.database.prepare(`SELECT ${ENTRY_COLUMNS} FROM entry WHERE seq > ? ORDER BY seq LIMIT ?`)
    this.#first = parts.database.prepare('SELECT min(seq) FROM entry')
    this.#lanes = parts.database.prepare('SELECT lane, lanes FROM entry WHERE seq = ?')
  }

  head(want: HeadWant): Head {
    const { deliverer, transactions } = this.#parts
    const isActive = deliverer.delivers()
    const { inFlight } = deliverer.counts()
    const { damaged, ...read } = transactions.read(({ waiting }) => {
      const first = this.#first.get()?.[0] ?? null
      const found = isActive && inFlight === 0 ? this.#read(want) : { entries: [], damaged: [] }
      return { ...found, first: first === null ? null : positionOf(Number(first)), waiting }
    })
    if (damaged.length > 0) deliverer.bury(damaged)
    return { role: isActive ? 'active' : 'standby', ...read, inFlight }
  }

  handOver(handed: readonly Handed[]): boolean {
    const { deliverer, commits, departures } = this.#parts
    const lanes = new Map<number, readonly string[]>()
    const isDone = commits.commit((state, owner) => {
      if (!owner) return false
      for (const { position } of handed) {
        const row = this.#lanes.get(sequenceOf(position))
        if (row !== undefined) lanes.set(sequenceOf(position), lanesOf(row[0], row[1]))
      }
      departures.handOver(
        handed.map(({ position, to }) => ({ sequence: sequenceOf(position), to })),
        state,
      )
      return true
    })
    if (isDone) deliverer.handedOver(lanes)
    else deliverer.lost()
    return isDone
  }

  #read({ entriesMax, bytesMax }: HeadWant): Found {
    const found: Found = { entries: [], damaged: [] }
    let bytes = 0
    for (let after = 0; ;) {
      const rows = this.#next.all(after, CHUNK_ROWS)
      for (const row of rows) {
        const { sequence, entry, intact } = readEntry(row)
        after = sequence
        if (!intact) {
          found.damaged.push(sequence)
          continue
        }
        bytes += Buffer.byteLength(entry.body)
        if (found.entries.length > 0 && bytes > bytesMax) return found
        found.entries.push(entry)
        if (found.entries.length === entriesMax) return found
      }
      if (rows.length < CHUNK_ROWS) return found
    }
  }
}
