import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as fc from 'fast-check'

import { bisect, type Parcel, parcelOf, requestOf, ship } from '../../src/delivery/batcher.ts'
import { claimed, eventCall } from './entries.ts'

const mapping = { personIdentifier: 'auto' } as const

function parcel(person: string, attempts = 0, bytes = 0, n = 1): Parcel {
  const made = parcelOf(claimed(eventCall(person, 'e', { text: 'x'.repeat(bytes) }), n, attempts), 'lease', mapping)
  assert.ok(made)
  return made
}

const limits = { operationsMax: 8, bytesMax: 475_000 }

test('calls of plainly named people share a batch; one that v2 cannot name goes alone on its v1 route', () => {
  const shipments = ship([parcel('1'), parcel('ada@example.com'), parcel('2')], limits)
  assert.deepEqual(
    shipments.map((shipment) => requestOf(shipment).path),
    ['/api/v2/batch', '/api/v1/customers/ada%40example.com/events'],
  )
})

test('an operation of more than 32,000 bytes goes alone on v1, however plain its name', () => {
  const large = parcel('1', 0, 33_000)
  assert.equal(large.item, undefined)
  assert.equal(requestOf(ship([large], limits)[0]!).path, '/api/v1/customers/1/events')
})

test('a batch of one goes out on its own route, so that a refusal names it', () => {
  assert.equal(requestOf(ship([parcel('1')], limits)[0]!).path, '/api/v1/customers/1/events')
})

test('what has failed before shares with half as many each time, and in the end with nobody', () => {
  const counts = [0, 1, 2, 3, 9].map((attempts) => {
    const parcels = Array.from({ length: 8 }, (_, index) => parcel(String(index), attempts))
    return ship(parcels, limits).map((shipment) => shipment.parcels.length)
  })
  assert.deepEqual(counts, [[8], [4, 4], [2, 2, 2, 2], Array(8).fill(1), Array(8).fill(1)])
})

test('a body that no version has written gives no parcel', () => {
  const entry = claimed(eventCall('1', 'e'), 1)
  for (const body of ['', '{', '[]', 'null', '{"v":99,"call":{}}', '{"v":1}']) {
    assert.equal(parcelOf({ ...entry, body }, 'lease', mapping), undefined, body)
  }
})

test('bisecting loses nobody and changes no order', () => {
  const parcels = [1, 2, 3, 4, 5].map((n) => parcel(String(n), 0, 0, n))
  const [left, right] = bisect({ parcels })
  assert.deepEqual([...left.parcels, ...right.parcels], parcels)
  assert.equal(left.parcels.length, 3)
})

test('every batch keeps to its bounds as it is really sent, and every parcel is in exactly one', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ bytes: fc.integer({ min: 0, max: 3_000 }), attempts: fc.integer({ min: 0, max: 4 }) }), {
        maxLength: 60,
      }),
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 500, max: 20_000 }),
      (sizes, operationsMax, bytesMax) => {
        const parcels = sizes.map(({ bytes, attempts }, index) => parcel(`p${index}`, attempts, bytes, index))
        const shipments = ship(parcels, { operationsMax, bytesMax })
        const sent = shipments.flatMap((shipment) => shipment.parcels)
        assert.deepEqual(new Set(sent), new Set(parcels))
        assert.equal(sent.length, parcels.length)
        for (const shipment of shipments) {
          assert.ok(shipment.parcels.length <= operationsMax)
          if (shipment.parcels.length > 1) assert.ok(Buffer.byteLength(requestOf(shipment).body ?? '') <= bytesMax)
        }
      },
    ),
    { seed: 11, numRuns: 100 },
  )
})
