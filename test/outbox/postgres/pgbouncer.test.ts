/** Through PgBouncer in transaction mode: each statement may meet another session of the server. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'

import { Pool } from 'pg'

import { postgresOutbox } from '../../../src/outbox/postgres.ts'
import { outboxCases } from '../../../src/testing/outbox-conformance.ts'
import { entry, idsOf } from '../../../src/testing/outbox-conformance/scene.ts'
import { systemRuntime } from '../../../src/runtime/system.ts'
import { startPgBouncer, type PgBouncerServer } from '../../servers/pgbouncer.ts'
import { startPostgres, type PostgresServer } from '../../servers/postgres.ts'
import { migrated, postgresSubject } from './scene.ts'

let server: PostgresServer
let bouncer: PgBouncerServer

before(async () => {
  server = await startPostgres()
  bouncer = await startPgBouncer(server.port, 3)
})
after(async () => {
  await bouncer.stop()
  await server.stop()
})

const subject = postgresSubject(() => bouncer.connectionString)

/** Whatever several sessions, locks, leases and the server's clock have to do with. */
const telling = /handle|two lanes|lease|retr|once|calls under way|executions: (?:one token|all handles)/
for (const { name, run } of outboxCases(subject).filter((each) => telling.test(each.name))) {
  test(`postgres through PgBouncer: ${name}`, run)
}

test('postgres through PgBouncer: a pool of its own, and an append inside a transaction', async () => {
  const { pool, schema } = await migrated(bouncer.connectionString)
  const options = { connectionString: bouncer.connectionString, schema, poolSize: 4 }
  const outbox = await postgresOutbox(options)({ runtime: systemRuntime, workspace: 'test', notice: () => {} })
  const own = new Pool({ connectionString: bouncer.connectionString })
  const client = await own.connect()
  await client.query('BEGIN')
  await outbox.append([entry('1')], async (text, values) => (await client.query(text, [...values])).rows)
  assert.deepEqual(idsOf(await outbox.claim({ entriesMax: 10, bytesMax: 10_000, leaseMs: 1_000 })), [])
  await client.query('COMMIT')
  client.release()
  assert.deepEqual(idsOf(await outbox.claim({ entriesMax: 10, bytesMax: 10_000, leaseMs: 1_000 })), ['1'])
  await outbox.close()
  await own.end()
  await pool.end()
})
