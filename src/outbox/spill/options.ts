/** The options of the spill. */
import { OptionsError } from '../../errors.ts'
import { wholeNumber } from '../limits.ts'
import { resolveSqliteOptions, type ResolvedSqliteOptions } from '../sqlite/options.ts'

export interface SpillOptions {
  /** The file. Folders that are missing are made. It must be on a disk that outlives the process. */
  readonly path: string
  /** Operations in the file. At the bound `append` throws `OutboxFullError`. @defaultValue 10,000,000 */
  readonly maxOperations?: number
  /** Bytes of the operations in the file. @defaultValue 2 GiB */
  readonly maxBytes?: number
}

/** Where appends go while the remote outbox is away, and what becomes of them there. */
export interface SpillSettings {
  readonly spill: SpillOptions
  /** `hold`: what spilled waits for the remote outbox. `deliver`: after a while it is delivered from the file. */
  readonly onOutage: 'hold' | 'deliver'
  /** With `deliver`: how long the remote outbox must have been away, in milliseconds. */
  readonly deliverAfterMs: number
  /** How long the file knows a key again; as the remote outbox does. @defaultValue 1 hour */
  readonly rememberKeysMs?: number
}

export interface ResolvedSpill {
  readonly file: ResolvedSqliteOptions
  readonly onOutage: SpillSettings['onOutage']
  readonly deliverAfterMs: number
}

export function resolveSpill({ spill, onOutage, deliverAfterMs, rememberKeysMs }: SpillSettings): ResolvedSpill {
  if (onOutage !== 'hold' && onOutage !== 'deliver') throw new OptionsError('onOutage', 'must be one of hold, deliver')
  const keys = rememberKeysMs === undefined ? {} : { rememberKeysMs: wholeNumber('rememberKeysMs', rememberKeysMs, 0) }
  return {
    file: { ...resolveFile(spill), ...keys },
    onOutage,
    deliverAfterMs: wholeNumber('deliverAfterMs', deliverAfterMs, 0),
  }
}

function resolveFile(spill: unknown): ResolvedSqliteOptions {
  if (typeof spill !== 'object' || spill === null) throw new OptionsError('spill', 'must be an object with a path')
  const { path, maxOperations, maxBytes } = spill as SpillOptions
  try {
    return resolveSqliteOptions({
      path,
      ...(maxOperations === undefined ? {} : { maxOperations }),
      ...(maxBytes === undefined ? {} : { maxBytes }),
    })
  } catch (error) {
    if (!(error instanceof OptionsError)) throw error
    throw new OptionsError(`spill.${error.field}`, error.message.slice(error.field.length + 2))
  }
}
