/** Idempotency keys of calls, keys from content, and the outbox as a store of executions. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'

import type { ClientOptions } from '../../src/client/options.ts'
import {
  type BatchReceipt,
  executeIdempotent,
  generateIdempotencyKey,
  isHoldfastError,
  memoryOutbox,
  OptionsError,
  type Receipt,
  ResilientCustomerIO,
} from '../../src/index.ts'
import { openInlineSqliteOutbox } from '../../src/outbox/sqlite/inline.ts'
import { temporaryFolder } from '../outbox/sqlite/scene.ts'
import { createWorld, type World } from './world.ts'

const HOUR_MS = 3_600_000

/** Another client in the same world: the same time, the same Customer.io. */
function another(world: World, options: Partial<ClientOptions> = {}): ResilientCustomerIO {
  return new ResilientCustomerIO({
    siteId: 'site',
    apiKey: 'key',
    runtime: world.runtime,
    outbox: memoryOutbox(),
    ...options,
  })
}

const key = { idempotencyKey: 'order-1' } as const
const calls: Readonly<Record<string, (cio: ResilientCustomerIO) => Promise<Receipt | BatchReceipt>>> = {
  identify: (cio) => cio.identify('1', { a: 1 }, key),
  track: (cio) => cio.track('1', { name: 'x' }, key),
  'track by name': (cio) => cio.track('1', 'x', {}, key),
  trackAnonymous: (cio) => cio.trackAnonymous('anon', { name: 'x' }, key),
  trackPageView: (cio) => cio.trackPageView('1', '/', key),
  trackPush: (cio) =>
    cio.trackPush({ delivery_id: 'd', event: 'opened', device_id: 't', timestamp: 1_767_225_600 }, key),
  addDevice: (cio) => cio.addDevice('1', 't', 'ios', {}, key),
  deleteDevice: (cio) => cio.deleteDevice('1', 't', key),
  mergeCustomers: (cio) => cio.mergeCustomers('id', '1', 'id', '2', key),
  suppress: (cio) => cio.suppress('1', key),
  unsuppress: (cio) => cio.unsuppress('1', key),
  destroy: (cio) => cio.destroy('1', key),
  batch: (cio) => cio.batch([{ type: 'person', identifiers: { id: '1' }, action: 'event', name: 'x' }], key),
  entity: (cio) => cio.entity({ type: 'person', identifiers: { id: '1' }, action: 'event', name: 'x' }, key),
  addCustomersToSegment: (cio) => cio.addCustomersToSegment(7, ['1'], 'id', key),
  removeCustomersFromSegment: (cio) => cio.removeCustomersFromSegment(7, ['1'], 'id', key),
  submitForm: (cio) => cio.submitForm('f', { email: 'y@example.com' }, key),
  reportMetric: (cio) => cio.reportMetric({ delivery_id: 'd', metric: 'clicked' }, key),
  unsubscribe: (cio) => cio.unsubscribe('d', true, key),
}

function idOf(receipt: Receipt | BatchReceipt): string {
  return 'operations' in receipt ? receipt.operations[0]!.id : receipt.id
}

for (const [name, call] of Object.entries(calls)) {
  test(`a second ${name} with the same key is the same operation`, async () => {
    const { cio, simulator, soon } = createWorld()
    const first = await soon(call(cio))
    const [second, third] = await soon(Promise.all([call(cio), call(cio)]))
    assert.deepEqual([first.state, second.state, third.state], ['stored', 'duplicate', 'duplicate'])
    assert.deepEqual([idOf(second), idOf(third)], [idOf(first), idOf(first)])
    await soon<unknown>(third.settled())
    const fourth = await soon(call(cio))
    assert.deepEqual([fourth.state, idOf(fourth)], ['duplicate', idOf(first)], 'after it was delivered')
    assert.equal(simulator.ledger.all().length, 1)
  })
}

test('in the window all clients on one file give the same receipt, whichever delivers', async () => {
  const folder = temporaryFolder()
  try {
    const open = openInlineSqliteOutbox({ path: join(folder.path, 'outbox.db'), durability: 'os', reserveBytes: 0 })
    const world = createWorld({ outbox: open })
    const { cio, soon, runtime, simulator } = world
    const other = another(world, { outbox: open })
    const first = await soon(cio.track('1', 'x', {}, key))
    const second = await soon(other.track('1', 'x', {}, key))
    assert.deepEqual([first.state, second.state, second.id], ['stored', 'duplicate', first.id])
    assert.deepEqual(await soon(second.settled()), { state: 'delivered' }, 'the other one delivers')
    await soon(cio.close())
    await runtime.clock.advance(HOUR_MS / 2)
    assert.equal((await soon(other.track('1', 'x', {}, key))).state, 'duplicate')
    await soon(other.close())
    const restarted = another(world, { outbox: open })
    assert.equal((await soon(restarted.track('1', 'x', {}, key))).state, 'duplicate')
    assert.equal(simulator.ledger.all().length, 1)
    await runtime.clock.advance(HOUR_MS / 2)
    const late = await soon(restarted.track('1', 'x', {}, key))
    assert.deepEqual([late.state, late.id], ['stored', first.id], 'after the window, under the same id')
    await soon(late.settled())
    const [, repeat] = simulator.ledger.events('1')
    assert.deepEqual([repeat?.id, repeat?.applied, repeat?.duplicate], [first.id, false, true])
    await soon(restarted.close())
  } finally {
    folder.remove()
  }
})

test('two machines without a common outbox send one event under one id, which Customer.io takes once', async () => {
  const world = createWorld()
  const { cio, soon, simulator } = world
  const other = another(world)
  const receipts = await soon(
    Promise.all([cio.track('1', 'x', { total: 1 }, key), other.track('1', 'x', { total: 1 }, key)]),
  )
  assert.deepEqual(
    receipts.map(({ state }) => state),
    ['stored', 'stored'],
    'neither knows of the other',
  )
  await soon(Promise.all(receipts.map((receipt) => receipt.settled())))
  const events = simulator.ledger.events('1')
  assert.deepEqual(
    events.map(({ id }) => id),
    [receipts[0].id, receipts[0].id],
  )
  assert.equal(events.filter(({ applied }) => applied).length, 1)
  assert.equal(events.filter(({ duplicate }) => duplicate).length, 1)
})

test('the key of a batch is a key of each of its operations, and no other key is taken for one of these', async () => {
  const { cio, soon } = createWorld()
  const event = { type: 'person', identifiers: { id: '1' }, action: 'event', name: 'x' }
  const first = await soon(cio.batch([event, event], { idempotencyKey: 'b' }))
  const again = await soon(cio.batch([event, event], { idempotencyKey: 'b' }))
  assert.deepEqual([first.state, again.state], ['stored', 'duplicate'])
  const ids = first.operations.map(({ id }) => id)
  assert.deepEqual(
    again.operations.map(({ id }) => id),
    ids,
  )
  assert.equal(new Set(ids).size, 2)
  for (const idempotencyKey of ['b', 'b/0', 'b/1', 'b\n0', '0\nb', ' of 0\nb']) {
    const single = await soon(cio.track('1', 'x', {}, { idempotencyKey }))
    assert.equal(single.state, 'stored', JSON.stringify(idempotencyKey))
  }
})

test('a key that is too long or not well-formed is refused by name', async () => {
  const { cio, soon } = createWorld()
  for (const idempotencyKey of ['', 'ü'.repeat(501), 'a\ud800', 7 as unknown as string]) {
    const error = await soon(cio.track('1', 'x', {}, { idempotencyKey }).catch((reason: unknown) => reason))
    assert.ok(isHoldfastError(error) && error.code === 'INVALID_CALL')
    assert.equal(Reflect.get(error, 'field'), 'options.idempotencyKey')
  }
  assert.equal((await soon(cio.track('1', 'x', {}, { idempotencyKey: 'ü'.repeat(500) }))).state, 'stored')
})

test('without dedupe two equal events are two', async () => {
  const { cio, soon } = createWorld()
  const receipts = await soon(Promise.all([cio.track('1', 'x', { n: 1 }), cio.track('1', 'x', { n: 1 })]))
  assert.deepEqual(
    receipts.map(({ state }) => state),
    ['stored', 'stored'],
  )
})

test('dedupe: content makes two equal events of the window one, on every machine', async () => {
  const world = createWorld({ dedupe: 'content' })
  const { cio, soon, simulator, runtime } = world
  const first = await soon(cio.track('1', 'x', { n: 1, at: new Date(0) }))
  const equal = await soon(cio.track(1, 'x', { at: '1970-01-01T00:00:00.000Z', n: 1, left: undefined }))
  assert.deepEqual([first.state, equal.state, equal.id], ['stored', 'duplicate', first.id])
  const elsewhere = await soon(another(world, { dedupe: 'content' }).track('1', 'x', { n: 1, at: new Date(0) }))
  assert.deepEqual([elsewhere.state, elsewhere.id], ['stored', first.id])
  await soon(elsewhere.settled())
  await soon(first.settled())
  assert.equal(simulator.ledger.events('1').filter(({ applied }) => applied).length, 1)
  await runtime.clock.advance(HOUR_MS)
  const late = await soon(cio.track('1', 'x', { n: 1, at: new Date(0) }))
  assert.deepEqual([late.state, late.id], ['stored', first.id], 'after the window Customer.io decides')
})

test('dedupe: content tells events apart by person, name, data, time and type of call', async () => {
  const { cio, soon } = createWorld({ dedupe: 'content' })
  const data = { n: 1 }
  const receipts = [
    cio.track('1', 'x', data),
    cio.track('2', 'x', data),
    cio.track('1', 'y', data),
    cio.track('1', 'x', { n: 2 }),
    cio.track('1', 'x', { n: '1' }),
    cio.track('1', 'x'),
    cio.track('1', { name: 'x', data, timestamp: 1_767_225_600 }),
    cio.track('1', { name: 'x', data, timestamp: 1_767_225_601 }),
    cio.trackPageView('1', 'x'),
    cio.trackAnonymous('1', { name: 'x', data }),
    cio.submitForm('x', { email: 'y@example.com' }),
  ]
  const stored = await soon(Promise.all(receipts))
  assert.deepEqual(new Set(stored.map(({ state }) => state)), new Set(['stored']))
  assert.equal(new Set(stored.map(({ id }) => id)).size, stored.length)
})

test('dedupe: content holds inside a batch, and a key of the call wins', async () => {
  const { cio, soon } = createWorld({ dedupe: 'content' })
  const event = { type: 'person', identifiers: { id: '1' }, action: 'event', name: 'x' }
  const batch = await soon(cio.batch([event, event]))
  assert.deepEqual(
    batch.operations.map(({ state }) => state),
    ['stored', 'duplicate'],
  )
  const own = await soon(cio.entity(event, { idempotencyKey: 'mine' }))
  assert.equal(own.state, 'stored')
  const content = generateIdempotencyKey('1', 'x')
  assert.equal((await soon(cio.track('1', 'x', {}, { idempotencyKey: content }))).state, 'stored')
})

test('dedupe: content never leaves out a call that sets a state: it may be the way back', async () => {
  const { cio, soon, simulator } = createWorld({ dedupe: 'content' })
  const plans = ['free', 'pro', 'free']
  const receipts = []
  for (const plan of plans) receipts.push(await soon(cio.identify('1', { plan })))
  await soon(Promise.all(receipts.map((receipt) => receipt.settled())))
  assert.equal(simulator.ledger.all().filter(({ applied }) => applied).length, 3)
})

test('dedupe of another word is refused', () => {
  assert.throws(
    () => createWorld({ dedupe: 'contents' as 'content' }),
    (error) => error instanceof OptionsError && error.field === 'dedupe',
  )
})

test('cio.idempotency executes once over clients and restarts, and ends with its client', async () => {
  const folder = temporaryFolder()
  try {
    const open = openInlineSqliteOutbox({ path: join(folder.path, 'outbox.db'), durability: 'os', reserveBytes: 0 })
    const world = createWorld({ outbox: open })
    const { cio, soon, runtime } = world
    const other = another(world, { outbox: open })
    let charges = 0
    const gate = Promise.withResolvers<void>()
    const charge = async (): Promise<{ readonly charge: number }> => {
      charges++
      await gate.promise
      return { charge: charges }
    }
    const both = [cio, other].map(({ idempotency }) =>
      executeIdempotent('charge 1', charge, { store: idempotency, runtime }),
    )
    await runtime.clock.advance(90_000)
    assert.equal(charges, 1)
    gate.resolve()
    assert.deepEqual(await soon(Promise.all(both)), [{ charge: 1 }, { charge: 1 }])
    await soon(Promise.all([cio.close(), other.close()]))
    const restarted = another(world, { outbox: open })
    const again = executeIdempotent('charge 1', charge, { store: restarted.idempotency, runtime })
    assert.deepEqual(await soon(again), { charge: 1 })
    await soon(restarted.close())
    const error = await soon(
      executeIdempotent('charge 2', charge, { store: restarted.idempotency, runtime }).catch(
        (reason: unknown) => reason,
      ),
    )
    assert.ok(isHoldfastError(error) && error.code === 'CLIENT_CLOSED')
    assert.equal(charges, 1)
  } finally {
    folder.remove()
  }
})

test('close waits for what executes, so that it is remembered, and lends no key meanwhile', async () => {
  const outbox = memoryOutbox()
  const world = createWorld({ outbox })
  const { cio, soon, runtime } = world
  const options = { store: cio.idempotency, runtime }
  const gate = Promise.withResolvers<string>()
  const failing = Promise.withResolvers<string>()
  const first = executeIdempotent('slow', () => gate.promise, options)
  const second = executeIdempotent('fails', () => failing.promise, options).catch((error: unknown) => error)
  await runtime.clock.advance(10)
  let isClosed = false
  const closed = cio.close().then(() => (isClosed = true))
  await runtime.clock.advance(9_000)
  const error = await soon(executeIdempotent('new', () => 1, options).catch((reason: unknown) => reason))
  assert.ok(isHoldfastError(error) && error.code === 'CLIENT_CLOSED')
  failing.reject('no')
  assert.equal(await soon(second), 'no')
  assert.equal(isClosed, false)
  gate.resolve('done')
  assert.equal(await soon(first), 'done')
  await soon(closed)
  const next = another(world, { outbox })
  const again = executeIdempotent('slow', () => 'again', { store: next.idempotency, runtime })
  assert.equal(await soon(again), 'done')
})

test('close does not wait longer than its time for what executes; the caller gets the result all the same', async () => {
  const { cio, soon, runtime } = createWorld()
  const errors: unknown[] = []
  const gate = Promise.withResolvers<string>()
  const slow = executeIdempotent('slow', () => gate.promise, {
    store: cio.idempotency,
    runtime,
    onStoreError: (error) => errors.push(error),
  })
  await runtime.clock.advance(10)
  const beganMs = runtime.clock.monotonicMs()
  await soon(cio.close({ timeoutMs: 500 }))
  assert.ok(runtime.clock.monotonicMs() - beganMs < 1_000)
  gate.resolve('done')
  assert.equal(await soon(slow), 'done')
  assert.ok(isHoldfastError(errors[0]) && errors[0].code === 'OUTBOX_CLOSED')
})
