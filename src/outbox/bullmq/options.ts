/** The options of the Redis outbox. */
import { OptionsError } from '../../errors.ts'
import { type OutboxLimits, resolveLimits, wholeNumber } from '../limits.ts'
import type { RedisConnection } from './link.ts'

export interface SpillOptions {
  /**
   * The file. Folders that are missing are made. Producers on one machine may share it: one of them drains it for all.
   * @defaultValue a file in the folder `holdfast-data`, by prefix and workspace
   */
  readonly path?: string
  /** @defaultValue 10,000,000 */
  readonly maxOperations?: number
  /** @defaultValue 2 GiB */
  readonly maxBytes?: number
}

export interface BullmqOutboxOptions extends OutboxLimits {
  /**
   * Redis 6.2 or later, or Valkey: a URL (`redis://`, `rediss://`), options of ioredis, or an ioredis `Redis` or `Cluster`
   * instance, which is copied and stays yours. Needs the packages `ioredis` (5 or later) and `bullmq` (6.7 or later).
   */
  readonly connection: RedisConnection
  /** What all keys begin with, inside their hash tag. @defaultValue 'holdfast' */
  readonly prefix?: string
  /** How long Redis may take to answer, in milliseconds; then it counts as away. @defaultValue 2,000 */
  readonly commandTimeoutMs?: number
  /** Refuse to open (`OUTBOX_NOT_DURABLE`) where Redis keeps nothing on disk or may evict keys. @defaultValue false */
  readonly requireDurability?: boolean
  /** Where appends go while Redis is away; `false` refuses them with `OUTBOX_UNAVAILABLE`. @defaultValue a file */
  readonly spill?: SpillOptions | false
  /**
   * What becomes of spilled operations while Redis stays away. `hold`: they wait for it. `deliver`: after `deliverAfterMs`
   * they are delivered from the file, and may then overtake what waits in Redis for the same person. @defaultValue 'hold'
   */
  readonly onOutage?: 'hold' | 'deliver'
  /** In milliseconds. @defaultValue 60,000 */
  readonly deliverAfterMs?: number
  /** BullMQ's telemetry for queue and worker, as `new BullMQOtel(...)` of `bullmq-otel` makes it. */
  readonly telemetry?: unknown
}

export interface ResolvedBullmqOptions {
  readonly connection: RedisConnection
  readonly prefix: string
  readonly commandTimeoutMs: number
  readonly requireDurability: boolean
  readonly spill: SpillOptions | false
  readonly onOutage: 'hold' | 'deliver'
  readonly deliverAfterMs: number
  readonly telemetry: unknown
  readonly limits: Required<OutboxLimits>
}

export const bullmqDefaults: Readonly<{
  prefix: string
  commandTimeoutMs: number
  requireDurability: boolean
  onOutage: 'hold' | 'deliver'
  deliverAfterMs: number
}> = Object.freeze({
  prefix: 'holdfast',
  commandTimeoutMs: 2_000,
  requireDurability: false,
  onOutage: 'hold',
  deliverAfterMs: 60_000,
})

const PREFIX_CHARS_MAX = 100

export function resolveBullmqOptions(options: BullmqOutboxOptions): ResolvedBullmqOptions {
  if (typeof options !== 'object' || options === null) throw new OptionsError('options', 'must be an object')
  const { prefix = bullmqDefaults.prefix, onOutage = bullmqDefaults.onOutage, spill = {} } = options
  const { requireDurability = bullmqDefaults.requireDurability } = options
  if (typeof prefix !== 'string' || !/^[^{}\s]+$/.test(prefix) || prefix.length > PREFIX_CHARS_MAX) {
    throw new OptionsError('prefix', `must be 1 to ${PREFIX_CHARS_MAX} characters without braces and spaces`)
  }
  if (onOutage !== 'hold' && onOutage !== 'deliver') throw new OptionsError('onOutage', 'must be one of hold, deliver')
  if (typeof requireDurability !== 'boolean') throw new OptionsError('requireDurability', 'must be true or false')
  return {
    connection: options.connection,
    prefix,
    commandTimeoutMs: wholeNumber('commandTimeoutMs', options.commandTimeoutMs ?? bullmqDefaults.commandTimeoutMs, 1),
    requireDurability,
    spill: checkSpill(spill),
    onOutage,
    deliverAfterMs: wholeNumber('deliverAfterMs', options.deliverAfterMs ?? bullmqDefaults.deliverAfterMs, 0),
    telemetry: options.telemetry,
    limits: resolveLimits(options),
  }
}

function checkSpill(spill: SpillOptions | false): SpillOptions | false {
  if (spill === false) return false
  if (typeof spill !== 'object' || spill === null) throw new OptionsError('spill', 'must be an object, or false')
  const { path, maxOperations, maxBytes } = spill
  if (path !== undefined && (typeof path !== 'string' || path === '')) {
    throw new OptionsError('spill.path', 'must be the path of a file')
  }
  if (maxOperations !== undefined) wholeNumber('spill.maxOperations', maxOperations, 1)
  if (maxBytes !== undefined) wholeNumber('spill.maxBytes', maxBytes, 1)
  return spill
}
