/**
 * The SQLite outbox: one file, no server, nothing to install. An append resolves when it is on the disk; SQLite runs
 * in a thread of its own, so no fsync blocks the caller. Several processes may share the file: all append, one
 * delivers, another takes over when it dies.
 *
 * What stands where, in `sqlite/`
 * - `threaded.ts`, `group-commit.ts`, `execution-groups.ts`, `worker-link.ts`, `wire.ts`: the caller's side, and what
 *   goes over to
 * - `worker.ts`: the thread, around a
 * - `session.ts`: a connection over time: `open-database.ts` and, on it, a
 * - `core.ts`: the contract on one open file. Its parts: `commits.ts` (the one way to write), `ownership.ts`,
 *   `appends.ts`, `departures.ts`, `deliverer.ts` with `claims.ts`, `turns.ts`, `tail.ts`; `queries.ts`,
 *   `operators.ts`, `census.ts`; `executions.ts`, `pause.ts`.
 * - `handover.ts`: what a spill asks besides: its entries in the order of append, for another outbox to take over
 * - `check-file.ts`, `read-file.ts`: from outside, without being one of its handles: is the file whole; what is in it
 */
import { createHash } from 'node:crypto'
import { join } from 'node:path'

import type { OpenOutbox } from './outbox.ts'
import { resolveSqliteOptions, type SqliteOutboxOptions } from './sqlite/options.ts'
import { openThreaded } from './sqlite/threaded.ts'

/**
 * The default outbox. Throws `OptionsError` at once, and `OutboxError` when it is opened and cannot be used.
 * @example `new ResilientCustomerIO({ siteId, apiKey, outbox: sqliteOutbox({ path: '/var/lib/shop/outbox.db' }) })`
 */
export function sqliteOutbox(options: SqliteOutboxOptions): OpenOutbox {
  const resolved = resolveSqliteOptions(options)
  return (context) => openThreaded(resolved, context)
}

/** In the folder `holdfast-data` of the working directory, a file for each workspace. */
export function defaultOutboxPath(siteId: string): string {
  const name = createHash('sha256').update(siteId).digest('hex').slice(0, 12)
  return join('holdfast-data', `outbox-${name}.db`)
}

export type { SqliteOutboxOptions } from './sqlite/options.ts'
