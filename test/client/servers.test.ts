/** Clients on real servers: what they tell each other through Redis and Postgres, and a server that comes later. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'

import { Client } from 'pg'

import { type HoldfastEvent, type OpenOutbox, ResilientCustomerIO, systemRuntime } from '../../src/index.ts'
import { bullmqOutbox } from '../../src/outbox/bullmq.ts'
import { migratePostgres, postgresOutbox } from '../../src/outbox/postgres.ts'
import { createSimulator, type Simulator } from '../../src/simulator/index.ts'
import { type PostgresServer, startPostgres } from '../servers/postgres.ts'
import type { TestServer } from '../servers/process.ts'
import { type RedisServer, startRedis } from '../servers/redis.ts'
import { until } from '../until.ts'

interface Member {
  readonly cio: ResilientCustomerIO
  readonly events: HoldfastEvent[]
}

let redis: RedisServer
let postgres: PostgresServer
before(async () => {
  redis = await startRedis()
  postgres = await startPostgres()
})
after(async () => {
  await redis.stop()
  await postgres.stop()
})

const stores: readonly {
  readonly name: string
  readonly server: () => TestServer
  readonly outbox: () => Promise<OpenOutbox>
}[] = [
  {
    name: 'redis',
    server: () => redis,
    outbox: async () => bullmqOutbox({ connection: redis.url, prefix: `t${process.hrtime.bigint()}`, spill: false }),
  },
  {
    name: 'postgres',
    server: () => postgres,
    outbox: async () => {
      const connectionString = await postgres.database()
      await migratePostgres({ connectionString })
      return postgresOutbox({ connectionString })
    },
  },
]

function member(outbox: OpenOutbox, simulator: Simulator, mode: 'outbox' | 'direct' = 'outbox'): Member {
  const events: HoldfastEvent[] = []
  const runtime = { ...systemRuntime, fetch: simulator.fetch }
  const cio = new ResilientCustomerIO({ siteId: 'site', apiKey: 'key', runtime, outbox, mode })
  cio.on((event) => events.push(event))
  return { cio, events }
}

async function closeAll(members: readonly Member[]): Promise<void> {
  await Promise.all(members.map(({ cio }) => cio.close({ timeoutMs: 5_000 })))
}

for (const { name, server, outbox } of stores) {
  test(`${name}: two processes share the rate, a pause for all, and what one was told to wait`, async () => {
    const simulator = createSimulator({ siteId: 'site', apiKey: 'key' })
    const open = await outbox()
    const members = [member(open, simulator), member(open, simulator)] as const
    const [first, second] = members
    try {
      await until(async () => (await first.cio.stats()).handles === 2 && (await second.cio.stats()).handles === 2)
      assert.deepEqual([(await first.cio.stats()).perSecond, (await second.cio.stats()).perSecond], [50, 50])

      await first.cio.pauseAll({ who: 'ada', why: 'an import' })
      await until(async () => (await second.cio.health()).pausedForAll?.who === 'ada')
      await until(async () => (await first.cio.health()).pausedForAll?.why === 'an import')
      await Promise.all(Array.from({ length: 20 }, (_, n) => first.cio.identify(`p${n}`, { n })))
      const third = member(open, simulator)
      await until(async () => (await third.cio.health()).pausedForAll !== null)
      await third.cio.close()
      assert.equal(simulator.ledger.requests().length, 0)

      simulator.faults.add({ kind: 'status', status: 429, retryAfterSeconds: 2, times: 1 })
      await second.cio.resumeAll()
      await until(() => members.some(({ events }) => events.some((each) => each.type === 'heard')))
      const told = members.map(({ events }) => events.filter(({ type }) => type === 'throttled').length)
      assert.ok(told[0]! >= 1 && told[1]! >= 1, `${told.join(' and ')}: both wait`)
      await until(async () => (await first.cio.stats()).waiting === 0)
      assert.equal(simulator.ledger.count({ type: 'identify', applied: true }), 20)

      await second.cio.close()
      await until(async () => (await first.cio.stats()).handles === 1)
      assert.match((await first.cio.health()).store?.server ?? '', new RegExp(`^${name} \\d`))
    } finally {
      await closeAll(members)
    }
  })

  test(`${name}: a process that only delivers comes alive when the server does`, async () => {
    const simulator = createSimulator({ siteId: 'site', apiKey: 'key' })
    const open = await outbox()
    const producer = member(open, simulator)
    producer.cio.pause()
    await producer.cio.identify('42', { plan: 'pro' })
    await producer.cio.close()
    await server().kill()
    const deliverer = member(open, simulator)
    try {
      await until(async () => (await deliverer.cio.health()).status === 'failing')
      await server().restart()
      await until(() => simulator.ledger.count({ type: 'identify', applied: true }) === 1)
      await until(async () => (await deliverer.cio.health()).status === 'ok')
    } finally {
      await closeAll([deliverer])
    }
  })
}

for (const mode of ['outbox', 'direct'] as const) {
  test(`postgres: a call within a transaction is sent if and only if that commits, in mode ${mode}`, async () => {
    const simulator = createSimulator({ siteId: 'site', apiKey: 'key' })
    const connectionString = await postgres.database()
    await migratePostgres({ connectionString })
    const only = member(postgresOutbox({ connectionString }), simulator, mode)
    const client = new Client({ connectionString })
    await client.connect()
    try {
      await client.query('CREATE TABLE orders (id int PRIMARY KEY)')
      const order = async (id: number, end: 'COMMIT' | 'ROLLBACK'): Promise<void> => {
        await client.query('BEGIN')
        await client.query('INSERT INTO orders (id) VALUES ($1)', [id])
        const receipt = await only.cio.within(client).track('42', 'order_placed', { id })
        assert.equal(receipt.state, 'stored')
        assert.deepEqual(await receipt.settled(), { state: 'unknown' }, 'nobody else sees it yet')
        await client.query(end)
        if (end === 'COMMIT') assert.deepEqual(await receipt.settled(), { state: 'delivered' })
        else assert.deepEqual(await receipt.settled(), { state: 'unknown' })
      }
      await order(1, 'ROLLBACK')
      await order(2, 'COMMIT')
      await client.query('BEGIN')
      await client.query('INSERT INTO orders (id) VALUES (3)')
      await assert.rejects(client.query('INSERT INTO orders (id) VALUES (3)'), { code: '23505' })
      await assert.rejects(only.cio.within(client).track('42', 'order_placed', { id: 3 }))
      await client.query('ROLLBACK')
      assert.equal((await only.cio.health()).status, 'ok', 'the trouble was that of the transaction')
      await order(4, 'COMMIT')
      const sent = simulator.ledger.events('42').map(({ call }) => (call?.type === 'event' ? call.data : null))
      assert.deepEqual(sent, [{ id: 2 }, { id: 4 }])
    } finally {
      await client.end()
      await closeAll([only])
    }
  })
}
