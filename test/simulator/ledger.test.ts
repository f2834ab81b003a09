import assert from 'node:assert/strict'
import { test } from 'node:test'

import { OptionsError } from '../../src/errors.ts'
import { setUp } from './asking.ts'

const NOW = 1_767_225_600
const ULID = '01BX5ZZKBKACTAV9WEVGEMMVRY'

test('an entry says what arrived, when, for whom, and what became of it', async () => {
  const { ask, simulator, clock } = setUp({ latencyMs: 20 })
  const asked = ask('POST /api/v1/customers/42/events', {
    body: { name: 'order', id: ULID, timestamp: NOW - 5, data: { total: 12 } },
  })
  await clock.advance(20)
  assert.equal((await asked).status, 200)
  const [entry] = simulator.ledger.all()
  assert.deepEqual(entry, {
    atMs: NOW * 1_000 + 10,
    monotonicMs: 10,
    route: 'track',
    dialect: 'v1',
    requestNumber: 1,
    batchIndex: null,
    person: '42',
    type: 'event',
    name: 'order',
    id: ULID,
    timestamp: NOW - 5,
    status: 200,
    fate: 'answered',
    applied: true,
    duplicate: false,
    ignored: null,
    call: {
      dialect: 'v1',
      type: 'event',
      eventType: 'event',
      name: 'order',
      data: { total: 12 },
      person: { by: 'path', value: '42' },
      id: ULID,
      timestamp: NOW - 5,
    },
  })
  assert.deepEqual(simulator.ledger.requests(), [
    {
      number: 1,
      atMs: NOW * 1_000,
      monotonicMs: 0,
      method: 'POST',
      route: 'track',
      operations: 1,
      bytes: Buffer.byteLength(JSON.stringify({ name: 'order', id: ULID, timestamp: NOW - 5, data: { total: 12 } })),
      status: 200,
      fate: 'answered',
    },
  ])
})

test('a person has one name in the ledger, whichever way a call gives it', async () => {
  const { ask, simulator } = setUp()
  const event = { type: 'person', action: 'event', name: 'a' }
  await ask('POST /api/v1/customers/42/events', { body: { name: 'a' } })
  await ask('POST /api/v2/batch', {
    body: {
      batch: [
        { ...event, identifiers: { id: '42' } },
        { ...event, identifiers: { email: 'a@x.io' } },
        { ...event, identifiers: { cio_id: 'f1' } },
        { ...event, identifiers: { anonymous_id: 'v1' } },
        { type: 'person', action: 'merge', primary: { id: 'p' }, secondary: { id: 's' } },
        { type: 'object', action: 'delete', identifiers: { object_type_id: '1', object_id: 'acme' } },
      ],
    },
  })
  await ask('POST /api/v1/customers/cio_f1/events', { body: { name: 'a' } })
  await ask('POST /api/v1/forms/f/submit', { body: { data: { email: 'b@x.io' } } })
  await ask('PUT /api/v1/customers/7/devices', { body: {} })
  assert.deepEqual(
    simulator.ledger.all().map(({ person }) => person),
    ['42', '42', 'a@x.io', 'cio_f1', 'v1', 'p', null, 'cio_f1', 'b@x.io', '7'],
  )
  assert.equal(simulator.ledger.events('42').length, 2)
  assert.equal(simulator.ledger.events().length, 6)
})

test('counting compares every field that is given and no other', async () => {
  const { ask, simulator } = setUp()
  for (const name of ['a', 'b', 'a']) await ask('POST /api/v1/customers/42/events', { body: { name } })
  await ask('PUT /api/v1/customers/42', { body: {} })
  const { ledger } = simulator
  assert.deepEqual(
    [
      ledger.count(),
      ledger.count({ name: 'a' }),
      ledger.count({ name: 'a', person: '7' }),
      ledger.count({ name: null }),
    ],
    [4, 2, 0, 1],
  )
  assert.equal(ledger.find({ name: 'b' })[0]?.requestNumber, 2)
  assert.deepEqual(
    ledger.applied().map(({ type }) => type),
    ['event', 'event', 'event', 'identify'],
  )
})

test('an answer from the ledger does not grow with what arrives later, and clearing keeps the numbering', async () => {
  const { ask, simulator } = setUp()
  await ask('PUT /api/v1/customers/1', { body: {} })
  const before = simulator.ledger.all()
  await ask('PUT /api/v1/customers/1', { body: {} })
  assert.equal(before.length, 1)
  simulator.ledger.clear()
  assert.deepEqual([simulator.ledger.count(), simulator.ledger.requests().length], [0, 0])
  await ask('PUT /api/v1/customers/1', { body: {} })
  assert.equal(simulator.ledger.all()[0]?.requestNumber, 3)
})

test('a full ledger refuses the request that has no room, and every question, until it is cleared', async () => {
  const { ask, simulator } = setUp({ ledgerMax: 3 })
  const batch = [1, 2].map((id) => ({ type: 'person', action: 'identify', identifiers: { id } }))
  assert.equal((await ask('POST /api/v2/batch', { body: { batch } })).status, 200)
  assert.equal(simulator.ledger.count(), 2)
  const isFull = (error: unknown): boolean => error instanceof OptionsError && error.field === 'ledgerMax'
  await assert.rejects(ask('POST /api/v2/batch', { body: { batch } }), isFull)
  assert.throws(() => simulator.ledger.all(), isFull)
  assert.throws(() => simulator.ledger.count(), isFull)
  simulator.ledger.clear()
  assert.equal((await ask('POST /api/v2/batch', { body: { batch } })).status, 200)
  assert.equal(simulator.ledger.count(), 2)
})

test('a full workspace refuses likewise, and nothing of the request is applied', async () => {
  const { ask, simulator } = setUp({ stateMax: 2 })
  await ask('POST /api/v1/customers/1/events', { body: { name: 'a', id: ULID } })
  const isFull = (error: unknown): boolean => error instanceof OptionsError && error.field === 'stateMax'
  await assert.rejects(ask('POST /api/v1/customers/1/events', { body: { name: 'b' } }), isFull)
  assert.throws(() => simulator.workspace.person('1'), isFull)
  assert.equal(simulator.ledger.count(), 1)
  simulator.workspace.clear()
  assert.equal((await ask('POST /api/v1/customers/1/events', { body: { name: 'b' } })).status, 200)
})

test('with the ledger or the state switched off requests are served, and questions say why there is no answer', async () => {
  const { ask, simulator } = setUp({ ledger: false, state: false, ledgerMax: 1, stateMax: 1 })
  for (let count = 0; count < 3; count++) {
    const body = { name: 'a', id: ULID }
    assert.equal((await ask('POST /api/v1/customers/1/events', { body })).status, 200)
  }
  assert.throws(() => simulator.ledger.all(), { name: 'OptionsError', field: 'ledger' })
  assert.throws(() => simulator.ledger.count(), { name: 'OptionsError', field: 'ledger' })
  assert.throws(() => simulator.ledger.requests(), { name: 'OptionsError', field: 'ledger' })
  assert.throws(() => simulator.workspace.people(), { name: 'OptionsError', field: 'state' })
})

test('without a state every acceptable event counts as applied, repeats too', async () => {
  const { ask, simulator } = setUp({ state: false })
  for (let count = 0; count < 2; count++) {
    await ask('POST /api/v1/customers/1/events', { body: { name: 'a', id: ULID } })
  }
  assert.equal(simulator.ledger.count({ applied: true, duplicate: false }), 2)
})
