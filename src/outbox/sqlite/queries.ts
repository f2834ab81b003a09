/** What is asked of the stored rows: what became of entries, and lists of them. Changes nothing. */
import type { DeadReason, EntryState, ListedEntry, ListPage, ListQuery, Position } from '../outbox.ts'
import { sequenceOf } from '../position.ts'
import type { Database, SqlRow, SqlValue, Statement } from './database.ts'
import { ENTRY_COLUMN_COUNT, ENTRY_COLUMNS, IN_LANE, readEntry, storedLane } from './entry-rows.ts'
import { Slices } from './slices.ts'
import type { StateTransactions } from './state.ts'
import type { Steps } from './steps.ts'

const LIMIT_MAX = 1_000
const DEAD_COLUMNS = 'reason, status, field, message, died_at'

export class Queries {
  readonly #transactions: StateTransactions
  readonly #slices: Slices
  readonly #waits: Statement
  readonly #dead: Statement
  readonly #tombstone: Statement
  readonly #waitingList: Statement
  readonly #deadList: Statement

  constructor(database: Database, transactions: StateTransactions) {
    this.#transactions = transactions
    this.#slices = new Slices(database)
    this.#waits = database.prepare('SELECT 1 FROM entry WHERE seq = ?')
    this.#dead = database.prepare(`SELECT ${DEAD_COLUMNS} FROM dead_letter WHERE seq = ?`)
    this.#tombstone = database.prepare('SELECT state, moved_to FROM tombstone WHERE seq = ?')
    const where = `seq > ? AND seq <= ? AND (? IS NULL OR ${IN_LANE})`
    this.#waitingList = database.prepare(`SELECT ${ENTRY_COLUMNS} FROM entry WHERE ${where} ORDER BY seq LIMIT ?`)
    this.#deadList = database.prepare(
      `SELECT ${ENTRY_COLUMNS}, ${DEAD_COLUMNS} FROM dead_letter
       WHERE ${where} AND (? IS NULL OR reason = ?) ORDER BY seq LIMIT ?`,
    )
  }

  lookup(positions: readonly Position[]): readonly EntryState[] {
    return this.#transactions.read((state) =>
      positions.map((position) => {
        const sequence = sequenceOf(position)
        return this.#stateOf(sequence, sequence > state.forgottenTo && sequence <= state.sequence)
      }),
    )
  }

  *list(query: ListQuery): Steps<ListPage> {
    const limit = Math.max(1, Math.min(query.limit, LIMIT_MAX))
    const table = query.from === 'waiting' ? 'entry' : 'dead_letter'
    const last = this.#transactions.read((state) => state.sequence)
    const found: ListedEntry[] = []
    let after = query.after === undefined ? 0 : sequenceOf(query.after)
    for (;;) {
      const slice = this.#slices.next(table, after, last)
      if (slice === undefined) return { entries: found, after: null }
      // One more than wanted tells whether there is another page.
      const wanted = limit + 1 - found.length
      found.push(...this.#rows(query, slice.after, slice.upTo, wanted))
      if (found.length > limit) {
        const entries = found.slice(0, limit)
        return { entries, after: entries.at(-1)!.position }
      }
      after = slice.upTo
      yield
    }
  }

  #rows(query: ListQuery, after: number, upTo: number, limit: number): readonly ListedEntry[] {
    const lane = query.lane === undefined ? null : storedLane(query.lane)
    const range: readonly SqlValue[] = [after, upTo, lane, lane, lane]
    if (query.from === 'waiting') {
      return this.#waitingList.all(...range, limit).map((row) => readEntry(row).entry)
    }
    const reason = query.reason ?? null
    return this.#deadList.all(...range, reason, reason, limit).map(deadEntry)
  }

  #stateOf(sequence: number, known: boolean): EntryState {
    if (this.#waits.get(sequence) !== undefined) return { state: 'waiting' }
    const dead = this.#dead.get(sequence)
    if (dead !== undefined) {
      const { atMs: _, ...detail } = deadDetail(dead)
      return { state: 'dead', ...detail }
    }
    const [state, movedTo] = this.#tombstone.get(sequence) ?? []
    // A replay goes to a higher sequence each time, so this ends.
    if (state === 'moved' && Number(movedTo) > sequence) return this.#stateOf(Number(movedTo), true)
    if (state === 'purged' || state === 'dropped') return { state }
    return { state: known ? 'delivered' : 'unknown' }
  }
}

function deadEntry(row: SqlRow): ListedEntry {
  return { ...readEntry(row).entry, dead: deadDetail(row.slice(ENTRY_COLUMN_COUNT)) }
}

function deadDetail([reason, status, field, message, atMs]: SqlRow): NonNullable<ListedEntry['dead']> {
  return {
    reason: String(reason) as DeadReason,
    ...(typeof status === 'number' ? { status } : {}),
    ...(typeof field === 'string' ? { field } : {}),
    ...(typeof message === 'string' ? { message } : {}),
    atMs: Number(atMs),
  }
}
