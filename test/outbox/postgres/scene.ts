/** A Postgres for the tests of its outbox, and outboxes on it, each in a schema of its own. */
import { randomBytes } from 'node:crypto'

import { Pool } from 'pg'

import type { Outbox, OutboxNotice } from '../../../src/outbox/outbox.ts'
import { migratePostgres, postgresOutbox, type PostgresOutboxOptions } from '../../../src/outbox/postgres.ts'
import type { Runtime } from '../../../src/runtime/runtime.ts'
import { systemRuntime } from '../../../src/runtime/system.ts'
import type { OutboxSubject } from '../../../src/testing/outbox-conformance.ts'

export interface Opened {
  readonly outbox: Outbox
  readonly notices: readonly OutboxNotice[]
}

export function newSchema(): string {
  return `t_${randomBytes(6).toString('hex')}`
}

/** Opens a handle and keeps what it says. */
export async function open(
  options: PostgresOutboxOptions,
  workspace = 'test',
  runtime: Runtime = systemRuntime,
): Promise<Opened> {
  const notices: OutboxNotice[] = []
  const notice = (each: OutboxNotice): void => void notices.push(each)
  return { outbox: await postgresOutbox(options)({ runtime, workspace, notice }), notices }
}

/** A pool whose broken connections trouble nobody, and a schema with the tables in it. */
export async function migrated(connectionString: string): Promise<{ readonly pool: Pool; readonly schema: string }> {
  const pool = new Pool({ connectionString, max: 12 })
  pool.on('error', () => {})
  const schema = newSchema()
  await migratePostgres({ pool, schema })
  return { pool, schema }
}

/** The subject of the conformance suite: each store in a schema of its own. */
export function postgresSubject(connectionString: () => string): OutboxSubject {
  return {
    time: 'real',
    handles: 'all-deliver',
    transactions: true,
    async make(limits) {
      const { pool, schema } = await migrated(connectionString())
      return {
        open: async () => ({ ...(await open({ pool, schema, ...limits })), kill: () => {} }),
        advance: (byMs) => new Promise((resolve) => setTimeout(resolve, byMs)),
        wallMs: () => Date.now(),
        jumpWallMs: () => {},
        async dispose() {
          await pool.query(`DROP SCHEMA ${schema} CASCADE`)
          await pool.end()
        },
      }
    },
  }
}
