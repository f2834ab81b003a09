/**
 * Appends as rows. Runs inside a transaction, and counts what it does in the `State` that it is given.
 */
import { OutboxFullError } from '../../errors.ts'
import { KEYS_MAX, RETRY_FULL_MS, type OutboxLimits } from '../limits.ts'
import type { AppendResult, NewEntry } from '../outbox.ts'
import { positionOf } from '../position.ts'
import type { Database, Statement } from './database.ts'
import { ENTRY_COLUMNS, ENTRY_PLACES, entryValues } from './entry-rows.ts'
import type { State } from './state.ts'

/** Keyed entries between two removals of old keys, and how many of those one removal looks at. */
const KEYS_BETWEEN_PRUNES = 1_000
const KEYS_PER_PRUNE = 2_000

export class Appends {
  readonly #limits: Required<OutboxLimits>
  readonly #insert: Statement
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
    this.#insert = database.prepare(`INSERT INTO entry (${ENTRY_COLUMNS}) VALUES (${ENTRY_PLACES})`)
    this.#key = database.prepare('SELECT seq, at FROM known_key WHERE id = ?')
    this.#waits = database.prepare('SELECT 1 FROM entry WHERE seq = ?')
    this.#remember = database.prepare('INSERT OR REPLACE INTO known_key (id, seq, at) VALUES (?, ?, ?)')
    this.#keyBeyond = database.prepare('SELECT seq FROM known_key ORDER BY seq DESC LIMIT 1 OFFSET ?')
    this.#oldestKeys = database.prepare('SELECT seq, at FROM known_key ORDER BY seq LIMIT ?')
    this.#forgetKeys = database.prepare('DELETE FROM known_key WHERE seq <= ?')
    this.#firstWaiting = database.prepare('SELECT min(seq) FROM entry')
  }

  /** The entries of one call, or `OutboxFullError` and none of them. */
  append(entries: readonly NewEntry[], state: State, wallMs: number): readonly AppendResult[] {
    const inThisCall = new Map<string, number>()
    const added: NewEntry[] = []
    let bytes = 0
    const results = entries.map((entry): AppendResult => {
      const first = entry.keyed ? (inThisCall.get(entry.id) ?? this.#known(entry.id, wallMs)) : undefined
      if (first !== undefined) return { state: 'duplicate', position: positionOf(first) }
      added.push(entry)
      bytes += Buffer.byteLength(entry.body)
      const sequence = state.sequence + added.length
      if (entry.keyed) inThisCall.set(entry.id, sequence)
      return { state: 'stored', position: positionOf(sequence) }
    })
    this.#checkRoom(added.length, bytes, state)
    for (const entry of added) this.insert(entry, state)
    for (const [id, sequence] of inThisCall) this.#remember.run(id, sequence, wallMs)
    this.#prune(inThisCall.size, wallMs)
    state.accepted += added.length
    state.duplicates += entries.length - added.length
    state.waitingBytes += bytes
    return results
  }

  /** At the end of its lanes, under a new sequence. Its bytes are the caller's to count. */
  insert(entry: NewEntry, state: State): number {
    state.sequence++
    state.waiting++
    this.#insert.run(...entryValues(state.sequence, entry, 0))
    return state.sequence
  }

  #known(id: string, wallMs: number): number | undefined {
    const row = this.#key.get(id)
    if (row === undefined) return undefined
    const sequence = Number(row[0])
    const fresh = wallMs - Number(row[1]) < this.#limits.rememberKeysMs
    return fresh || this.#waits.get(sequence) !== undefined ? sequence : undefined
  }

  #checkRoom(added: number, bytes: number, state: Readonly<State>): void {
    const { maxOperations, maxBytes } = this.#limits
    const operations = state.waiting + state.deadLetters
    if (added > 0 && operations + added > maxOperations) {
      const details = { bound: 'operations', limit: maxOperations, used: operations } as const
      throw new OutboxFullError({ ...details, retryAfterMs: RETRY_FULL_MS })
    }
    const used = state.waitingBytes + state.deadBytes
    if (added > 0 && used + bytes > maxBytes) {
      throw new OutboxFullError({ bound: 'bytes', limit: maxBytes, used, retryAfterMs: RETRY_FULL_MS })
    }
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
