import assert from 'node:assert/strict'
import { test } from 'node:test'

import { TokenBucket } from '../../src/simulator/rate-limit.ts'

test('as many requests as a second allows may come at once, then one for each token that has grown back', () => {
  const bucket = new TokenBucket()
  assert.deepEqual([bucket.take(0, 2), bucket.take(0, 2)], [0, 0])
  assert.equal(bucket.take(0, 2), 500)
  assert.equal(Math.round(bucket.take(499, 2)), 1)
  assert.equal(bucket.take(500, 2), 0)
  assert.equal(Math.round(bucket.take(500, 2)), 500)
})

test('a long silence saves up no more than one second', () => {
  const bucket = new TokenBucket()
  assert.equal(bucket.take(0, 3), 0)
  const taken = Array.from({ length: 5 }, () => bucket.take(3_600_000, 3))
  assert.equal(taken.filter((waitMs) => waitMs === 0).length, 3)
})

test('a rate below one a second lets the first request through', () => {
  const bucket = new TokenBucket()
  assert.equal(bucket.take(0, 0.5), 0)
  assert.equal(bucket.take(0, 0.5), 2_000)
  assert.equal(bucket.take(2_000, 0.5), 0)
})
