import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as fc from 'fast-check'

import { DueQueue } from '../../src/outbox/due-queue.ts'

test('things come out when they are due, the earliest first, and none twice', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(50)), fc.array(fc.nat(60)), (dues, looks) => {
      const queue = new DueQueue<number>()
      for (const due of dues) queue.push(due, due)
      const left = [...dues].sort((a, b) => a - b)
      for (const now of [...looks].sort((a, b) => a - b)) {
        for (let item = queue.take(now); item !== undefined; item = queue.take(now)) {
          assert.equal(item, left.shift())
          assert.ok(item <= now)
        }
        assert.ok(left[0] === undefined || left[0] > now)
        assert.equal(
          queue.nextMs(() => false),
          left[0],
        )
      }
    }),
    { seed: 2_026 },
  )
})

test('what is not wanted any more is passed over when the next due time is asked for', () => {
  const queue = new DueQueue<string>()
  queue.push(1, 'gone')
  queue.push(2, 'gone')
  queue.push(3, 'here')
  assert.equal(
    queue.nextMs((item) => item === 'gone'),
    3,
  )
  queue.clear()
  assert.equal(
    queue.nextMs(() => false),
    undefined,
  )
})
