/** `pg`, as far as it is used. The package is loaded only where a connection string is given. */
import type { PoolConfig } from 'pg'

import { OptionsError } from '../../errors.ts'

export type Rows = readonly Readonly<Record<string, unknown>>[]

/** What of a `pg` client is used. */
export interface PgClient {
  /** Of the session at the server; `Client` of `pg` has it, though its types do not. */
  readonly processID?: number
  query(text: string, values?: unknown[]): Promise<{ readonly rows: Rows }>
  release(error?: Error | boolean): void
  on(
    event: 'notification',
    listener: (message: { readonly channel: string; readonly payload?: string | undefined }) => void,
  ): unknown
  on(event: 'error', listener: (error: Error) => void): unknown
  removeListener(event: 'error', listener: (error: Error) => void): unknown
}

/** What of a `pg` pool is used: a `Pool` of `pg` is one. */
export interface PgPool {
  connect(): Promise<PgClient>
}

export interface OwnPool extends PgPool {
  end(): Promise<void>
}

/** A pool of its own. Throws `OptionsError` where `pg` is not installed. */
export async function ownPool(config: PoolConfig): Promise<OwnPool> {
  const { default: pg } = await import('pg').catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND') {
      throw new OptionsError('connectionString', 'needs the package `pg`: npm install pg')
    }
    throw error
  })
  const pool = new pg.Pool(config)
  // An idle connection that breaks leaves the pool; the next query makes another one.
  pool.on('error', () => {})
  return pool
}
