/**
 * How entries leave: delivered, dead, purged, dropped, replayed. Runs inside a transaction, counts what it does in the
 * `State` that it is given, and touches no memory: that follows when the commit has held.
 */
import { TOMBSTONES_MAX } from '../limits.ts'
import type { DeadDetail } from '../outbox.ts'
import type { Appends } from './appends.ts'
import type { Database, SqlRow, Statement } from './database.ts'
import { ENTRY_COLUMN_COUNT, ENTRY_COLUMNS, readEntry } from './entry-rows.ts'
import type { State } from './state.ts'

/** Before the position of an entry elsewhere, so that SQLite does not take it for a number. */
export const HANDED_MARK = 'at '

/** An entry that leaves, with what the account needs of it. */
export interface Leaving {
  readonly sequence: number
  readonly bytes: number
}

export class Departures {
  readonly #appends: Appends
  readonly #deleteEntries: Statement
  readonly #countAttempt: Statement
  readonly #copyToDead: Statement
  readonly #bytesOf: Statement
  readonly #dead: Statement
  readonly #deleteDead: Statement
  readonly #bury: Statement
  readonly #tombstoneBeyond: Statement
  readonly #pruneTombstones: Statement

  constructor(database: Database, appends: Appends) {
    this.#appends = appends
    this.#deleteEntries = database.prepare('DELETE FROM entry WHERE seq BETWEEN ? AND ?')
    this.#countAttempt = database.prepare('UPDATE entry SET attempts = attempts + 1 WHERE seq = ?')
    this.#copyToDead = database.prepare(
      `INSERT OR REPLACE INTO dead_letter (${ENTRY_COLUMNS}, reason, status, field, message, died_at)
       SELECT ${ENTRY_COLUMNS}, ?, ?, ?, ?, ? FROM entry WHERE seq = ?`,
    )
    this.#bytesOf = database.prepare('SELECT octet_length(body) FROM entry WHERE seq = ?')
    this.#dead = database.prepare(`SELECT ${ENTRY_COLUMNS}, reason, octet_length(body) FROM dead_letter WHERE seq = ?`)
    this.#deleteDead = database.prepare('DELETE FROM dead_letter WHERE seq = ?')
    this.#bury = database.prepare('INSERT OR REPLACE INTO tombstone (seq, state, moved_to) VALUES (?, ?, ?)')
    this.#tombstoneBeyond = database.prepare('SELECT seq FROM tombstone ORDER BY seq DESC LIMIT 1 OFFSET ?')
    this.#pruneTombstones = database.prepare('DELETE FROM tombstone WHERE seq <= ?')
  }

  /** Which of these do not wait any more. */
  missing(sequences: Iterable<number>): ReadonlySet<number> {
    const missing = new Set<number>()
    for (const sequence of sequences) if (this.#bytesOf.get(sequence) === undefined) missing.add(sequence)
    return missing
  }

  /** Runs of consecutive sequences go as one range. */
  deliver(leaving: readonly Leaving[], state: State): void {
    const sequences = leaving.map(({ sequence }) => sequence).sort((a, b) => a - b)
    for (let from = 0; from < sequences.length;) {
      let to = from
      while (sequences[to + 1] === sequences[to]! + 1) to++
      // Counted by the rows that were there: where some were not, `lost` tells.
      const removed = Number(this.#deleteEntries.run(sequences[from]!, sequences[to]!).changes)
      state.waiting -= removed
      state.delivered += removed
      from = to + 1
    }
    for (const { bytes } of leaving) state.waitingBytes -= bytes
  }

  countAttempt(sequence: number): void {
    this.#countAttempt.run(sequence)
  }

  /** Makes a dead letter of an entry, as its bytes are, intact or not. */
  die(sequence: number, detail: DeadDetail, atMs: number, state: State): void {
    const bytes = Number(this.#bytesOf.get(sequence)?.[0] ?? 0)
    const { reason, status = null, field = null, message = null } = detail
    const copied = Number(this.#copyToDead.run(reason, status, field, message, atMs, sequence).changes)
    if (copied === 0) return
    this.#deleteEntries.run(sequence, sequence)
    state.waiting--
    state.waitingBytes -= bytes
    state.deadLetters++
    state.deadBytes += bytes
    state[countedAs(reason)]++
  }

  /** Takes out waiting entries that another outbox has taken over, with their positions there. */
  handOver(handed: readonly { readonly sequence: number; readonly to: string }[], state: State): void {
    for (const { sequence, to } of handed) {
      const bytes = this.#bytesOf.get(sequence)?.[0]
      if (bytes === undefined) continue
      this.#deleteEntries.run(sequence, sequence)
      this.#bury.run(sequence, 'handed', HANDED_MARK + to)
      state.waiting--
      state.waitingBytes -= Number(bytes)
      state.accepted--
    }
    this.#prune(state)
  }

  /** Removes waiting entries of a purge. Gives those that were still there. */
  purge(leaving: readonly Leaving[], state: State): readonly Leaving[] {
    const removed = leaving.filter(({ sequence }) => Number(this.#deleteEntries.run(sequence, sequence).changes) > 0)
    for (const { sequence, bytes } of removed) {
      state.waiting--
      state.waitingBytes -= bytes
      this.#bury.run(sequence, 'purged', null)
    }
    state.purged += removed.length
    this.#prune(state)
    return removed
  }

  /** Removes dead letters for good. Resolves to how many were still there. */
  discard(sequences: readonly number[], as: 'purged' | 'dropped', state: State): number {
    let count = 0
    for (const sequence of sequences) {
      if (this.#takeDead(sequence, state) === undefined) continue
      this.#bury.run(sequence, as, null)
      state[as]++
      count++
    }
    this.#prune(state)
    return count
  }

  /** Puts dead letters at the end of their lanes. Damaged ones stay: what they were is not known. */
  replay(sequences: readonly number[], state: State): number {
    let count = 0
    for (const sequence of sequences) {
      const row = this.#dead.get(sequence)
      const read = row === undefined ? undefined : readEntry(row)
      if (read?.intact !== true) continue
      this.#takeDead(sequence, state)
      this.#bury.run(sequence, 'moved', this.#appends.replay(read.entry, state))
      count++
    }
    this.#prune(state)
    return count
  }

  #takeDead(sequence: number, state: State): SqlRow | undefined {
    const row = this.#dead.get(sequence)
    if (row === undefined) return undefined
    this.#deleteDead.run(sequence)
    state.deadLetters--
    state.deadBytes -= Number(row[ENTRY_COLUMN_COUNT + 1] ?? 0)
    state[countedAs(row[ENTRY_COLUMN_COUNT])]--
    return row
  }

  /** Forgets the oldest tombstones beyond their number. */
  #prune(state: State): void {
    const beyond = Number(this.#tombstoneBeyond.get(TOMBSTONES_MAX)?.[0] ?? 0)
    if (beyond === 0) return
    this.#pruneTombstones.run(beyond)
    state.forgottenTo = Math.max(state.forgottenTo, beyond)
  }
}

function countedAs(reason: unknown): 'dead' | 'expired' {
  return reason === 'expired' ? 'expired' : 'dead'
}
