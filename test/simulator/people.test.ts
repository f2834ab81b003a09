/** What the workspace makes of each call about a person. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { type Ask, setUp, type SetUp } from './asking.ts'

const NOW = 1_767_225_600
const DAY_MS = 86_400_000

interface Workspace extends SetUp {
  readonly identify: (name: string, attributes?: object) => Promise<void>
  readonly track: (name: string, event: string, more?: object) => Promise<void>
  readonly post: (path: string, body?: object) => Promise<void>
  readonly merge: (primary: object, secondary: object) => Promise<void>
}

function workspace(options: Parameters<typeof setUp>[0] = {}): Workspace {
  const made = setUp(options)
  const done = async (line: string, body: object = {}): Promise<void> => {
    assert.equal((await made.ask(line, { body })).status, 200, line)
  }
  return {
    ...made,
    identify: (name, attributes) => done(`PUT /api/v1/customers/${encodeURIComponent(name)}`, attributes),
    track: (name, event, more) =>
      done(`POST /api/v1/customers/${encodeURIComponent(name)}/events`, { name: event, ...more }),
    post: (path, body) => done(`POST ${path}`, body),
    merge: (primary, secondary) => done('POST /api/v1/merge_customers', { primary, secondary }),
  }
}

async function entity(ask: Ask, body: object): Promise<number> {
  return (await ask('POST /api/v2/entity', { body: { type: 'person', ...body } })).status
}

test('a v1 name is an id, an e-mail address or a cio_id by its shape, whatever the case of the address', async () => {
  const { identify, simulator } = workspace()
  await identify('42', { plan: 'pro' })
  await identify('Ada@x.io', { plan: 'free' })
  const ada = simulator.workspace.person({ by: 'email', value: 'ada@X.io' })
  assert.equal(ada?.attributes['plan'], 'free')
  assert.equal(ada?.id, null)
  const byId = simulator.workspace.person({ by: 'id', value: '42' })
  await identify(`cio_${byId?.cioId}`, { plan: 'team' })
  assert.equal(simulator.workspace.person('42')?.attributes['plan'], 'team')
  assert.equal(simulator.workspace.people().length, 2)
})

test('a workspace that knows people by id alone takes an e-mail-shaped name for an id', async () => {
  const { identify, simulator } = workspace({ personIdentifier: 'id' })
  await identify('ada@x.io')
  assert.equal(simulator.workspace.person({ by: 'id', value: 'ada@x.io' })?.email, null)
})

test('an identify that is older than an attribute does not overwrite it; a newer or equally old one does', async () => {
  const { identify, simulator } = workspace()
  await identify('42', { plan: 'pro', _timestamp: NOW })
  await identify('42', { plan: 'free', city: 'Bonn', _timestamp: NOW - 60 })
  const person = simulator.workspace.person('42')
  assert.deepEqual(person?.attributes, { plan: 'pro', city: 'Bonn' })
  assert.deepEqual(person?.attributeTimes, { plan: NOW, city: NOW - 60 })
  await identify('42', { plan: 'team', _timestamp: NOW })
  await identify('42', { city: 'Köln', _timestamp: NOW })
  assert.deepEqual(simulator.workspace.person('42')?.attributes, { plan: 'team', city: 'Köln' })
})

test('an identify without a time holds from its arrival', async () => {
  const { identify, simulator, clock } = workspace()
  await identify('42', { plan: 'pro', _timestamp: NOW + 5 })
  await clock.advance(4_000)
  await identify('42', { plan: 'free' })
  assert.equal(simulator.workspace.person('42')?.attributes['plan'], 'pro')
  await clock.advance(1_000)
  await identify('42', { plan: 'free' })
  assert.equal(simulator.workspace.person('42')?.attributes['plan'], 'free')
})

test('v2 carries the same time as its timestamp', async () => {
  const { ask, identify, simulator } = workspace()
  await identify('42', { plan: 'pro', _timestamp: NOW })
  const older = { action: 'identify', identifiers: { id: '42' }, attributes: { plan: 'free' }, timestamp: NOW - 1 }
  assert.equal(await entity(ask, older), 200)
  assert.equal(simulator.workspace.person('42')?.attributes['plan'], 'pro')
})

test('with _update nobody is created, and the answer is 200 all the same', async () => {
  const { identify, simulator } = workspace()
  await identify('42', { _update: true, plan: 'pro' })
  assert.equal(simulator.workspace.person('42'), undefined)
  assert.equal(simulator.ledger.all()[0]?.ignored, 'unknown-person')
  await identify('42')
  await identify('42', { _update: true, plan: 'pro' })
  assert.deepEqual(simulator.workspace.person('42')?.attributes, { plan: 'pro' })
})

test('a new id with a known e-mail address updates the person who has it and gives them the id', async () => {
  const { identify, simulator } = workspace()
  await identify('1', { email: 'a@x.io' })
  await identify('2', { email: 'a@x.io', plan: 'pro' })
  assert.equal(simulator.workspace.people().length, 1)
  assert.equal(simulator.workspace.person('1'), undefined)
  assert.deepEqual(simulator.workspace.person('2')?.attributes, { email: 'a@x.io', plan: 'pro' })
})

test('a body name that belongs to somebody else fails alone and in silence', async () => {
  const { identify, simulator } = workspace()
  await identify('1', { email: 'a@x.io' })
  await identify('2', { email: 'b@x.io' })
  await identify('2', { email: 'a@x.io', plan: 'pro' })
  assert.equal(simulator.workspace.person('2')?.email, 'b@x.io')
  assert.equal(simulator.workspace.person('2')?.attributes['plan'], 'pro')
  assert.equal(simulator.workspace.person('a@x.io')?.id, '1')
})

test('an id that is set changes only by cio_id; an e-mail address changes by id', async () => {
  const { identify, simulator } = workspace()
  await identify('1', { email: 'a@x.io' })
  await identify('a@x.io', { id: '9' })
  assert.equal(simulator.workspace.person('a@x.io')?.id, '1')
  await identify(`cio_${simulator.workspace.person('1')?.cioId}`, { id: '9' })
  assert.equal(simulator.workspace.person('9')?.email, 'a@x.io')
  assert.equal(simulator.workspace.person('1'), undefined)
  await identify('9', { email: 'new@x.io' })
  assert.equal(simulator.workspace.person('new@x.io')?.id, '9')
  assert.equal(simulator.workspace.person('a@x.io'), undefined)
})

test('a cio_id in the body says who is meant, and one of nobody drops the call', async () => {
  const { identify, simulator } = workspace()
  await identify('1')
  const cioId = simulator.workspace.person('1')?.cioId
  await identify('2', { cio_id: cioId, plan: 'pro' })
  assert.equal(simulator.workspace.person('2')?.attributes['plan'], 'pro')
  await identify('3', { cio_id: 'ffffff' })
  await identify('cio_ffffff', { plan: 'pro' })
  assert.equal(simulator.workspace.people().length, 1)
  assert.equal(simulator.ledger.count({ ignored: 'unknown-person' }), 2)
})

test('an attribute called __proto__ is an attribute like any other', async () => {
  const { ask, simulator } = workspace()
  await ask('PUT /api/v1/customers/42', { text: '{"__proto__":{"admin":true},"plan":"pro"}' })
  const attributes = simulator.workspace.person('42')?.attributes ?? {}
  assert.deepEqual(Object.keys(attributes), ['__proto__', 'plan'])
  assert.equal(Reflect.get({}, 'admin'), undefined)
})

test('events, devices and v2 relationships create the person they name; delete and merge do not', async () => {
  const { track, ask, merge, simulator } = workspace()
  await track('1', 'order')
  await ask('PUT /api/v1/customers/2/devices', { body: { device: { id: 't', platform: 'ios' } } })
  const relationships = [{ identifiers: { object_type_id: '1', object_id: 'acme' } }]
  await entity(ask, { action: 'add_relationships', identifiers: { id: '3' }, cio_relationships: relationships })
  await ask('DELETE /api/v1/customers/4')
  await merge({ id: '5' }, { id: '1' })
  assert.deepEqual(
    simulator.workspace.people().map(({ id }) => id),
    ['1', '2', '3'],
  )
  assert.equal(simulator.ledger.count({ ignored: 'unknown-person' }), 2)
})

test('a deleted person comes back with the next call, without a past', async () => {
  const { identify, track, ask, simulator } = workspace()
  await identify('42', { plan: 'pro', email: 'a@x.io' })
  await track('42', 'order')
  const before = simulator.workspace.person('42')
  await ask('DELETE /api/v1/customers/42')
  assert.equal(simulator.workspace.person('42'), undefined)
  assert.equal(simulator.workspace.person('a@x.io'), undefined)
  await identify('42', { city: 'Bonn', _timestamp: NOW - 1_000 })
  const after = simulator.workspace.person('42')
  assert.deepEqual(after?.attributes, { city: 'Bonn' })
  assert.deepEqual(after?.events, [])
  assert.notEqual(after?.cioId, before?.cioId)
})

test('a suppressed person is gone, and every call that names them by any of their names is ignored until they are not', async () => {
  const { identify, track, post, simulator } = workspace()
  await identify('42', { email: 'a@x.io' })
  await post('/api/v1/customers/42/suppress')
  assert.equal(simulator.workspace.people().length, 0)
  assert.ok(simulator.workspace.isSuppressed('42') && simulator.workspace.isSuppressed('A@x.io'))
  await identify('42', { plan: 'pro' })
  await track('a@x.io', 'order')
  await identify('7', { email: 'a@x.io' })
  assert.equal(simulator.workspace.people().length, 0)
  assert.equal(simulator.ledger.count({ ignored: 'suppressed', applied: false, status: 200 }), 3)
  await post(`/api/v1/customers/${encodeURIComponent('a@x.io')}/unsuppress`)
  assert.ok(!simulator.workspace.isSuppressed('42'))
  await identify('42', { plan: 'pro' })
  assert.deepEqual(simulator.workspace.person('42')?.attributes, { plan: 'pro' })
})

test('a merge leaves the primary the names that they have', async () => {
  const { identify, merge, simulator } = workspace()
  await identify('p@x.io', { plan: 'pro' })
  await identify('2', { email: 's@x.io', anonymous_id: 'v1' })
  await merge({ email: 'p@x.io' }, { id: '2' })
  const person = simulator.workspace.person('2')
  assert.deepEqual([person?.id, person?.email, person?.attributes], ['2', 'p@x.io', { plan: 'pro' }])
  assert.equal(simulator.workspace.person('s@x.io'), undefined)
})

test('a merge that names a suppressed person is ignored', async () => {
  const { identify, merge, post, simulator } = workspace()
  await identify('1')
  await identify('2')
  await post('/api/v1/customers/2/suppress')
  await merge({ id: '1' }, { id: '2' })
  await merge({ id: '2' }, { id: '1' })
  assert.equal(simulator.ledger.count({ type: 'merge', ignored: 'suppressed' }), 2)
  assert.equal(simulator.workspace.people().length, 1)
})

test('a name can be suppressed before anybody has it', async () => {
  const { identify, post, simulator } = workspace()
  await post('/api/v1/customers/42/suppress')
  await identify('42')
  assert.equal(simulator.workspace.people().length, 0)
})

test('a merge gives the primary what it lacks, the last 30 days of events and the segments, and ends the secondary', async () => {
  const { identify, track, merge, post, simulator, clock } = workspace()
  await identify('1', { plan: 'pro', city: '' })
  await identify('2', { plan: 'free', city: 'Bonn', email: 'b@x.io', age: 30 })
  await track('1', 'first')
  await track('2', 'recent', { timestamp: NOW - 100 })
  await track('2', 'ancient', { timestamp: NOW - 31 * 86_400 })
  await post('/api/v1/segments/7/add_customers', { ids: ['2'] })
  await clock.advance(1_000)
  await merge({ id: '1' }, { email: 'b@x.io' })
  const person = simulator.workspace.person('1')
  assert.deepEqual(person?.attributes, { plan: 'pro', city: 'Bonn', email: 'b@x.io', age: 30 })
  assert.equal(person?.email, 'b@x.io')
  assert.deepEqual(
    person?.events.map(({ name }) => name),
    ['first', 'recent'],
  )
  assert.deepEqual(person?.segments, ['7'])
  assert.equal(simulator.workspace.people().length, 1)
  await merge({ id: '1' }, { email: 'b@x.io' })
  assert.equal(simulator.ledger.count({ type: 'merge', ignored: 'same-person' }), 1)
})

test('what a visitor did belongs to the person who is identified with their anonymous id, as far as it is 30 days old', async () => {
  const { identify, post, simulator, clock } = workspace()
  const view = (name: string, anonymousId: string): Promise<void> =>
    post('/api/v1/events', { name, anonymous_id: anonymousId, type: 'page' })
  await view('/old', 'v1')
  await clock.advance(29 * DAY_MS)
  await view('/pricing', 'v1')
  await view('/other', 'v2')
  await clock.advance(2 * DAY_MS)
  assert.equal(simulator.workspace.anonymousEvents('v1').length, 2)
  await identify('42', { anonymous_id: 'v1' })
  await view('/home', 'v1')
  const person = simulator.workspace.person('42')
  assert.deepEqual(
    person?.events.map(({ name, eventType }) => [name, eventType]),
    [
      ['/pricing', 'page'],
      ['/home', 'page'],
    ],
  )
  assert.deepEqual(person?.anonymousIds, ['v1'])
  assert.deepEqual(simulator.workspace.anonymousEvents('v1'), [])
  assert.equal(simulator.workspace.anonymousEvents('v2').length, 1)
})

test('v2 takes visitors’ events too, though its description does not say so', async () => {
  const { ask, simulator } = workspace()
  assert.equal(await entity(ask, { action: 'event', identifiers: { anonymous_id: 'v1' }, name: 'seen' }), 200)
  assert.equal(simulator.workspace.anonymousEvents('v1')[0]?.name, 'seen')
})
