import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { Call } from '../../src/protocol/call.ts'
import { decodeCall, type Decoded } from '../../src/protocol/decode.ts'
import type { CallRoute } from '../../src/protocol/route.ts'

const person = { by: 'path', value: '42' } as const

function callOf(decoded: Decoded): Call {
  assert.ok(decoded.ok, decoded.ok ? '' : JSON.stringify(decoded.problems))
  return decoded.call
}

function problemsOf(decoded: Decoded): readonly string[] {
  assert.ok(!decoded.ok, 'was taken as a call')
  return decoded.problems.map(({ field, reason }) => `${field} ${reason}`)
}

const CALLS: readonly (readonly [what: string, route: CallRoute, body: unknown, call: Call])[] = [
  [
    'identify',
    { name: 'identify', identifier: '42' },
    { email: 'a@b.example', _update: true, plan: null, _timestamp: 1_760_000_000 },
    {
      dialect: 'v1',
      type: 'identify',
      person,
      attributes: { email: 'a@b.example', _update: true, plan: null },
      timestamp: 1_760_000_000,
    },
  ],
  [
    'identify without a body',
    { name: 'identify', identifier: '42' },
    undefined,
    { dialect: 'v1', type: 'identify', person, attributes: {} },
  ],
  [
    'identify with relationships',
    { name: 'identify', identifier: '42' },
    {
      a: 1,
      cio_relationships: {
        action: 'delete_relationships',
        relationships: [
          { identifiers: { object_type_id: '1', object_id: 'acme' }, relationship_attributes: { role: 'admin' } },
          { identifiers: { cio_object_id: 'o1' }, since: 5 },
        ],
      },
    },
    {
      dialect: 'v1',
      type: 'identify',
      person,
      attributes: { a: 1 },
      relationships: {
        action: 'delete',
        items: [
          { identifiers: { object_type_id: '1', object_id: 'acme' }, relationshipAttributes: { role: 'admin' } },
          { identifiers: { cio_object_id: 'o1' }, extra: { since: 5 } },
        ],
      },
    },
  ],
  [
    'identify whose special fields are null',
    { name: 'identify', identifier: '42' },
    { a: 1, _timestamp: null, cio_relationships: null },
    { dialect: 'v1', type: 'identify', person, attributes: { a: 1 } },
  ],
  ['delete', { name: 'delete', identifier: '42' }, undefined, { dialect: 'v1', type: 'delete', person }],
  ['suppress', { name: 'suppress', identifier: '42' }, {}, { dialect: 'v1', type: 'suppress', person }],
  [
    'unsuppress with a field of its own',
    { name: 'unsuppress', identifier: '42' },
    { why: 'asked' },
    { dialect: 'v1', type: 'unsuppress', person, extra: { why: 'asked' } },
  ],
  [
    'event',
    { name: 'track', identifier: '42' },
    { name: 'order', id: '01ARYZ6S410000000000000000', timestamp: 5, data: { n: 1 }, source: 'shop' },
    {
      dialect: 'v1',
      type: 'event',
      eventType: 'event',
      name: 'order',
      id: '01ARYZ6S410000000000000000',
      timestamp: 5,
      data: { n: 1 },
      person,
      extra: { source: 'shop' },
    },
  ],
  [
    'event whose optional fields are null',
    { name: 'track', identifier: '42' },
    { name: 'order', id: null, type: null, timestamp: null, data: null },
    { dialect: 'v1', type: 'event', eventType: 'event', name: 'order', data: {}, person },
  ],
  [
    'event with a type that means event',
    { name: 'track', identifier: '42' },
    { name: 'order', type: 'socks' },
    { dialect: 'v1', type: 'event', eventType: 'event', name: 'order', data: {}, person, extra: { type: 'socks' } },
  ],
  [
    'page view',
    { name: 'track', identifier: '42' },
    { name: '/pricing', type: 'page' },
    { dialect: 'v1', type: 'event', eventType: 'page', name: '/pricing', data: {}, person },
  ],
  [
    'anonymous event',
    { name: 'track_anonymous' },
    { name: 'view', anonymous_id: 'c1', type: 'screen' },
    {
      dialect: 'v1',
      type: 'event',
      eventType: 'screen',
      name: 'view',
      data: {},
      person: { by: 'anonymous_id', value: 'c1' },
    },
  ],
  [
    'invite event',
    { name: 'track_anonymous' },
    { name: 'invite', anonymous_id: '', data: { recipient: 'a@b.example' } },
    { dialect: 'v1', type: 'event', eventType: 'event', name: 'invite', data: { recipient: 'a@b.example' } },
  ],
  [
    'device',
    { name: 'add_device', identifier: '42' },
    { device: { id: 'tok', platform: 'ios', last_used: 5, attributes: { os: '17' }, push: true }, from: 'app' },
    {
      dialect: 'v1',
      type: 'add_device',
      person,
      token: 'tok',
      platform: 'ios',
      lastUsed: 5,
      attributes: { os: '17' },
      extra: { from: 'app', device: { push: true } },
    },
  ],
  [
    'device deletion',
    { name: 'delete_device', identifier: '42', token: 'tok' },
    undefined,
    { dialect: 'v1', type: 'delete_device', person, token: 'tok' },
  ],
  [
    'merge',
    { name: 'merge' },
    { primary: { id: 1, email: null }, secondary: { cio_id: 'a3' } },
    { dialect: 'v1', type: 'merge', primary: { by: 'id', value: '1' }, secondary: { by: 'cio_id', value: 'a3' } },
  ],
  [
    'segment',
    { name: 'segment', action: 'add', segmentId: '7', idType: 'email' },
    { ids: ['a@b.example', 5] },
    { dialect: 'v1', type: 'segment', action: 'add', segmentId: '7', ids: ['a@b.example', '5'], idType: 'email' },
  ],
  [
    'metric',
    { name: 'metric' },
    { delivery_id: 'd', metric: 'clicked', timestamp: 5, recipient: 'r', reason: 'x', href: 'h', channel: 'sms' },
    {
      dialect: 'v1',
      type: 'metric',
      deliveryId: 'd',
      metric: 'clicked',
      timestamp: 5,
      recipient: 'r',
      reason: 'x',
      href: 'h',
      extra: { channel: 'sms' },
    },
  ],
  [
    'metric of an SMS, whose recipient is an integer',
    { name: 'metric' },
    { delivery_id: 'd', recipient: 4155552671 },
    { dialect: 'v1', type: 'metric', deliveryId: 'd', extra: { recipient: 4155552671 } },
  ],
  [
    'push metric',
    { name: 'push' },
    { delivery_id: 'd', event: 'opened', device_id: 'tok', timestamp: 5 },
    { dialect: 'v1', type: 'push', deliveryId: 'd', event: 'opened', deviceToken: 'tok', timestamp: 5 },
  ],
  [
    'form',
    { name: 'form', formId: 'f1' },
    { data: { email: 'a@b.example' } },
    { dialect: 'v1', type: 'form', formId: 'f1', data: { email: 'a@b.example' } },
  ],
  [
    'unsubscribe',
    { name: 'unsubscribe', deliveryId: 'd' },
    { unsubscribe: false },
    { dialect: 'v1', type: 'unsubscribe', deliveryId: 'd', unsubscribe: false },
  ],
]

for (const [what, route, body, call] of CALLS) {
  test(`v1: ${what} is read field by field`, () => {
    assert.deepEqual(callOf(decodeCall(route, body)), call)
  })
}

const WRONG: readonly (readonly [route: CallRoute, body: unknown, problems: readonly string[]])[] = [
  [{ name: 'identify', identifier: '42' }, [], ['body type']],
  [{ name: 'identify', identifier: '42' }, 'a', ['body type']],
  [{ name: 'identify', identifier: '' }, {}, ['identifier required']],
  [{ name: 'identify', identifier: 'a\ud800' }, {}, ['identifier not-utf8']],
  [{ name: 'identify', identifier: '42' }, { _timestamp: '5' }, ['_timestamp type']],
  [{ name: 'identify', identifier: '42' }, { _timestamp: Number.NaN }, ['_timestamp type']],
  [{ name: 'identify', identifier: '42' }, { cio_relationships: [] }, ['cio_relationships type']],
  [
    { name: 'identify', identifier: '42' },
    {
      cio_relationships: {
        action: 'add',
        relationships: [1, {}, { identifiers: 'x', relationship_attributes: 'y' }],
        x: 1,
      },
    },
    [
      'cio_relationships.action unknown-value',
      'cio_relationships.x unknown-field',
      'cio_relationships.relationships[0] type',
      'cio_relationships.relationships[1].identifiers required',
      'cio_relationships.relationships[2].identifiers type',
      'cio_relationships.relationships[2].relationship_attributes type',
    ],
  ],
  [{ name: 'track', identifier: '42' }, undefined, ['name required']],
  [
    { name: 'track', identifier: '42' },
    { name: 5, id: 5, type: 5, timestamp: new Date(), data: [] },
    ['type type', 'name type', 'data type', 'id type', 'timestamp type'],
  ],
  [{ name: 'track_anonymous' }, { name: 'x', anonymous_id: {} }, ['anonymous_id type']],
  [{ name: 'add_device', identifier: '42' }, {}, ['device required', 'device.id required', 'device.platform required']],
  [
    { name: 'add_device', identifier: '42' },
    { device: { id: 't', platform: 5, last_used: 'now', attributes: 'x' } },
    ['device.platform type', 'device.last_used type', 'device.attributes type'],
  ],
  [{ name: 'delete_device', identifier: '42', token: '' }, undefined, ['token required']],
  [{ name: 'merge' }, {}, ['primary required', 'secondary required']],
  [
    { name: 'merge' },
    { primary: { id: '1', email: 'a@b.example' }, secondary: { anonymous_id: 'x' } },
    ['primary ambiguous', 'secondary unknown-field'],
  ],
  [{ name: 'merge' }, { primary: '1', secondary: { id: true } }, ['primary type', 'secondary.id type']],
  [{ name: 'segment', action: 'add', segmentId: '7' }, {}, ['ids required']],
  [{ name: 'segment', action: 'add', segmentId: '7' }, { ids: [] }, ['ids required']],
  [{ name: 'segment', action: 'add', segmentId: '7' }, { ids: 'a' }, ['ids type']],
  [
    { name: 'segment', action: 'add', segmentId: '7', idType: 'phone' },
    { ids: ['a', null, {}] },
    ['id_type unknown-value', 'ids[1] required', 'ids[2] type'],
  ],
  [{ name: 'metric' }, { metric: 5, recipient: [] }, ['delivery_id required', 'metric type', 'recipient type']],
  [{ name: 'push' }, {}, ['delivery_id required', 'event required']],
  [{ name: 'form', formId: 'f' }, { data: null }, ['data required']],
  [{ name: 'unsubscribe', deliveryId: 'd' }, {}, ['unsubscribe required']],
  [{ name: 'unsubscribe', deliveryId: 'd' }, { unsubscribe: 'yes' }, ['unsubscribe type']],
]

test('v1: each problem names its field and its reason, and all are told at once', () => {
  for (const [route, body, problems] of WRONG) {
    assert.deepEqual(problemsOf(decodeCall(route, body)), problems, `${route.name} ${JSON.stringify(body)}`)
  }
})

test('v1: no message holds a value', () => {
  for (const [route, body] of [
    [
      { name: 'track', identifier: 'secret\ud800' },
      { name: ['secret'], id: { secret: 1 }, data: 'secret' },
    ],
    [{ name: 'merge' }, { primary: 'secret', secondary: { id: ['secret'] } }],
  ] as const) {
    const decoded = decodeCall(route, body)
    assert.ok(!decoded.ok)
    assert.ok(!JSON.stringify(decoded.problems).includes('secret'))
  }
})

test('v1: a path that a URL parser would change goes into the body of v2, as an id', () => {
  assert.deepEqual(callOf(decodeCall({ name: 'track', identifier: '..' }, { name: 'order' })), {
    dialect: 'v2',
    type: 'event',
    eventType: 'event',
    name: 'order',
    data: {},
    person: { by: 'id', value: '..' },
  })
  assert.deepEqual(callOf(decodeCall({ name: 'delete_device', identifier: '42', token: '.' }, undefined)), {
    dialect: 'v2',
    type: 'delete_device',
    person: { by: 'id', value: '42' },
    token: '.',
  })
})

test('v1: a path that a URL parser would change is refused where only v1 can say it', () => {
  for (const [route, body, field] of [
    [{ name: 'segment', action: 'add', segmentId: '..' }, { ids: ['1'] }, 'segment_id'],
    [{ name: 'form', formId: '.' }, { data: { id: '1' } }, 'form_id'],
    [{ name: 'unsubscribe', deliveryId: '..' }, { unsubscribe: true }, 'delivery_id'],
    [{ name: 'track', identifier: '..' }, { name: 'order', more: 1 }, 'identifier'],
    [{ name: 'delete_device', identifier: 'a@b.example', token: '..' }, undefined, 'token'],
  ] as const) {
    assert.deepEqual(problemsOf(decodeCall(route, body)), [`${field} not-addressable`])
  }
})

test('attributes and data are the objects that came, not copies', () => {
  const attributes = { a: { b: 1 } }
  const identify = callOf(decodeCall({ name: 'identify', identifier: '42' }, attributes))
  assert.ok(identify.type === 'identify' && identify.attributes === attributes)
  const data = { n: 1 }
  const event = callOf(decodeCall({ name: 'track', identifier: '42' }, { name: 'order', data }))
  assert.ok(event.type === 'event' && event.data === data)
})

test('what has a toJSON stands for what that gives', () => {
  const model = { secret: 'x', toJSON: () => ({ plan: 'pro', _timestamp: 5 }) }
  assert.deepEqual(callOf(decodeCall({ name: 'identify', identifier: '42' }, model)), {
    dialect: 'v1',
    type: 'identify',
    person,
    attributes: { plan: 'pro' },
    timestamp: 5,
  })
  const broken = {
    toJSON() {
      throw new Error('no')
    },
  }
  assert.deepEqual(problemsOf(decodeCall({ name: 'identify', identifier: '42' }, broken)), ['body type'])
  assert.deepEqual(problemsOf(decodeCall({ name: 'identify', identifier: '42' }, new Date())), ['body type'])
})

test('a key __proto__ of parsed JSON stays a key and changes no prototype', () => {
  const body: unknown = JSON.parse(
    '{"name":"order","__proto__":{"polluted":1},"data":{"__proto__":{"polluted":1}},"device":{"id":"t","platform":"ios","__proto__":{"polluted":1}}}',
  )
  const event = callOf(decodeCall({ name: 'track', identifier: '42' }, body))
  assert.ok(event.type === 'event')
  assert.equal(Object.getPrototypeOf(event.extra), Object.prototype)
  assert.ok(Object.hasOwn(event.extra!, '__proto__'))
  const device = callOf(decodeCall({ name: 'add_device', identifier: '42' }, body))
  assert.ok(Object.hasOwn(device.extra!['device'] as object, '__proto__'))
  const withTime: unknown = JSON.parse('{"_timestamp":5,"__proto__":{"polluted":1}}')
  const identify = callOf(decodeCall({ name: 'identify', identifier: '42' }, withTime))
  assert.ok(identify.type === 'identify' && Object.hasOwn(identify.attributes, '__proto__'))
  assert.equal(Object.getPrototypeOf(identify.attributes), Object.prototype)
  assert.equal(Reflect.get({}, 'polluted'), undefined)
})
