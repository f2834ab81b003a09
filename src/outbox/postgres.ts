/**
 * The Postgres outbox: tables in the caller's own database, for many processes and machines, and for appends that are
 * part of the caller's transaction. All handles deliver.
 *
 * What stands where, in `postgres/`
 * - `options.ts`; `peer.ts` (all that is used of `pg`), `database.ts` (statements with their times), `failure.ts`
 * - `tables.ts`, `claim-function.ts`, `settle-functions.ts`, `operator-functions.ts`, `admission-function.ts`: what is in
 *   the database; `migrations.ts`: how it gets there
 * - `core.ts`: the contract. Its parts: `appends.ts` with `pending-appends.ts`, `append-sql.ts`, `used.ts`; `claims.ts`;
 *   `operators.ts`, `census.ts`, `executions.ts`; `pulse.ts` (what a handle hears of the others) with
 *   `wake-up.ts`, `floor.ts`, `upkeep.ts`
 * - `rows.ts`, `positions.ts`: entries and positions as rows; `workspace.ts`, `server-report.ts`
 */
import { systemRuntime } from '../runtime/system.ts'
import type { OpenOutbox } from './outbox.ts'
import { openPostgres } from './postgres/core.ts'
import { Database } from './postgres/database.ts'
import { migrate, schemaSql } from './postgres/migrations.ts'
import {
  resolvePostgresOptions,
  schemaOf,
  targetOf,
  type PostgresOutboxOptions,
  type PostgresTarget,
} from './postgres/options.ts'

/**
 * An outbox in a Postgres database, version 14 or later. Its tables must be there: `migratePostgres()`, or
 * `holdfast migrate`. Throws `OptionsError` at once, and `OutboxError` when it is opened and cannot be used.
 * @example `new ResilientCustomerIO({ siteId, apiKey, outbox: postgresOutbox({ pool }) })`
 */
export function postgresOutbox(options: PostgresOutboxOptions): OpenOutbox {
  const resolved = resolvePostgresOptions(options)
  return (context) => openPostgres(resolved, context)
}

/**
 * Makes the tables of the outbox, or those of this version out of an earlier one's. May be run again, and by several
 * processes at once. Resolves to the version that was there before, null where none was. Throws `OptionsError`, and
 * `OutboxError` where the database cannot be reached or was made by a later version.
 * @example `await migratePostgres({ connectionString: process.env.DATABASE_URL })`
 */
export async function migratePostgres(options: PostgresTarget): Promise<{ readonly before: number | null }> {
  const schema = schemaOf(options.schema)
  const times = { statementTimeoutMs: 120_000, connectionTimeoutMs: 10_000 }
  const database = await Database.connect(targetOf(options), times, systemRuntime.clock)
  try {
    return { before: await migrate(database, schema) }
  } finally {
    await database.end()
  }
}

/**
 * What `migratePostgres` would do, as SQL to be run in one transaction. It may be run on any earlier version, and again.
 * Throws `OptionsError`.
 * @example `console.log(printMigrations({ schema: 'holdfast' }))`
 */
export function printMigrations(options: { readonly schema?: string } = {}): string {
  return schemaSql(schemaOf(options.schema))
}

export type { TransactionQuery } from './outbox.ts'
export type { PgPool } from './postgres/peer.ts'
export type { PostgresOutboxOptions, PostgresTarget } from './postgres/options.ts'
