/** What one of the handles does for all: nothing is counted differently after it, and what is forgotten may be. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'

import type { Pool } from 'pg'

import type { Outbox } from '../../../src/outbox/outbox.ts'
import { Database } from '../../../src/outbox/postgres/database.ts'
import { Upkeep } from '../../../src/outbox/postgres/upkeep.ts'
import { systemRuntime } from '../../../src/runtime/system.ts'
import { crowd, entry } from '../../../src/testing/outbox-conformance/scene.ts'
import { startPostgres, type PostgresServer } from '../../servers/postgres.ts'
import { until } from '../../until.ts'
import { migrated, open } from './scene.ts'

let server: PostgresServer

before(async () => {
  server = await startPostgres()
})
after(() => server.stop())

async function world(
  run: (outbox: Outbox, upkeep: Upkeep, pool: Pool, schema: string) => Promise<void>,
): Promise<void> {
  const { pool, schema } = await migrated(server.connectionString)
  const { outbox } = await open({ pool, schema })
  const times = { statementTimeoutMs: 10_000, connectionTimeoutMs: 5_000 }
  const database = await Database.connect({ kind: 'pool', pool }, times, systemRuntime.clock)
  await run(outbox, new Upkeep(database, schema, systemRuntime.clock), pool, schema)
  await outbox.close()
  await pool.end()
}

const everything = { entriesMax: 1_000, bytesMax: 1_000_000, leaseMs: 60_000 }

async function count(pool: Pool, table: string): Promise<number> {
  const { rows } = await pool.query(`SELECT count(*)::integer AS n FROM ${table}`)
  return (rows[0] as { n: number }).n
}

test('tallies are added up, also by several at once, and say the same', () =>
  world(async (outbox, upkeep, pool, schema) => {
    for (const each of crowd('c', 60)) await outbox.append([each])
    const before_ = await outbox.stats()
    await Promise.all([upkeep.addUp(), upkeep.addUp(), outbox.append([entry('more')]), upkeep.addUp()])
    const { totals, waiting, lost } = await outbox.stats()
    assert.deepEqual([totals.accepted, waiting, lost], [before_.totals.accepted + 1, 61, 0])
    await upkeep.addUp()
    assert.equal(await count(pool, `${schema}.tallies`), 1)
    assert.deepEqual((await outbox.stats()).totals, totals)
  }))

test('a handle that lives adds tallies up by itself', () =>
  world(async (outbox, _, pool, schema) => {
    for (const each of crowd('c', 60)) await outbox.append([each])
    await until(async () => (await count(pool, `${schema}.tallies`)) < 20)
    assert.equal((await outbox.stats()).totals.accepted, 60)
  }))

test('ids are forgotten after their time, those of entries that wait are not', () =>
  world(async (outbox, upkeep, pool, schema) => {
    const [waiting, gone] = [entry('waits', { keyed: true }), entry('gone', { lanes: ['b'], keyed: true })]
    await outbox.append([waiting, gone])
    const claim = await outbox.claim(everything)
    const position = claim.entries.find(({ id }) => id === 'gone')!.position
    await outbox.settle([{ lease: claim.lease, position, verdict: { to: 'delivered' } }])
    await upkeep.forgetIds()
    assert.equal(await count(pool, `${schema}.ids`), 2)
    await pool.query(`UPDATE ${schema}.ids SET until = now()`)
    await upkeep.forgetIds()
    assert.equal(await count(pool, `${schema}.ids`), 1)
    const states = (await outbox.append([waiting, gone])).map(({ state }) => state)
    assert.deepEqual(states, ['duplicate', 'stored'])
  }))

test('an id whose time is over and that nobody has swept away yet can be used again', () =>
  world(async (outbox, _, pool, schema) => {
    await outbox.append([entry('1')])
    const { lease, entries } = await outbox.claim(everything)
    await outbox.settle([{ lease, position: entries[0]!.position, verdict: { to: 'delivered' } }])
    await pool.query(`UPDATE ${schema}.ids SET until = now()`)
    assert.equal((await outbox.append([entry('1')]))[0]?.state, 'stored')
  }))

test('of positions of purged entries the newest are remembered, and the others are unknown', () =>
  world(async (outbox, upkeep, pool, schema) => {
    const [first] = await outbox.append([entry('1')])
    await outbox.purge('a')
    const [second] = await outbox.append([entry('2')])
    await outbox.purge('a')
    await pool.query(`SELECT setval(pg_get_serial_sequence('${schema}.departed', 'number'), 100000)`)
    await outbox.append([entry('3')])
    await outbox.purge('a')
    await upkeep.sweep()
    assert.equal((await outbox.lookup([second!.position]))[0]?.state, 'purged')
    assert.equal((await outbox.lookup([first!.position]))[0]?.state, 'unknown')
  }))

test('hints, handles and executions that are over are removed', () =>
  world(async (outbox, upkeep, pool, schema) => {
    outbox.tell({ kind: 'well' })
    await until(async () => (await count(pool, `${schema}.hints`)) === 1)
    await outbox.executions.complete({ key: 'k', token: 't', value: '1', ttlMs: 1 })
    await pool.query(`UPDATE ${schema}.hints SET at = at - interval '2 minutes'`)
    await pool.query(`INSERT INTO ${schema}.handles VALUES ('old', now() - interval '2 minutes')`)
    await until(async () => {
      await upkeep.sweep()
      return (await count(pool, `${schema}.executions`)) === 0
    })
    assert.deepEqual([await count(pool, `${schema}.hints`), await count(pool, `${schema}.handles`)], [0, 1])
  }))
