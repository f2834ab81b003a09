/** What is asked of the stored rows: what became of entries, and lists of them. Changes nothing. */
import type { DeadReason, EntryState, ListedEntry, ListPage, ListQuery, Position } from '../outbox.ts'
import { sequenceOf } from '../position.ts'
import type { Database, SqlRow, SqlValue, Statement } from './database.ts'
import { HANDED_MARK } from './departures.ts'
import { ENTRY_COLUMN_COUNT, ENTRY_COLUMNS, IN_LANE, readEntry, storedLane } from './entry-rows.ts'
import type { Whereabouts } from './handover.ts'
import { type Slice, Slices } from './slices.ts'
import type { StateTransactions } from './state.ts'
import type { Steps } from './steps.ts'

const LIMIT_MAX = 1_000
const DEAD_COLUMNS = 'reason, status, field, message, died_at'

type Order = NonNullable<ListQuery['order']>

interface Lists {
  readonly waiting: Statement
  readonly dead: Statement
}

function listsOf(database: Database, direction: 'ASC' | 'DESC'): Lists {
  const where = `seq > ? AND seq <= ? AND (? IS NULL OR id = ?) AND (? IS NULL OR ${IN_LANE})`
  return {
    waiting: database.prepare(`SELECT ${ENTRY_COLUMNS} FROM entry WHERE ${where} ORDER BY seq ${direction} LIMIT ?`),
    dead: database.prepare(
      `SELECT ${ENTRY_COLUMNS}, ${DEAD_COLUMNS} FROM dead_letter
       WHERE ${where} AND (? IS NULL OR reason = ?) ORDER BY seq ${direction} LIMIT ?`,
    ),
  }
}

export class Queries {
  readonly #transactions: StateTransactions
  readonly #slices: Slices
  readonly #waits: Statement
  readonly #dead: Statement
  readonly #tombstone: Statement
  readonly #lists: Readonly<Record<Order, Lists>>

  constructor(database: Database, transactions: StateTransactions) {
    this.#transactions = transactions
    this.#slices = new Slices(database)
    this.#waits = database.prepare('SELECT 1 FROM entry WHERE seq = ?')
    this.#dead = database.prepare(`SELECT ${DEAD_COLUMNS} FROM dead_letter WHERE seq = ?`)
    this.#tombstone = database.prepare('SELECT state, moved_to FROM tombstone WHERE seq = ?')
    this.#lists = { 'oldest-first': listsOf(database, 'ASC'), 'newest-first': listsOf(database, 'DESC') }
  }

  lookup(positions: readonly Position[]): readonly EntryState[] {
    return this.whereabouts(positions).map((state) => (state.state === 'handed' ? { state: 'unknown' } : state))
  }

  whereabouts(positions: readonly Position[]): readonly Whereabouts[] {
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
    const found: ListedEntry[] = []
    for (const slice of this.#slicesOf(table, query)) {
      // One more than wanted tells whether there is another page.
      found.push(...this.#rows(query, slice, limit + 1 - found.length))
      if (found.length > limit) {
        const entries = found.slice(0, limit)
        return { entries, after: entries.at(-1)!.position }
      }
      yield
    }
    return { entries: found, after: null }
  }

  /** The slices of a table from where a query begins, in its order. */
  *#slicesOf(table: 'entry' | 'dead_letter', { order, after }: ListQuery): Generator<Slice> {
    const last = this.#transactions.read((state) => state.sequence)
    const start = after === undefined ? undefined : sequenceOf(after)
    if (order === 'newest-first') {
      let slice = this.#slices.before(table, start === undefined ? last : start - 1)
      for (; slice !== undefined; slice = this.#slices.before(table, slice.after)) yield slice
      return
    }
    let slice = this.#slices.next(table, start ?? 0, last)
    for (; slice !== undefined; slice = this.#slices.next(table, slice.upTo, last)) yield slice
  }

  #rows(query: ListQuery, { after, upTo }: Slice, limit: number): readonly ListedEntry[] {
    const lists = this.#lists[query.order ?? 'oldest-first']
    const lane = query.lane === undefined ? null : storedLane(query.lane)
    const id = query.id ?? null
    const range: readonly SqlValue[] = [after, upTo, id, id, lane, lane, lane]
    if (query.from === 'waiting') return lists.waiting.all(...range, limit).map((row) => readEntry(row).entry)
    const reason = query.reason ?? null
    return lists.dead.all(...range, reason, reason, limit).map(deadEntry)
  }

  #stateOf(sequence: number, known: boolean): Whereabouts {
    if (this.#waits.get(sequence) !== undefined) return { state: 'waiting' }
    const dead = this.#dead.get(sequence)
    if (dead !== undefined) {
      const { atMs: _, ...detail } = deadDetail(dead)
      return { state: 'dead', ...detail }
    }
    const [state, movedTo] = this.#tombstone.get(sequence) ?? []
    // A replay goes to a higher sequence each time, so this ends.
    if (state === 'moved' && Number(movedTo) > sequence) return this.#stateOf(Number(movedTo), true)
    if (state === 'handed') return { state, to: String(movedTo).slice(HANDED_MARK.length) }
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
