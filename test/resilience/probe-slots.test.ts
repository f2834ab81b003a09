import assert from 'node:assert/strict'
import { test } from 'node:test'

import { ProbeSlots } from '../../src/resilience/probe-slots.ts'

test('no place is free until one is given back or a lease ends', () => {
  const slots = new ProbeSlots(2)
  const first = { leaseUntilMs: 100 }
  const second = { leaseUntilMs: 150 }
  assert.equal(slots.freeAtMs(0), null)
  slots.take(first, 0)
  slots.take(second, 50)
  assert.equal(slots.live(50), 2)
  assert.equal(slots.freeAtMs(50), 100)
  assert.equal(slots.freeAtMs(99), 100)
  assert.equal(slots.freeAtMs(100), null)
  assert.ok(slots.giveBack(second, 60))
  assert.equal(slots.freeAtMs(60), null)
})

test('what holds no lease, or one that is over, can give nothing back', () => {
  const slots = new ProbeSlots(1)
  const lost = { leaseUntilMs: 100 }
  const next = { leaseUntilMs: 300 }
  slots.take(lost, 0)
  assert.ok(!slots.giveBack({ leaseUntilMs: 100 }, 50))
  assert.ok(!slots.giveBack(lost, 100))
  slots.take(lost, 0)
  slots.take(next, 200)
  assert.ok(!slots.giveBack(lost, 250))
  assert.equal(slots.freeAtMs(250), 300)
  assert.ok(slots.giveBack(next, 250))
  assert.ok(!slots.giveBack(next, 250))
})
