import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as fc from 'fast-check'

import type { Call } from '../../src/protocol/call.ts'
import { decodeBatch, decodeCall, type Decoded, decodeItem } from '../../src/protocol/decode.ts'
import { type CallRoute, routeOf } from '../../src/protocol/route.ts'

const person = { by: 'id', value: '42' } as const
const identifiers = { id: '42' }

function problemsOf(decoded: Decoded): readonly string[] {
  assert.ok(!decoded.ok, 'was taken as a call')
  return decoded.problems.map(({ field, reason }) => `${field} ${reason}`)
}

const ITEMS: readonly (readonly [what: string, item: unknown, call: Call])[] = [
  [
    'identify',
    {
      type: 'person',
      action: 'identify',
      identifiers: { email: 'a@b.example' },
      attributes: { _update: true },
      timestamp: 5,
      cio_relationships: [{ identifiers: { cio_object_id: 'o1' } }],
      note: 1,
    },
    {
      dialect: 'v2',
      type: 'identify',
      person: { by: 'email', value: 'a@b.example' },
      attributes: { _update: true },
      timestamp: 5,
      relationships: { action: 'add', items: [{ identifiers: { cio_object_id: 'o1' } }] },
      extra: { note: 1 },
    },
  ],
  [
    'event',
    {
      type: 'person',
      action: 'event',
      identifiers: { anonymous_id: 'c1' },
      name: 'order',
      id: 'X',
      attributes: { n: 1 },
    },
    {
      dialect: 'v2',
      type: 'event',
      eventType: 'event',
      name: 'order',
      id: 'X',
      data: { n: 1 },
      person: { by: 'anonymous_id', value: 'c1' },
    },
  ],
  [
    'page view',
    { type: 'person', action: 'page', identifiers: { phone: '+14155552671' }, name: '/pricing', timestamp: 5 },
    {
      dialect: 'v2',
      type: 'event',
      eventType: 'page',
      name: '/pricing',
      data: {},
      timestamp: 5,
      person: { by: 'phone', value: '+14155552671' },
    },
  ],
  [
    'screen view',
    { type: 'person', action: 'screen', identifiers: { cio_id: 'a3' }, name: 'Home' },
    {
      dialect: 'v2',
      type: 'event',
      eventType: 'screen',
      name: 'Home',
      data: {},
      person: { by: 'cio_id', value: 'a3' },
    },
  ],
  ['delete', { type: 'person', action: 'delete', identifiers }, { dialect: 'v2', type: 'delete', person }],
  ['suppress', { type: 'person', action: 'suppress', identifiers }, { dialect: 'v2', type: 'suppress', person }],
  ['unsuppress', { type: 'person', action: 'unsuppress', identifiers }, { dialect: 'v2', type: 'unsuppress', person }],
  [
    'device',
    { type: 'person', action: 'add_device', identifiers, device: { token: 't', platform: 'android', x: 1 } },
    { dialect: 'v2', type: 'add_device', person, token: 't', platform: 'android', extra: { device: { x: 1 } } },
  ],
  [
    'device deletion',
    { type: 'person', action: 'delete_device', identifiers, device: { token: 't' } },
    { dialect: 'v2', type: 'delete_device', person, token: 't' },
  ],
  [
    'relationships of a person',
    {
      type: 'person',
      action: 'add_relationships',
      identifiers,
      cio_relationships: [{ identifiers: { object_type_id: '1', object_id: 'a' }, relationship_attributes: { r: 1 } }],
    },
    {
      dialect: 'v2',
      type: 'add_relationships',
      person,
      relationships: [{ identifiers: { object_type_id: '1', object_id: 'a' }, relationshipAttributes: { r: 1 } }],
    },
  ],
  [
    'merge',
    { type: 'person', action: 'merge', primary: { id: '1' }, secondary: { email: 'b@c.example' } },
    {
      dialect: 'v2',
      type: 'merge',
      primary: { by: 'id', value: '1' },
      secondary: { by: 'email', value: 'b@c.example' },
    },
  ],
  [
    'object',
    { type: 'object', action: 'identify', identifiers: { object_type_id: 1, object_id: 'acme' }, attributes: { n: 1 } },
    {
      dialect: 'v2',
      type: 'object',
      action: 'identify',
      object: { objectTypeId: '1', objectId: 'acme' },
      attributes: { n: 1 },
    },
  ],
  [
    'object of an anonymous person',
    { type: 'object', action: 'identify_anonymous', identifiers: { cio_object_id: 'o1' }, anonymous_id: 'c1' },
    {
      dialect: 'v2',
      type: 'object',
      action: 'identify_anonymous',
      object: { cioObjectId: 'o1' },
      extra: { anonymous_id: 'c1' },
    },
  ],
  [
    'relationships of an object',
    {
      type: 'object',
      action: 'delete_relationships',
      identifiers: { cio_object_id: 'o1' },
      cio_relationships: [{ identifiers }],
    },
    {
      dialect: 'v2',
      type: 'object',
      action: 'delete_relationships',
      object: { cioObjectId: 'o1' },
      relationships: [{ identifiers }],
    },
  ],
  [
    'push metric',
    {
      type: 'delivery',
      action: 'event',
      identifiers: { id: 'd' },
      name: 'opened',
      attributes: { device_token: 't', os: 'ios' },
      timestamp: 5,
    },
    {
      dialect: 'v2',
      type: 'push',
      deliveryId: 'd',
      event: 'opened',
      deviceToken: 't',
      timestamp: 5,
      extra: { attributes: { os: 'ios' } },
    },
  ],
]

for (const [what, item, call] of ITEMS) {
  test(`v2: ${what} is read field by field, alone and in a batch`, () => {
    assert.deepEqual(decodeItem(item), { ok: true, call })
    assert.deepEqual(decodeCall({ name: 'entity' }, item), { ok: true, call })
    assert.deepEqual(decodeBatch({ batch: [item] }), { ok: true, items: [{ ok: true, call }] })
  })
}

const WRONG: readonly (readonly [item: unknown, problems: readonly string[]])[] = [
  [undefined, ['body required']],
  [[], ['body type']],
  [{}, ['type required', 'action required']],
  [{ type: 'person', action: 5 }, ['action type']],
  [{ type: 'company', action: 'identify' }, ['type unknown-value']],
  [{ type: 'person', action: 'viewed_content', identifiers }, ['action unknown-value']],
  [{ type: 'object', action: 'merge', identifiers }, ['action unknown-value']],
  [{ type: 'delivery', action: 'click' }, ['action unknown-value']],
  [{ type: 'person', action: 'constructor', identifiers }, ['action unknown-value']],
  [{ type: 'person', action: 'delete' }, ['identifiers required']],
  [{ type: 'person', action: 'delete', identifiers: {} }, ['identifiers required']],
  [{ type: 'person', action: 'delete', identifiers: { id: '' } }, ['identifiers.id required']],
  [{ type: 'person', action: 'delete', identifiers: { id: '\udc00' } }, ['identifiers.id not-utf8']],
  [{ type: 'person', action: 'delete', identifiers: { id: '1', email: 'a' } }, ['identifiers ambiguous']],
  [{ type: 'person', action: 'delete', identifiers: { user: '1' } }, ['identifiers unknown-field']],
  [{ type: 'person', action: 'event', identifiers }, ['name required']],
  [
    { type: 'person', action: 'identify', identifiers, attributes: [], timestamp: 'x', cio_relationships: {} },
    ['attributes type', 'timestamp type', 'cio_relationships type'],
  ],
  [
    { type: 'person', action: 'add_device', identifiers },
    ['device required', 'device.token required', 'device.platform required'],
  ],
  [{ type: 'person', action: 'add_relationships', identifiers }, ['cio_relationships required']],
  [{ type: 'person', action: 'merge', primary: { id: '1' } }, ['secondary required']],
  [{ type: 'object', action: 'identify', identifiers: { object_id: 'a' } }, ['identifiers.object_type_id required']],
  [
    { type: 'object', action: 'identify', identifiers: { object_id: 'a', cio_object_id: 'b' } },
    ['identifiers ambiguous'],
  ],
  [
    { type: 'object', action: 'add_relationships', identifiers: { cio_object_id: 'b' } },
    ['cio_relationships required'],
  ],
  [
    { type: 'delivery', action: 'event', identifiers: { delivery_id: 'd' }, attributes: 5 },
    ['identifiers unknown-field', 'attributes type', 'name required'],
  ],
]

test('v2: each problem names its field and its reason', () => {
  for (const [item, problems] of WRONG) {
    assert.deepEqual([...problemsOf(decodeItem(item))].toSorted(), [...problems].toSorted(), JSON.stringify(item))
  }
})

test('a batch keeps the places of its bad items', () => {
  const good = { type: 'person', action: 'delete', identifiers }
  const decoded = decodeBatch({ batch: [good, 5, good] })
  assert.ok(decoded.ok)
  assert.deepEqual(
    decoded.items.map((item) => item.ok),
    [true, false, true],
  )
})

test('what is no batch is refused as a whole', () => {
  for (const [body, reason] of [
    [undefined, 'required'],
    [[], 'required'],
    [{}, 'required'],
    [{ batch: [] }, 'required'],
    [{ batch: {} }, 'type'],
  ] as const) {
    const decoded = decodeBatch(body)
    assert.ok(!decoded.ok)
    assert.deepEqual(
      decoded.problems.map((problem) => [problem.field, problem.reason]),
      [['batch', reason]],
    )
  }
})

const ROUTES: readonly CallRoute[] = [
  'PUT /api/v1/customers/42',
  'DELETE /api/v1/customers/..',
  'PUT /api/v1/customers/42/devices',
  'DELETE /api/v1/customers/42/devices/..',
  'POST /api/v1/customers/42/suppress',
  'POST /api/v1/customers/42/events',
  'POST /api/v1/events',
  'POST /api/v1/merge_customers',
  'POST /api/v1/segments/7/add_customers?id_type=x',
  'POST /api/v1/metrics',
  'POST /api/v1/push/events',
  'POST /api/v1/forms/f/submit',
  'POST /unsubscribe/d',
  'POST /api/v2/entity',
].map((line) => routeOf(...(line.split(' ') as [string, string])) as CallRoute)

/** JSON that is near enough to a body to reach the depths of the decoder. */
const nearJson: fc.Arbitrary<unknown> = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom<unknown>(null, true, 0, 5, '', '42', 'person', 'object', 'delivery', 'event', 'identify', 'merge'),
    fc.jsonValue(),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(
      fc.constantFrom(
        ...['type', 'action', 'identifiers', 'id', 'email', 'name', 'data', 'attributes', 'timestamp', '_timestamp'],
        ...['device', 'token', 'platform', 'primary', 'secondary', 'ids', 'batch', 'cio_relationships'],
        ...['relationships', 'object_id', 'object_type_id', 'delivery_id', 'unsubscribe', '__proto__', 'toJSON'],
      ),
      tie('value'),
      { maxKeys: 8 },
    ),
  ),
})).value

test('no JSON value makes the decoders throw, and each is a call or has a problem', () => {
  fc.assert(
    fc.property(nearJson, (body) => {
      for (const route of ROUTES) {
        const decoded = decodeCall(route, body)
        assert.ok(decoded.ok || decoded.problems.length > 0)
      }
      const batch = decodeBatch({ batch: [body] })
      assert.ok(batch.ok)
      assert.deepEqual(batch.items[0], decodeItem(body))
    }),
    { seed: 3, numRuns: 500 },
  )
})
