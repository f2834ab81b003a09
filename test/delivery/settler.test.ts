import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createSettler } from '../../src/delivery/settler.ts'
import { createEvents, type HoldfastEvent } from '../../src/observe/events.ts'
import type { LeaseState, Settlement } from '../../src/outbox/outbox.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'
import { claimed, eventCall, WALL_MS } from './entries.ts'

function world(settle: (settlements: readonly Settlement[]) => Promise<readonly LeaseState[]>, leaseMs = 60_000) {
  const clock = new VirtualClock(WALL_MS)
  const events = createEvents()
  const seen: HoldfastEvent[] = []
  events.on((event) => seen.push(event))
  const done: string[] = []
  const writes: number[] = []
  let failures = 0
  const settler = createSettler({
    outbox: {
      settle(settlements) {
        writes.push(settlements.length)
        return settle(settlements)
      },
    },
    clock,
    events,
    written: () => settler.flush(),
    done: (lease) => done.push(lease),
    leftMs: () => leaseMs - clock.monotonicMs(),
    failed: () => failures++,
  })
  return { clock, seen, done, writes, settler, failures: () => failures }
}

const held = (settlements: readonly Settlement[]): Promise<readonly LeaseState[]> =>
  Promise.resolve(settlements.map(() => 'held'))
const entry = claimed(eventCall('1', 'e'), 1)

test('what is decided while one write runs goes with the next', async () => {
  const { clock, settler, writes, done } = world(held)
  settler.add(entry, 'a', { to: 'delivered' })
  settler.flush()
  settler.add(entry, 'a', { to: 'delivered' })
  settler.add(entry, 'b', { to: 'delivered' })
  settler.flush()
  await clock.advance(0)
  assert.deepEqual(writes, [1, 2])
  assert.deepEqual(done, ['a', 'a', 'b'])
  assert.equal(settler.pending, 0)
})

test('events speak of a settlement once it is written, one event for each kind', async () => {
  const { clock, settler, seen } = world(held)
  settler.add(entry, 'a', { to: 'delivered' })
  settler.add(entry, 'a', { to: 'dead', reason: 'rejected', status: 400 })
  settler.add(entry, 'a', { to: 'waiting', delayMs: 5, countAttempt: true })
  settler.flush()
  assert.equal(seen.length, 0)
  await clock.advance(0)
  assert.deepEqual(
    seen.map((event) => event.type),
    ['delivered', 'dead-letter'],
  )
})

test('a lapsed settlement is no delivery', async () => {
  const { clock, settler, seen } = world((settlements) => Promise.resolve(settlements.map(() => 'lapsed')))
  settler.add(entry, 'a', { to: 'delivered' })
  settler.flush()
  await clock.advance(0)
  assert.deepEqual(seen, [{ type: 'lapsed', entries: 1 }])
})

test('an outbox that cannot write is asked again, and the verdict is kept', async () => {
  let broken = true
  const { clock, settler, seen, failures, writes } = world((settlements) =>
    broken ? Promise.reject(new Error('disk')) : held(settlements),
  )
  settler.add(entry, 'a', { to: 'delivered' })
  settler.flush()
  await clock.advance(1_000)
  assert.ok(failures() >= 3 && failures() <= 5, `${failures()} tries in a second`)
  assert.equal(settler.pending, 1)
  broken = false
  await clock.advance(1_000)
  assert.equal(settler.pending, 0)
  assert.deepEqual(
    seen.map((event) => event.type),
    ['delivered'],
  )
  assert.ok(writes.length >= 4)
})

test("when the lease is over the verdict is given up, for the entry is somebody else's", async () => {
  const { clock, settler, seen, done } = world(() => Promise.reject(new Error('disk')), 500)
  settler.add(entry, 'a', { to: 'delivered' })
  settler.flush()
  await clock.advance(2_000)
  assert.equal(settler.pending, 0)
  assert.deepEqual(seen, [{ type: 'lapsed', entries: 1 }])
  assert.deepEqual(done, ['a'])
})

test('a settlement says whether the campaign window of the event had passed', async () => {
  const { clock, settler, seen } = world(held)
  const late = { ...entry, campaignAtMs: WALL_MS - 72 * 3_600_000 - 1 }
  settler.add(late, 'a', { to: 'delivered' })
  settler.add({ ...entry, campaignAtMs: WALL_MS - 72 * 3_600_000 }, 'a', { to: 'delivered' })
  settler.add(late, 'a', { to: 'dead', reason: 'campaign-window' })
  settler.flush()
  await clock.advance(0)
  const told = seen.flatMap((event) =>
    event.type === 'delivered' || event.type === 'dead-letter' ? event.entries : [],
  )
  assert.deepEqual(
    told.map((settled) => [settled.isPastCampaignWindow, 'isPastCampaignWindow' in settled]),
    [
      [true, true],
      [undefined, false],
      [true, true],
    ],
  )
})
