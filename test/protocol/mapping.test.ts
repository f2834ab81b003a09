import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { Call, PersonRef } from '../../src/protocol/call.ts'
import { decodeCall } from '../../src/protocol/decode.ts'
import { asV2, type PersonIdentifier } from '../../src/protocol/mapping.ts'
import type { CallRoute } from '../../src/protocol/route.ts'

const id = (value: string): PersonRef => ({ by: 'id', value })

const NAMES: readonly (readonly [name: string, forms: Readonly<Record<PersonIdentifier, PersonRef | undefined>>])[] = [
  ['42', { auto: id('42'), id: id('42'), email: id('42') }],
  ['user-7', { auto: id('user-7'), id: id('user-7'), email: id('user-7') }],
  ['14155552671', { auto: id('14155552671'), id: id('14155552671'), email: id('14155552671') }],
  ['..', { auto: id('..'), id: id('..'), email: id('..') }],
  ['a@b.example', { auto: undefined, id: id('a@b.example'), email: { by: 'email', value: 'a@b.example' } }],
  [
    'A.b+c@d.e.example',
    { auto: undefined, id: id('A.b+c@d.e.example'), email: { by: 'email', value: 'A.b+c@d.e.example' } },
  ],
  // Somewhere between an id and an address: Customer.io decides.
  ['@handle', { auto: undefined, id: id('@handle'), email: undefined }],
  ['a@b', { auto: undefined, id: id('a@b'), email: undefined }],
  ['a@b@c.example', { auto: undefined, id: id('a@b@c.example'), email: undefined }],
  ['a b@c.example', { auto: undefined, id: id('a b@c.example'), email: undefined }],
  ['a@.example', { auto: undefined, id: id('a@.example'), email: undefined }],
  ['a@b.', { auto: undefined, id: id('a@b.'), email: undefined }],
  ['+14155552671', { auto: undefined, id: id('+14155552671'), email: undefined }],
  ['+1 (415) 555-2671', { auto: undefined, id: id('+1 (415) 555-2671'), email: undefined }],
  ['+beta', { auto: id('+beta'), id: id('+beta'), email: id('+beta') }],
  ['cio_03000001', { auto: undefined, id: undefined, email: undefined }],
  ['cio_a@b.example', { auto: undefined, id: undefined, email: undefined }],
]

test('a v1 name goes into a batch only as what it surely is', () => {
  for (const [name, forms] of NAMES) {
    for (const personIdentifier of ['auto', 'id', 'email'] as const) {
      const call: Call = { dialect: 'v1', type: 'delete', person: { by: 'path', value: name } }
      const person = forms[personIdentifier]
      const v2 = person && { dialect: 'v2', type: 'delete', person }
      assert.deepEqual(asV2(call, { personIdentifier }), v2, `${name} ${personIdentifier}`)
    }
  }
})

const v1 = (route: CallRoute, body?: unknown): Call => {
  const decoded = decodeCall(route, body)
  assert.ok(decoded.ok)
  return decoded.call
}

const MAPPED: readonly (readonly [call: Call, v2: Call])[] = [
  [
    v1(
      { name: 'identify', identifier: '42' },
      {
        email: 'a@b.example',
        id: '42',
        _update: true,
        _timestamp: 5,
        cio_relationships: { action: 'add_relationships', relationships: [{ identifiers: { cio_object_id: 'o' } }] },
      },
    ),
    {
      dialect: 'v2',
      type: 'identify',
      person: id('42'),
      attributes: { email: 'a@b.example', id: '42', _update: true },
      timestamp: 5,
      relationships: { action: 'add', items: [{ identifiers: { cio_object_id: 'o' } }] },
    },
  ],
  [
    v1({ name: 'track', identifier: '42' }, { name: '/p', type: 'page', id: 'X', timestamp: 5, data: { n: 1 } }),
    {
      dialect: 'v2',
      type: 'event',
      eventType: 'page',
      name: '/p',
      id: 'X',
      timestamp: 5,
      data: { n: 1 },
      person: id('42'),
    },
  ],
  [
    v1({ name: 'add_device', identifier: '42' }, { device: { id: 't', platform: 'ios', last_used: 5 } }),
    { dialect: 'v2', type: 'add_device', person: id('42'), token: 't', platform: 'ios', lastUsed: 5 },
  ],
  [
    v1({ name: 'delete_device', identifier: '42', token: 't' }),
    { dialect: 'v2', type: 'delete_device', person: id('42'), token: 't' },
  ],
  [v1({ name: 'suppress', identifier: '42' }), { dialect: 'v2', type: 'suppress', person: id('42') }],
  [v1({ name: 'unsuppress', identifier: '42' }), { dialect: 'v2', type: 'unsuppress', person: id('42') }],
  [
    v1({ name: 'merge' }, { primary: { id: '1' }, secondary: { email: 'a@b.example' } }),
    { dialect: 'v2', type: 'merge', primary: id('1'), secondary: { by: 'email', value: 'a@b.example' } },
  ],
]

test('what v2 can say is said in v2', () => {
  for (const [call, v2] of MAPPED) assert.deepEqual(asV2(call, { personIdentifier: 'auto' }), v2)
})

const ALONE: readonly (readonly [why: string, call: Call])[] = [
  ['metrics', v1({ name: 'metric' }, { delivery_id: 'd' })],
  ['push metrics', v1({ name: 'push' }, { delivery_id: 'd', event: 'opened' })],
  ['segments', v1({ name: 'segment', action: 'add', segmentId: '7' }, { ids: ['1'] })],
  ['forms', v1({ name: 'form', formId: 'f' }, { data: { id: '1' } })],
  ['unsubscribes', v1({ name: 'unsubscribe', deliveryId: 'd' }, { unsubscribe: true })],
  ['invite events', v1({ name: 'track_anonymous' }, { name: 'x', data: { recipient: 'a@b.example' } })],
  ['anonymous events', v1({ name: 'track_anonymous' }, { name: 'x', anonymous_id: 'c' })],
  ['unknown fields', v1({ name: 'track', identifier: '42' }, { name: 'x', source: 'shop' })],
  [
    'relationships that are taken away',
    v1(
      { name: 'identify', identifier: '42' },
      { cio_relationships: { action: 'delete_relationships', relationships: [] } },
    ),
  ],
  ['another id', v1({ name: 'identify', identifier: '42' }, { id: '43' })],
  ['an id that is taken away', v1({ name: 'identify', identifier: '42' }, { id: null })],
  ['a cio_id', v1({ name: 'identify', identifier: '42' }, { cio_id: 'a3' })],
  ['an anonymous_id', v1({ name: 'identify', identifier: '42' }, { anonymous_id: 'c' })],
]

for (const [why, call] of ALONE) {
  test(`${why} go out on v1`, () => {
    assert.equal(asV2(call, { personIdentifier: 'id' }), undefined)
  })
}

test('a person who is named by address keeps the address they are named by', () => {
  const route = { name: 'identify', identifier: 'a@b.example' } as const
  assert.equal(asV2(v1(route, { email: 'new@b.example' }), { personIdentifier: 'email' }), undefined)
  assert.equal(asV2(v1(route, { email: 'a@b.example' }), { personIdentifier: 'email' })?.dialect, 'v2')
  assert.equal(asV2(v1(route, { email: 'new@b.example' }), { personIdentifier: 'id' })?.dialect, 'v2')
})

test('the v2 form shares its data with the call', () => {
  const call = v1({ name: 'track', identifier: '42' }, { name: 'x', data: { n: 1 } })
  const v2 = asV2(call, { personIdentifier: 'auto' })
  assert.ok(call.type === 'event' && v2?.type === 'event' && v2.data === call.data)
})
