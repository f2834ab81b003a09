/** A rate that several share: each has its part, and what one is told holds for all. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as fc from 'fast-check'

import { createRateLimiter, type RateLimiter } from '../../src/resilience/rate-limiter.ts'
import { seededRandom } from '../../src/testing/seeded-random.ts'

const noJitter = (): number => 0

/** So many takes over a span, as fast as they come. */
function takesOver(limiter: RateLimiter, fromMs: number, spanMs: number): number {
  let takes = 0
  for (let nowMs = fromMs; nowMs < fromMs + spanMs; nowMs++) while (limiter.take(nowMs).taken) takes++
  return takes
}

test('a part holds at once, for the ceiling and for the burst', () => {
  const limiter = createRateLimiter({ perSecond: 100 }, noJitter)
  limiter.shareAmong(4)
  assert.deepEqual([limiter.view(0).perSecond, limiter.view(0).ceilingPerSecond], [25, 25])
  const takes = takesOver(limiter, 0, 10_000)
  assert.ok(takes >= 250 && takes <= 253, `${takes} in ten seconds`)
})

test('when others leave, their part comes back within seconds of success, and not before', () => {
  const limiter = createRateLimiter({ perSecond: 100 }, noJitter)
  limiter.shareAmong(4)
  limiter.shareAmong(1)
  assert.equal(limiter.view(0).perSecond, 25)
  assert.equal(limiter.view(0).ceilingPerSecond, 100)
  assert.equal(limiter.view(60_000).perSecond, 25, 'idle time adds nothing')
  for (let second = 1; second <= 4; second++) limiter.succeeded(second * 1_000)
  assert.equal(limiter.view(4_000).perSecond, 100)
})

test('what was learned of the limit is shared too', () => {
  const limiter = createRateLimiter({ perSecond: 100, floorPerSecond: 10 }, noJitter)
  limiter.throttled(0)
  assert.equal(limiter.view(0).perSecond, 70)
  limiter.shareAmong(2)
  assert.equal(limiter.view(0).perSecond, 35)
  limiter.shareAmong(1)
  for (let second = 2; second <= 7; second++) limiter.succeeded(second * 1_000)
  const back = limiter.view(7_000).perSecond
  assert.ok(back >= 70 && back < 76, `${back}: from what was found before it rises slowly`)
  limiter.shareAmong(10)
  for (let second = 10; second < 40; second++) limiter.throttled(second * 1_000)
  assert.equal(limiter.view(40_000).perSecond, 1, 'the floor is one for all')
})

test('a cut ends the way back to a part that has become larger', () => {
  const limiter = createRateLimiter({ perSecond: 100 }, noJitter)
  limiter.shareAmong(10)
  limiter.shareAmong(1)
  limiter.throttled(0)
  assert.equal(limiter.view(0).perSecond, 7)
  limiter.succeeded(5_000)
  limiter.succeeded(6_000)
  assert.ok(limiter.view(6_000).perSecond < 10)
})

test('a lifted rate stays lifted for any number', () => {
  const limiter = createRateLimiter({ perSecond: Infinity }, noJitter)
  for (const count of [5, 1, 3]) {
    limiter.shareAmong(count)
    assert.equal(limiter.view(0).perSecond, Infinity)
    assert.equal(limiter.take(0).taken, true)
  }
})

test('another one was told to slow down: the same cut, once a second with our own, and a wait of no more than it says', () => {
  const limiter = createRateLimiter({ perSecond: 100 }, () => 1)
  assert.equal(limiter.throttledElsewhere(0, 2_000), true)
  assert.deepEqual([limiter.view(0).perSecond, limiter.view(0).cooldownMs], [70, 2_000])
  assert.equal(limiter.throttledElsewhere(500, 1_500), false, 'the same thing again')
  assert.equal(limiter.throttled(900, 1_000), false, 'and from our own answer')
  assert.equal(limiter.view(900).perSecond, 70)
  assert.equal(limiter.throttledElsewhere(900, 9_000), true, 'a longer wait is news')
  assert.equal(limiter.view(900).cooldownMs, 9_000)
  assert.equal(limiter.view(900).perSecond, 70)
  assert.equal(limiter.throttledElsewhere(12_000, 3_600_000), true)
  assert.equal(limiter.view(12_000).cooldownMs, 60_000, 'no wait is believed beyond the bound')
})

test('property: however many share it, and however their number changes, together they keep to the ceiling', () => {
  const change = fc.record({ byMs: fc.integer({ min: 1, max: 3_000 }), count: fc.integer({ min: 1, max: 8 }) })
  fc.assert(
    fc.property(fc.integer(), fc.array(change, { minLength: 1, maxLength: 8 }), (seed, changes) => {
      const random = seededRandom(seed)
      const all = Array.from({ length: 8 }, () => createRateLimiter({ perSecond: 80 }, random))
      let nowMs = 0
      for (const { byMs, count } of changes) {
        for (const limiter of all) limiter.shareAmong(count)
        const fromMs = nowMs
        nowMs += byMs
        let takes = 0
        for (const limiter of all.slice(0, count)) {
          for (let atMs = fromMs; atMs < nowMs; atMs++) {
            while (limiter.take(atMs).taken) {
              takes++
              limiter.succeeded(atMs)
            }
          }
          assert.ok(limiter.view(nowMs).perSecond <= 80 / count + 1e-9)
        }
        // The burst of one alone, and a token each.
        assert.ok(takes <= 80 * (byMs / 1_000) + 8 + 2 * count, `${takes} by ${count} in ${byMs} ms`)
      }
    }),
    { seed: 3, numRuns: 60 },
  )
})
