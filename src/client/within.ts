/**
 * Calls inside a transaction of the caller's: stored if and only if it commits. Only for an outbox in the caller's own
 * database. Nothing is held here for it: when the transaction is over, there is nothing left to end.
 */
import { OptionsError } from '../errors.ts'
import type { TransactionQuery } from '../outbox/outbox.ts'
import type { Decoded } from '../protocol/decode.ts'
import { CustomerIOCalls } from './calls.ts'
import type { CallOptions } from './intake.ts'
import { type BatchReceipt, onlyReceipt, type Receipt, receiptOfAll } from './receipt.ts'
import { type CallsToStore, noPrefix } from './storing.ts'

/** A client of `pg` that has a transaction open, or whatever answers like it. */
export interface TransactionClient {
  query(text: string, values: unknown[]): Promise<{ readonly rows: readonly Readonly<Record<string, unknown>>[] }>
}

type Store = <Answer>(calls: CallsToStore, answerOf: (receipts: readonly Receipt[]) => Answer) => Promise<Answer>

export class TransactionCalls extends CustomerIOCalls {
  readonly #store: Store
  readonly #within: TransactionQuery

  /** @throws OptionsError when `transaction` is neither a client nor a function */
  constructor(store: Store, transaction: TransactionClient | TransactionQuery) {
    super()
    this.#store = store
    this.#within = queryOf(transaction)
  }

  protected accept(decoded: Decoded, options: CallOptions = {}): Promise<Receipt> {
    return this.#store({ decoded: [decoded], options, prefix: noPrefix, within: this.#within }, onlyReceipt)
  }

  protected acceptAll(
    decoded: readonly Decoded[],
    options: CallOptions = {},
    prefix: (index: number) => string,
  ): Promise<BatchReceipt> {
    return this.#store({ decoded, options, prefix, within: this.#within }, receiptOfAll)
  }
}

/** @throws OptionsError */
export function queryOf(transaction: unknown): TransactionQuery {
  if (typeof transaction === 'function') {
    // Such a function makes a query of a table's name, and would take the statement for one.
    if (has(transaction, 'raw', 'function')) {
      throw refused('is a transaction of Knex: give a function that runs a statement in it and resolves to the rows')
    }
    const query = transaction as TransactionQuery
    return async (text, values) => rowsOf(await query(text, values))
  }
  if (typeof transaction !== 'object' || transaction === null || !has(transaction, 'query', 'function')) {
    throw refused(
      'must be a client with query(text, values), as that of pg, or a function (text, values) that resolves to the rows',
    )
  }
  if (has(transaction, 'totalCount', 'number') && has(transaction, 'connect', 'function')) {
    throw refused('is a pool, whose statements are in no transaction: give the client that has it open')
  }
  const client = transaction as TransactionClient
  return async (text, values) => {
    const result: unknown = await client.query(text, [...values])
    return rowsOf(typeof result === 'object' && result !== null ? Reflect.get(result, 'rows') : undefined)
  }
}

function rowsOf(rows: unknown): Awaited<ReturnType<TransactionQuery>> {
  if (!Array.isArray(rows)) throw refused('a statement in the transaction did not resolve to rows')
  return rows as Awaited<ReturnType<TransactionQuery>>
}

function has(value: object, name: string, type: 'function' | 'number'): boolean {
  return typeof Reflect.get(value, name) === type
}

function refused(message: string): OptionsError {
  return new OptionsError('within', message)
}
