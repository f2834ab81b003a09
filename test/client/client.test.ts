import assert from 'node:assert/strict'
import { test } from 'node:test'

import { isHoldfastError, memoryOutbox, type OutboxFullError, type ValidationError } from '../../src/index.ts'
import { createWorld } from './world.ts'

test('a call resolves to a receipt once stored, and settled() tells that it was delivered', async () => {
  const { cio, simulator, soon } = createWorld()
  const receipt = await soon(cio.track('42', { name: 'order', data: { total: 12 } }))
  assert.equal(receipt.state, 'stored')
  assert.deepEqual(await soon(receipt.settled()), { state: 'delivered' })
  const [arrived] = simulator.ledger.events('42')
  assert.equal(arrived?.id, receipt.id)
  assert.deepEqual(await soon(receipt.settled()), { state: 'delivered' }, 'asked again after the end')
  await soon(cio.close())
})

test('every method of the official client stores its call, and each arrives', async () => {
  const { cio, simulator, soon } = createWorld()
  const calls = [
    cio.identify(1, { plan: 'pro' }),
    cio.track(1, { name: 'a' }),
    cio.track(1, 'b', { n: 1 }),
    cio.trackAnonymous('anon', { name: 'c' }),
    cio.trackAnonymous('', { name: 'invited', data: { recipient: 'x@example.com' } }),
    cio.trackPageView(1, '/pricing'),
    cio.trackPush({ delivery_id: 'd1', event: 'opened', device_id: 't', timestamp: 1_767_225_600 }),
    cio.addDevice(1, 'token', 'ios', { last_used: 1_767_225_600, color: 'red' }),
    cio.deleteDevice(1, 'token'),
    cio.identify(2, {}),
    cio.mergeCustomers('id', 1, 'id', 2),
    cio.suppress(3),
    cio.unsuppress(3),
    cio.destroy(4),
    cio.entity({ type: 'person', identifiers: { id: '5' }, action: 'identify', attributes: { a: 1 } }),
    cio.addCustomersToSegment(7, [1, '5']),
    cio.removeCustomersFromSegment(7, ['5'], 'id'),
    cio.submitForm('f', { email: 'y@example.com' }),
    cio.reportMetric({ delivery_id: 'd1', metric: 'clicked' }),
    cio.unsubscribe('d1'),
  ]
  const receipts = await soon(Promise.all(calls))
  const batch = await soon(
    cio.batch([
      { type: 'person', identifiers: { id: '6' }, action: 'event', name: 'x' },
      { type: 'person', identifiers: { id: '6' }, action: 'event', name: 'y' },
    ]),
  )
  assert.equal(batch.operations.length, 2)
  const ends = await soon(Promise.all([...receipts, ...batch.operations].map((receipt) => receipt.settled())))
  assert.deepEqual(
    ends.filter((end) => end.state !== 'delivered'),
    [],
  )
  assert.equal(simulator.ledger.all().length, 22)
  const region = await soon(cio.getAccountRegion())
  assert.equal(region.region, 'us')
})

test('an outage is invisible to the caller: calls are stored, and arrive in order with their own times', async () => {
  const { cio, simulator, runtime, soon, events } = createWorld()
  simulator.down('bad-gateway')
  const receipts = []
  for (let n = 0; n < 5; n++) {
    receipts.push(await soon(cio.track('42', `step-${n}`)))
    await runtime.clock.advance(60_000)
  }
  const health = await soon(cio.health())
  assert.equal(health.status, 'degraded')
  assert.equal(health.queueDepth, 5)
  assert.ok(events.some((event) => event.type === 'circuit' && event.to === 'open'))
  simulator.up()
  await soon(Promise.all(receipts.map((receipt) => receipt.settled())))
  const applied = simulator.ledger.events('42').filter((entry) => entry.applied)
  assert.deepEqual(
    applied.map((entry) => entry.name),
    ['step-0', 'step-1', 'step-2', 'step-3', 'step-4'],
  )
  const times = applied.map((entry) => entry.timestamp ?? 0)
  assert.deepEqual(
    times.map((time) => Math.round((time - times[0]!) / 60)),
    [0, 1, 2, 3, 4],
  )
  assert.equal((await soon(cio.health())).status, 'ok')
})

test('wrong credentials park the workspace: nothing dies, and delivery goes on when they work', async () => {
  const { cio, simulator, runtime, soon, events } = createWorld()
  simulator.change({ apiKey: 'rotated' })
  const receipt = await soon(cio.track('42', 'order'))
  await runtime.clock.advance(120_000)
  const health = await soon(cio.health())
  assert.equal(health.status, 'blocked')
  assert.equal(health.parked, true)
  assert.equal(health.deadLetters, 0)
  simulator.change({ apiKey: 'key' })
  assert.deepEqual(await soon(receipt.settled()), { state: 'delivered' })
  assert.ok(events.some((event) => event.type === 'unparked'))
})

test('one operation that Customer.io refuses becomes a dead letter with its reason; the others of its batch arrive', async () => {
  const { cio, soon, events } = createWorld({ lint: 'off' })
  const good = await soon(cio.track('1', 'fine'))
  const bad = await soon(cio.track('2', 'x'.repeat(101)))
  const end = await soon(bad.settled())
  assert.equal(end.state, 'dead')
  assert.equal(end.state === 'dead' && end.reason, 'rejected')
  assert.deepEqual(await soon(good.settled()), { state: 'delivered' })
  const { deadLetters } = await soon(cio.deadLetters.list())
  assert.equal(deadLetters.length, 1)
  assert.equal(deadLetters[0]?.id, bad.id)
  assert.match(deadLetters[0]?.message ?? '', /100 bytes/)
  assert.equal((await soon(cio.deadLetters.list({ person: '1' }))).deadLetters.length, 0)
  assert.equal(await soon(cio.deadLetters.drop({ positions: [deadLetters[0].position] })), 1)
  assert.ok(events.some((event) => event.type === 'dead-letter'))
})

test('a batch that is refused as a whole is cut until the one at fault is found', async () => {
  const { cio, simulator, soon, events } = createWorld({ rateLimit: { perSecond: 1_000 } })
  simulator.faults.add({ kind: 'poison', item: (call) => call.type === 'event' && call.name === 'poisoned' })
  cio.pause()
  const receipts = await soon(
    Promise.all(Array.from({ length: 16 }, (_, n) => cio.track(`p${n}`, n === 11 ? 'poisoned' : 'fine'))),
  )
  cio.resume()
  const ends = await soon(Promise.all(receipts.map((receipt) => receipt.settled())))
  assert.deepEqual(
    ends.map((end) => end.state),
    Array.from({ length: 16 }, (_, n) => (n === 11 ? 'dead' : 'delivered')),
  )
  assert.equal(events.filter((event) => event.type === 'bisected').length, 4)
  assert.equal(await soon(cio.deadLetters.replay({ all: true })), 1)
})

test('two calls with one idempotency key are one operation, also at the provider', async () => {
  const first = createWorld()
  const a = await first.soon(first.cio.track('42', 'order', {}, { idempotencyKey: 'order-1' }))
  const b = await first.soon(first.cio.track('42', 'order', {}, { idempotencyKey: 'order-1' }))
  assert.deepEqual([a.state, b.state, a.id === b.id], ['stored', 'duplicate', true])
  assert.deepEqual(await first.soon(b.settled()), { state: 'delivered' })
  assert.equal(first.simulator.ledger.events('42').length, 1)
  const other = createWorld()
  const c = await other.soon(other.cio.track('42', 'order', {}, { idempotencyKey: 'order-1' }))
  assert.equal(c.id, a.id, 'another machine derives the same ULID')
})

test('bad input is refused before anything is stored, and names field and limit', async () => {
  const { cio, soon } = createWorld()
  const cases: readonly (readonly [Promise<unknown>, string])[] = [
    [cio.track('', 'x'), 'identifier'],
    [cio.track('1', { name: '' }), 'name'],
    [cio.track('1', 'x'.repeat(101)), 'name'],
    [cio.identify('x'.repeat(151)), 'identifier'],
    [cio.identify('1', { a: Number.NaN }), 'attributes.a'],
    [cio.track('1', 'x', { a: Number.NaN }), 'data.a'],
    [cio.track('1', 'x', { a: { b: 10n } }), 'data.a.b'],
    [cio.track('1', 'x', { text: 'x'.repeat(101_000) }), 'data'],
    [cio.batch([]), 'operations'],
    [cio.track('1', 'x', {}, { idempotencyKey: '' }), 'options.idempotencyKey'],
    [cio.track('1', 'x', {}, { maxAgeMs: -1 }), 'options.maxAgeMs'],
  ]
  for (const [promise, field] of cases) {
    const error = await soon(
      promise.then(
        () => undefined,
        (reason: unknown) => reason,
      ),
    )
    assert.ok(isHoldfastError(error), field)
    assert.equal(error.code, 'INVALID_CALL', field)
    assert.equal((error as ValidationError).field, field)
  }
  assert.equal((await soon(cio.stats())).totals.accepted, 0)
})

test('lint can warn instead, and be off', async () => {
  const warning = createWorld({ lint: 'warn' })
  const receipt = await warning.soon(warning.cio.track('1', 'x'.repeat(101)))
  assert.equal(receipt.state, 'stored')
  const lint = warning.events.find((event) => event.type === 'lint')
  assert.deepEqual(lint && lint.type === 'lint' && [lint.call, lint.field, lint.limit], ['event', 'name', '100 bytes'])
  const off = createWorld({ lint: 'off' })
  await off.soon(off.cio.track('1', 'x'.repeat(101)))
  assert.ok(!off.events.some((event) => event.type === 'lint'))
})

test('a full outbox refuses with its bound and a time, and takes calls again when there is room', async () => {
  const { cio, simulator, soon } = createWorld({ outbox: memoryOutbox({ maxOperations: 2 }) })
  simulator.down()
  await soon(Promise.all([cio.track('1', 'a'), cio.track('2', 'b')]))
  const error = (await soon(cio.track('3', 'c').catch((reason: unknown) => reason))) as OutboxFullError
  assert.deepEqual(
    [error.code, error.bound, error.limit, error.retryAfterMs > 0],
    ['OUTBOX_FULL', 'operations', 2, true],
  )
  simulator.up()
  await soon(cio.drain())
  assert.equal((await soon(cio.track('3', 'c'))).state, 'stored')
})

test('closing reports what remains, refuses later calls, ends waits, and may be done twice', async () => {
  const { cio, simulator, soon, events } = createWorld()
  simulator.down('timeout')
  const receipt = await soon(cio.track('1', 'a'))
  const settled = receipt.settled()
  const [first, second] = await soon(Promise.all([cio.close({ timeoutMs: 100 }), cio.close()]))
  assert.deepEqual(first, { waiting: 1, deadLetters: 0 })
  assert.equal(second, first)
  assert.deepEqual(await settled, { state: 'waiting' })
  const error = await soon(cio.track('1', 'b').catch((reason: unknown) => reason))
  assert.ok(isHoldfastError(error) && error.code === 'CLIENT_CLOSED')
  assert.equal((await soon(cio.health())).status, 'stopping')
  assert.equal(events.at(-2)?.type, 'closed')
})

test('closing a client that has nothing under way takes no time', async () => {
  const { cio, runtime, soon } = createWorld()
  await soon(cio.track('1', 'a'))
  await soon(cio.drain())
  const fromMs = runtime.clock.monotonicMs()
  assert.deepEqual(await soon(cio.close()), { waiting: 0, deadLetters: 0 })
  assert.ok(runtime.clock.monotonicMs() - fromMs <= 50, `took ${runtime.clock.monotonicMs() - fromMs} ms`)
})

test('a paused client stores and does not send; drain reports that it could not', async () => {
  const { cio, simulator, soon } = createWorld()
  cio.pause()
  await soon(cio.track('1', 'a'))
  assert.deepEqual(await soon(cio.drain({ timeoutMs: 5_000 })), { drained: false, waiting: 1 })
  assert.equal(simulator.ledger.requests().length, 0)
  cio.resume()
  assert.deepEqual(await soon(cio.drain({ timeoutMs: 5_000 })), { drained: true, waiting: 0 })
})

test('an aborted call is not stored', async () => {
  const { cio, soon } = createWorld()
  const error = await soon(cio.track('1', 'a', {}, { signal: AbortSignal.abort() }).catch((reason: unknown) => reason))
  assert.ok(isHoldfastError(error) && error.code === 'ABORTED')
  assert.equal((await soon(cio.stats())).totals.accepted, 0)
})

test('an operation that is too old is a dead letter, not a late surprise', async () => {
  const { cio, simulator, runtime, soon } = createWorld({ maxAgeMs: { event: 60_000 } })
  simulator.down()
  const event = await soon(cio.track('1', 'a'))
  const person = await soon(cio.identify('2', {}))
  await runtime.clock.advance(90_000)
  simulator.up()
  const end = await soon(event.settled())
  assert.deepEqual(end, { state: 'dead', reason: 'expired' })
  assert.deepEqual(await soon(person.settled()), { state: 'delivered' })
})

test('a listener that throws harms nothing', async () => {
  const { cio, soon } = createWorld()
  cio.on(() => {
    throw new Error('listener')
  })
  const receipt = await soon(cio.track('1', 'a'))
  assert.deepEqual(await soon(receipt.settled()), { state: 'delivered' })
})
