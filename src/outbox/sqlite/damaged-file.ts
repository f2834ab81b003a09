/**
 * A damaged file, opened as far as that goes. It is never written: what must be mended before SQLite can open it is
 * mended in a copy.
 *
 * - A file whose first page is readable is opened as it is, with its write-ahead log.
 * - An empty or missing file beside a log: SQLite would delete the log. In a copy, the file gets a page, and SQLite
 *   finds in the log what it holds.
 * - A first page that is gone: it holds the header and the list of tables, which are the same in every outbox of the
 *   same schema; so that of a fresh one is put in its place.
 */
import {
  closeSync,
  copyFileSync,
  existsSync,
  ftruncateSync,
  openSync,
  readSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'

import type { Random } from '../../runtime/runtime.ts'
import { Database } from './database.ts'
import { PAGE_BYTES } from './open-database.ts'

export interface OpenDamaged {
  readonly database: Database
  /** Closes it, and removes the copy where there is one. */
  readonly close: () => void
}

/** @param template path of a fresh outbox that is not open. */
export function openDamaged(path: string, template: string, random: Random): OpenDamaged | undefined {
  if (sizeOf(path) > 0) {
    const database = openReadable(path, random, true)
    if (database !== undefined) return { database, close: () => database.close() }
  }
  const copy = `${path}.mended`
  const remove = (): void => {
    for (const suffix of ['', '-wal', '-shm']) rmSync(copy + suffix, { force: true })
  }
  remove()
  if (existsSync(path)) copyFileSync(path, copy)
  if (existsSync(`${path}-wal`)) copyFileSync(`${path}-wal`, `${copy}-wal`)
  const pages = Math.max(1, Math.ceil(sizeOf(copy) / PAGE_BYTES))
  resize(copy, pages)
  let database = sizeOf(`${copy}-wal`) > 0 ? openReadable(copy, random, false) : undefined
  if (database === undefined) {
    mendFirstPage(copy, template, pages)
    database = openReadable(copy, random, false)
  }
  if (database === undefined) {
    remove()
    return undefined
  }
  const opened = database
  return {
    database: opened,
    close() {
      opened.close()
      remove()
    },
  }
}

function openReadable(path: string, random: Random, readOnly: boolean): Database | undefined {
  let database: Database | undefined
  try {
    database = new Database(path, { random, readOnly })
    if (database.number("SELECT count(*) FROM sqlite_schema WHERE name = 'entry'") === 1) return database
  } catch {}
  database?.close()
  return undefined
}

/** Page count and free pages are those of the file. https://sqlite.org/fileformat.html#the_database_header */
function mendFirstPage(path: string, template: string, pages: number): void {
  const page = Buffer.alloc(PAGE_BYTES)
  const source = openSync(template, 'r')
  try {
    readSync(source, page, 0, PAGE_BYTES, 0)
  } finally {
    closeSync(source)
  }
  page.writeUInt32BE(pages, 28)
  page.writeUInt32BE(0, 32)
  page.writeUInt32BE(0, 36)
  const target = openSync(path, 'r+')
  try {
    writeSync(target, page, 0, PAGE_BYTES, 0)
  } finally {
    closeSync(target)
  }
}

function resize(path: string, pages: number): void {
  const file = openSync(path, 'a+')
  try {
    ftruncateSync(file, pages * PAGE_BYTES)
  } finally {
    closeSync(file)
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0
}
