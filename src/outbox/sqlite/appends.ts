/**
 * Appends as rows. Runs inside a transaction, and counts what it does in the `State` that it is given.
 */
import { OutboxFullError } from '../../errors.ts'
import { KEYS_MAX, RETRY_FULL_MS, type OutboxLimits } from '../limits.ts'
import type { AppendResult, NewEntry } from '../outbox.ts'
import { positionOf } from '../position.ts'
import type { Database, SqlValue, Statement } from './database.ts'
import { ENTRY_COLUMNS, ENTRY_PLACES, pushValues } from './entry-rows.ts'
import type { State } from './state.ts'

/** Rows of one statement: running a statement costs as much as another row. */
const ROWS_TOGETHER = 8
/** Keyed entries between two removals of old keys, and how many of those one removal looks at. */
const KEYS_BETWEEN_PRUNES = 1_000
const KEYS_PER_PRUNE = 2_000

export class Appends {
  readonly #limits: Required<OutboxLimits>
  readonly #insertOne: Statement
  readonly #insertMany: Statement
  readonly #key: Statement
  readonly #waits: Statement
  readonly #remember: Statement
  readonly #keyBeyond: Statement
  readonly #oldestKeys: Statement
  readonly #forgetKeys: Statement
  readonly #firstWaiting: Statement
  #keysSincePrune = 0

  constructor(database: Database, limits: Required<OutboxLimits>) {
    this.#limits = limits
    const insert = (rows: number): Statement => {
      const places = Array.from({ length: rows }, () => `(${ENTRY_PLACES})`).join(', ')
      return database.prepare(`INSERT INTO entry (${ENTRY_COLUMNS}) VALUES ${places}`)
    }
    this.#insertOne = insert(1)
    this.#insertMany = insert(ROWS_TOGETHER)
    this.#key = database.prepare('SELECT seq, at FROM known_key WHERE id = ?')
    this.#waits = database.prepare('SELECT 1 FROM entry WHERE seq = ?')
    this.#remember = database.prepare('INSERT OR REPLACE INTO known_key (id, seq, at) VALUES (?, ?, ?)')
    this.#keyBeyond = database.prepare('SELECT seq FROM known_key ORDER BY seq DESC LIMIT 1 OFFSET ?')
    this.#oldestKeys = database.prepare('SELECT seq, at FROM known_key ORDER BY seq LIMIT ?')
    this.#forgetKeys = database.prepare('DELETE FROM known_key WHERE seq <= ?')
    this.#firstWaiting = database.prepare('SELECT min(seq) FROM entry')
  }

  /** The entries of each call, or `OutboxFullError` and none of that call. */
  append(
    calls: readonly (readonly NewEntry[])[],
    state: State,
    wallMs: number,
  ): readonly (readonly AppendResult[] | OutboxFullError)[] {
    const first = state.sequence + 1
    const added: NewEntry[] = []
    const keys = new Map<string, number>()
    const answers = calls.map((entries) => this.#plan(entries, added, keys, state, wallMs))
    this.#insertAll(added, first)
    for (const [id, sequence] of keys) this.#remember.run(id, sequence, wallMs)
    this.#prune(keys.size, wallMs)
    return answers
  }

  /** At the end of its lanes, under a new sequence. */
  replay(entry: NewEntry, state: State): number {
    state.sequence++
    state.waiting++
    state.waitingBytes += Buffer.byteLength(entry.body)
    this.#insertAll([entry], state.sequence)
    return state.sequence
  }

  /** One call: what it adds, and the account of it. */
  #plan(
    entries: readonly NewEntry[],
    added: NewEntry[],
    keys: Map<string, number>,
    state: State,
    wallMs: number,
  ): readonly AppendResult[] | OutboxFullError {
    const fresh: NewEntry[] = []
    let freshKeys: Map<string, number> | undefined
    let bytes = 0
    const results: AppendResult[] = []
    for (const entry of entries) {
      const { id, keyed, body } = entry
      const first = keyed ? (freshKeys?.get(id) ?? keys.get(id) ?? this.#known(id, wallMs)) : undefined
      if (first !== undefined) {
        results.push({ state: 'duplicate', position: positionOf(first) })
        continue
      }
      fresh.push(entry)
      bytes += Buffer.byteLength(body)
      const sequence = state.sequence + fresh.length
      if (keyed) freshKeys = (freshKeys ?? new Map<string, number>()).set(id, sequence)
      results.push({ state: 'stored', position: positionOf(sequence) })
    }
    const full = this.#refusal(fresh.length, bytes, state)
    if (full !== undefined) return full
    for (const entry of fresh) added.push(entry)
    if (freshKeys !== undefined) for (const [id, sequence] of freshKeys) keys.set(id, sequence)
    state.sequence += fresh.length
    state.accepted += fresh.length
    state.duplicates += entries.length - fresh.length
    state.waiting += fresh.length
    state.waitingBytes += bytes
    return results
  }

  #insertAll(entries: readonly NewEntry[], first: number): void {
    for (let from = 0; from < entries.length;) {
      const rows = entries.length - from >= ROWS_TOGETHER ? ROWS_TOGETHER : 1
      const values: SqlValue[] = []
      for (let index = from; index < from + rows; index++) pushValues(values, first + index, entries[index]!)
      const statement = rows === 1 ? this.#insertOne : this.#insertMany
      statement.run(...values)
      from += rows
    }
  }

  #known(id: string, wallMs: number): number | undefined {
    const row = this.#key.get(id)
    if (row === undefined) return undefined
    const sequence = Number(row[0])
    const fresh = wallMs - Number(row[1]) < this.#limits.rememberKeysMs
    return fresh || this.#waits.get(sequence) !== undefined ? sequence : undefined
  }

  #refusal(added: number, bytes: number, state: Readonly<State>): OutboxFullError | undefined {
    if (added === 0) return undefined
    const { maxOperations, maxBytes } = this.#limits
    const operations = state.waiting + state.deadLetters
    const used = state.waitingBytes + state.deadBytes
    if (operations + added > maxOperations) {
      const details = { bound: 'operations', limit: maxOperations, used: operations } as const
      return new OutboxFullError({ ...details, retryAfterMs: RETRY_FULL_MS })
    }
    if (used + bytes > maxBytes) {
      return new OutboxFullError({ bound: 'bytes', limit: maxBytes, used, retryAfterMs: RETRY_FULL_MS })
    }
    return undefined
  }

  /** Forgets keys beyond their number and those that are past their time and wait no more, oldest first. */
  #prune(added: number, wallMs: number): void {
    this.#keysSincePrune += added
    if (this.#keysSincePrune < KEYS_BETWEEN_PRUNES) return
    this.#keysSincePrune = 0
    let forgetTo = Number(this.#keyBeyond.get(KEYS_MAX)?.[0] ?? 0)
    const firstWaiting = Number(this.#firstWaiting.get()?.[0] ?? Infinity)
    for (const [sequence, at] of this.#oldestKeys.all(KEYS_PER_PRUNE)) {
      if (Number(sequence) >= firstWaiting || wallMs - Number(at) < this.#limits.rememberKeysMs) break
      forgetTo = Math.max(forgetTo, Number(sequence))
    }
    if (forgetTo > 0) this.#forgetKeys.run(forgetTo)
  }
}
