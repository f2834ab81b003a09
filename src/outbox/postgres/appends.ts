/**
 * Append. Far from the bounds and with ids that nobody has used, which is nearly always so, a group of calls is one
 * statement that asks nothing. Where it meets an id that is there, or a bound is near, the calls are looked at one by one,
 * under a lock that only such appends take.
 */
import { OutboxFullError } from '../../errors.ts'
import { RETRY_FULL_MS } from '../limits.ts'
import type { AppendResult, NewEntry, TransactionQuery } from '../outbox.ts'
import { forgetSql, insertSql, insertValues, joinSql, joinValue, knownSql, ROWS_MAX, usedSql } from './append-sql.ts'
import type { Database, Query } from './database.ts'
import { failureOf, isUniqueViolation } from './failure.ts'
import { PendingAppends, type AppendCall, type Appended } from './pending-appends.ts'
import { positionOf } from './positions.ts'
import { rowOf, type EntryRow } from './rows.ts'
import { BLOCK } from './tables.ts'
import type { Used, UsedEstimate } from './used.ts'

export interface AppendLimits {
  readonly maxOperations: number
  readonly maxBytes: number
  readonly rememberKeysMs: number
}

export interface AppendParts {
  readonly database: Database
  /** The schema, quoted. */
  readonly schema: string
  readonly lock: bigint
  readonly limits: AppendLimits
  readonly used: UsedEstimate
  /** Called with the block of each statement that stored something. */
  readonly stored: (block: number) => void
}

export class Appends {
  readonly #parts: AppendParts
  readonly #pending: PendingAppends
  readonly #insert: string
  readonly #join: string

  constructor(parts: AppendParts) {
    this.#parts = parts
    this.#pending = new PendingAppends((calls) => this.#store(calls))
    this.#insert = insertSql(parts.schema)
    this.#join = joinSql(parts.schema)
  }

  append(entries: readonly NewEntry[]): Promise<readonly AppendResult[]> {
    if (entries.length === 0) return Promise.resolve([])
    return this.#pending.add(this.#callOf(entries))
  }

  /** As part of the caller's transaction: its errors, those of the database included, are the caller's. */
  async join(entries: readonly NewEntry[], within: TransactionQuery): Promise<readonly AppendResult[]> {
    const { rows, rowOf: indexes } = this.#callOf(entries)
    const { maxOperations: operationsMax, maxBytes: bytesMax } = this.#parts.limits
    const results: AppendResult[] = []
    for (let from = 0; from < rows.length; from += ROWS_MAX) {
      const some = rows.slice(from, from + ROWS_MAX)
      const repeated = from === 0 ? entries.length - rows.length : 0
      const answer = await within(this.#join, [joinValue(some, { repeated, operationsMax, bytesMax })])
      const [first] = answer
      const used = { operations: Number(first?.['operations']), bytes: Number(first?.['bytes']) }
      if (first?.['fits'] === false) throw this.#full('operations', used)
      if (first?.['fits_bytes'] === false) throw this.#full('bytes', used)
      results.push(
        ...answer.map(({ turn, position }): AppendResult =>
          position === null
            ? { state: 'stored', position: positionOf(-Number(turn)) }
            : { state: 'duplicate', position: positionOf(Number(position)) },
        ),
      )
    }
    return resultsOf(indexes, results)
  }

  finished(): Promise<void> {
    return this.#pending.finished()
  }

  #callOf(entries: readonly NewEntry[]): AppendCall {
    const { rememberKeysMs } = this.#parts.limits
    const all = entries.map((entry) => rowOf(entry, rememberKeysMs))
    const given = all.length
    if (given === 1 || new Set(entries.map(({ id }) => id)).size === given) {
      return { rows: all, bytes: bytesOf(all), given, rowOf: undefined }
    }
    const byId = new Map<string, number>()
    const rows: EntryRow[] = []
    const indexes = all.map((row) => {
      const known = byId.get(row.id)
      if (known !== undefined) return known
      byId.set(row.id, rows.length)
      return rows.push(row) - 1
    })
    return { rows, bytes: bytesOf(rows), given, rowOf: indexes }
  }

  async #store(calls: readonly AppendCall[]): Promise<Appended> {
    const rows = calls.length === 1 ? calls[0]!.rows : calls.flatMap((call) => call.rows)
    const bytes = calls.reduce((sum, call) => sum + call.bytes, 0)
    const isRepeated = calls.some((call) => call.rowOf !== undefined)
    if (
      rows.length <= ROWS_MAX &&
      !isRepeated &&
      this.#parts.used.isFar(rows.length, bytes) &&
      !(await this.#isKnown(rows))
    ) {
      try {
        return await this.#storeUnknown(calls, rows, bytes)
      } catch (error) {
        if (!isUniqueViolation(error)) throw failureOf(error, true)
      }
    }
    const appended: (readonly AppendResult[] | Error)[] = []
    for (const call of calls) {
      appended.push(await this.#storeOne(call).catch((error: unknown) => error as Error))
    }
    return appended
  }

  /** Of entries with keys a repetition is nothing rare. */
  async #isKnown(rows: readonly EntryRow[]): Promise<boolean> {
    const keyed = rows.filter((row) => row.isKeyed).map((row) => row.id)
    if (keyed.length === 0) return false
    return (await this.#parts.database.query(knownSql(this.#parts.schema), [keyed])).length > 0
  }

  async #storeUnknown(calls: readonly AppendCall[], rows: readonly EntryRow[], bytes: number): Promise<Appended> {
    // A repeated id of two calls is a violation too.
    const [row] = await this.#parts.database.queryRaw(this.#insert, insertValues(rows, bytes))
    const first = Number(row?.['block']) * BLOCK + 1
    this.#parts.stored(Number(row?.['block']))
    this.#parts.used.add({ operations: rows.length, bytes })
    let before = 0
    return calls.map((call) => {
      const start = first + before
      before += call.rows.length
      return call.rows.map((_, index): AppendResult => ({ state: 'stored', position: positionOf(start + index) }))
    })
  }

  async #storeOne(call: AppendCall): Promise<readonly AppendResult[]> {
    const { database, lock } = this.#parts
    const begin = `SET LOCAL idle_in_transaction_session_timeout = '5s'; SELECT pg_advisory_xact_lock(${lock + 2n})`
    return database.transaction(begin, (query) => this.#storeLooking(query, call))
  }

  async #storeLooking(query: Query, call: AppendCall): Promise<readonly AppendResult[]> {
    const { schema } = this.#parts
    const ids = call.rows.map((row) => row.id)
    await query(forgetSql(schema), [ids])
    const known = new Map((await query(knownSql(schema), [ids])).map(({ id, position }) => [id, Number(position)]))
    const fresh = call.rows.filter((row) => !known.has(row.id))
    await this.#checkRoom(query, fresh)
    const turns = new Map<string, number>()
    for (let from = 0; from < fresh.length; from += ROWS_MAX) {
      const some = fresh.slice(from, from + ROWS_MAX)
      const [row] = await query(this.#insert, insertValues(some, bytesOf(some)))
      this.#parts.stored(Number(row?.['block']))
      for (const [index, { id }] of some.entries()) turns.set(id, Number(row?.['block']) * BLOCK + 1 + index)
    }
    const duplicates = call.given - fresh.length
    if (duplicates > 0) await query(`INSERT INTO ${schema}.tallies (duplicates) VALUES ($1)`, [duplicates])
    const results = ids.map((id): AppendResult => {
      const turn = turns.get(id)
      if (turn === undefined) return { state: 'duplicate', position: positionOf(known.get(id)!) }
      return { state: 'stored', position: positionOf(turn) }
    })
    return resultsOf(call.rowOf, results)
  }

  async #checkRoom(query: Query, fresh: readonly EntryRow[]): Promise<void> {
    const { schema, limits } = this.#parts
    const [row] = await query(usedSql(schema))
    const used = { operations: Number(row?.['operations']), bytes: Number(row?.['bytes']) }
    this.#parts.used.set(used)
    if (used.operations + fresh.length > limits.maxOperations) throw this.#full('operations', used)
    if (used.bytes + bytesOf(fresh) > limits.maxBytes) throw this.#full('bytes', used)
  }

  #full(bound: 'operations' | 'bytes', used: Used): OutboxFullError {
    const { maxOperations, maxBytes } = this.#parts.limits
    const limit = bound === 'operations' ? maxOperations : maxBytes
    return new OutboxFullError({ bound, limit, used: used[bound], retryAfterMs: RETRY_FULL_MS })
  }
}

function bytesOf(rows: readonly EntryRow[]): number {
  return rows.reduce((sum, row) => sum + row.bytes, 0)
}

/** The results of the rows, for each entry of the call: the first one of a row is as the row, the others are duplicates. */
function resultsOf(indexes: readonly number[] | undefined, results: readonly AppendResult[]): readonly AppendResult[] {
  if (indexes === undefined) return results
  const seen = new Set<number>()
  return indexes.map((index) => {
    const { state, position } = results[index]!
    if (seen.has(index)) return { state: 'duplicate', position }
    seen.add(index)
    return { state, position }
  })
}
