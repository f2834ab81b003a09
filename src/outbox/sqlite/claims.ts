/**
 * Claims: which entries may go now. A cursor goes over the entries in sequence order, once; what it meets goes, unless
 * a lane of it is known to be busy (`turns.ts`), and is parked then. Entries that are ready from before (retries,
 * parked ones, express ones) and the backlog under the cursor share each claim.
 */
import { BacklogShare, ClaimRoom } from '../claim-room.ts'
import type { ClaimedEntry, ClaimWant, Lease } from '../outbox.ts'
import type { Database, Statement } from './database.ts'
import { ENTRY_COLUMNS, lanesOf, readEntry, type ReadEntry } from './entry-rows.ts'
import type { State } from './state.ts'
import type { Tail } from './tail.ts'
import type { Turns } from './turns.ts'

/** Rows that one claim looks at, at most, when most of them must be parked: some 50 ms. */
const SCAN_ROWS_MAX = 10_000
/** Rows that are read at once. Their bodies are in memory together. */
const CHUNK_ROWS = 128
/** Rows that the tail reads in one go: some 3 ms. */
export const TAIL_ROWS = 2_000

export interface Given {
  readonly entries: readonly ClaimedEntry[]
  /** Rows that are not what was written; they must become dead letters. */
  readonly damaged: readonly number[]
  /** Whether a claim might find more right now. */
  readonly more: boolean
}

interface Round {
  readonly room: ClaimRoom
  readonly lease: Lease
  readonly entries: ClaimedEntry[]
  readonly damaged: number[]
  rowsLeft: number
  /** Nothing is left under the cursor. */
  atEnd: boolean
}

export class Claims {
  readonly #turns: Turns
  readonly #tail: Tail
  readonly #scan: Statement
  readonly #one: Statement
  readonly #share = new BacklogShare()
  #cursor = 0
  /** How far a claim reaches, roughly: behind less than that there is no backlog. */
  #reach = 500

  constructor(database: Database, turns: Turns, tail: Tail) {
    this.#turns = turns
    this.#tail = tail
    this.#scan = database.prepare(`SELECT ${ENTRY_COLUMNS} FROM entry WHERE seq > ? ORDER BY seq LIMIT ?`)
    this.#one = database.prepare(`SELECT ${ENTRY_COLUMNS} FROM entry WHERE seq = ?`)
  }

  /** In a transaction. When it throws, `abandon` must follow. */
  claim(want: ClaimWant, lease: Lease, nowMs: number, state: Readonly<State>): Given {
    this.#reach = want.entriesMax
    if (state.waiting === 0) this.#settleDown(state)
    if (this.behind(state)) this.#tail.readOn(TAIL_ROWS)
    this.#turns.openLease(lease, nowMs + want.leaseMs)
    const round: Round = {
      room: new ClaimRoom(want),
      lease,
      entries: [],
      damaged: [],
      rowsLeft: SCAN_ROWS_MAX,
      atEnd: false,
    }
    this.#takeBacklog(round, this.#share.next(want.entriesMax))
    this.#takeReady(round)
    this.#takeBacklog(round)
    this.#turns.closeLease(lease)
    return {
      entries: round.entries,
      damaged: round.damaged,
      more: this.#turns.anyReady || !(round.atEnd || this.#cursor >= state.sequence),
    }
  }

  /** A claim failed half-way: what it gave is due again, and what it parked is forgotten. */
  abandon(lease: Lease): void {
    this.#turns.lapse(lease)
    this.rewind()
  }

  /** The file may differ from what is known here, for example because of a purge. */
  rewind(): void {
    this.#turns.rewind()
    this.#cursor = 0
  }

  /** Begins anew, as the one who delivers from now on. */
  reset(lastSequence: number): void {
    this.#turns.reset()
    this.#tail.reset(lastSequence)
    this.#cursor = 0
  }

  /** Whether there is a backlog, and the tail has not seen the end of it. */
  behind(state: Readonly<State>): boolean {
    return state.sequence - this.#cursor > this.#reach && this.#tail.cursor < state.sequence
  }

  /** Nothing waits: where everything is known, start clean. */
  #settleDown(state: Readonly<State>): void {
    this.#cursor = state.sequence
    this.#tail.clear(state.sequence)
  }

  #takeReady(round: Round): void {
    for (const sequence of this.#turns.ready()) {
      if (round.room.left() === 0) return
      const out = this.#turns.out(sequence)
      const row = out === undefined || out.state === 'due' ? this.#one.get(sequence) : undefined
      if (row === undefined) {
        this.#turns.drop(sequence)
        continue
      }
      if (out === undefined && !this.#turns.atHead(sequence, lanesOf(row[2], row[3]))) {
        this.#turns.drop(sequence)
        continue
      }
      if (!this.#give(round, readEntry(row))) return
    }
  }

  #takeBacklog(round: Round, share?: number): void {
    while (!round.atEnd) {
      const chunk = Math.min(CHUNK_ROWS, round.room.left(share), round.rowsLeft)
      if (chunk === 0) return
      const rows = this.#scan.all(this.#cursor, chunk)
      for (const row of rows) {
        if (round.room.left(share) === 0 || !this.#meet(round, readEntry(row))) return
        round.rowsLeft--
      }
      round.atEnd = rows.length < chunk
    }
  }

  /** Says whether there was room for it; only then the cursor moves on. */
  #meet(round: Round, read: ReadEntry): boolean {
    const { sequence, entry } = read
    if (this.#turns.out(sequence) === undefined) {
      if (!this.#turns.unknown(entry.lanes)) this.#turns.park(sequence, entry.lanes, false)
      else if (!this.#give(round, read)) return false
    }
    this.#tail.met(sequence, entry.lanes)
    this.#cursor = sequence
    return true
  }

  #give(round: Round, { sequence, entry, intact }: ReadEntry): boolean {
    const bytes = Buffer.byteLength(entry.body)
    if (!intact) {
      round.damaged.push(sequence)
      this.#turns.drop(sequence)
      return true
    }
    if (!round.room.take(bytes)) return false
    this.#turns.give(sequence, entry.lanes, bytes, round.lease)
    round.entries.push(entry)
    return true
  }
}
