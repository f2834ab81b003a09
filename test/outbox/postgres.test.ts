import { after, before, test } from 'node:test'

import { outboxCases, type OutboxSubject } from '../../src/testing/outbox-conformance.ts'
import { startPostgres, type PostgresServer } from '../servers/postgres.ts'
import { migrated, open } from './postgres/scene.ts'

let server: PostgresServer

before(async () => {
  server = await startPostgres({ max_connections: '200' })
})
after(async () => {
  await server.stop()
})

const subject: OutboxSubject = {
  time: 'real',
  handles: 'all-deliver',
  transactions: true,
  async make(limits) {
    const { pool, schema } = await migrated(server.connectionString)
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

for (const { name, run } of outboxCases(subject)) test(`postgres: ${name}`, run)
