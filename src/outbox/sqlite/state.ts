/**
 * The one row that every transaction begins with: the last sequence, the account, who delivers. Because it is read
 * under the write lock and written in the same commit as what it counts, it is right whatever process wrote last.
 */
import { assert } from '../../runtime/assert.ts'
import type { Database, Statement } from './database.ts'

export interface State {
  /** The last sequence ever given. */
  sequence: number
  /** Of missing entries up to here it is not known any more what became of them. */
  forgottenTo: number
  waiting: number
  waitingBytes: number
  deadLetters: number
  deadBytes: number
  accepted: number
  delivered: number
  dead: number
  expired: number
  purged: number
  dropped: number
  duplicates: number
  /** The last token ever given to an owner. */
  fence: number
  /** The token of who delivers, or 0. */
  owner: number
  /** Changes as long as the owner lives. */
  beat: number
}

export const stateFields: readonly (keyof State)[] = [
  'sequence',
  'forgottenTo',
  'waiting',
  'waitingBytes',
  'deadLetters',
  'deadBytes',
  'accepted',
  'delivered',
  'dead',
  'expired',
  'purged',
  'dropped',
  'duplicates',
  'fence',
  'owner',
  'beat',
]

const columns: readonly string[] = stateFields.map((field) =>
  field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
)

export const SELECT_STATE: string = `SELECT ${columns.join(', ')} FROM state`
const UPDATE_STATE: string = `UPDATE state SET ${columns.map((column) => `${column} = ?`).join(', ')}`

/** Writes an account by itself, for one that is made anew. */
export function writeState(database: Database, state: Readonly<State>): void {
  database.prepare(UPDATE_STATE).run(...valuesOf(state))
}

function valuesOf(state: Readonly<State>): number[] {
  return stateFields.map((field) => state[field])
}

export class StateTransactions {
  readonly #database: Database
  readonly #synchronous: 'FULL' | 'NORMAL'
  readonly #select: Statement
  readonly #update: Statement

  /** @param synchronous how commits wait for the disk, as the `synchronous` of the connection. */
  constructor(database: Database, synchronous: 'FULL' | 'NORMAL' = 'NORMAL') {
    this.#database = database
    this.#synchronous = synchronous
    this.#select = database.prepare(SELECT_STATE)
    this.#update = database.prepare(UPDATE_STATE)
  }

  /** A consistent look. May write to temporary tables. */
  read<Result>(work: (state: Readonly<State>) => Result): Result {
    return this.#database.transaction('read', () => this.#read(), work)
  }

  /** Writes back what `work` changes of the state, in the same commit. */
  write<Result>(work: (state: State) => Result): Result {
    return this.#database.transaction(
      'write',
      () => this.#read(),
      (state) => {
        const result = work(state)
        this.#update.run(...valuesOf(state))
        return result
      },
    )
  }

  /** As `write`, without waiting for the disk: for what a power loss may undo. */
  writeLazily<Result>(work: (state: State) => Result): Result {
    this.#database.exec('PRAGMA synchronous = NORMAL')
    try {
      return this.write(work)
    } finally {
      this.#database.exec(`PRAGMA synchronous = ${this.#synchronous}`)
    }
  }

  /** The state at this moment, which reads on this connection see from now on, until it is closed. */
  look(): Readonly<State> {
    return this.#database.begin('read', () => this.#read())
  }

  #read(): State {
    const row = this.#select.get()
    assert(row !== undefined, 'an outbox has its state')
    return Object.fromEntries(stateFields.map((field, index) => [field, row[index]])) as unknown as State
  }
}
