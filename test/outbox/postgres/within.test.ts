/** Appends that are part of the caller's transaction: there if and only if it commits, and in nobody's way before. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'

import type { Pool } from 'pg'

import type { AppendResult, Outbox, TransactionQuery } from '../../../src/outbox/outbox.ts'
import { isHoldfastError, OutboxFullError } from '../../../src/errors.ts'
import { entry, idsOf } from '../../../src/testing/outbox-conformance/scene.ts'
import { startPostgres, type PostgresServer } from '../../servers/postgres.ts'
import { libraries, type Library } from './libraries.ts'
import { migrated, open } from './scene.ts'

let server: PostgresServer
let all: readonly Library[]

before(async () => {
  server = await startPostgres({ max_connections: '200' })
  all = await libraries(server.connectionString)
})
after(async () => {
  for (const library of all) await library.end()
  await server.stop()
})

interface World {
  readonly outbox: Outbox
  readonly pool: Pool
  readonly schema: string
}

/** An outbox and a table of the caller's, gone after the test. */
function world(run: (world: World) => Promise<void>, limits: { readonly maxOperations?: number } = {}) {
  return async () => {
    const { pool, schema } = await migrated(server.connectionString)
    const { outbox } = await open({ pool, schema, ...limits })
    try {
      await run({ outbox, pool, schema })
    } finally {
      await outbox.close()
      await pool.query(`DROP SCHEMA ${schema} CASCADE`)
      await pool.end()
    }
  }
}

const everything = { entriesMax: 1_000, bytesMax: 1_000_000, leaseMs: 60_000 }

async function drain(outbox: Outbox): Promise<readonly string[]> {
  const all: string[] = []
  for (;;) {
    const claim = await outbox.claim(everything)
    if (claim.entries.length === 0) return all
    all.push(...idsOf(claim))
    const delivered = { to: 'delivered' } as const
    await outbox.settle(claim.entries.map(({ position }) => ({ lease: claim.lease, position, verdict: delivered })))
  }
}

async function checkAccount(outbox: Outbox): Promise<void> {
  const { totals, waiting, lost } = await outbox.stats()
  const { accepted, delivered, dead, expired, purged, dropped } = totals
  assert.equal(lost, 0)
  assert.equal(accepted, delivered + dead + expired + purged + dropped + waiting)
}

/** A transaction that is left open: its query, and its two ends. */
async function begin(pool: Pool, level = 'READ COMMITTED') {
  const client = await pool.connect()
  await client.query(`BEGIN ISOLATION LEVEL ${level}`)
  const query: TransactionQuery = async (text, values) => (await client.query(text, [...values])).rows
  const end = (how: string) => async (): Promise<void> => {
    await client.query(how).finally(() => client.release())
  }
  return { query, commit: end('COMMIT'), rollback: end('ROLLBACK') }
}

const statesOf = (results: readonly AppendResult[]): readonly string[] => results.map(({ state }) => state)

for (const name of ['pg', 'knex', 'kysely', 'drizzle', 'prisma']) {
  test(
    `${name}: entries are there if and only if the transaction commits, in the order of the calls`,
    world(async ({ outbox, pool, schema }) => {
      const library = all.find((each) => each.name === name)!
      await pool.query(`CREATE TABLE ${schema}.sale (id integer PRIMARY KEY)`)
      const body = JSON.stringify({ v: 1, call: 'a "quoted" \\ body? $1 \u0000 🎈' })
      const sold = entry('1', { body, lanes: ['person:\u0000 ünï', 'other'], campaignAtMs: 7, expiresAtMs: 8 })
      const appended = await library.transaction(async (query) => {
        await query(`INSERT INTO ${schema}.sale VALUES (1)`, [])
        const first = await outbox.append([sold, entry('2', { lanes: ['other'] })], query)
        return [...first, ...(await outbox.append([entry('3', { lanes: ['other'] })], query))]
      })
      assert.deepEqual(statesOf(appended), ['stored', 'stored', 'stored'])
      const failed = library.transaction(async (query) => {
        await query(`INSERT INTO ${schema}.sale VALUES (2)`, [])
        await outbox.append([entry('never')], query)
        throw new Error('the caller changed its mind')
      })
      await assert.rejects(failed, /changed its mind/)
      assert.equal((await pool.query(`SELECT id FROM ${schema}.sale`)).rowCount, 1)
      const claim = await outbox.claim(everything)
      assert.deepEqual(claim.entries, [{ ...sold, position: appended[0]!.position, attempts: 0 }])
      assert.deepEqual(
        await outbox.settle([{ lease: claim.lease, position: appended[0]!.position, verdict: { to: 'delivered' } }]),
        ['held'],
      )
      assert.deepEqual(await outbox.lookup(appended.map(({ position }) => position)), [
        { state: 'delivered' },
        { state: 'waiting' },
        { state: 'waiting' },
      ])
      assert.deepEqual(await drain(outbox), ['2', '3'])
      await checkAccount(outbox)
      assert.equal((await outbox.stats()).totals.accepted, 3)
    }),
  )
}

test(
  'nothing of an open transaction is seen, and what it was told is unknown until it commits, and when it rolls back',
  world(async ({ outbox, pool }) => {
    const kept = await begin(pool)
    const undone = await begin(pool)
    const [first] = await outbox.append([entry('kept')], kept.query)
    const [second] = await outbox.append([entry('undone')], undone.query)
    const positions = [first!.position, second!.position]
    const unknown = { state: 'unknown' } as const
    assert.deepEqual(await outbox.lookup(positions), [unknown, unknown])
    assert.equal((await outbox.stats()).totals.accepted, 0)
    assert.equal(await outbox.mayHold(['a']), false)
    assert.deepEqual(idsOf(await outbox.claim(everything)), [])
    await kept.commit()
    await undone.rollback()
    assert.deepEqual(await outbox.lookup(positions), [{ state: 'waiting' }, unknown])
    assert.deepEqual(await drain(outbox), ['kept'])
    assert.deepEqual(await outbox.lookup(positions), [{ state: 'delivered' }, unknown])
    await checkAccount(outbox)
  }),
)

test(
  'of one lane, what is committed first goes first, whatever was appended first',
  world(async ({ outbox, pool }) => {
    const slow = await begin(pool)
    await outbox.append([entry('slow 1'), entry('slow 2')], slow.query)
    await outbox.append([entry('alone')])
    const quick = await begin(pool)
    await outbox.append([entry('quick')], quick.query)
    await quick.commit()
    await slow.commit()
    await outbox.append([entry('last')])
    assert.deepEqual(await drain(outbox), ['alone', 'quick', 'slow 1', 'slow 2', 'last'])
    await checkAccount(outbox)
  }),
)

test(
  'transactions that touch the same people, and the same keys, in opposite order neither wait nor lock each other out',
  world(async ({ outbox, pool }) => {
    const one = await begin(pool)
    const other = await begin(pool)
    const of = (lane: string, transaction: string) => [
      entry(`${lane} of ${transaction}`, { lanes: [lane] }),
      entry(`key of ${lane}`, { lanes: [lane], keyed: true }),
    ]
    // Each of these would wait for the other's end, and the test for ever, if it took a lock of the person or the key.
    await outbox.append(of('ann', 'one'), one.query)
    await outbox.append(of('bob', 'other'), other.query)
    await outbox.append(of('bob', 'one'), one.query)
    await outbox.append(of('ann', 'other'), other.query)
    await Promise.all([one.commit(), other.commit()])
    const ids = await drain(outbox)
    assert.deepEqual([...ids].sort(), [
      'ann of one',
      'ann of other',
      'bob of one',
      'bob of other',
      'key of ann',
      'key of bob',
    ])
    const { totals } = await outbox.stats()
    assert.deepEqual({ accepted: totals.accepted, duplicates: totals.duplicates }, { accepted: 6, duplicates: 2 })
    await checkAccount(outbox)
  }),
)

test(
  'a key of two transactions is delivered once, and both positions tell of it; a key that is there is a duplicate',
  world(async ({ outbox, pool }) => {
    const one = await begin(pool)
    const other = await begin(pool)
    const keyed = entry('k', { keyed: true })
    const [first] = await outbox.append([keyed, keyed], one.query)
    assert.deepEqual(statesOf(await outbox.append([keyed], one.query)), ['duplicate'])
    const [second] = await outbox.append([keyed], other.query)
    assert.deepEqual(statesOf([first!, second!]), ['stored', 'stored'])
    await one.commit()
    await other.commit()
    const later = await begin(pool)
    assert.deepEqual(await outbox.append([keyed], later.query), [{ state: 'duplicate', position: first!.position }])
    await later.commit()
    assert.deepEqual(await outbox.append([keyed]), [{ state: 'duplicate', position: first!.position }])
    assert.deepEqual(await drain(outbox), ['k'])
    const delivered = { state: 'delivered' }
    assert.deepEqual(await outbox.lookup([first!.position, second!.position]), [delivered, delivered])
    const { totals } = await outbox.stats()
    assert.deepEqual({ accepted: totals.accepted, duplicates: totals.duplicates }, { accepted: 1, duplicates: 5 })
    await checkAccount(outbox)
  }),
)

test(
  'a savepoint that is rolled back takes its entries along, and a serializable transaction works',
  world(async ({ outbox, pool }) => {
    const { query, commit } = await begin(pool, 'SERIALIZABLE')
    await outbox.append([entry('1')], query)
    await query('SAVEPOINT s', [])
    await outbox.append([entry('not')], query)
    await query('ROLLBACK TO SAVEPOINT s', [])
    await outbox.append([entry('2')], query)
    await commit()
    assert.deepEqual(await drain(outbox), ['1', '2'])
    await checkAccount(outbox)
  }),
)

test(
  'many entries of one transaction keep their order',
  world(async ({ outbox, pool }) => {
    const { query, commit } = await begin(pool)
    const ids = Array.from({ length: 4_500 }, (_, index) => `${index}`)
    const appended = await outbox.append(
      ids.map((id) => entry(id, { lanes: [`l${Number(id) % 1_500}`] })),
      query,
    )
    assert.equal(new Set(appended.map(({ position }) => position)).size, 4_500)
    await commit()
    const seen = (await drain(outbox)).map(Number)
    assert.equal(seen.length, 4_500)
    for (const id of ids.slice(0, 1_500).map(Number)) {
      const ofLane = seen.filter((each) => each % 1_500 === id)
      assert.deepEqual(ofLane, [id, id + 1_500, id + 3_000])
    }
    await checkAccount(outbox)
  }),
)

test(
  'a full outbox refuses and leaves the transaction as it was',
  world(
    async ({ outbox, pool }) => {
      const { query, commit } = await begin(pool)
      await outbox.append([entry('1')])
      await assert.rejects(outbox.append([entry('2'), entry('3')], query), (error) => {
        assert.ok(error instanceof OutboxFullError)
        assert.deepEqual(
          { bound: error.bound, limit: error.limit, used: error.used },
          { bound: 'operations', limit: 2, used: 1 },
        )
        return true
      })
      await outbox.append([entry('4')], query)
      await assert.rejects(outbox.append([entry('5')], query), /2 of 2 operations/)
      await commit()
      assert.deepEqual(await drain(outbox), ['1', '4'])
    },
    { maxOperations: 2 },
  ),
)

test(
  "an error of the caller's database is the caller's",
  world(async ({ outbox, pool }) => {
    const { query, rollback } = await begin(pool)
    await assert.rejects(query('SELECT no_such_thing', []))
    await assert.rejects(
      outbox.append([entry('1')], query),
      (error) => !isHoldfastError(error) && /aborted/.test(String(error)),
    )
    await rollback()
    assert.equal((await outbox.stats()).waiting, 0)
  }),
)
