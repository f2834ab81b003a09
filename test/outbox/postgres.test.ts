import { after, before, test } from 'node:test'

import { outboxCases } from '../../src/testing/outbox-conformance.ts'
import { startPostgres, type PostgresServer } from '../servers/postgres.ts'
import { postgresSubject } from './postgres/scene.ts'

let server: PostgresServer

before(async () => {
  server = await startPostgres({ max_connections: '200' })
})
after(async () => {
  await server.stop()
})

const subject = postgresSubject(() => server.connectionString)

for (const { name, run } of outboxCases(subject)) test(`postgres: ${name}`, run)
