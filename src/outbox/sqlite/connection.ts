/**
 * Opening: the file is made, checked and set up, and everything that works on it is put together.
 *
 * Nothing is written before it is known whose file it is: one of a newer version, of another workspace or of another
 * program is refused as it stands.
 */
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'

import { OutboxError } from '../../errors.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import { Database } from './database.ts'
import { failureOf } from './failure.ts'
import type { ResolvedSqliteOptions } from './options.ts'
import { APPLICATION_ID, SCHEMA, SCHEMA_VERSION } from './schema.ts'

const PRAGMAS = [
  'wal_autocheckpoint = 1000',
  'journal_size_limit = 16777216',
  'temp_store = FILE',
  'cache_size = -8000',
  // macOS writes through to the disk itself only when asked for it.
  'fullfsync = 1',
  'checkpoint_fullfsync = 1',
]

/** An open file with its schema. @throws OutboxError */
export function openDatabase(
  options: ResolvedSqliteOptions,
  workspace: string,
  runtime: Pick<Runtime, 'random'>,
): Database {
  const { path } = options
  let database: Database | undefined
  try {
    mkdirSync(dirname(path), { recursive: true })
    database = new Database(path, { random: runtime.random })
    checkVersion(database, path)
    // Only an empty file takes this up; afterwards freed pages can be given back in steps.
    database.exec('PRAGMA auto_vacuum = INCREMENTAL')
    database.exec('PRAGMA journal_mode = WAL')
    database.exec(`PRAGMA synchronous = ${synchronousOf(options)}`)
    for (const pragma of PRAGMAS) database.exec(`PRAGMA ${pragma}`)
    createSchema(database, workspace)
    checkWorkspace(database, workspace, path)
    return database
  } catch (error) {
    database?.close()
    throw failureOf(error, path)
  }
}

export function synchronousOf(options: ResolvedSqliteOptions): 'FULL' | 'NORMAL' {
  return options.durability === 'power' ? 'FULL' : 'NORMAL'
}

function checkVersion(database: Database, path: string): void {
  const application = database.number('PRAGMA application_id')
  const version = database.number('PRAGMA user_version')
  if (application === APPLICATION_ID && version > SCHEMA_VERSION) {
    throw new OutboxError(
      'OUTBOX_NEWER_VERSION',
      `the file is of version ${version}; this package reads up to ${SCHEMA_VERSION}`,
      {
        path,
      },
    )
  }
  const isEmpty = database.number('SELECT count(*) FROM sqlite_schema') === 0
  if (application !== APPLICATION_ID && !isEmpty) {
    throw new OutboxError('OUTBOX_UNAVAILABLE', 'the file is the database of another program', { path })
  }
}

function createSchema(database: Database, workspace: string): void {
  const first = (): number => Number(database.prepare('SELECT count(*) FROM sqlite_schema').get()?.[0])
  database.transaction('write', first, (tables) => {
    // Another process may have been faster.
    if (tables > 0) return
    database.exec(SCHEMA)
    database.prepare('INSERT INTO state (one, workspace) VALUES (1, ?)').run(workspace)
    database.exec(`PRAGMA application_id = ${APPLICATION_ID}`)
    database.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`)
  })
}

function checkWorkspace(database: Database, workspace: string, path: string): void {
  const row = database.prepare('SELECT workspace FROM state').get()
  if (row === undefined)
    throw new OutboxError('OUTBOX_DAMAGED', 'the outbox is damaged: its account is missing', { path })
  if (row[0] === workspace) return
  throw new OutboxError('OUTBOX_UNAVAILABLE', 'the file holds the operations of another workspace', { path })
}
