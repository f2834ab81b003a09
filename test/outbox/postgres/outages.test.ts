/** What a server can do to an outbox: refuse, stand still, die, be full or read-only. Every error is typed, and nothing is lost. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'

import { Client, Pool } from 'pg'

import { OutboxError, type OutboxErrorCode } from '../../../src/errors.ts'
import type { Outbox } from '../../../src/outbox/outbox.ts'
import type { PgPool } from '../../../src/outbox/postgres.ts'
import { crowd, entry, idsOf } from '../../../src/testing/outbox-conformance/scene.ts'
import { startPostgres, type PostgresServer } from '../../servers/postgres.ts'
import { until } from '../../until.ts'
import { using } from '../../using.ts'
import { migrated, open } from './scene.ts'

let server: PostgresServer

before(async () => {
  server = await startPostgres({ max_connections: '200' })
})
after(() => server.stop())

const everything = { entriesMax: 1_000, bytesMax: 1_000_000, leaseMs: 60_000 }
const delivered = { to: 'delivered' } as const

function failsWith(code: OutboxErrorCode, mayBeStored: boolean): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof OutboxError, String(error))
    assert.deepEqual({ code: error.code, mayBeStored: error.mayBeStored }, { code, mayBeStored }, error.message)
    return true
  }
}

async function deliverAll(outbox: Outbox): Promise<readonly string[]> {
  const all: string[] = []
  for (;;) {
    const { lease, entries } = await outbox.claim(everything)
    if (entries.length === 0) return all
    all.push(...entries.map(({ id }) => id))
    await outbox.settle(entries.map(({ position }) => ({ lease, position, verdict: delivered })))
  }
}

/** Whether a call succeeds; a machine that is busy may make it late. */
const works = (call: Promise<unknown>): Promise<boolean> =>
  call.then(
    () => true,
    () => false,
  )

/** An outbox with short times on a schema of its own, and a session beside it. */
async function scene(options: Parameters<typeof open>[0] = {}) {
  const { pool, schema } = await migrated(server.connectionString)
  const { outbox, notices } = await open({
    pool,
    schema,
    statementTimeoutMs: 1_000,
    connectionTimeoutMs: 1_000,
    ...options,
  })
  return {
    pool,
    schema,
    outbox,
    notices,
    async [Symbol.asyncDispose]() {
      await outbox.close()
      await pool.end()
    },
  }
}

/** A session of somebody else, whose connection may be broken. */
async function session() {
  const client = new Client({ connectionString: server.connectionString })
  client.on('error', () => {})
  await client.connect()
  return {
    query: (text: string) => client.query(text),
    [Symbol.asyncDispose]: () => client.end().catch(() => {}),
  }
}

test(
  'a pool without a free connection gives an error in time, and works on when one is free',
  using(async (use) => {
    const small = new Pool({ connectionString: server.connectionString, max: 1 })
    use({ [Symbol.asyncDispose]: () => small.end() })
    const { schema } = use(await scene())
    const opened = await open({ pool: small, schema, connectionTimeoutMs: 200 })
    use({ [Symbol.asyncDispose]: () => opened.outbox.close() })
    const taken = await small.connect()
    const calls = [
      opened.outbox.append([entry('1')]),
      opened.outbox.claim(everything),
      opened.outbox.stats(),
      opened.outbox.executions.begin({ key: 'k', token: 't', leaseMs: 1_000 }),
    ]
    await Promise.all(calls.map((call) => assert.rejects(call, failsWith('OUTBOX_UNAVAILABLE', false))))
    taken.release()
    await until(() => works(opened.outbox.append([entry('2')])))
    await until(() => works(deliverAll(opened.outbox)))
    assert.equal((await opened.outbox.stats()).totals.delivered, 1)
    await until(() => small.idleCount === 1)
  }),
)

test(
  'a server that dies while an append is under way: it may be stored, the same call again stores it once, and all goes on by itself',
  using(async (use) => {
    const { outbox, schema } = use(await scene({ statementTimeoutMs: 30_000 }))
    await outbox.append([entry('before')])
    const held = await outbox.claim(everything)
    const other = use(await session())
    await other.query(`BEGIN; LOCK TABLE ${schema}.entries IN ACCESS EXCLUSIVE MODE`)
    const call = [entry('1', { lanes: ['b'] }), entry('2', { lanes: ['b'] })]
    const failed = assert.rejects(outbox.append(call), failsWith('OUTBOX_UNAVAILABLE', true))
    await until(async () => (await waitingForLocks()) > 0)
    await server.kill()
    await failed
    await assert.rejects(outbox.append(call), failsWith('OUTBOX_UNAVAILABLE', false))
    await assert.rejects(outbox.claim(everything), failsWith('OUTBOX_UNAVAILABLE', false))
    await server.restart()
    const results = await outbox.append(call)
    assert.deepEqual(
      await outbox.append(call),
      results.map(({ position }) => ({ state: 'duplicate', position })),
    )
    assert.deepEqual(
      await outbox.settle([{ lease: held.lease, position: held.entries[0]!.position, verdict: delivered }]),
      ['held'],
      'the lease outlived the server',
    )
    assert.deepEqual(await deliverAll(outbox), ['1', '2'])
    assert.equal((await outbox.stats()).totals.accepted, 3)
  }),
)

async function waitingForLocks(): Promise<number> {
  const client = new Client({ connectionString: server.connectionString })
  await client.connect()
  const { rows } = await client.query(`SELECT count(*)::integer AS n FROM pg_locks WHERE NOT granted`)
  await client.end()
  return (rows[0] as { n: number }).n
}

test(
  'a server that stands still: every call ends in its time; what it did meanwhile is found once',
  using(async (use) => {
    const { outbox, pool } = use(await scene())
    await outbox.append([entry('0')])
    // Connections that are there already, and that no answer comes through.
    await Promise.all(Array.from({ length: 4 }, () => pool.query('SELECT pg_sleep(0.05)')))
    server.freeze()
    try {
      const call = [entry('1')]
      await assert.rejects(outbox.append(call), failsWith('OUTBOX_UNAVAILABLE', true))
      await assert.rejects(outbox.claim(everything), failsWith('OUTBOX_UNAVAILABLE', true))
    } finally {
      server.thaw()
    }
    await until(() => works(outbox.append([entry('1')])))
    // A claim that the server made while nobody waited for its answer any more is given back.
    const seen: string[] = []
    await until(async () => {
      seen.push(...(await deliverAll(outbox)))
      return (await outbox.stats()).waiting === 0
    })
    assert.deepEqual(seen, ['0', '1'])
    assert.equal((await outbox.stats()).totals.accepted, 2)
  }),
)

test(
  'a statement that nobody waits for any more ends at the server too',
  using(async (use) => {
    const { outbox, schema } = use(await scene({ statementTimeoutMs: 300 }))
    const other = use(await session())
    await other.query(`BEGIN; LOCK TABLE ${schema}.entries IN ACCESS EXCLUSIVE MODE`)
    await assert.rejects(outbox.append([entry('1')]), failsWith('OUTBOX_UNAVAILABLE', true))
    await assert.rejects(outbox.claim(everything), failsWith('OUTBOX_UNAVAILABLE', true))
    await until(async () => (await waitingForLocks()) === 0)
    await other.query('ROLLBACK')
    await until(() => works(outbox.append([entry('1')])))
    assert.deepEqual(await deliverAll(outbox), ['1'])
  }),
)

test(
  'a claim whose answer is lost leaves no lane behind it',
  using(async (use) => {
    const { pool, schema } = use(await scene())
    let losesAnswers = false
    const lossy: PgPool = {
      connect: async () => {
        const client = await pool.connect()
        const query = client.query.bind(client) as (text: string, values?: unknown[]) => Promise<{ rows: [] }>
        const losing: typeof query = async (text, values) => {
          const result = await query(text, values)
          if (losesAnswers && text.includes('.claim(')) throw new Error('the connection was reset')
          return result
        }
        return new Proxy(client, { get: (of, name) => (name === 'query' ? losing : Reflect.get(of, name)) })
      },
    }
    const { outbox } = await open({ pool: lossy, schema })
    use({ [Symbol.asyncDispose]: () => outbox.close() })
    await outbox.append([entry('1'), entry('2', { lanes: ['b'] })])
    losesAnswers = true
    await assert.rejects(outbox.claim(everything), failsWith('OUTBOX_UNAVAILABLE', true))
    assert.equal((await outbox.stats()).inFlight, 2)
    losesAnswers = false
    assert.deepEqual(idsOf(await outbox.claim(everything)).toSorted(), ['1', '2'])
  }),
)

test(
  'a read-only server refuses with that code, lets be claimed nothing, and is written again when it may be',
  using(async (use) => {
    const { outbox, pool } = use(await scene())
    await outbox.append([entry('1')])
    await pool.query('ALTER SYSTEM SET default_transaction_read_only = on')
    await pool.query('SELECT pg_reload_conf()')
    const isReadOnly = async (word: string): Promise<boolean> => {
      const { rows } = await pool.query('SHOW transaction_read_only')
      return (rows[0] as Record<string, string>)['transaction_read_only'] === word
    }
    try {
      await until(() => isReadOnly('on'))
      await until(() => outbox.append([entry('2')]).then(() => false, failsWith('OUTBOX_READ_ONLY', false)))
      await assert.rejects(outbox.claim(everything), failsWith('OUTBOX_READ_ONLY', false))
      assert.equal((await outbox.list({ from: 'waiting', limit: 10 })).entries.length >= 1, true, 'it can be read')
    } finally {
      const writer = use(await session())
      await writer.query('SET transaction_read_only = off')
      await writer.query('ALTER SYSTEM RESET default_transaction_read_only')
      await writer.query('SELECT pg_reload_conf()')
    }
    await until(() => isReadOnly('off'))
    await until(() => works(outbox.append([entry('3')])))
    const ids = await deliverAll(outbox)
    assert.deepEqual([ids[0], ids.at(-1)], ['1', '3'])
  }),
)

test(
  'what another transaction is in the way of is tried again; a full disk is told as such, and settling works on it',
  using(async (use) => {
    const { outbox, pool, schema } = use(await scene())
    await outbox.append([entry('1')])
    const claim = await outbox.claim(everything)
    const raise = async (code: string, times: number): Promise<void> => {
      await pool.query(`CREATE SEQUENCE ${schema}.raised;
        CREATE FUNCTION ${schema}.raise() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
          IF nextval('${schema}.raised') <= ${times} THEN RAISE SQLSTATE '${code}'; END IF; RETURN NEW; END $$;
        CREATE TRIGGER raise BEFORE INSERT ON ${schema}.entries FOR EACH STATEMENT EXECUTE FUNCTION ${schema}.raise()`)
    }
    const stop = (): Promise<unknown> =>
      pool.query(`DROP FUNCTION ${schema}.raise() CASCADE; DROP SEQUENCE ${schema}.raised`)
    for (const code of ['40001', '40P01', '55P03']) {
      await raise(code, 2)
      await outbox.append([entry(`after ${code}`, { lanes: [code] })])
      await stop()
    }
    await raise('53100', 1_000)
    await assert.rejects(outbox.append([entry('no room')]), failsWith('OUTBOX_DISK_FULL', false))
    assert.deepEqual(
      await outbox.settle([{ lease: claim.lease, position: claim.entries[0]!.position, verdict: delivered }]),
      ['held'],
    )
    await stop()
    await outbox.append([entry('room')])
    assert.deepEqual((await deliverAll(outbox)).toSorted(), ['after 40001', 'after 40P01', 'after 55P03', 'room'])
  }),
)

test(
  'a database whose transactions are serializable by default is used all the same, by several handles at once',
  using(async (use) => {
    const name = new URL(await server.database())
    const connectionString = name.href
    const admin = use(await session())
    await admin.query(`ALTER DATABASE ${name.pathname.slice(1)} SET default_transaction_isolation = 'serializable'`)
    const { pool, schema } = await migrated(connectionString)
    use({ [Symbol.asyncDispose]: () => pool.end() })
    const handles = [await open({ pool, schema }), await open({ connectionString, schema, poolSize: 3 })]
    for (const { outbox } of handles) use({ [Symbol.asyncDispose]: () => outbox.close() })
    const lanes = Array.from({ length: 20 }, (_, index) => `l${index}`)
    await Promise.all(
      handles.flatMap(({ outbox }, handle) =>
        Array.from({ length: 10 }, (_, call) =>
          outbox.append(lanes.map((lane) => entry(`${lane} ${handle} ${call}`, { lanes: [lane] }))),
        ),
      ),
    )
    const seen = (await Promise.all(handles.map(({ outbox }) => deliverAll(outbox)))).flat()
    seen.push(...(await deliverAll(handles[0]!.outbox)))
    assert.equal(seen.length, 400)
    assert.equal(new Set(seen).size, 400)
  }),
)

test(
  'a retry of a lane with many entries behind it holds back nobody else',
  using(async (use) => {
    const { outbox } = use(await scene())
    await outbox.append(Array.from({ length: 20_000 }, (_, index) => entry(`blocked ${index}`)))
    await outbox.append(crowd('c', 100))
    const first = await outbox.claim({ ...everything, entriesMax: 1 })
    const again = { to: 'waiting', delayMs: 60_000, countAttempt: true } as const
    await outbox.settle([{ lease: first.lease, position: first.entries[0]!.position, verdict: again }])
    assert.deepEqual((await deliverAll(outbox)).length, 100)
    assert.equal(await outbox.purge('a'), 20_000)
    assert.equal((await outbox.stats()).waiting, 0)
  }),
)
