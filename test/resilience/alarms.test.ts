/** Many alarms on one timer. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as fc from 'fast-check'

import { Alarm, Alarms } from '../../src/resilience/alarms.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'

class Bell extends Alarm {
  readonly rang: number[] = []
  onRing: (nowMs: number) => void = () => {}

  ring(nowMs: number): void {
    this.rang.push(nowMs)
    this.onRing(nowMs)
  }
}

test('an alarm rings once at its time, and one that was taken back never', async () => {
  const clock = new VirtualClock()
  const alarms = new Alarms(clock)
  const [kept, cleared, moved] = [new Bell(), new Bell(), new Bell()]
  alarms.set(kept, 30, 0)
  alarms.set(cleared, 20, 0)
  alarms.set(moved, 10, 0)
  alarms.set(moved, 40, 0)
  alarms.clear(cleared)
  alarms.clear(cleared)
  assert.equal(clock.pending, 1)
  await clock.advance(100)
  assert.deepEqual([kept.rang, cleared.rang, moved.rang], [[30], [], [40]])
  assert.deepEqual([clock.pending, alarms.size], [0, 0])
})

test('the timer goes with the last alarm; with a linger, soon after it', async () => {
  const clock = new VirtualClock()
  const bell = new Bell()
  for (const [lingerMs, before] of [
    [0, 0],
    [25, 1],
  ] as const) {
    const alarms = new Alarms(clock, lingerMs)
    alarms.set(bell, clock.monotonicMs() + 10_000, clock.monotonicMs())
    alarms.clear(bell)
    assert.equal(clock.pending, before)
    await clock.advance(25)
    assert.equal(clock.pending, 0)
  }
  assert.deepEqual(bell.rang, [])
})

test('an alarm at Infinity is none, and one of the past rings at once', async () => {
  const clock = new VirtualClock()
  await clock.advance(1_000)
  const alarms = new Alarms(clock)
  const [never, past] = [new Bell(), new Bell()]
  alarms.set(never, Infinity, 1_000)
  assert.equal(clock.pending, 0)
  alarms.set(past, 5, 1_000)
  await clock.advance(0)
  assert.deepEqual(past.rang, [1_000])
})

test('one that rings may take back, set and set for now; what is set for now waits for the next round', async () => {
  const clock = new VirtualClock()
  const alarms = new Alarms(clock)
  const [first, second, third] = [new Bell(), new Bell(), new Bell()]
  first.onRing = (nowMs) => {
    if (first.rang.length < 1_000) alarms.set(first, nowMs, nowMs)
  }
  second.onRing = () => alarms.clear(third)
  alarms.set(first, 10, 0)
  alarms.set(second, 10, 0)
  await clock.step()
  assert.deepEqual([first.rang.length, second.rang.length], [1, 1])
  alarms.set(third, 10, 10)
  alarms.set(second, 9, 10)
  await clock.advance(0)
  assert.deepEqual([first.rang.length, second.rang.length, third.rang.length], [1_000, 2, 0])
})

test('whatever is set and taken back, each rings at its last time, in order, with one timer at most', async () => {
  const actions = fc.array(
    fc.record({ bell: fc.nat(7), atMs: fc.option(fc.nat(200), { nil: null }), waitMs: fc.nat(20) }),
    { maxLength: 60 },
  )
  await fc.assert(
    fc.asyncProperty(actions, fc.constantFrom(0, 25), async (steps, lingerMs) => {
      const clock = new VirtualClock()
      const alarms = new Alarms(clock, lingerMs)
      const bells = Array.from({ length: 8 }, () => new Bell())
      const order: number[] = []
      const expected = new Map<Bell, number>()
      for (const bell of bells) {
        bell.onRing = (nowMs) => {
          assert.equal(expected.get(bell), nowMs)
          expected.delete(bell)
          order.push(nowMs)
        }
      }
      for (const { bell: index, atMs, waitMs } of steps) {
        const bell = bells[index]!
        const nowMs = clock.monotonicMs()
        if (atMs === null) {
          alarms.clear(bell)
          expected.delete(bell)
        } else {
          alarms.set(bell, nowMs + atMs, nowMs)
          expected.set(bell, nowMs + atMs)
        }
        assert.equal(alarms.size, expected.size)
        assert.ok(clock.pending <= 1)
        await clock.advance(waitMs)
      }
      await clock.advance(300)
      assert.deepEqual([expected.size, clock.pending], [0, 0])
      assert.deepEqual(
        order,
        [...order].sort((a, b) => a - b),
      )
    }),
    { seed: 4, numRuns: 60 },
  )
})
