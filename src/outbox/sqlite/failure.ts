/** What went wrong below the outbox, as the error of its contract. SQLite's result codes: https://sqlite.org/rescode.html */
import { OutboxError, isHoldfastError, type HoldfastError, type OutboxErrorCode } from '../../errors.ts'

const BUSY = 5
const LOCKED = 6
const READ_ONLY = 8
const IO_ERROR = 10
const CORRUPT = 11
const FULL = 13
const CANNOT_OPEN = 14
const NOT_A_DATABASE = 26
/** The file system says that the data of a page is gone: `SQLITE_IOERR_CORRUPTFS`. */
const IO_ERROR_CORRUPT = IO_ERROR | (33 << 8)
const IO_ERROR_WRITE = IO_ERROR | (3 << 8)
/** A page that should be there is not: `SQLITE_IOERR_SHORT_READ`. */
const IO_ERROR_SHORT_READ = IO_ERROR | (2 << 8)

const bySqlite: Readonly<Record<number, readonly [OutboxErrorCode, string]>> = {
  [BUSY]: ['OUTBOX_UNAVAILABLE', 'another process holds the outbox for too long'],
  [LOCKED]: ['OUTBOX_UNAVAILABLE', 'another process holds the outbox for too long'],
  [READ_ONLY]: ['OUTBOX_READ_ONLY', 'the outbox cannot be written'],
  [IO_ERROR]: ['OUTBOX_UNAVAILABLE', 'the disk of the outbox failed'],
  [CORRUPT]: ['OUTBOX_DAMAGED', 'the outbox is damaged'],
  [FULL]: ['OUTBOX_DISK_FULL', 'the disk of the outbox is full'],
  [CANNOT_OPEN]: ['OUTBOX_UNAVAILABLE', 'the outbox cannot be opened'],
  [NOT_A_DATABASE]: ['OUTBOX_DAMAGED', 'the outbox is damaged: not a database'],
}

const byFileSystem: Readonly<Record<string, readonly [OutboxErrorCode, string]>> = {
  EROFS: ['OUTBOX_READ_ONLY', 'the outbox is on a read-only file system'],
  ENOSPC: ['OUTBOX_DISK_FULL', 'the disk of the outbox is full'],
  EFBIG: ['OUTBOX_DISK_FULL', 'files on the disk of the outbox cannot grow any more'],
  EDQUOT: ['OUTBOX_DISK_FULL', 'the disk quota of the outbox is used up'],
  EACCES: ['OUTBOX_UNAVAILABLE', 'no permission to use the outbox'],
  EPERM: ['OUTBOX_UNAVAILABLE', 'no permission to use the outbox'],
}

/** Any caught value as an error of this package; one that already is stays what it is. */
export function failureOf(caught: unknown, path: string): HoldfastError {
  if (isHoldfastError(caught)) return caught
  const result = sqliteResult(caught)
  const [code, message] = meaningOf(caught, result) ?? ['OUTBOX_UNAVAILABLE', 'the outbox failed']
  const detail = result === undefined ? '' : ` (SQLite result ${result})`
  return new OutboxError(code, `${message}${detail}`, { path, cause: caught })
}

function meaningOf(caught: unknown, result: number | undefined): readonly [OutboxErrorCode, string] | undefined {
  if (isDamage(caught)) return bySqlite[result === NOT_A_DATABASE ? NOT_A_DATABASE : CORRUPT]
  if (result !== undefined) return bySqlite[result & 0xff]
  return byFileSystem[fileSystemCode(caught)]
}

function fileSystemCode(caught: unknown): string {
  return String(Reflect.get(Object(caught), 'code'))
}

export function isBusy(caught: unknown): boolean {
  const result = sqliteResult(caught)
  return result !== undefined && ((result & 0xff) === BUSY || (result & 0xff) === LOCKED)
}

export function isDiskFull(caught: unknown): boolean {
  const result = sqliteResult(caught)
  if (result !== undefined) return (result & 0xff) === FULL
  if (isHoldfastError(caught)) return caught.code === 'OUTBOX_DISK_FULL'
  return byFileSystem[fileSystemCode(caught)]?.[0] === 'OUTBOX_DISK_FULL'
}

/** Also what a quota gives: of a write SQLite tells only a full disk from all other failures. */
export function isOutOfRoom(caught: unknown): boolean {
  return isDiskFull(caught) || sqliteResult(caught) === IO_ERROR_WRITE
}

export function isDamage(caught: unknown): boolean {
  if (isHoldfastError(caught)) return caught.code === 'OUTBOX_DAMAGED'
  // A number that cannot have been written by us: the driver refuses to read it.
  if (Reflect.get(Object(caught), 'code') === 'ERR_OUT_OF_RANGE') return true
  const result = sqliteResult(caught)
  if (result === undefined) return false
  const primary = result & 0xff
  return (
    primary === CORRUPT || primary === NOT_A_DATABASE || result === IO_ERROR_CORRUPT || result === IO_ERROR_SHORT_READ
  )
}

function sqliteResult(caught: unknown): number | undefined {
  const result: unknown = Reflect.get(Object(caught), 'errcode')
  return typeof result === 'number' ? result : undefined
}
