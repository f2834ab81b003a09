/** Many rings, few acts; the last ring is never lost. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Bell } from '../../../src/outbox/bullmq/bell.ts'
import { VirtualClock } from '../../../src/testing/virtual-clock.ts'

test('rings of one turn are one act, and acts are 50 ms apart', async () => {
  const clock = new VirtualClock()
  const atMs: number[] = []
  const bell = new Bell(clock, async () => void atMs.push(clock.monotonicMs()))
  for (let ring = 0; ring < 1_000; ring++) bell.ring()
  await clock.advance(10)
  assert.deepEqual(atMs, [0])
  for (let ms = 10; ms < 1_000; ms++) {
    bell.ring()
    await clock.advance(1)
  }
  assert.deepEqual(atMs.slice(0, 4), [0, 50, 100, 150])
  assert.equal(atMs.at(-1), 1_000)
  assert.equal(atMs.length, 21)
})

test('a ring while an act is under way is another act after it', async () => {
  const clock = new VirtualClock()
  const ends: (() => void)[] = []
  const bell = new Bell(clock, () => new Promise((resolve) => ends.push(resolve)))
  bell.ring()
  await clock.advance(500)
  bell.ring()
  bell.ring()
  await clock.advance(500)
  assert.equal(ends.length, 1)
  ends[0]!()
  await clock.advance(500)
  assert.equal(ends.length, 2)
  ends[1]!()
  await clock.advance(500)
  assert.equal(ends.length, 2)
})

test('a closed bell is silent', async () => {
  const clock = new VirtualClock()
  let acts = 0
  const bell = new Bell(clock, async () => void acts++)
  bell.ring()
  bell.close()
  bell.ring()
  await clock.advance(500)
  assert.equal(acts, 0)
  assert.equal(clock.pending, 0)
})
