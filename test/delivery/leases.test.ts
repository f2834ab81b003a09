import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createLeases } from '../../src/delivery/leases.ts'
import type { LeaseState } from '../../src/outbox/outbox.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'

function world(answer: (leases: readonly string[]) => Promise<readonly LeaseState[]>) {
  const clock = new VirtualClock()
  const asked: string[][] = []
  const failures: unknown[] = []
  const leases = createLeases(
    {
      renew(ids) {
        asked.push([...ids])
        return answer(ids)
      },
    },
    10_000,
    () => clock.monotonicMs(),
    (error) => failures.push(error),
  )
  return { clock, leases, asked, failures }
}

test('a lease is renewed when half of it is over, once, and then lasts from the asking on', async () => {
  const { clock, leases, asked } = world((ids) => Promise.resolve(ids.map(() => 'held')))
  leases.take('a', 2, 0)
  assert.equal(leases.nextRenewMs(), 5_000)
  leases.renewDue(4_999, () => {})
  assert.deepEqual(asked, [])
  await clock.advance(6_000)
  leases.renewDue(6_000, () => {})
  leases.renewDue(6_000, () => {})
  assert.deepEqual(asked, [['a']])
  await clock.advance(0)
  assert.equal(leases.leftMs('a', 6_000), 10_000)
})

test('a lapsed answer ends the lease; what is unknown has none', async () => {
  const { clock, leases } = world((ids) => Promise.resolve(ids.map(() => 'lapsed')))
  leases.take('a', 1, 0)
  leases.renewDue(9_000, () => {})
  await clock.advance(0)
  assert.ok(leases.leftMs('a', 9_000) <= 0)
  assert.ok(leases.leftMs('b', 0) <= 0)
  assert.equal(leases.nextRenewMs(), null)
})

test('an outbox that does not answer is asked again, and the lease goes on running', async () => {
  const { clock, leases, asked, failures } = world(() => Promise.reject(new Error('locked')))
  leases.take('a', 1, 0)
  leases.renewDue(6_000, () => {})
  await clock.advance(0)
  leases.renewDue(7_000, () => {})
  assert.equal(asked.length, 2)
  await clock.advance(0)
  assert.equal(failures.length, 2)
  assert.equal(leases.leftMs('a', 7_000), 3_000)
})

test('a lease is forgotten with its last entry', () => {
  const { leases } = world((ids) => Promise.resolve(ids.map(() => 'held')))
  leases.take('a', 3, 0)
  leases.done('a', 2)
  assert.equal(leases.entries, 1)
  leases.done('a', 1)
  assert.equal(leases.entries, 0)
  assert.equal(leases.nextRenewMs(), null)
})
