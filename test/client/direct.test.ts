/** Mode `direct`: when a call is delivered, when it is stored, and when it is thrown. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { ClientOptions } from '../../src/client/options.ts'
import { isHoldfastError, RequestError, type Receipt } from '../../src/index.ts'
import type { Fault } from '../../src/simulator/faults.ts'
import type { SimulatorOptions } from '../../src/simulator/index.ts'
import { createWorld, type World } from './world.ts'

function directWorld(options: Partial<ClientOptions> = {}, simulated: Partial<SimulatorOptions> = {}): World {
  return createWorld({ mode: 'direct', ...options }, simulated)
}

/** What became of a call: its receipt's state, or the reason of its error. */
async function endOf(world: World, call: Promise<Receipt>): Promise<string> {
  const end = await world.soon(call).catch((error: unknown) => error)
  if (end instanceof RequestError) return `thrown ${end.reason} ${end.status ?? '-'} after ${end.attempts}`
  if (end instanceof Error) return `thrown ${isHoldfastError(end) ? end.code : end.message}`
  return (end as Receipt).state
}

test('a call that can be delivered is delivered at once and never stored', async () => {
  const { cio, simulator, events, soon } = directWorld()
  const receipt = await soon(cio.track('42', 'order', { total: 12 }))
  assert.equal(receipt.state, 'delivered')
  assert.deepEqual(await receipt.settled(), { state: 'delivered' })
  assert.equal(simulator.ledger.events('42')[0]?.id, receipt.id)
  const stats = await soon(cio.stats())
  assert.equal(stats.totals.accepted, 0)
  assert.equal(stats.deliveredDirectly, 1)
  const types = events.map((event) => event.type).filter((type) => type !== 'role')
  assert.deepEqual(types, ['request', 'accepted', 'delivered'])
  await soon(cio.close())
})

interface Row {
  readonly case: string
  readonly faults?: readonly Fault[]
  readonly options?: Partial<ClientOptions>
  readonly before?: (world: World) => void
  readonly end: string
  readonly without: string
}

const status = (code: number, more: Partial<Fault & { kind: 'status' }> = {}): Fault => ({
  kind: 'status',
  status: code,
  ...more,
})

const rows: readonly Row[] = [
  { case: 'nothing is wrong', end: 'delivered', without: 'delivered' },
  { case: 'one 500', faults: [status(500, { times: 1 })], end: 'delivered', without: 'delivered' },
  { case: 'three resets', faults: [{ kind: 'reset', times: 3 }], end: 'delivered', without: 'delivered' },
  { case: '500 for ever', faults: [status(500)], end: 'stored', without: 'thrown attempts 500 after 4' },
  { case: 'nothing listens', faults: [{ kind: 'refused' }], end: 'stored', without: 'thrown attempts - after 4' },
  {
    case: 'one attempt only',
    faults: [status(503)],
    options: { direct: { attempts: 1 } },
    end: 'stored',
    without: 'thrown attempts 503 after 1',
  },
  { case: 'no answer', faults: [{ kind: 'timeout' }], end: 'stored', without: 'thrown deadline - after 2' },
  {
    case: 'a Retry-After that fits',
    faults: [status(503, { retryAfterSeconds: 5, times: 1 })],
    end: 'delivered',
    without: 'delivered',
  },
  {
    case: 'a Retry-After beyond the deadline',
    faults: [status(503, { retryAfterSeconds: 30, times: 1 })],
    end: 'stored',
    without: 'thrown deadline 503 after 1',
  },
  { case: 'one 429', faults: [status(429, { times: 1 })], end: 'delivered', without: 'delivered' },
  { case: '429 without a time', faults: [status(429)], end: 'stored', without: 'thrown cooldown 429 after 4' },
  {
    case: '429 for longer than the deadline',
    faults: [status(429, { retryAfterSeconds: 20 })],
    end: 'stored',
    without: 'thrown cooldown 429 after 1',
  },
  { case: '400', faults: [status(400)], end: 'thrown rejected 400 after 1', without: 'thrown rejected 400 after 1' },
  { case: '404', faults: [status(404)], end: 'thrown rejected 404 after 1', without: 'thrown rejected 404 after 1' },
  { case: '413', faults: [status(413)], end: 'thrown rejected 413 after 1', without: 'thrown rejected 413 after 1' },
  { case: '422', faults: [status(422)], end: 'thrown rejected 422 after 1', without: 'thrown rejected 422 after 1' },
  { case: '401', faults: [status(401)], end: 'stored', without: 'thrown parked 401 after 1' },
  { case: '403', faults: [status(403)], end: 'stored', without: 'thrown parked 403 after 1' },
  {
    case: 'paused',
    before: ({ cio }) => cio.pause(),
    end: 'stored',
    without: 'thrown paused - after 0',
  },
  {
    case: 'a call that is too old for its maxAgeMs by the time of its second attempt',
    faults: [status(503, { retryAfterSeconds: 2 })],
    options: { maxAgeMs: 1_000 },
    end: 'thrown expired 503 after 1',
    without: 'thrown expired 503 after 1',
  },
]

for (const row of rows) {
  test(`direct: ${row.case} -> ${row.end}, without fallback ${row.without}`, async () => {
    for (const [fallbackEnabled, expected] of [
      [true, row.end],
      [false, row.without],
    ] as const) {
      const world = directWorld({ fallbackEnabled, ...row.options })
      for (const fault of row.faults ?? []) world.simulator.faults.add(fault)
      row.before?.(world)
      const startedMs = world.runtime.clock.monotonicMs()
      assert.equal(await endOf(world, world.cio.track('42', 'order')), expected)
      assert.ok(world.runtime.clock.monotonicMs() - startedMs <= 15_005, 'within its deadline')
      const { totals } = await world.soon(world.cio.stats())
      assert.equal(totals.accepted, expected === 'stored' ? 1 : 0)
    }
  })
}

test('an open circuit stores at once, without a request', async () => {
  const world = directWorld()
  world.simulator.down('unavailable')
  for (let n = 0; n < 3; n++) assert.equal(await endOf(world, world.cio.track(`p${n}`, 'order')), 'stored')
  assert.equal((await world.soon(world.cio.stats())).circuitState, 'open')
  const startedMs = world.runtime.clock.monotonicMs()
  const receipts = await world.soon(
    Promise.all(Array.from({ length: 50 }, (_, n) => world.cio.track(`q${n}`, 'order'))),
  )
  assert.ok(receipts.every(({ state }) => state === 'stored'))
  assert.ok(world.runtime.clock.monotonicMs() - startedMs <= 5, 'nobody waited')
})

test('an outage in the middle: delivered, then stored, then drained, then direct again, in order', async () => {
  const world = directWorld()
  const { cio, simulator, soon, runtime } = world
  const states: string[] = []
  const call = async (n: number): Promise<void> => {
    states.push((await soon(cio.track('42', `step-${n}`))).state)
  }
  await call(0)
  simulator.down()
  await call(1)
  await call(2)
  simulator.up()
  await call(3)
  assert.deepEqual(await soon(cio.drain({ timeoutMs: 120_000 })), { drained: true, waiting: 0 })
  await runtime.clock.advance(30_000)
  await call(4)
  assert.deepEqual(states, ['delivered', 'stored', 'stored', 'stored', 'delivered'])
  const applied = simulator.ledger.events('42').filter((entry) => entry.applied && !entry.duplicate)
  assert.deepEqual(
    applied.map((entry) => entry.name),
    ['step-0', 'step-1', 'step-2', 'step-3', 'step-4'],
  )
})

test('an attempt of unknown fate that is stored afterwards is one event: the same id, the same time', async () => {
  const world = directWorld({ direct: { attempts: 2 } })
  const fault = world.simulator.faults.add({ kind: 'timeout', applied: true, times: 2 })
  const receipt = await world.soon(world.cio.track('42', 'order'))
  assert.equal(receipt.state, 'stored')
  fault.remove()
  assert.deepEqual(await world.soon(receipt.settled()), { state: 'delivered' })
  const arrived = world.simulator.ledger.events('42')
  assert.ok(arrived.length >= 2)
  assert.deepEqual([...new Set(arrived.map(({ id }) => id))], [receipt.id])
  assert.equal(new Set(arrived.map(({ timestamp }) => timestamp)).size, 1)
  assert.equal(arrived.filter(({ duplicate }) => !duplicate).length, 1)
})

test('calls of one person go out one after the other; a call does not wait for other people', async () => {
  const world = directWorld()
  world.simulator.faults.add({ kind: 'latency', latencyMs: 1_000, match: ({ person }) => person === 'slow' })
  const order: string[] = []
  const calls = ['slow', 'slow', 'quick'].map((person, n) =>
    world.cio.track(person, `n${n}`).then(({ state }) => order.push(`${person} n${n} ${state}`)),
  )
  await world.soon(Promise.all(calls))
  assert.deepEqual(order, ['quick n2 delivered', 'slow n0 delivered', 'slow n1 delivered'])
})

test('a merge waits for both people, and both wait for it', async () => {
  const world = directWorld()
  world.simulator.faults.add({ kind: 'latency', latencyMs: 500, match: ({ person }) => person === 'a' })
  const { cio } = world
  const calls = [cio.identify('a', {}), cio.identify('b', {}), cio.mergeCustomers('id', 'a', 'id', 'b')]
  calls.push(cio.track('b', 'after'), cio.track('a', 'after'))
  const receipts = await world.soon(Promise.all(calls))
  assert.ok(receipts.every(({ state }) => state === 'delivered'))
  const arrived = world.simulator.ledger.all().map(({ type, person }) => `${type} ${person}`)
  assert.deepEqual(arrived.slice(0, 3), ['identify b', 'identify a', 'merge a'])
  assert.deepEqual(arrived.slice(3).sort(), ['event a', 'event b'])
})

test('batches, bulk calls and keyed calls are stored in direct mode, behind the calls of the same people', async () => {
  const world = directWorld()
  const { cio, soon } = world
  const item = { type: 'person', identifiers: { id: '1' }, action: 'event', name: 'in-batch' }
  const first = cio.track('1', 'first')
  const batch = cio.batch([item, { ...item, name: 'in-batch-2' }])
  const bulk = cio.track('1', 'bulk', {}, { priority: 'bulk' })
  const keyed = cio.track('1', 'keyed', {}, { idempotencyKey: 'k' })
  const again = cio.track('1', 'keyed', {}, { idempotencyKey: 'k' })
  const last = cio.track('1', 'last')
  const states = await soon(Promise.all([first, batch, bulk, keyed, again, last]))
  assert.deepEqual(
    states.map(({ state }) => state),
    ['delivered', 'stored', 'stored', 'stored', 'duplicate', 'stored'],
  )
  await soon(cio.drain())
  assert.deepEqual(
    world.simulator.ledger.events('1').map(({ name }) => name),
    ['first', 'in-batch', 'in-batch-2', 'bulk', 'keyed', 'last'],
  )
})

test('most requests rejected: the fault is ours, so calls are stored and not thrown', async () => {
  const world = directWorld()
  const fault = world.simulator.faults.add(status(404))
  const ends: string[] = []
  for (let n = 0; n < 8; n++) ends.push(await endOf(world, world.cio.track(`p${n}`, 'order')))
  assert.deepEqual(
    ends.slice(0, 4),
    Array.from({ length: 4 }, () => 'thrown rejected 404 after 1'),
  )
  assert.deepEqual(ends.slice(5), ['stored', 'stored', 'stored'])
  fault.remove()
  assert.equal((await world.soon(world.cio.drain({ timeoutMs: 300_000 }))).drained, true)
})

test('the error keeps status and body of the answer', async () => {
  const world = directWorld({ lint: 'off' })
  const error = await world.soon(world.cio.track('42', 'x'.repeat(101))).catch((caught: unknown) => caught)
  assert.ok(error instanceof RequestError)
  assert.equal(error.status, 400)
  assert.match(error.body ?? '', /100 bytes/)
  assert.doesNotMatch(error.message, /xxx/)
  const refused = world.events.filter((event) => event.type === 'refused')
  assert.deepEqual(refused, [{ type: 'refused', code: 'REQUEST_FAILED', operations: 1 }])
})

const wrongOptions: readonly [string, object][] = [
  ['mode', { mode: 'both' }],
  ['fallbackEnabled', { mode: 'direct', fallbackEnabled: 'no' }],
  ['fallbackEnabled', { fallbackEnabled: false }],
  ['direct', { direct: null }],
  ['direct.tries', { direct: { tries: 3 } }],
  ['direct.attempts', { direct: { attempts: 0 } }],
  ['direct.attempts', { direct: { attempts: 1.5 } }],
  ['direct.baseMs', { direct: { baseMs: -1 } }],
  ['direct.capMs', { direct: { capMs: Number.NaN } }],
  ['timeouts.deadlineMs', { timeouts: { deadlineMs: 0 } }],
]

for (const [field, options] of wrongOptions) {
  test(`a wrong option is refused by name: ${field} of ${JSON.stringify(options)}`, () => {
    assert.throws(() => createWorld(options), { code: 'INVALID_OPTIONS', field })
  })
}

test('a short deadline is a quick decision: one attempt, then the outbox', async () => {
  const world = directWorld({ timeouts: { deadlineMs: 400 } })
  world.simulator.faults.add({ kind: 'timeout', times: 1 })
  const startedMs = world.runtime.clock.monotonicMs()
  assert.equal(await endOf(world, world.cio.track('42', 'order')), 'stored')
  assert.ok(world.runtime.clock.monotonicMs() - startedMs <= 405)
})

test('a crowd beyond the places waits in its order; nobody exceeds the places', async () => {
  const world = directWorld({ concurrency: 3 }, { latencyMs: 100 })
  const order: number[] = []
  const calls = Array.from({ length: 30 }, (_, n) => world.cio.track(`p${n}`, 'order').then(() => order.push(n)))
  let most = 0
  const watch = (): void => {
    void world.cio.stats().then((stats) => (most = Math.max(most, stats.requestsInFlight)))
    world.runtime.clock.timer(10, watch)
  }
  watch()
  await world.soon(Promise.all(calls))
  assert.equal(most, 3)
  assert.deepEqual(
    order,
    Array.from({ length: 30 }, (_, n) => n),
  )
})

test('a backlog that drains and a crowd of calls share the rate: neither starves', async () => {
  const { cio, soon, runtime, simulator } = directWorld({ rateLimit: { perSecond: 10 }, batch: { operationsMax: 1 } })
  cio.pause()
  await soon(Promise.all(Array.from({ length: 200 }, (_, n) => cio.track('backlog', `n${n}`))))
  cio.resume()
  for (let n = 0; n < 200; n++) {
    void cio.track(`live-${n}`, 'order')
    await runtime.clock.advance(50)
  }
  const arrived = simulator.ledger.events()
  const backlog = arrived.filter(({ person }) => person === 'backlog').length
  assert.ok(arrived.length >= 98, `${arrived.length} of some 100 requests`)
  assert.ok(backlog >= 40 && backlog <= 60, `${backlog} of ${arrived.length} were of the backlog`)
})
