import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as fc from 'fast-check'

import type { Call } from '../../src/protocol/call.ts'
import { decodeBatch, decodeCall, type Decoded, decodeItem } from '../../src/protocol/decode.ts'
import {
  batchBytes,
  encodeBatch,
  encodeCall,
  encodeItem,
  encodeRegion,
  type HttpParts,
} from '../../src/protocol/encode.ts'
import { asV2 } from '../../src/protocol/mapping.ts'
import { routeOf } from '../../src/protocol/route.ts'
import { AWKWARD_TEXTS, callArbitrary, v2CallArbitrary } from './call-arbitrary.ts'

/** What a server makes of a request that a client has sent: the path has been through a URL parser. */
function received(parts: HttpParts): Decoded {
  const url = new URL(`https://track.customer.io${parts.path}`)
  const route = routeOf(parts.method, url.pathname + url.search)
  assert.ok(route.name !== 'unknown' && route.name !== 'region' && route.name !== 'batch', parts.path)
  return decodeCall(route, parts.body === undefined ? undefined : JSON.parse(parts.body))
}

const person = { by: 'path', value: 'a b' } as const

const SENT: readonly (readonly [call: Call, parts: HttpParts])[] = [
  [
    {
      dialect: 'v1',
      type: 'identify',
      person,
      attributes: { plan: 'pro' },
      timestamp: 5,
      relationships: {
        action: 'add',
        items: [{ identifiers: { cio_object_id: 'o' }, relationshipAttributes: { r: 1 } }],
      },
    },
    {
      method: 'PUT',
      path: '/api/v1/customers/a%20b',
      body: '{"plan":"pro","_timestamp":5,"cio_relationships":{"action":"add_relationships","relationships":[{"identifiers":{"cio_object_id":"o"},"relationship_attributes":{"r":1}}]}}',
      auth: true,
    },
  ],
  [
    { dialect: 'v1', type: 'delete', person },
    { method: 'DELETE', path: '/api/v1/customers/a%20b', body: undefined, auth: true },
  ],
  [
    { dialect: 'v1', type: 'suppress', person },
    { method: 'POST', path: '/api/v1/customers/a%20b/suppress', body: '{}', auth: true },
  ],
  [
    { dialect: 'v1', type: 'event', person, eventType: 'page', name: '/p', id: 'X', timestamp: 5, data: { n: 1 } },
    {
      method: 'POST',
      path: '/api/v1/customers/a%20b/events',
      body: '{"name":"/p","type":"page","id":"X","timestamp":5,"data":{"n":1}}',
      auth: true,
    },
  ],
  [
    {
      dialect: 'v1',
      type: 'event',
      person: { by: 'anonymous_id', value: 'c' },
      eventType: 'event',
      name: 'v',
      data: {},
    },
    { method: 'POST', path: '/api/v1/events', body: '{"anonymous_id":"c","name":"v"}', auth: true },
  ],
  [
    { dialect: 'v1', type: 'metric', deliveryId: 'd', metric: 'clicked' },
    { method: 'POST', path: '/api/v1/metrics', body: '{"delivery_id":"d","metric":"clicked"}', auth: false },
  ],
  [
    { dialect: 'v1', type: 'push', deliveryId: 'd', event: 'opened' },
    { method: 'POST', path: '/api/v1/push/events', body: '{"delivery_id":"d","event":"opened"}', auth: false },
  ],
  [
    { dialect: 'v1', type: 'unsubscribe', deliveryId: 'd', unsubscribe: true },
    { method: 'POST', path: '/unsubscribe/d', body: '{"unsubscribe":true}', auth: false },
  ],
  [
    { dialect: 'v1', type: 'segment', action: 'remove', segmentId: '7', ids: ['1'], idType: 'email' },
    { method: 'POST', path: '/api/v1/segments/7/remove_customers?id_type=email', body: '{"ids":["1"]}', auth: true },
  ],
  [
    {
      dialect: 'v2',
      type: 'event',
      person: { by: 'id', value: '42' },
      eventType: 'event',
      name: 'order',
      id: 'X',
      timestamp: 5,
      data: { n: 1 },
    },
    {
      method: 'POST',
      path: '/api/v2/entity',
      body: '{"type":"person","action":"event","identifiers":{"id":"42"},"name":"order","id":"X","timestamp":5,"attributes":{"n":1}}',
      auth: true,
    },
  ],
  [
    { dialect: 'v2', type: 'push', deliveryId: 'd', event: 'opened', deviceToken: 't' },
    {
      method: 'POST',
      path: '/api/v2/entity',
      body: '{"type":"delivery","action":"event","identifiers":{"id":"d"},"name":"opened","attributes":{"device_token":"t"}}',
      auth: true,
    },
  ],
]

test('calls are sent as the API describes them, byte for byte', () => {
  for (const [call, parts] of SENT) assert.deepEqual(encodeCall(call), parts)
})

test('every call arrives as the call that was sent', () => {
  const seen = new Set<string>()
  fc.assert(
    fc.property(callArbitrary, (call) => {
      seen.add(`${call.dialect} ${call.type}`)
      assert.deepEqual(received(encodeCall(call)), { ok: true, call })
    }),
    { seed: 4, numRuns: 3_000 },
  )
  assert.equal(seen.size, 13 + 12, 'all types of v1 and of v2 were seen')
})

test('the v2 form of a call arrives as it was sent, and a v2 call is its own v2 form', () => {
  let mapped = 0
  fc.assert(
    fc.property(callArbitrary, fc.constantFrom('auto', 'id', 'email'), (call, personIdentifier) => {
      const v2 = asV2(call, { personIdentifier })
      if (call.dialect === 'v2') assert.equal(v2, call)
      if (v2 === undefined) return
      mapped++
      assert.equal(v2.dialect, 'v2')
      assert.deepEqual(decodeItem(JSON.parse(encodeItem(v2))), { ok: true, call: v2 })
    }),
    { seed: 5, numRuns: 3_000 },
  )
  assert.ok(mapped > 1_000, `only ${mapped} calls had a v2 form`)
})

test('every person with an awkward name can be tracked, identified and deleted, and arrives under that name', () => {
  for (const identifier of AWKWARD_TEXTS) {
    for (const [name, body] of [
      ['track', { name: 'order' }],
      ['identify', { plan: 'pro' }],
      ['delete', undefined],
    ] as const) {
      const sent = decodeCall({ name, identifier }, body)
      assert.ok(sent.ok)
      const arrived = received(encodeCall(sent.call))
      assert.deepEqual(arrived, sent)
      assert.ok(arrived.ok && 'person' in arrived.call && arrived.call.person?.value === identifier)
    }
  }
})

test('a batch holds its items as they were encoded, and its size is known before it is built', () => {
  fc.assert(
    fc.property(fc.array(v2CallArbitrary, { minLength: 1, maxLength: 5 }), (calls) => {
      const items = calls.map((call) => encodeItem(call))
      const parts = encodeBatch(items)
      assert.deepEqual([parts.method, parts.path, parts.auth], ['POST', '/api/v2/batch', true])
      const itemBytes = items.reduce((sum, item) => sum + Buffer.byteLength(item), 0)
      assert.equal(batchBytes(items.length, itemBytes), Buffer.byteLength(parts.body!))
      assert.deepEqual(decodeBatch(JSON.parse(parts.body!)), {
        ok: true,
        items: calls.map((call) => ({ ok: true, call })),
      })
    }),
    { seed: 6, numRuns: 300 },
  )
})

test('the question for the region has no body', () => {
  assert.deepEqual(encodeRegion(), { method: 'GET', path: '/api/v1/accounts/region', body: undefined, auth: true })
})

test('what a dialect cannot say is a broken invariant, not a wrong request', () => {
  const calls: readonly Call[] = [
    { dialect: 'v1', type: 'delete', person: { by: 'id', value: '42' } },
    { dialect: 'v1', type: 'object', action: 'delete', object: { cioObjectId: 'o' } },
    { dialect: 'v1', type: 'add_relationships', person, relationships: [] },
    { dialect: 'v2', type: 'delete', person },
    { dialect: 'v2', type: 'form', formId: 'f', data: {} },
    { dialect: 'v2', type: 'event', eventType: 'event', name: 'x', data: {} },
    {
      dialect: 'v2',
      type: 'identify',
      person: { by: 'id', value: '42' },
      attributes: {},
      relationships: { action: 'delete', items: [] },
    },
  ]
  for (const call of calls) assert.throws(() => encodeCall(call), /broken invariant/)
  assert.throws(() => encodeItem({ dialect: 'v1', type: 'delete', person }), /broken invariant/)
})
