/** A bad operation, a backlog, a slow answer: what may wait for it, and what may not. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createWorld } from './world.ts'

test('live calls of people with nothing waiting are not stuck behind a backlog', async () => {
  const { cio, simulator, soon, runtime } = createWorld({ rateLimit: { perSecond: 10 }, batch: { operationsMax: 10 } })
  cio.pause()
  const backlog = Array.from({ length: 5_000 }, (_, n) => cio.track(`old-${n}`, 'bulk', {}, { priority: 'bulk' }))
  await soon(Promise.all(backlog))
  cio.resume()
  await runtime.clock.advance(2_000)
  const calledMs = runtime.clock.monotonicMs()
  const receipt = await soon(cio.track('new', 'live'))
  await soon(receipt.settled())
  assert.ok(
    runtime.clock.monotonicMs() - calledMs < 2_000,
    `delivered after ${runtime.clock.monotonicMs() - calledMs} ms`,
  )
  assert.ok((await soon(cio.stats())).waiting > 4_000, 'the backlog is still there')
  assert.ok(simulator.ledger.count({ name: 'bulk' }) > 100, 'and went on meanwhile')
})

test('a live call of somebody who has something in the backlog keeps behind it', async () => {
  const { cio, simulator, soon } = createWorld({ rateLimit: { perSecond: 50 }, batch: { operationsMax: 10 } })
  cio.pause()
  await soon(Promise.all(Array.from({ length: 300 }, (_, n) => cio.track(`p${n}`, 'first', {}, { priority: 'bulk' }))))
  const receipt = await soon(cio.track('p299', 'second'))
  cio.resume()
  await soon(receipt.settled())
  assert.deepEqual(
    simulator.ledger.events('p299').map((entry) => entry.name),
    ['first', 'second'],
  )
})

test('one operation that makes Customer.io answer 500 holds up nobody else for long', async () => {
  const { cio, simulator, soon, runtime } = createWorld()
  simulator.faults.add({ kind: 'status', status: 500, match: (request) => request.body.includes('breaks-it') })
  cio.pause()
  const receipts = await soon(
    Promise.all(Array.from({ length: 50 }, (_, n) => cio.track(`p${n}`, n === 20 ? 'breaks-it' : 'fine'))),
  )
  cio.resume()
  const others = receipts.filter((_, n) => n !== 20)
  const startedMs = runtime.clock.monotonicMs()
  await soon(Promise.all(others.map((receipt) => receipt.settled())))
  assert.ok(runtime.clock.monotonicMs() - startedMs < 180_000, `${runtime.clock.monotonicMs() - startedMs} ms`)
  const stats = await soon(cio.stats())
  assert.equal(stats.waiting, 1)
  assert.equal(stats.deadLetters, 0)
})

test('a merge waits for everything before it of both people, and what follows of either waits for the merge', async () => {
  const { cio, simulator, soon, runtime } = createWorld()
  // The first person's events fail for a while; the second's do not.
  const fault = simulator.faults.add({
    kind: 'status',
    status: 503,
    match: (request) => request.body.includes('slow-one'),
  })
  cio.pause()
  await soon(
    Promise.all([
      cio.identify('keep', {}),
      cio.track('keep', 'slow-one'),
      cio.identify('gone', {}),
      cio.mergeCustomers('id', 'keep', 'id', 'gone'),
      cio.track('gone', 'after-merge'),
      cio.track('keep', 'after-merge-too'),
    ]),
  )
  cio.resume()
  await runtime.clock.advance(20_000)
  const types = (): string[] =>
    simulator.ledger
      .all()
      .filter((entry) => (entry.status ?? 500) < 300)
      .map((entry) => entry.name ?? entry.type ?? 'none')
  assert.deepEqual(types().toSorted(), ['identify', 'identify'])
  fault.remove()
  await soon(cio.drain())
  assert.deepEqual(types().slice(2, 4), ['slow-one', 'merge'])
  assert.deepEqual(types().slice(4).toSorted(), ['after-merge', 'after-merge-too'])
})

test('a wall clock that is set back an hour delays nothing and changes no stored time', async () => {
  const { cio, simulator, soon, runtime } = createWorld()
  simulator.down()
  const before = await soon(cio.track('1', 'before'))
  await runtime.clock.advance(3_000)
  runtime.clock.jumpWallMs(-3_600_000)
  const after = await soon(cio.track('1', 'after'))
  simulator.up()
  const startedMs = runtime.clock.monotonicMs()
  await soon(Promise.all([before.settled(), after.settled()]))
  assert.ok(runtime.clock.monotonicMs() - startedMs < 30_000)
  const [first, second] = simulator.ledger.events('1').filter((entry) => entry.applied)
  assert.equal(first?.name, 'before')
  assert.ok((second?.timestamp ?? 0) < (first?.timestamp ?? 0), 'each carries the time that its caller had')
  assert.equal((await soon(cio.health())).oldestAgeMs, null)
})

test('429 slows everybody down and costs no operation an attempt', async () => {
  const { cio, soon, events } = createWorld({}, { rateLimit: { perSecond: 5, retryAfter: true } })
  const receipts = await soon(Promise.all(Array.from({ length: 60 }, (_, n) => cio.track(`p${n}@example.com`, 'e'))))
  const ends = await soon(Promise.all(receipts.map((receipt) => receipt.settled())))
  assert.deepEqual(
    ends.filter((end) => end.state !== 'delivered'),
    [],
  )
  const refused = events.filter((event) => event.type === 'request' && event.status === 429).length
  assert.ok(refused > 0 && refused < 30, `${refused} answers 429 for 60 requests`)
  assert.ok(!events.some((event) => event.type === 'circuit'), '429 never opens the circuit')
})

test('most requests refused for a reason of their own park the workspace instead of burying the data', async () => {
  const { cio, simulator, soon, runtime } = createWorld()
  simulator.faults.add({ kind: 'status', status: 404 })
  await soon(Promise.all(Array.from({ length: 40 }, (_, n) => cio.track(`p${n}@example.com`, 'e'))))
  await runtime.clock.advance(60_000)
  const health = await soon(cio.health())
  assert.equal(health.status, 'blocked')
  assert.ok(health.deadLetters <= 12, `${health.deadLetters} dead letters`)
  assert.ok(health.queueDepth >= 28)
})

test('receipts that are never looked at and calls that nobody awaits end nothing', async () => {
  const { cio, soon, runtime, events } = createWorld()
  const unhandled: unknown[] = []
  const listen = (reason: unknown): void => void unhandled.push(reason)
  process.on('unhandledRejection', listen)
  void cio.track('1', 'x'.repeat(101))
  void cio.track('1', 'fine')
  await runtime.clock.advance(5_000)
  await soon(cio.close())
  void cio.track('1', 'late')
  await runtime.clock.advance(5_000)
  process.off('unhandledRejection', listen)
  assert.deepEqual(unhandled, [])
  assert.deepEqual(
    events.flatMap((event) => (event.type === 'refused' ? [event.code] : [])),
    ['INVALID_CALL', 'CLIENT_CLOSED'],
  )
})

test('calls that must go alone do not use up the requests of those that share batches', async () => {
  const { cio, soon, runtime } = createWorld({ rateLimit: { perSecond: 20 }, batch: { operationsMax: 50 } })
  cio.pause()
  const receipts = await soon(
    Promise.all(
      Array.from({ length: 800 }, (_, n) => cio.track(n % 2 === 0 ? `p${n}@example.com` : `p${n}`, 'called')),
    ),
  )
  cio.resume()
  const startedMs = runtime.clock.monotonicMs()
  await soon(Promise.all(receipts.filter((_, n) => n % 2 === 1).map((receipt) => receipt.settled())))
  const tookMs = runtime.clock.monotonicMs() - startedMs
  assert.ok(tookMs < 12_000, `the shared ones took ${tookMs} ms`)
  assert.equal(await soon(cio.drain()).then(({ drained }) => drained), true)
  assert.ok(runtime.clock.monotonicMs() - startedMs < 25_000, 'and the others go on beside them')
})

test('at less than a request a second, too, a refused batch is cut until what is at fault is alone', async () => {
  const { cio, simulator, soon } = createWorld({ rateLimit: { perSecond: 0.3 }, batch: { operationsMax: 4 } })
  simulator.faults.add({ kind: 'status', status: 400, match: (request) => request.body.includes('breaks-it') })
  cio.pause()
  const receipts = await soon(
    Promise.all(Array.from({ length: 4 }, (_, n) => cio.track(`p${n}`, n === 2 ? 'breaks-it' : 'fine'))),
  )
  cio.resume()
  const settled = await soon(Promise.all(receipts.map((receipt) => receipt.settled())))
  assert.deepEqual(
    settled.map(({ state }) => state),
    ['delivered', 'delivered', 'dead', 'delivered'],
  )
  assert.ok(simulator.ledger.requests().length <= 5, `${simulator.ledger.requests().length} requests`)
  await soon(cio.close())
})
