import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as fc from 'fast-check'

import { FailureWindow } from '../../src/resilience/failure-window.ts'

function sumsOf(window: FailureWindow): readonly number[] {
  return [window.calls, window.failures, window.slow]
}

test('a bucket leaves the sums when the window has passed it', () => {
  const window = new FailureWindow(10_000)
  window.record(500, true, false)
  window.record(5_500, false, true)
  assert.deepEqual(sumsOf(window), [2, 1, 1])
  window.advance(9_999)
  assert.deepEqual(sumsOf(window), [2, 1, 1])
  window.advance(10_000)
  assert.deepEqual(sumsOf(window), [1, 0, 1])
  window.advance(15_000)
  assert.deepEqual(sumsOf(window), [0, 0, 0])
})

test('time alone empties it, however long the idle time', () => {
  const window = new FailureWindow(10_000)
  for (let call = 0; call < 9; call++) window.record(1_000, true, true)
  window.record(1_000 + 86_400_000, true, false)
  assert.deepEqual(sumsOf(window), [1, 1, 0])
})

test('a time that seems to go back counts into the current bucket', () => {
  const window = new FailureWindow(10_000)
  window.record(20_000, false, false)
  window.record(3_000, true, false)
  assert.deepEqual(sumsOf(window), [2, 1, 0])
  window.advance(29_999)
  assert.deepEqual(sumsOf(window), [2, 1, 0])
})

test('a reset empties it at once', () => {
  const window = new FailureWindow(1_000)
  window.reset()
  window.record(50, true, true)
  window.reset()
  assert.deepEqual(sumsOf(window), [0, 0, 0])
  window.record(60, true, false)
  assert.deepEqual(sumsOf(window), [1, 1, 0])
})

test('the sums are those of the last ten buckets, whatever came when', () => {
  const step = fc.record({
    afterMs: fc.oneof(fc.nat(4_000), fc.constantFrom(9_000, 10_000, 11_000, 25_000)),
    failed: fc.boolean(),
    slow: fc.boolean(),
  })
  fc.assert(
    fc.property(fc.integer({ min: -50_000, max: 50_000 }), fc.array(step, { maxLength: 60 }), (startMs, steps) => {
      const window = new FailureWindow(10_000)
      const seen: { readonly bucket: number; readonly failed: boolean; readonly slow: boolean }[] = []
      let nowMs = startMs
      for (const { afterMs, failed, slow } of steps) {
        nowMs += afterMs
        window.record(nowMs, failed, slow)
        const bucket = Math.floor(nowMs / 1_000)
        seen.push({ bucket, failed, slow })
        const live = seen.filter((call) => call.bucket > bucket - 10)
        assert.deepEqual(sumsOf(window), [
          live.length,
          live.filter((call) => call.failed).length,
          live.filter((call) => call.slow).length,
        ])
      }
    }),
    { seed: 2 },
  )
})
