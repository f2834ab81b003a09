import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { Parcel, Shipment } from '../../src/delivery/batcher.ts'
import { createInHand, type InHand } from '../../src/delivery/in-hand.ts'

const shipment = (parcels: number): Shipment => ({ parcels: Array.from({ length: parcels }, () => ({}) as Parcel) })
const one = shipment(1)
const batch = shipment(5)

function sizes(hand: InHand, count: number): number[] {
  return Array.from({ length: count }, () => {
    const next = hand.peek()
    if (next !== undefined) hand.take()
    return next?.parcels.length ?? 0
  })
}

test('batches and single ones take turns, and neither waits for the end of the other', () => {
  const hand = createInHand(10)
  hand.put([one, one, one, one, batch, batch])
  assert.deepEqual(sizes(hand, 7), [5, 1, 5, 1, 1, 1, 0])
  assert.equal(hand.isEmpty, true)
})

test('more is wanted as soon as no batch is in hand, up to the bound of single ones', () => {
  const hand = createInHand(2)
  assert.equal(hand.wantsMore, true)
  hand.put([one, batch])
  assert.equal(hand.wantsMore, false)
  sizes(hand, 1)
  assert.equal(hand.wantsMore, true)
  hand.put([one])
  assert.equal(hand.wantsMore, false)
})

test('what is put first goes before the others of its kind; taking all leaves nothing', () => {
  const hand = createInHand(10)
  const half = shipment(3)
  hand.put([batch, one])
  hand.putFirst([half, shipment(1)])
  assert.equal(hand.peek(), half)
  assert.equal(hand.takeAll().length, 4)
  assert.equal(hand.isEmpty, true)
  assert.equal(hand.peek(), undefined)
})
