/** The options of the Postgres outbox. */
import { OptionsError } from '../../errors.ts'
import { resolveLimits, wholeNumber, type OutboxLimits } from '../limits.ts'
import type { PgPool } from './peer.ts'

/** Where the database is: one of the two. */
export interface PostgresTarget {
  /** A `Pool` of `pg`. It is used as it is and never ended. */
  readonly pool?: PgPool
  /** `postgres://user:password@host:5432/database`; a pool of its own is made and ended with the outbox. */
  readonly connectionString?: string
  /** The schema that holds the outbox, and nothing else. @defaultValue 'holdfast' */
  readonly schema?: string
}

export interface PostgresOutboxOptions extends PostgresTarget, OutboxLimits {
  /**
   * Whether LISTEN and NOTIFY wake the other handles, within milliseconds instead of a second. It takes a connection of
   * its own, and does not work through PgBouncer in transaction mode. @defaultValue false
   */
  readonly listen?: boolean
  /** Connections of its own pool at most, with `connectionString` only. @defaultValue 8 */
  readonly poolSize?: number
  /** How long one statement may take before it counts as failed. In milliseconds. @defaultValue 10,000 */
  readonly statementTimeoutMs?: number
  /** How long a connection, a new one or one of the pool, may be waited for. In milliseconds. @defaultValue 5,000 */
  readonly connectionTimeoutMs?: number
  /**
   * Refuse to open where the server may lose what it has confirmed: `fsync`, `synchronous_commit` or
   * `full_page_writes` is off. @defaultValue false
   */
  readonly requireDurability?: boolean
}

export type Target =
  | { readonly kind: 'pool'; readonly pool: PgPool }
  | { readonly kind: 'own'; readonly connectionString: string; readonly poolSize: number }

export interface ResolvedPostgresOptions {
  readonly target: Target
  readonly schema: string
  readonly listen: boolean
  readonly statementTimeoutMs: number
  readonly connectionTimeoutMs: number
  readonly requireDurability: boolean
  readonly limits: Required<OutboxLimits>
}

export function resolvePostgresOptions(options: PostgresOutboxOptions): ResolvedPostgresOptions {
  const { listen = false, requireDurability = false } = options
  return {
    target: targetOf(options),
    schema: schemaOf(options.schema),
    listen: flag('listen', listen),
    statementTimeoutMs: wholeNumber('statementTimeoutMs', options.statementTimeoutMs ?? 10_000, 1),
    connectionTimeoutMs: wholeNumber('connectionTimeoutMs', options.connectionTimeoutMs ?? 5_000, 1),
    requireDurability: flag('requireDurability', requireDurability),
    limits: resolveLimits(options),
  }
}

/** A name without quotes in it, so that it can be written into a statement. */
export function schemaOf(schema: unknown = 'holdfast'): string {
  if (typeof schema !== 'string' || !/^[a-z_][a-z0-9_]{0,62}$/i.test(schema) || /^pg_/i.test(schema)) {
    throw new OptionsError('schema', 'must be a name of at most 63 letters, digits and underscores')
  }
  return schema
}

export function targetOf(options: PostgresTarget & { readonly poolSize?: number }): Target {
  const { pool, connectionString, poolSize } = options
  if ((pool === undefined) === (connectionString === undefined)) {
    throw new OptionsError('pool', 'either pool or connectionString must be given, and not both')
  }
  if (pool !== undefined) {
    if (typeof pool?.connect !== 'function') throw new OptionsError('pool', 'must be a Pool of the package `pg`')
    if (poolSize !== undefined)
      throw new OptionsError('poolSize', 'goes with connectionString; a pool has its own size')
    return { kind: 'pool', pool }
  }
  if (typeof connectionString !== 'string' || !/^postgres(ql)?:\/\//.test(connectionString)) {
    throw new OptionsError('connectionString', 'must begin with postgres:// or postgresql://')
  }
  return { kind: 'own', connectionString, poolSize: wholeNumber('poolSize', poolSize ?? 8, 2) }
}

function flag(field: string, value: unknown): boolean {
  if (typeof value !== 'boolean') throw new OptionsError(field, 'must be true or false')
  return value
}
