/** Where claims begin to read: it moves on, and never past what may still be committed. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'

import { insertSql, insertValues } from '../../../src/outbox/postgres/append-sql.ts'
import { Floor } from '../../../src/outbox/postgres/floor.ts'
import { rowOf } from '../../../src/outbox/postgres/rows.ts'
import { entry, idsOf } from '../../../src/testing/outbox-conformance/scene.ts'
import { startPostgres, type PostgresServer } from '../../servers/postgres.ts'
import { until } from '../../until.ts'
import { migrated, open } from './scene.ts'

let server: PostgresServer

before(async () => {
  server = await startPostgres()
})
after(() => server.stop())

const everything = { entriesMax: 1_000, bytesMax: 1_000_000, leaseMs: 60_000 }

test('the floor rises to a block once all transactions that may have drawn it have ended, and not above what waits', () => {
  const floor = new Floor()
  floor.looked({ block: 3, oldest: 100n, first: undefined })
  floor.looked({ block: 5, oldest: 100n, first: undefined })
  assert.equal(floor.turn, 0, 'no transaction was drawn since')
  floor.drew(110n)
  floor.looked({ block: 5, oldest: 109n, first: undefined })
  assert.equal(floor.turn, 0, 'one of before may still commit')
  floor.looked({ block: 5, oldest: 110n, first: undefined })
  assert.equal(floor.turn, 4 * 4_096 - 1, 'the block that was taken down first')
  floor.drew(120n)
  floor.looked({ block: 9, oldest: 200n, first: 4 * 4_096 + 7 })
  assert.equal(floor.turn, 4 * 4_096 + 6)
})

test('what is committed long after it drew its turn is claimed, also when all that came later is delivered', async () => {
  const { pool, schema } = await migrated(server.connectionString)
  const { outbox } = await open({ pool, schema })
  const slow = await pool.connect()
  await slow.query('BEGIN')
  await slow.query(insertSql(`"${schema}"`), [...insertValues([rowOf(entry('slow', { lanes: ['s'] }), 0)], 10)])
  const signs = async (): Promise<string> => {
    const { rows } = await pool.query(`SELECT seen::text AS seen FROM ${schema}.handles`)
    return (rows[0] as { seen: string }).seen
  }
  for (let round = 0; round < 3; round++) {
    await outbox.append([entry(`${round}`)])
    const claim = await outbox.claim(everything)
    assert.deepEqual(idsOf(claim), [`${round}`])
    const verdict = { to: 'delivered' } as const
    await outbox.settle(claim.entries.map(({ position }) => ({ lease: claim.lease, position, verdict })))
    const last = await signs()
    await until(async () => (await signs()) !== last)
  }
  await slow.query('COMMIT')
  slow.release()
  assert.deepEqual(idsOf(await outbox.claim(everything)), ['slow'])
  await outbox.close()
  await pool.end()
})
