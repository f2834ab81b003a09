/**
 * Opens the file of an outbox, makes it where there is none, and refuses what is not one of ours: another program's
 * database, a later version's, another workspace's. Nothing is written before all that is known.
 */
import { accessSync, constants, existsSync, mkdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'

import { OutboxError } from '../../errors.ts'
import type { Random } from '../../runtime/runtime.ts'
import { Database } from './database.ts'
import { failureOf } from './failure.ts'
import type { ResolvedSqliteOptions } from './options.ts'
import { APPLICATION_ID, SCHEMA, SCHEMA_VERSION } from './schema.ts'
import { checkOurs, hasTables } from './whose-file.ts'

export const PAGE_BYTES = 4_096
const WAL_BYTES_MAX = 16 * 1024 * 1024

export interface OpenDatabaseOptions {
  readonly workspace: string
  readonly random: Random
}

/** Opens the file at the path, after what can be known of it without opening it. */
export function openDatabase(options: ResolvedSqliteOptions, opening: OpenDatabaseOptions): Database {
  const { path } = options
  const folder = dirname(path)
  makeFolder(folder, path)
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) {
    throw new OutboxError('OUTBOX_UNAVAILABLE', 'the path of the outbox is a folder', { path })
  }
  checkWritable(folder, path)
  if (existsSync(path)) checkWritable(path, path)
  if (sizeOf(path) === 0 && sizeOf(`${path}-wal`) > 0) {
    // SQLite would delete the log, and with it what was not yet in the file.
    throw new OutboxError('OUTBOX_DAMAGED', 'the outbox is damaged: its file is empty, its log is not', { path })
  }
  return makeDatabase(options, opening)
}

/** Opens a database of ours, or makes it. */
export function makeDatabase(options: ResolvedSqliteOptions, { workspace, random }: OpenDatabaseOptions): Database {
  const { path } = options
  // With a log, the cut page may be one that a crash left, and that the log still has.
  const isCut = sizeOf(path) % PAGE_BYTES !== 0 && sizeOf(`${path}-wal`) === 0
  const database = new Database(path, { random })
  try {
    checkOurs(database, path)
    if (isCut) throw new OutboxError('OUTBOX_DAMAGED', 'the outbox is damaged: its last page is cut off', { path })
    configure(database, options)
    create(database, workspace)
    checkTables(database, workspace, path)
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

function makeFolder(folder: string, path: string): void {
  try {
    mkdirSync(folder, { recursive: true })
  } catch (error) {
    // Node does not say of a read-only file system that it is one.
    let existing = folder
    while (!existsSync(existing) && existing !== dirname(existing)) existing = dirname(existing)
    checkWritable(existing, path)
    throw error
  }
}

/** SQLite would open what it cannot write, and fail at the first append. */
function checkWritable(target: string, path: string): void {
  try {
    accessSync(target, constants.W_OK)
  } catch (error) {
    if (failureOf(error, path).code === 'OUTBOX_READ_ONLY') throw error
    accessSync(target, constants.R_OK)
    throw new OutboxError('OUTBOX_READ_ONLY', 'the outbox cannot be written: no permission', { path, cause: error })
  }
}

function configure(database: Database, { path, durability }: ResolvedSqliteOptions): void {
  // Only heeded by a database without pages, and before it becomes one with a write-ahead log.
  if (!hasTables(database)) database.exec(`PRAGMA page_size = ${PAGE_BYTES}; PRAGMA auto_vacuum = INCREMENTAL`)
  if (database.text('PRAGMA journal_mode = WAL') !== 'wal') {
    throw new OutboxError('OUTBOX_UNAVAILABLE', 'the file system of the outbox cannot hold a write-ahead log', { path })
  }
  database.exec(`
    PRAGMA synchronous = ${durability === 'power' ? 'FULL' : 'NORMAL'};
    PRAGMA fullfsync = 1;
    PRAGMA checkpoint_fullfsync = 1;
    PRAGMA wal_autocheckpoint = 1000;
    PRAGMA journal_size_limit = ${WAL_BYTES_MAX};
    PRAGMA temp_store = FILE;
    PRAGMA cache_size = -8000;
  `)
}

/** In one transaction: a file has all of its tables or none, and two processes do not both make them. */
function create(database: Database, workspace: string): void {
  if (hasTables(database)) return
  database.transaction(
    'write',
    () => hasTables(database),
    (made) => {
      if (made) return
      database.exec(SCHEMA)
      database.prepare('INSERT INTO state (one, workspace) VALUES (1, ?)').run(workspace)
      database.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${SCHEMA_VERSION}`)
    },
  )
}

/** What can be found out about the tables without reading all of them. */
function checkTables(database: Database, workspace: string, path: string): void {
  const names = database
    .prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")
    .all()
    .map(([name]) => name)
  const missing = ['state', 'entry', 'dead_letter', 'tombstone', 'known_key'].filter((name) => !names.includes(name))
  if (missing.length > 0 || database.number('SELECT count(*) FROM state') !== 1) {
    throw new OutboxError('OUTBOX_DAMAGED', 'the outbox is damaged: tables are missing', { path })
  }
  for (const table of ['entry', 'dead_letter'])
    database.exec(`SELECT (SELECT min(seq) FROM ${table}), (SELECT max(seq) FROM ${table})`)
  if (names.includes('pause')) database.prepare('SELECT * FROM pause').get()
  if (database.text('SELECT workspace FROM state') !== workspace) {
    throw new OutboxError('OUTBOX_UNAVAILABLE', 'the outbox belongs to another workspace', { path })
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0
}
