/**
 * Sets a damaged file aside, and begins a new one with what could be read of it.
 *
 * The order of steps makes it safe to die at each of them: first the new file is filled beside the damaged one, then
 * it gets the name that says it is complete (`<path>.rescued`), then the damaged file and its log are moved to
 * `<path>.damaged-<n>`, last the new one takes the path. A complete new file that is found at the next opening is put
 * in place then. Processes that share the path do this one at a time; those that have the damaged file open notice
 * that it is not the one at the path any more (`file-identity.ts`).
 */
import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'

import type { OutboxNotice } from '../outbox.ts'
import { openDamaged } from './damaged-file.ts'
import { Database } from './database.ts'
import { makeDatabase, type OpenDatabaseOptions } from './open-database.ts'
import type { ResolvedSqliteOptions } from './options.ts'
import { salvage, type Salvaged } from './salvage.ts'

type Quarantined = Extract<OutboxNotice, { readonly type: 'quarantined' }>

/** Another process may be at it, with a large file. */
const LOCK_MS_MAX = 60_000

/** Does it, if `isDamaged` still says so when it is this process's turn. */
export function rescue(
  options: ResolvedSqliteOptions,
  opening: OpenDatabaseOptions,
  isDamaged: () => boolean,
): Quarantined | undefined {
  return locked(options.path, opening, () => {
    finishMoves(options.path)
    if (!isDamaged()) return undefined
    const salvaged = rebuild(options, opening)
    const path = finishMoves(options.path)!
    return { type: 'quarantined', path, ...salvaged }
  })
}

/** Ends what a process that died in it has begun. */
export function finishRescue(path: string, opening: OpenDatabaseOptions): void {
  if (existsSync(rescuedOf(path))) locked(path, opening, () => finishMoves(path))
}

function rebuild(options: ResolvedSqliteOptions, opening: OpenDatabaseOptions): Salvaged {
  const { path } = options
  const fresh = `${path}.rescue`
  removeDatabase(fresh)
  // Made and closed first: its first page may be needed to read the damaged one.
  makeDatabase({ ...options, path: fresh }, opening).close()
  const damaged = openDamaged(path, fresh, opening.random)
  let salvaged: Salvaged = { recovered: 0, lost: null }
  if (damaged !== undefined) {
    const database = makeDatabase({ ...options, path: fresh }, opening)
    try {
      salvaged = salvage(damaged.database, database)
      database.exec('PRAGMA wal_checkpoint(TRUNCATE)')
    } finally {
      database.close()
      damaged.close()
    }
  }
  sync(fresh)
  renameSync(fresh, rescuedOf(path))
  sync(dirname(path))
  return salvaged
}

/** Puts a complete new file in its place. Gives the name of the damaged one. */
function finishMoves(path: string): string | undefined {
  if (!existsSync(rescuedOf(path))) return undefined
  const aside = asideOf(path)
  // The file itself first: a log without its file is known to be damage, a file without its log is not.
  for (const suffix of ['', '-wal', '-shm']) {
    if (existsSync(path + suffix)) renameSync(path + suffix, aside + suffix)
  }
  renameSync(rescuedOf(path), path)
  sync(dirname(path))
  return aside
}

/** The first name that is free, or the last that is not, when only its log is missing there still. */
function asideOf(path: string): string {
  const name = (number: number): string => `${path}.damaged-${number}`
  let number = 1
  while (existsSync(name(number))) number++
  const isBegun = !existsSync(path) && existsSync(`${path}-wal`) && !existsSync(`${name(number - 1)}-wal`)
  return isBegun && number > 1 ? name(number - 1) : name(number)
}

/** One process at a time; the lock ends with the process that holds it. */
function locked<Result>(path: string, { random }: OpenDatabaseOptions, work: () => Result): Result {
  const file = `${path}.rescue-lock`
  const lock = new Database(file, { random, busyMsMax: LOCK_MS_MAX })
  try {
    return lock.transaction('write', () => undefined, work)
  } finally {
    lock.close()
    rmSync(file, { force: true })
  }
}

function rescuedOf(path: string): string {
  return `${path}.rescued`
}

function removeDatabase(path: string): void {
  for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(path + suffix, { force: true })
}

function sync(path: string): void {
  const file = openSync(path, 'r')
  try {
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}
