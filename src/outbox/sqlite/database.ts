/**
 * One connection to one SQLite file, and the only file that knows `node:sqlite`.
 *
 * A transaction begins with one read under a bounded, jittered wait for other processes; after it has begun, SQLite
 * gives no more reason to wait. SQLite's own wait is not used: its pauses grow to 100 ms, which is unfair among several
 * appending processes.
 */
import { DatabaseSync, type StatementSync } from 'node:sqlite'

import type { Random } from '../../runtime/runtime.ts'
import { isBusy } from './failure.ts'

export type SqlValue = null | number | string | Uint8Array
export type SqlRow = readonly SqlValue[]

/** A prepared statement whose rows are arrays. */
export interface Statement {
  run(...values: readonly SqlValue[]): { readonly changes: number | bigint }
  get(...values: readonly SqlValue[]): SqlRow | undefined
  all(...values: readonly SqlValue[]): readonly SqlRow[]
}

export interface DatabaseOptions {
  readonly random: Random
  /** @defaultValue false */
  readonly readOnly?: boolean
  /** The longest wait for another process. @defaultValue 5,000 */
  readonly busyMsMax?: number
}

/** A commit takes milliseconds; a checkpoint may take a second. */
const BUSY_MS_MAX = 5_000

const pauser = new Int32Array(new SharedArrayBuffer(4))

export class Database {
  readonly #connection: DatabaseSync
  readonly #random: Random
  readonly #busyMsMax: number
  readonly #begin: Readonly<Record<'read' | 'write', StatementSync>>
  readonly #commit: StatementSync
  readonly #rollback: StatementSync

  constructor(path: string, options: DatabaseOptions) {
    this.#random = options.random
    this.#busyMsMax = options.busyMsMax ?? BUSY_MS_MAX
    this.#connection = new DatabaseSync(path, { timeout: 0, readOnly: options.readOnly ?? false })
    this.#begin = {
      read: this.#connection.prepare('BEGIN'),
      write: this.#connection.prepare('BEGIN IMMEDIATE'),
    }
    this.#commit = this.#connection.prepare('COMMIT')
    this.#rollback = this.#connection.prepare('ROLLBACK')
  }

  prepare(sql: string): Statement {
    const statement = this.#patiently(() => this.#connection.prepare(sql))
    statement.setReturnArrays(true)
    return statement as unknown as Statement
  }

  /** Runs statements that are no part of a transaction. */
  exec(sql: string): void {
    this.#patiently(() => this.#connection.exec(sql))
  }

  /** The first value of the first row, as a number; 0 for none. */
  number(sql: string): number {
    return Number(this.#value(sql) ?? 0)
  }

  /** The first value of the first row, as a text. */
  text(sql: string): string {
    return String(this.#value(sql))
  }

  /** Begins a transaction. `first` must be its first read; only together they may be repeated. */
  begin<First>(kind: 'read' | 'write', first: () => First): First {
    return this.#patiently(() => {
      this.#begin[kind].run()
      try {
        return first()
      } catch (error) {
        this.#undo()
        throw error
      }
    })
  }

  /** A transaction: all of it or, when it throws, nothing. */
  transaction<First, Result>(kind: 'read' | 'write', first: () => First, work: (first: First) => Result): Result {
    const begun = this.begin(kind, first)
    try {
      const result = work(begun)
      this.#commit.run()
      return result
    } catch (error) {
      this.#undo()
      throw error
    }
  }

  /** Whether a transaction could not be undone: nothing can be done with this connection any more. */
  get stuck(): boolean {
    return this.#connection.isTransaction
  }

  close(): void {
    if (this.#connection.isOpen) this.#connection.close()
  }

  #value(sql: string): SqlValue | undefined {
    return this.#patiently(() => this.prepare(sql).get()?.[0])
  }

  #undo(): void {
    // Some failures end the transaction by themselves; one that cannot be ended shows in `stuck`.
    try {
      if (this.#connection.isTransaction) this.#rollback.run()
    } catch {}
  }

  #patiently<Result>(attempt: () => Result): Result {
    for (let waitedMs = 0; ;) {
      try {
        return attempt()
      } catch (error) {
        if (!isBusy(error) || waitedMs >= this.#busyMsMax) throw error
        const pauseMs = 0.2 + this.#random() * Math.min(4, 0.5 + waitedMs / 10)
        Atomics.wait(pauser, 0, 0, pauseMs)
        waitedMs += pauseMs
      }
    }
  }
}
