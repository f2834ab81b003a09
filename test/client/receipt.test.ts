import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createReceipts } from '../../src/client/receipt.ts'
import { createEvents } from '../../src/observe/events.ts'
import type { EntryState } from '../../src/outbox/outbox.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'

function world(states: Map<string, EntryState>) {
  const clock = new VirtualClock()
  const events = createEvents()
  const lookups: string[][] = []
  const receipts = createReceipts(
    () => ({
      lookup(positions) {
        lookups.push([...positions])
        return Promise.resolve(positions.map((position) => states.get(position) ?? { state: 'unknown' }))
      },
    }),
    clock,
    events,
  )
  return { clock, events, receipts, lookups }
}

const delivered = { id: 'A', type: 'event', delayMs: 5 }

test('settled() answers at once for what has ended already', async () => {
  const { receipts } = world(new Map([['1', { state: 'delivered' }]]))
  const receipt = receipts.receiptOf('A', { state: 'stored', position: '1' })
  assert.deepEqual(await receipt.settled(), { state: 'delivered' })
})

test('settled() hears of the end from an event, and looks nothing up for receipts that nobody asks', async () => {
  const states = new Map<string, EntryState>([['1', { state: 'waiting' }]])
  const { clock, events, receipts, lookups } = world(states)
  receipts.receiptOf('B', { state: 'stored', position: '2' })
  const settled = receipts.receiptOf('A', { state: 'stored', position: '1' }).settled()
  await clock.advance(10)
  events.emit({ type: 'delivered', entries: [delivered] })
  assert.deepEqual(await settled, { state: 'delivered' })
  assert.deepEqual(lookups, [['1']])
  await clock.advance(10_000)
  assert.deepEqual(lookups, [['1']], 'and asks no more')
})

test('settled() finds what another process delivered by looking it up from time to time', async () => {
  const states = new Map<string, EntryState>([['1', { state: 'waiting' }]])
  const { clock, receipts, lookups } = world(states)
  const receipt = receipts.receiptOf('A', { state: 'stored', position: '1' })
  const both = Promise.all([receipt.settled(), receipt.settled()])
  await clock.advance(2_500)
  states.set('1', { state: 'dead', reason: 'rejected', status: 400 })
  await clock.advance(1_000)
  assert.deepEqual(await both, [
    { state: 'dead', reason: 'rejected', status: 400 },
    { state: 'dead', reason: 'rejected', status: 400 },
  ])
  assert.ok(lookups.length >= 4 && lookups.length <= 6, `${lookups.length} look-ups`)
})

test('closing ends every wait with what is known: it is stored', async () => {
  const { clock, receipts } = world(new Map([['1', { state: 'waiting' }]]))
  const receipt = receipts.receiptOf('A', { state: 'stored', position: '1' })
  const settled = receipt.settled()
  await clock.advance(10)
  receipts.close()
  assert.deepEqual(await settled, { state: 'waiting' })
  assert.deepEqual(await receipt.settled(), { state: 'waiting' })
  assert.equal(clock.pending, 0)
})
