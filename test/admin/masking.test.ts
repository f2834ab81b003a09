import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as fc from 'fast-check'

import { maskCall } from '../../src/admin/masking.ts'
import { encodeCall } from '../../src/protocol/encode.ts'
import type { Call } from '../../src/protocol/call.ts'
import { callArbitrary } from '../protocol/call-arbitrary.ts'

test('whatever call it is, its masked form is a request of the same route', () => {
  fc.assert(
    fc.property(callArbitrary, (call: Call) => {
      const real = encodeCall(call)
      const masked = encodeCall(maskCall(call))
      assert.equal(masked.method, real.method)
      assert.deepEqual(keysOf(masked.body), keysOf(real.body))
      if (call.type !== 'delete_device') assert.equal(masked.path, real.path)
    }),
    { seed: 17, numRuns: 500 },
  )
})

test('no value of attributes, data or extra fields is left', () => {
  const secret = 's3cret'
  const inside = { a: secret, b: { c: [secret, { d: secret }] }, n: 4_242 }
  const calls: readonly Call[] = [
    { type: 'identify', dialect: 'v2', person: { by: 'id', value: '7' }, attributes: inside, extra: inside },
    {
      type: 'identify',
      dialect: 'v1',
      person: { by: 'path', value: '7' },
      attributes: inside,
      relationships: {
        action: 'add',
        items: [
          { identifiers: { object_type_id: '1', object_id: 'x' }, relationshipAttributes: inside, extra: inside },
        ],
      },
    },
    {
      type: 'event',
      dialect: 'v1',
      person: { by: 'path', value: '7' },
      eventType: 'event',
      name: 'order',
      data: inside,
    },
    { type: 'form', dialect: 'v1', formId: 'f', data: inside },
    {
      type: 'add_device',
      dialect: 'v1',
      person: { by: 'path', value: '7' },
      token: secret,
      platform: 'ios',
      attributes: inside,
    },
    { type: 'delete_device', dialect: 'v1', person: { by: 'path', value: '7' }, token: secret },
    { type: 'push', dialect: 'v1', deliveryId: 'd', event: 'opened', deviceToken: secret },
    { type: 'metric', dialect: 'v1', deliveryId: 'd', recipient: secret, reason: secret, href: secret },
    {
      type: 'object',
      dialect: 'v2',
      action: 'identify',
      object: { objectTypeId: '1', objectId: 'x' },
      attributes: inside,
      relationships: [{ identifiers: { id: '7' }, relationshipAttributes: inside }],
    },
  ]
  for (const call of calls) {
    const text = JSON.stringify(encodeCall(maskCall(call)))
    assert.equal(text.includes(secret) || text.includes('4242'), false, `${call.type}: ${text}`)
  }
})

function keysOf(body: string | undefined): unknown {
  return body === undefined ? undefined : shape(JSON.parse(body) as unknown)
}

function shape(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shape)
  if (typeof value !== 'object' || value === null) return null
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, shape(inner)]))
}
