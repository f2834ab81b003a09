/** What is of this store alone; the contract is tested with the outboxes. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { type IdempotencyStore, memoryIdempotencyStore, OptionsError } from '../../src/index.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'

async function done(store: IdempotencyStore, key: string, value: string = '[]'): Promise<void> {
  await store.begin({ key, token: key, leaseMs: 1_000 })
  await store.complete({ key, token: key, value, ttlMs: undefined })
}

async function stateOf(store: IdempotencyStore, key: string): Promise<string> {
  return (await store.begin({ key, token: 'asks', leaseMs: 1 })).state
}

test('of the results beyond maxKeys the one that was not asked for longest goes', async () => {
  const store = memoryIdempotencyStore({ maxKeys: 2, clock: new VirtualClock() })
  await done(store, 'a')
  await done(store, 'b')
  assert.equal(await stateOf(store, 'a'), 'done')
  await done(store, 'c')
  assert.deepEqual([await stateOf(store, 'a'), await stateOf(store, 'b')], ['done', 'held'])
})

test('a hundred thousand keys are remembered, and not one more', async () => {
  const store = memoryIdempotencyStore({ clock: new VirtualClock() })
  for (let n = 0; n <= 100_000; n++) await done(store, `k${n}`)
  assert.deepEqual([await stateOf(store, 'k0'), await stateOf(store, 'k1')], ['held', 'done'])
})

test('a result beyond maxChars by itself is not remembered', async () => {
  const store = memoryIdempotencyStore({ maxChars: 10, clock: new VirtualClock() })
  await done(store, 'a', '["12345678"]')
  assert.equal(await stateOf(store, 'a'), 'held')
})

test('ttlMs is the time of results whose call names none', async () => {
  const clock = new VirtualClock()
  const store = memoryIdempotencyStore({ ttlMs: 50, clock })
  await done(store, 'a')
  await clock.advance(49)
  assert.equal(await stateOf(store, 'a'), 'done')
  await clock.advance(1)
  assert.equal(await stateOf(store, 'a'), 'held')
})

test('wrong options are named', () => {
  for (const options of [
    { maxKeys: 0 },
    { maxKeys: 1.5 },
    { maxKeys: Number.NaN },
    { ttlMs: 0 },
    { ttlMs: Number.NaN },
    { maxChars: -1 },
  ]) {
    const field = Object.keys(options)[0]
    assert.throws(
      () => memoryIdempotencyStore(options),
      (error) => error instanceof OptionsError && error.field === field,
    )
  }
})
