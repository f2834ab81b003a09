/**
 * The one way to write. Every commit makes sure that the file is still the one at its path, counts as a beat of the
 * owner, tells when the outbox was lost to another one, and falls back on the reserve where it must succeed on a full
 * disk.
 */
import { OutboxError } from '../../errors.ts'
import type { Clock } from '../../runtime/clock.ts'
import type { Database } from './database.ts'
import { isOutOfRoom } from './failure.ts'
import type { FileIdentity } from './file-identity.ts'
import type { Ownership } from './ownership.ts'
import type { Reserve } from './reserve.ts'
import type { State, StateTransactions } from './state.ts'

/** `owner`: whether this handle delivers, as this transaction sees it. */
export type CommitWork<Result> = (state: State, owner: boolean) => Result

export class Commits {
  readonly #database: Database
  readonly #transactions: StateTransactions
  readonly #ownership: Ownership
  readonly #identity: FileIdentity
  readonly #reserve: Reserve
  readonly #clock: Clock
  readonly #path: string
  #sequence = 0

  constructor(parts: {
    readonly database: Database
    readonly transactions: StateTransactions
    readonly ownership: Ownership
    readonly identity: FileIdentity
    readonly reserve: Reserve
    readonly clock: Clock
    readonly path: string
  }) {
    this.#database = parts.database
    this.#transactions = parts.transactions
    this.#ownership = parts.ownership
    this.#identity = parts.identity
    this.#reserve = parts.reserve
    this.#clock = parts.clock
    this.#path = parts.path
  }

  /** The last sequence that this handle knows of. */
  get sequence(): number {
    return this.#sequence
  }

  saw(state: Readonly<State>): void {
    this.#sequence = state.sequence
  }

  /** For appends: refused where the disk has no room besides the reserve. */
  append<Result>(work: CommitWork<Result>): Result {
    const refusal = this.noRoom()
    if (refusal !== undefined) throw refusal
    return this.#write('durably', work)
  }

  /** Why nothing new can be taken, when the disk has no room for it. */
  noRoom(): OutboxError | undefined {
    if (this.#reserve.keep()) return undefined
    const message = 'the disk has no room besides what settling needs'
    return new OutboxError('OUTBOX_DISK_FULL', message, { path: this.#path })
  }

  /** For all else, which makes room sooner or later. */
  commit<Result>(work: CommitWork<Result>): Result {
    return this.#onReserve(() => this.#write('durably', work))
  }

  /** For what a power loss may undo. */
  commitLazily<Result>(work: CommitWork<Result>): Result {
    return this.#onReserve(() => this.#write('lazily', work))
  }

  /** Finds room twice: in the log, which can be used from its start once it is written into the file, and in the reserve. */
  #onReserve<Result>(write: () => Result): Result {
    try {
      return write()
    } catch (error) {
      if (!isOutOfRoom(error)) throw error
      this.#reuseLog()
    }
    try {
      return write()
    } catch (error) {
      if (!isOutOfRoom(error) || !this.#reserve.spend()) throw error
      this.#reuseLog()
    }
    return write()
  }

  #reuseLog(): void {
    try {
      this.#database.exec('PRAGMA wal_checkpoint(PASSIVE)')
    } catch {
      // There is no room for that either; the write is tried all the same.
    }
  }

  #write<Result>(how: 'durably' | 'lazily', work: CommitWork<Result>): Result {
    this.#identity.check()
    const nowMs = this.#clock.monotonicMs()
    const inTransaction = (
      state: State,
    ): { readonly result: Result; readonly owner: boolean; readonly state: State } => {
      const owner = this.#ownership.beatIn(state)
      return { result: work(state, owner), owner, state }
    }
    const { result, owner, state } =
      how === 'durably' ? this.#transactions.write(inTransaction) : this.#transactions.writeLazily(inTransaction)
    this.saw(state)
    if (owner) this.#ownership.proven(nowMs)
    return result
  }
}
