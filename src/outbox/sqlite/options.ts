/** The options of the SQLite outbox. */
import { resolve } from 'node:path'

import { OptionsError } from '../../errors.ts'
import { limitDefaults, resolveLimits, wholeNumber, type OutboxLimits } from '../limits.ts'

export interface SqliteOutboxOptions extends OutboxLimits {
  /** The file. Folders that are missing are made. Beside it stand `-wal`, `-shm` and `-reserve`. */
  readonly path: string
  /**
   * `power`: an append is on the disk (fsync) when it resolves, and survives power loss. `os`: it is with the operating
   * system, and survives the death of the process, not that of the machine; several times faster on slow disks.
   * @defaultValue 'power'
   */
  readonly durability?: 'power' | 'os'
  /**
   * What to do with a damaged file. `quarantine`: set it aside as `<path>.damaged-<n>`, take over what can be read of
   * it, and go on. `refuse`: throw `OUTBOX_DAMAGED` and touch nothing.
   * @defaultValue 'quarantine'
   */
  readonly onDamage?: 'quarantine' | 'refuse'
  /**
   * Memory for appends whose commit has not finished, in characters of their bodies. Beyond it `append` throws
   * `OutboxFullError` at once.
   * @defaultValue 64 Mi
   */
  readonly maxPendingBytes?: number
  /**
   * Size of the file beside the outbox that keeps disk room for settling: on a full disk it is given up, so that
   * deliveries can be written down and make room. 0 for none.
   * @defaultValue 8 MiB
   */
  readonly reserveBytes?: number
}

export type ResolvedSqliteOptions = Required<SqliteOutboxOptions>

export const sqliteDefaults: Readonly<Omit<ResolvedSqliteOptions, 'path'>> = Object.freeze({
  ...limitDefaults,
  durability: 'power',
  onDamage: 'quarantine',
  maxPendingBytes: 64 * 1024 * 1024,
  reserveBytes: 8 * 1024 * 1024,
})

export function resolveSqliteOptions(options: SqliteOutboxOptions): ResolvedSqliteOptions {
  const { path } = options
  if (typeof path !== 'string' || path === '') throw new OptionsError('path', 'must be the path of a file')
  if (path === ':memory:') throw new OptionsError('path', 'must be a file; memoryOutbox() is the outbox without one')
  return {
    path: resolve(path),
    ...resolveLimits(options),
    durability: oneOf('durability', ['power', 'os'], options.durability ?? sqliteDefaults.durability),
    onDamage: oneOf('onDamage', ['quarantine', 'refuse'], options.onDamage ?? sqliteDefaults.onDamage),
    maxPendingBytes: wholeNumber('maxPendingBytes', options.maxPendingBytes ?? sqliteDefaults.maxPendingBytes, 1),
    reserveBytes: wholeNumber('reserveBytes', options.reserveBytes ?? sqliteDefaults.reserveBytes, 0),
  }
}

function oneOf<Word extends string>(field: string, words: readonly Word[], value: Word): Word {
  if (!words.includes(value)) throw new OptionsError(field, `must be one of ${words.join(', ')}`)
  return value
}
