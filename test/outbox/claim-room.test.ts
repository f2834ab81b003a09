import assert from 'node:assert/strict'
import { test } from 'node:test'

import { BacklogShare, ClaimRoom } from '../../src/outbox/claim-room.ts'

test('a claim has room for its entries and bytes, and always for the first one', () => {
  const room = new ClaimRoom({ entriesMax: 3, bytesMax: 100, leaseMs: 1 })
  assert.equal(room.left(), 3)
  assert.ok(room.take(60))
  assert.ok(!room.take(41))
  assert.ok(room.take(40))
  assert.equal(room.left(), 0, 'no byte is left')
  assert.ok(!room.take(0))
  const small = new ClaimRoom({ entriesMax: 2, bytesMax: 1, leaseMs: 1 })
  assert.ok(small.take(1_000))
  assert.ok(!small.take(1))
})

test('the share of the backlog is so many entries, or a quarter of the bytes', () => {
  const room = new ClaimRoom({ entriesMax: 8, bytesMax: 100, leaseMs: 1 })
  assert.equal(room.left(2), 2)
  room.take(10)
  assert.equal(room.left(2), 1)
  room.take(15)
  assert.equal(room.left(2), 0)
  const large = new ClaimRoom({ entriesMax: 8, bytesMax: 100, leaseMs: 1 })
  large.take(25)
  assert.equal(large.left(2), 0, 'a quarter of the bytes')
  assert.equal(large.left(), 7)
})

for (const [entriesMax, claims, share] of [
  [500, 3, [125, 125, 125]],
  [8, 2, [2, 2]],
  [3, 4, [0, 1, 1, 1]],
  [2, 4, [0, 1, 0, 1]],
  [1, 8, [0, 0, 0, 1, 0, 0, 0, 1]],
] as const) {
  test(`of claims of ${entriesMax} the backlog gets ${share.join(', ')} first`, () => {
    const shares = new BacklogShare()
    assert.deepEqual(
      Array.from({ length: claims }, () => shares.next(entriesMax)),
      share,
    )
  })
}

test('a claim that wants nothing is a mistake of ours', () => {
  assert.throws(() => new ClaimRoom({ entriesMax: 0, bytesMax: 1, leaseMs: 1 }), /broken invariant/)
})
