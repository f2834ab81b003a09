import assert from 'node:assert/strict'
import { test } from 'node:test'

import { sleep } from '../../src/runtime/clock.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'

test('timers fire in the order of time, then of start, and not before their time', async () => {
  const clock = new VirtualClock()
  const fired: string[] = []
  clock.timer(20, () => fired.push('b20'))
  clock.timer(10, () => fired.push('a10'))
  clock.timer(20, () => fired.push('c20'))
  await clock.advance(19)
  assert.deepEqual(fired, ['a10'])
  await clock.advance(1)
  assert.deepEqual(fired, ['a10', 'b20', 'c20'])
  assert.equal(clock.monotonicMs(), 20)
})

test('a cancelled timer does not fire, and time does not run past the end because of it', async () => {
  const clock = new VirtualClock()
  const fired: number[] = []
  const cancel = clock.timer(5, () => fired.push(5))
  clock.timer(50, () => fired.push(50))
  cancel()
  cancel()
  await clock.advance(10)
  assert.deepEqual(fired, [])
  assert.equal(clock.monotonicMs(), 10)
  assert.equal(clock.pending, 1)
})

test('the wall clock can jump back while the monotonic one goes on', async () => {
  const clock = new VirtualClock(1_000_000)
  await clock.advance(500)
  clock.jumpWallMs(-3_600_000)
  assert.equal(clock.wallMs(), 1_000_500 - 3_600_000)
  assert.equal(clock.monotonicMs(), 500)
})

test('sleep ends at once when its signal aborts and leaves no timer behind', async () => {
  const clock = new VirtualClock()
  const controller = new AbortController()
  const slept = sleep(clock, 1_000, controller.signal)
  controller.abort(new Error('enough'))
  assert.equal(await slept, 'aborted')
  assert.equal(clock.pending, 0)
  const long = sleep(clock, 1_000)
  await clock.advance(1_000)
  assert.equal(await long, 'elapsed')
})
