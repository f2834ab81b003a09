/**
 * Whose file it is, as its header says, which can be read also where the tables cannot.
 *
 * Nothing but SQLite may read the file: closing a file lets go of all the locks that this process has on it, also of
 * those of other handles, and another process would then delete a log that is in use.
 * https://sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread_doing_close_
 */
import { OutboxError } from '../../errors.ts'
import type { Database } from './database.ts'
import { APPLICATION_ID, SCHEMA_VERSION } from './schema.ts'

/**
 * `empty`: without a mark and tables, as a crash leaves it between making the file and making its tables.
 * @throws OutboxError for another program's file, and for one that a later version has written
 */
export function checkOurs(database: Database, path: string): 'ours' | 'empty' {
  const mark = (): number => database.number('PRAGMA application_id')
  let applicationId = mark()
  if (applicationId === 0) {
    if (!hasTables(database)) return 'empty'
    // Another process may have made both between the two looks.
    applicationId = mark()
  }
  if (applicationId !== APPLICATION_ID) {
    throw new OutboxError('OUTBOX_UNAVAILABLE', 'the file is the database of another program', { path })
  }
  const version = database.number('PRAGMA user_version')
  if (version > SCHEMA_VERSION) {
    const message = `the outbox was written by a later version (schema ${version}, known up to ${SCHEMA_VERSION})`
    throw new OutboxError('OUTBOX_NEWER_VERSION', message, { path })
  }
  return 'ours'
}

export function hasTables(database: Database): boolean {
  return database.number('SELECT count(*) FROM sqlite_schema') > 0
}
