/** Events, and everything of the workspace that is not a person. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { setUp } from './asking.ts'

const NOW = 1_767_225_600
const ULID = '01BX5ZZKBKACTAV9WEVGEMMVRY'
const TRACK = 'POST /api/v1/customers/42/events'

test('an event whose id has been seen is ignored and counted, in whatever dialect and for whomever it comes', async () => {
  const { ask, simulator } = setUp()
  const item = { type: 'person', action: 'event', identifiers: { id: '43' }, name: 'order', id: ULID }
  await ask(TRACK, { body: { name: 'order', id: ULID } })
  await ask(TRACK, { body: { name: 'order', id: ULID } })
  await ask('POST /api/v2/batch', { body: { batch: [item, item] } })
  assert.equal(simulator.workspace.person('42')?.events.length, 1)
  assert.equal(simulator.workspace.person('43'), undefined)
  assert.deepEqual(
    simulator.ledger.events().map(({ applied, duplicate, ignored, status }) => [applied, duplicate, ignored, status]),
    [[true, false, null, 200], ...Array.from({ length: 3 }, () => [false, true, 'duplicate', 200])],
  )
  assert.equal(simulator.ledger.count({ id: ULID, duplicate: true }), 3)
})

test('events without an id are never duplicates', async () => {
  const { ask, simulator } = setUp()
  for (let count = 0; count < 3; count++) await ask(TRACK, { body: { name: 'order', timestamp: NOW } })
  assert.equal(simulator.workspace.person('42')?.events.length, 3)
})

test('an event keeps its time; without one it gets that of its arrival', async () => {
  const { ask, simulator, clock } = setUp()
  await ask(TRACK, { body: { name: ' order ', timestamp: NOW - 3_600, data: { n: 1 } } })
  await clock.advance(1_500)
  await ask(TRACK, { body: { name: 'order' } })
  assert.deepEqual(simulator.workspace.person('42')?.events, [
    { eventType: 'event', name: 'order', id: null, timestamp: NOW - 3_600, receivedAtMs: NOW * 1_000, data: { n: 1 } },
    { eventType: 'event', name: 'order', id: null, timestamp: NOW + 1, receivedAtMs: NOW * 1_000 + 1_500, data: {} },
  ])
})

test('page and screen views are told from events; any other type is an event', async () => {
  const { ask, simulator } = setUp()
  for (const type of ['page', 'screen', 'event', 'dance']) await ask(TRACK, { body: { name: 'x', type } })
  assert.deepEqual(
    simulator.workspace.person('42')?.events.map(({ eventType }) => eventType),
    ['page', 'screen', 'event', 'event'],
  )
})

test('an event without a person is an invite', async () => {
  const { ask, simulator } = setUp()
  await ask('POST /api/v1/events', { body: { name: 'invite', data: { recipient: 'a@x.io' } } })
  assert.equal(simulator.workspace.invites()[0]?.data['recipient'], 'a@x.io')
  assert.equal(simulator.workspace.people().length, 0)
})

test('devices are added, replaced by their token and removed', async () => {
  const { ask, simulator } = setUp()
  const add = (device: object): unknown => ask('PUT /api/v1/customers/42/devices', { body: { device } })
  await add({ id: 'tok', platform: 'ios', last_used: NOW, attributes: { app: '1' } })
  await add({ id: 'other', platform: 'android' })
  await add({ id: 'tok', platform: 'ios', last_used: NOW + 1 })
  await ask('DELETE /api/v1/customers/42/devices/other')
  assert.deepEqual(simulator.workspace.person('42')?.devices, [
    { token: 'tok', platform: 'ios', lastUsed: NOW + 1, attributes: {} },
  ])
  await ask('DELETE /api/v1/customers/42/devices/other')
  assert.equal(simulator.ledger.all().at(-1)?.ignored, 'unknown-object')
})

test('segments take the people they know and leave out the others', async () => {
  const { ask, simulator } = setUp()
  await ask('PUT /api/v1/customers/1', { body: { email: 'a@x.io' } })
  await ask('PUT /api/v1/customers/2', { body: {} })
  const segments = (id: string): readonly string[] | undefined => simulator.workspace.person(id)?.segments
  await ask('POST /api/v1/segments/7/add_customers', { body: { ids: ['1', '2', '3'] } })
  assert.deepEqual([segments('1'), segments('2')], [['7'], ['7']])
  await ask('POST /api/v1/segments/7/remove_customers?id_type=email', { body: { ids: ['A@x.io'] } })
  assert.deepEqual([segments('1'), segments('2')], [[], ['7']])
  const cioId = simulator.workspace.person('1')?.cioId
  await ask('POST /api/v1/segments/8/add_customers?id_type=cio_id', { body: { ids: [cioId] } })
  assert.deepEqual(segments('1'), ['8'])
  await ask('POST /api/v1/segments/8/add_customers', { body: { ids: ['nobody'] } })
  assert.equal(simulator.ledger.all().at(-1)?.ignored, 'unknown-person')
  assert.equal((await ask('POST /api/v1/segments/8/add_customers?id_type=shoe', { body: { ids: ['1'] } })).status, 400)
})

test('a form makes or updates a person; one that names nobody is refused and exists all the same', async () => {
  const { ask, simulator } = setUp()
  const submit = (data: object): ReturnType<typeof ask> => ask('POST /api/v1/forms/f1/submit', { body: { data } })
  assert.equal((await submit({ email_address: 'a@x.io' })).status, 400)
  assert.deepEqual(simulator.workspace.form('f1'), [])
  assert.equal(simulator.workspace.form('f2'), undefined)
  assert.equal((await submit({ id: '42', email: 'a@x.io', city: 'Bonn', form_name: 'x' })).status, 204)
  assert.deepEqual(simulator.workspace.person('a@x.io')?.attributes, { email: 'a@x.io', city: 'Bonn' })
  assert.equal(simulator.workspace.form('f1')?.[0]?.person, '42')
})

test('objects and relationships are seen from both ends', async () => {
  const { ask, simulator } = setUp()
  const entity = (body: object): unknown => ask('POST /api/v2/entity', { body })
  const acme = { object_type_id: '1', object_id: 'acme' }
  await entity({ type: 'object', action: 'identify', identifiers: acme, attributes: { size: 3 }, timestamp: NOW })
  await entity({ type: 'object', action: 'identify', identifiers: acme, attributes: { size: 2 }, timestamp: NOW - 1 })
  assert.deepEqual(simulator.workspace.object('1', 'acme')?.attributes, { size: 3 })
  await entity({
    type: 'person',
    action: 'identify',
    identifiers: { id: '1' },
    cio_relationships: [{ identifiers: acme, relationship_attributes: { role: 'owner' } }],
  })
  await entity({
    type: 'object',
    action: 'add_relationships',
    identifiers: acme,
    cio_relationships: [{ identifiers: { email: 'b@x.io' } }],
  })
  assert.deepEqual(simulator.workspace.person('1')?.relationships, { '1/acme': { role: 'owner' } })
  assert.deepEqual(simulator.workspace.person('b@x.io')?.relationships, { '1/acme': {} })
  const cioObjectId = simulator.workspace.object('1', 'acme')?.cioObjectId
  await ask('PUT /api/v1/customers/1', {
    body: {
      cio_relationships: {
        action: 'delete_relationships',
        relationships: [{ identifiers: { cio_object_id: cioObjectId } }],
      },
    },
  })
  assert.deepEqual(simulator.workspace.person('1')?.relationships, {})
  await entity({ type: 'object', action: 'delete', identifiers: acme })
  assert.deepEqual(simulator.workspace.objects(), [])
  assert.deepEqual(simulator.workspace.person('b@x.io')?.relationships, {})
  await entity({ type: 'object', action: 'identify', identifiers: { cio_object_id: 'none' } })
  assert.equal(simulator.ledger.all().at(-1)?.ignored, 'unknown-object')
})

test('metrics of every route and unsubscribes are remembered by delivery', async () => {
  const { ask, simulator } = setUp()
  await ask('POST /api/v1/metrics', { body: { delivery_id: 'd1', metric: 'clicked', timestamp: NOW } })
  await ask('POST /api/v1/push/events', { body: { delivery_id: 'd2', event: 'opened', device_id: 't' } })
  await ask('POST /unsubscribe/d3', { body: { unsubscribe: true } })
  assert.deepEqual(
    simulator.workspace.metrics().map(({ deliveryId, metric, timestamp }) => [deliveryId, metric, timestamp]),
    [
      ['d1', 'clicked', NOW],
      ['d2', 'opened', null],
    ],
  )
  assert.deepEqual(
    simulator.workspace.unsubscribes().map(({ deliveryId, unsubscribe }) => [deliveryId, unsubscribe]),
    [['d3', true]],
  )
})

test('clearing the workspace forgets people, ids and suppressions', async () => {
  const { ask, simulator } = setUp()
  await ask(TRACK, { body: { name: 'order', id: ULID } })
  await ask('POST /api/v1/customers/7/suppress')
  simulator.workspace.clear()
  assert.equal(simulator.workspace.people().length, 0)
  assert.ok(!simulator.workspace.isSuppressed('7'))
  await ask(TRACK, { body: { name: 'order', id: ULID } })
  assert.equal(simulator.workspace.person('42')?.events.length, 1)
})
