/**
 * The embedded outbox: one SQLite file, no server. Appends are on the disk before they resolve; the file is worked on
 * by a thread of its own, so that no fsync blocks the caller. Several processes may share one file: all append, one
 * delivers, another takes over when it dies.
 *
 * What a crash at each step leaves behind: before a commit, nothing of it; after it, all of it, also after power loss.
 * What was claimed and not settled is claimable again, with its attempts kept.
 */
import { createHash } from 'node:crypto'
import { join } from 'node:path'

import type { OpenOutbox } from './outbox.ts'
import { resolveSqliteOptions, type SqliteOutboxOptions } from './sqlite/options.ts'
import { openThreadedOutbox } from './sqlite/threaded.ts'

/**
 * An outbox in a file.
 * @example `new ResilientCustomerIO({ siteId, apiKey, outbox: sqliteOutbox({ path: '/var/lib/shop/outbox.db' }) })`
 * @throws OptionsError naming the option; opening throws `OutboxError` where the file cannot be used
 */
export function sqliteOutbox(options: SqliteOutboxOptions): OpenOutbox {
  const resolved = resolveSqliteOptions(options)
  return (context) => openThreadedOutbox(resolved, context)
}

/** In the folder `holdfast-data` of the working directory, a file for each workspace. */
export function defaultOutboxPath(siteId: string): string {
  const name = createHash('sha256').update(siteId).digest('hex').slice(0, 12)
  return join('holdfast-data', `outbox-${name}.db`)
}

export { openInlineSqliteOutbox } from './sqlite/inline.ts'
export type { SqliteOutboxOptions } from './sqlite/options.ts'
