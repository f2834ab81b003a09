import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as fc from 'fast-check'

import type { Call, EventCall, IdentifyCall, PersonRef } from '../../src/protocol/call.ts'
import { encodeItem } from '../../src/protocol/encode.ts'
import type { JsonObject } from '../../src/protocol/json.ts'
import { lintCall } from '../../src/protocol/lint.ts'
import { createOperation } from '../../src/protocol/operation.ts'
import { callArbitrary } from './call-arbitrary.ts'

const person: PersonRef = { by: 'path', value: '42' }
const id: PersonRef = { by: 'id', value: '42' }

const identify = (attributes: JsonObject, more: Partial<IdentifyCall> = {}): Call => ({
  dialect: 'v1',
  type: 'identify',
  person,
  attributes,
  ...more,
})
const event = (more: Partial<EventCall>): Call => ({
  dialect: 'v1',
  type: 'event',
  person,
  eventType: 'event',
  name: 'order',
  data: {},
  ...more,
})
const named = (by: PersonRef['by'], value: string): Call => ({
  dialect: by === 'path' ? 'v1' : 'v2',
  type: 'delete',
  person: { by, value },
})
const many = (count: number): JsonObject =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`a${index}`, 1]))

/** Data whose JSON is exactly so many bytes. */
const dataOf = (bytes: number): JsonObject => ({ a: 'x'.repeat(bytes - '{"a":""}'.length) })

const RULES: readonly (readonly [what: string, passes: Call, fails: Call, problem: string])[] = [
  ['an id', named('path', 'x'.repeat(150)), named('path', 'x'.repeat(151)), 'identifier too-long'],
  ['an id in bytes', named('id', 'ä'.repeat(75)), named('id', 'ä'.repeat(76)), 'identifiers.id too-long'],
  ['an id that is blank', named('path', 'x'), named('path', ' \t'), 'identifier blank'],
  [
    'an address in the path',
    named('path', `${'x'.repeat(160)}@b.example`),
    named('path', `${'x'.repeat(1_000)}@b.example`),
    'identifier too-long',
  ],
  ['an address', named('email', 'a@b.example'), named('email', 'a.example'), 'identifiers.email format'],
  ['a phone number', named('phone', '+14155552671'), named('phone', '0041 44 1'), 'identifiers.phone format'],
  ['a cio_id', named('cio_id', 'a3000001'), named('cio_id', 'cio_a3000001'), 'identifiers.cio_id format'],
  ['attributes', identify(many(300)), identify(many(301)), 'attributes too-many'],
  [
    "an attribute's name",
    identify({ ['n'.repeat(150)]: 1 }),
    identify({ ['n'.repeat(151)]: 1 }),
    `attributes.${'n'.repeat(60)}… too-long`,
  ],
  ["an attribute's value", identify({ a: 'ä'.repeat(500) }), identify({ a: 'ä'.repeat(501) }), 'attributes.a too-long'],
  [
    "an attribute's value that is nested",
    identify({ a: ['x'.repeat(996)] }),
    identify({ a: ['x'.repeat(997)] }),
    'attributes.a too-long',
  ],
  [
    'subscription preferences, which Customer.io structures itself',
    identify({ cio_subscription_preferences: { topics: many(200) } }),
    identify({ preferences: { topics: many(200) } }),
    'attributes.preferences too-long',
  ],
  [
    "attributes' own time",
    identify({ created_at: 1_760_000_000 }),
    identify({ created_at: 1_760_000_000_000 }),
    'attributes.created_at milliseconds',
  ],
  [
    'a time',
    identify({}, { timestamp: 1_760_000_000 }),
    identify({}, { timestamp: 1_760_000_000_000 }),
    'timestamp milliseconds',
  ],
  ['a time before 1970', event({ timestamp: 0 }), event({ timestamp: -1 }), 'timestamp negative'],
  ['a time with a fraction', event({ timestamp: 1_760_000_000 }), event({ timestamp: 1.5 }), 'timestamp not-integer'],
  [
    'attributes of a relationship',
    identify({}, { relationships: { action: 'add', items: [{ identifiers: {}, relationshipAttributes: many(300) }] } }),
    identify({}, { relationships: { action: 'add', items: [{ identifiers: {}, relationshipAttributes: many(301) }] } }),
    'cio_relationships[0].relationship_attributes too-many',
  ],
  ["an event's name", event({ name: ` ${'ä'.repeat(50)} ` }), event({ name: `${'ä'.repeat(50)}x` }), 'name too-long'],
  ["an event's name that is blank", event({ name: ' x ' }), event({ name: '  ' }), 'name blank'],
  [
    'the address of a page',
    event({ eventType: 'page', name: 'x'.repeat(499) }),
    event({ eventType: 'page', name: 'x'.repeat(500) }),
    'name too-long',
  ],
  ["an event's id", event({ id: '01aryz6s410000000000000000' }), event({ id: 'order-42' }), 'id not-ulid'],
  ["an event's data", event({ data: dataOf(100_000) }), event({ data: dataOf(100_001) }), 'data too-long'],
  [
    'a platform',
    { dialect: 'v1', type: 'add_device', person, token: 't', platform: 'ios' },
    { dialect: 'v1', type: 'add_device', person, token: 't', platform: 'web' },
    'device.platform unknown-value',
  ],
  [
    'when a device was used',
    { dialect: 'v1', type: 'add_device', person, token: 't', platform: 'ios', lastUsed: 5 },
    { dialect: 'v1', type: 'add_device', person, token: 't', platform: 'ios', lastUsed: 1_760_000_000_000 },
    'device.last_used milliseconds',
  ],
  [
    'a merge of two people',
    { dialect: 'v1', type: 'merge', primary: id, secondary: { by: 'email', value: '42@b.example' } },
    { dialect: 'v1', type: 'merge', primary: id, secondary: id },
    'secondary same-person',
  ],
  [
    'a merge without phone numbers',
    { dialect: 'v2', type: 'merge', primary: id, secondary: { by: 'cio_id', value: 'a3' } },
    { dialect: 'v2', type: 'merge', primary: id, secondary: { by: 'phone', value: '+1415' } },
    'secondary format',
  ],
  [
    "an object's id",
    { dialect: 'v2', type: 'object', action: 'delete', object: { objectTypeId: '1', objectId: 'x'.repeat(150) } },
    { dialect: 'v2', type: 'object', action: 'delete', object: { objectTypeId: '1', objectId: 'x'.repeat(151) } },
    'identifiers.object_id too-long',
  ],
  [
    "an object's attributes",
    { dialect: 'v2', type: 'object', action: 'identify', object: { cioObjectId: 'o' }, attributes: many(300) },
    { dialect: 'v2', type: 'object', action: 'identify', object: { cioObjectId: 'o' }, attributes: many(301) },
    'attributes too-many',
  ],
  [
    'a push metric',
    { dialect: 'v1', type: 'push', deliveryId: 'd', event: 'opened' },
    { dialect: 'v1', type: 'push', deliveryId: 'd', event: 'clicked' },
    'event unknown-value',
  ],
  [
    'the device of a push metric on v2',
    { dialect: 'v2', type: 'push', deliveryId: 'd', event: 'opened', deviceToken: 't' },
    { dialect: 'v2', type: 'push', deliveryId: 'd', event: 'opened' },
    'attributes.device_token required',
  ],
  [
    'a metric',
    { dialect: 'v1', type: 'metric', deliveryId: 'd', metric: 'spammed' },
    { dialect: 'v1', type: 'metric', deliveryId: 'd', metric: 'read' },
    'metric unknown-value',
  ],
  [
    'a metric that is named',
    { dialect: 'v1', type: 'metric', deliveryId: 'd', metric: 'opened' },
    { dialect: 'v1', type: 'metric', deliveryId: 'd' },
    'metric required',
  ],
  [
    'ids of a segment',
    { dialect: 'v1', type: 'segment', action: 'add', segmentId: '7', ids: Object.keys(many(1_000)) },
    { dialect: 'v1', type: 'segment', action: 'add', segmentId: '7', ids: Object.keys(many(1_001)) },
    'ids too-many',
  ],
  [
    'one id of a segment',
    { dialect: 'v1', type: 'segment', action: 'add', segmentId: '7', ids: ['a', 'x'.repeat(150)] },
    { dialect: 'v1', type: 'segment', action: 'add', segmentId: '7', ids: ['a', 'x'.repeat(151)] },
    'ids[1] too-long',
  ],
  [
    'the number of a segment',
    { dialect: 'v1', type: 'segment', action: 'add', segmentId: '7', ids: ['a'] },
    { dialect: 'v1', type: 'segment', action: 'add', segmentId: 'vip', ids: ['a'] },
    'segment_id format',
  ],
  [
    'the person of a form',
    { dialect: 'v1', type: 'form', formId: 'f', data: { id: 5, email: null } },
    { dialect: 'v1', type: 'form', formId: 'f', data: { id: '5', email: 'a@b.example' } },
    'data ambiguous',
  ],
  [
    'the fields of a form',
    { dialect: 'v1', type: 'form', formId: 'f', data: { id: '5', age: '7' } },
    { dialect: 'v1', type: 'form', formId: 'f', data: { id: '5', age: 7 } },
    'data.age type',
  ],
]

for (const [what, passes, fails, problem] of RULES) {
  test(`${what}: what is within the limit passes, what is beyond it is named`, () => {
    assert.deepEqual(lintCall(passes), [])
    const found = lintCall(fails)
    assert.deepEqual(
      found.map(({ field, reason }) => `${field} ${reason}`),
      [problem],
    )
    assert.ok(found[0]!.message !== '')
  })
}

test('a size names the limit and what was found', () => {
  assert.deepEqual(lintCall(named('path', 'x'.repeat(151))), [
    {
      field: 'identifier',
      reason: 'too-long',
      message: 'is too long: string of 151 bytes, the limit is 150 bytes',
      limit: '150 bytes',
      kind: 'string of 151 bytes',
    },
  ])
})

test("all of an object's attributes together have a limit of their own", () => {
  const attributes = Object.fromEntries(Array.from({ length: 101 }, (_, index) => [`a${index}`, 'x'.repeat(1_000)]))
  const problems = lintCall({
    dialect: 'v2',
    type: 'object',
    action: 'identify',
    object: { cioObjectId: 'o' },
    attributes,
  })
  assert.deepEqual(
    problems.map(({ field, reason }) => `${field} ${reason}`),
    ['attributes too-long', 'operation too-long'],
  )
})

test('an operation of v2 is measured as it will be sent, its stamps included', () => {
  const base = event({ dialect: 'v2', person: id })
  const empty = Buffer.byteLength(encodeItem(event({ dialect: 'v2', person: id, data: { a: '' } })))
  const stampBytes = 34 + 23
  const sized = (bytes: number): Call => event({ ...(base as EventCall), data: { a: 'x'.repeat(bytes - empty) } })
  assert.deepEqual(lintCall(sized(32_000 - stampBytes)), [])
  assert.equal(lintCall(sized(32_001 - stampBytes))[0]?.field, 'operation')
  const { call } = createOperation(sized(32_000 - stampBytes), {
    id: '01ARYZ6S410000000000000000',
    acceptedAtMs: 1_767_225_600_000,
  })
  assert.equal(Buffer.byteLength(encodeItem(call)), 32_000)
})

test('a v1 call may be larger than an operation of v2', () => {
  assert.deepEqual(lintCall(event({ data: dataOf(90_000) })), [])
})

test('so many problems are told and no more', () => {
  const attributes = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`a${index}`, 'x'.repeat(2_000)]))
  assert.equal(lintCall(identify(attributes)).length, 20)
  const ids = Array.from({ length: 5_000 }, () => ' ')
  assert.equal(lintCall({ dialect: 'v1', type: 'segment', action: 'add', segmentId: '7', ids }).length, 20)
})

test('every call can be checked, and no message holds a value of it', () => {
  fc.assert(
    fc.property(callArbitrary, (call) => {
      for (const problem of lintCall(call)) {
        assert.ok(problem.field !== '' && problem.reason !== '' && problem.message !== '')
        assert.ok(!problem.message.includes('x'.repeat(151)))
      }
    }),
    { seed: 10, numRuns: 2_000 },
  )
})
