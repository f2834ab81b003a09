import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { PoolClient } from 'pg'

import { queryOf } from '../../src/client/within.ts'
import { isHoldfastError, memoryOutbox, type OpenOutbox, type TransactionQuery } from '../../src/index.ts'
import type { NewEntry, Outbox } from '../../src/outbox/outbox.ts'
import { createWorld, type World } from './world.ts'

/** A transaction that notes its statements, and whose entries are in the outbox once it commits. */
function createTransaction() {
  const statements: string[] = []
  const written: (readonly NewEntry[])[] = []
  const query: TransactionQuery = async (text, values) => {
    statements.push(text)
    written.push(values as readonly NewEntry[])
    return []
  }
  return { statements, written, query }
}

/** A memory outbox that writes what is `within` by the given statement, and leaves the rest to the test. */
function transactionalOutbox(): OpenOutbox {
  const open = memoryOutbox()
  return async (context) => {
    const outbox = await open(context)
    const append: Outbox['append'] = async (entries, within) => {
      if (within === undefined) return outbox.append(entries)
      await within('INSERT', entries)
      return entries.map((_, index) => ({ state: 'stored', position: `t${index}` }))
    }
    return new Proxy(outbox, {
      get(target, name) {
        if (name === 'append') return append
        const value: unknown = Reflect.get(target, name)
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
  }
}

function sentOf(world: World): number {
  return world.events.filter(({ type }) => type === 'request').length
}

for (const mode of ['outbox', 'direct'] as const) {
  test(`mode ${mode}: a call within a transaction is written by its query, and nothing is sent`, async () => {
    const world = createWorld({ outbox: transactionalOutbox(), mode })
    const { cio, soon } = world
    const { statements, written, query } = createTransaction()
    const calls = cio.within(query)
    const receipt = await soon(calls.track('42', 'order_placed', { total: 12 }))
    const batch = await soon(
      calls.batch([{ type: 'person', action: 'identify', identifiers: { id: '42' }, attributes: {} }]),
    )
    assert.deepEqual(statements, ['INSERT', 'INSERT'])
    assert.equal(written[0]?.[0]?.id, receipt.id)
    assert.equal(receipt.state, 'stored')
    assert.equal(receipt.spilled, false)
    assert.equal(batch.operations.length, 1)
    await world.runtime.clock.advance(10_000)
    assert.equal(sentOf(world), 0)
    assert.deepEqual(await soon(receipt.settled()), { state: 'unknown' })
    await soon(cio.close())
  })
}

test('what the transaction says is what its caller gets, and says nothing of the outbox', async () => {
  const world = createWorld({ outbox: transactionalOutbox() })
  const { cio, soon } = world
  const failure = Object.assign(new Error('current transaction is aborted'), { code: '25P02' })
  const calls = cio.within(() => Promise.reject(failure))
  await assert.rejects(soon(calls.identify('42')), (error) => error === failure)
  assert.equal((await soon(cio.health())).status, 'ok')
  assert.deepEqual(
    world.events.filter(({ type }) => type === 'refused'),
    [{ type: 'refused', code: 'UNKNOWN', operations: 1 }],
  )
  await soon(cio.close())
})

test('a call that cannot be sent is refused before the transaction hears of it', async () => {
  const { cio, soon } = createWorld({ outbox: transactionalOutbox() })
  const { statements, query } = createTransaction()
  await assert.rejects(soon(cio.within(query).track('42', { data: {} })), { code: 'INVALID_CALL', field: 'name' })
  assert.deepEqual(statements, [])
  await soon(cio.close())
  await assert.rejects(soon(cio.within(query).identify('42')), { code: 'CLIENT_CLOSED' })
})

test('an outbox that is not in a database refuses', async () => {
  const { cio, soon } = createWorld()
  await assert.rejects(soon(cio.within(createTransaction().query).identify('42')), {
    code: 'INVALID_OPTIONS',
    field: 'within',
  })
  assert.equal((await soon(cio.stats())).totals.accepted, 0)
  await soon(cio.close())
})

test('a client like that of pg is taken, and asked for rows', async () => {
  const asked: unknown[] = []
  const client = {
    query: async (text: string, values: unknown[]) => {
      asked.push([text, values])
      return { rows: [{ position: '7' }] }
    },
  }
  assert.deepEqual(await queryOf(client)('SELECT $1', ['x']), [{ position: '7' }])
  assert.deepEqual(asked, [['SELECT $1', ['x']]])
  // The types of pg itself fit.
  const { cio, soon } = createWorld()
  const ofPg = (pg: PoolClient): unknown => cio.within(pg)
  assert.equal(typeof ofPg(client as unknown as PoolClient), 'object')
  await soon(cio.close())
})

test('what is no transaction is refused at once, by name', () => {
  const wrong: readonly [unknown, RegExp][] = [
    [undefined, /must be a client/],
    [{}, /must be a client/],
    ['BEGIN', /must be a client/],
    [{ query: {} }, /must be a client/],
    [{ query() {}, connect() {}, totalCount: 3 }, /is a pool/],
    [Object.assign(() => {}, { raw() {} }), /Knex/],
  ]
  for (const [transaction, message] of wrong) {
    assert.throws(
      () => queryOf(transaction),
      (error) => isHoldfastError(error) && error.code === 'INVALID_OPTIONS' && message.test(error.message),
    )
  }
})

test('a query that resolves to no rows is told so', async () => {
  const noRows = { code: 'INVALID_OPTIONS', field: 'within' }
  await assert.rejects(queryOf(async () => ({ rows: [] }))('SELECT 1', []), noRows)
  await assert.rejects(queryOf({ query: async () => undefined })('SELECT 1', []), noRows)
})
