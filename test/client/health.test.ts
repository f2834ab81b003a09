/** `health({ probe: 'active' })` against the simulator: what it asks, how often, and what it says. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { ClientOptions } from '../../src/client/options.ts'
import { type Health, isHoldfastError } from '../../src/index.ts'
import type { SimulatorOptions } from '../../src/simulator/index.ts'
import { createWorld, type World } from './world.ts'

const active = { probe: 'active' } as const

function codesOf(health: Health): readonly string[] {
  return health.reasons.map(({ code }) => code)
}

/** How often the question was asked. */
function questions({ simulator }: World): number {
  return simulator.ledger.requests().filter(({ method, route }) => method === 'GET' && route === 'region').length
}

/** Nothing but questions arrived, and there is nobody. */
function assertNobody(world: World): void {
  const { simulator } = world
  assert.equal(questions(world), simulator.ledger.requests().length)
  assert.deepEqual(simulator.ledger.all(), [])
  assert.equal(simulator.workspace.people().length, 0)
}

test('passive health asks nobody; active health asks for the region, and creates nobody', async () => {
  const world = createWorld()
  const { cio, soon, runtime } = world
  const passive = await soon(cio.health())
  assert.equal(passive.probe, null)
  assert.deepEqual((await soon(cio.health({ probe: 'passive' }))).probe, null)
  assert.equal(questions(world), 0)
  const health = await soon(cio.health(active))
  assert.equal(health.status, 'ok')
  assert.equal(health.healthy, true)
  const atMs = health.probe?.asked === true ? health.probe.atMs : 0
  assert.ok(atMs > 0 && atMs <= runtime.clock.wallMs())
  assert.deepEqual(health.probe, {
    asked: true,
    atMs,
    outcome: 'ok',
    status: 200,
    latency: 20,
    region: 'us',
    environmentId: 1,
    reason: null,
  })
  assert.deepEqual([health.latency, health.lastSuccess], [20, null], 'a probe is no traffic')
  assert.equal(questions(world), 1)
  assertNobody(world)
  await soon(cio.close())
})

const table: readonly (readonly [
  string,
  Partial<ClientOptions>,
  Partial<SimulatorOptions>,
  ((world: World) => void) | undefined,
  {
    status: Health['status']
    codes: readonly string[]
    http: number | null
    region: string | null
    reason: string | null
  },
])[] = [
  [
    'an EU account on the US host',
    {},
    { region: 'eu' },
    undefined,
    { status: 'degraded', codes: ['region-mismatch'], http: 200, region: 'eu', reason: null },
  ],
  [
    'a US account on the EU host',
    { region: 'eu' },
    {},
    undefined,
    { status: 'degraded', codes: ['region-mismatch'], http: 200, region: 'us', reason: null },
  ],
  [
    'an EU account on the EU host',
    { region: 'eu' },
    { region: 'eu' },
    undefined,
    { status: 'ok', codes: [], http: 200, region: 'eu', reason: null },
  ],
  [
    'wrong credentials',
    { apiKey: 'another' },
    {},
    undefined,
    { status: 'blocked', codes: ['credentials'], http: 401, region: null, reason: null },
  ],
  [
    'an error page of a load balancer',
    {},
    {},
    ({ simulator }) => simulator.down('bad-gateway'),
    { status: 'degraded', codes: ['unreachable'], http: 502, region: null, reason: 'status-502' },
  ],
  [
    'a web page with status 200',
    {},
    {},
    ({ simulator }) => simulator.faults.add({ kind: 'status', status: 200, html: true }),
    { status: 'degraded', codes: ['unreachable'], http: 200, region: null, reason: 'bad-answer' },
  ],
  [
    'no connection',
    {},
    {},
    ({ simulator }) => simulator.down('refused'),
    { status: 'degraded', codes: ['unreachable'], http: null, region: null, reason: 'refused' },
  ],
  [
    'half an answer',
    {},
    {},
    ({ simulator }) => simulator.faults.add({ kind: 'half-response' }),
    { status: 'degraded', codes: ['unreachable'], http: null, region: null, reason: 'reset' },
  ],
  [
    'a wrong base url',
    {},
    {},
    ({ simulator }) => simulator.faults.add({ kind: 'status', status: 404 }),
    { status: 'degraded', codes: ['unreachable'], http: 404, region: null, reason: 'status-404' },
  ],
  [
    'a redirect to the other host of Customer.io',
    {},
    { region: 'eu' },
    ({ simulator }) =>
      simulator.faults.add({ kind: 'redirect', status: 307, to: 'https://track-eu.customer.io', times: 1 }),
    { status: 'degraded', codes: ['region-mismatch'], http: 200, region: 'eu', reason: null },
  ],
  [
    'a redirect to somebody else',
    {},
    {},
    ({ simulator }) => simulator.faults.add({ kind: 'redirect', to: 'https://login.example.org' }),
    { status: 'degraded', codes: ['unreachable'], http: 301, region: null, reason: 'redirect' },
  ],
  [
    'redirects without end',
    {},
    {},
    ({ simulator }) => simulator.faults.add({ kind: 'redirect', status: 308, to: 'https://track-eu.customer.io' }),
    { status: 'degraded', codes: ['unreachable'], http: 308, region: null, reason: 'redirect' },
  ],
]

for (const [name, options, simulated, prepare, expected] of table) {
  test(`active health: ${name}`, async () => {
    const world = createWorld(options, simulated)
    prepare?.(world)
    const health = await world.soon(world.cio.health(active))
    assert.equal(health.status, expected.status)
    assert.deepEqual(codesOf(health), expected.codes)
    assert.ok(health.probe?.asked)
    assert.deepEqual(
      [health.probe.status, health.probe.region, health.probe.reason],
      [expected.http, expected.region, expected.reason],
    )
    assert.equal(health.circuitState, 'closed', 'a question judges nobody')
    assert.equal(health.parked, false)
    assertNobody(world)
    await world.soon(world.cio.close())
  })
}

test('a question that gets no answer ends after its own short time', async () => {
  const { cio, simulator, soon, runtime } = createWorld()
  simulator.down('timeout')
  const fromMs = runtime.clock.monotonicMs()
  const health = await soon(cio.health(active))
  const tookMs = runtime.clock.monotonicMs() - fromMs
  assert.ok(tookMs >= 3_000 && tookMs <= 3_010, `${tookMs} ms`)
  assert.ok(health.probe?.asked)
  assert.deepEqual([health.probe.reason, health.probe.status, health.probe.latency], ['timeout', null, null])
  const short = createWorld({ timeouts: { probeMs: 200 } })
  short.simulator.down('timeout')
  await short.soon(short.cio.health(active))
  assert.ok(short.runtime.clock.monotonicMs() <= 210)
})

test('of an endless answer a bounded part is read, and it is no answer', async () => {
  let pulled = 0
  const endless = new ReadableStream<Uint8Array>({
    pull(controller) {
      pulled += 65_536
      controller.enqueue(new Uint8Array(65_536).fill(32))
    },
  })
  const { runtime } = createWorld()
  const world = createWorld({ runtime: { ...runtime, fetch: () => Promise.resolve(new Response(endless)) } })
  const health = await world.cio.health(active)
  assert.ok(health.probe?.asked)
  assert.equal(health.probe.reason, 'bad-answer')
  assert.ok(pulled < 2_000_000, `${pulled} bytes`)
})

test('a hundred callers at once share one question, and one interval has one', async () => {
  const world = createWorld()
  const { cio, soon, runtime } = world
  const all = await soon(Promise.all(Array.from({ length: 100 }, () => cio.health(active))))
  assert.equal(questions(world), 1)
  for (const { probe } of all) assert.equal(probe, all[0]?.probe)
  await runtime.clock.advance(29_000)
  assert.equal((await soon(cio.health(active))).probe, all[0]?.probe, 'the newest answer stands')
  assert.equal(questions(world), 1)
  await runtime.clock.advance(1_000)
  await soon(Promise.all(Array.from({ length: 100 }, () => cio.health(active))))
  assert.equal(questions(world), 2)
  runtime.clock.jumpWallMs(-3_600_000)
  await soon(cio.health(active))
  assert.equal(questions(world), 2, 'the wall clock has no part in it')
  assertNobody(world)
})

test('the interval is an option, and a failed question waits for it too', async () => {
  const world = createWorld({ health: { intervalMs: 1_000 } })
  const { cio, soon, runtime, simulator } = world
  simulator.down()
  for (let n = 0; n < 10; n++) {
    await soon(cio.health(active))
    await runtime.clock.advance(500)
  }
  assert.equal(questions(world), 5)
})

test('a question counts against the rate, and where no token is free it is left out', async () => {
  const world = createWorld({ rateLimit: { perSecond: 1 }, health: { intervalMs: 10 } })
  const { cio, soon, runtime } = world
  assert.equal((await soon(cio.health(active))).probe?.asked, true)
  await runtime.clock.advance(100)
  const health = await soon(cio.health(active))
  assert.deepEqual(health.probe, { asked: false, reason: 'rate' })
  assert.equal(health.status, 'ok')
  await soon(cio.track('1', 'a'))
  await runtime.clock.advance(500)
  assert.equal(world.simulator.ledger.all().length, 0, 'the call waits for the token that the question took')
  await runtime.clock.advance(500)
  assert.equal(world.simulator.ledger.all().length, 1)
})

test('a 429 to a question slows everybody, is reported once, and ends with its Retry-After', async () => {
  const world = createWorld()
  const { cio, soon, runtime, simulator, events } = world
  simulator.faults.add({ kind: 'status', status: 429, retryAfterSeconds: 40, times: 1 })
  const health = await soon(cio.health(active))
  assert.equal(health.status, 'degraded')
  assert.deepEqual(codesOf(health), ['throttled'])
  assert.equal(events.filter(({ type }) => type === 'throttled').length, 1)
  await soon(cio.track('1', 'a'))
  await runtime.clock.advance(35_000)
  assert.equal((await soon(cio.health(active))).probe, health.probe, 'not asked again before Retry-After is over')
  assert.equal(simulator.ledger.all().length, 0)
  await runtime.clock.advance(15_000)
  assert.equal(simulator.ledger.all().length, 1)
  assert.equal((await soon(cio.health(active))).status, 'ok')
  assert.equal(questions(world), 2)
})

test('with an open circuit nothing is asked, no probe is used, and health says so', async () => {
  const world = createWorld({ health: { intervalMs: 1 } })
  const { cio, soon, runtime, simulator } = world
  simulator.down()
  for (let person = 0; person < 20; person++) await soon(cio.track(String(person), 'a'))
  await runtime.clock.advance(2_000)
  while ((await soon(cio.health())).circuitState !== 'open') await runtime.clock.advance(100)
  for (let n = 0; n < 60; n++) {
    const { probe } = await soon(cio.health(active))
    assert.deepEqual(probe, { asked: false, reason: 'circuit' })
    await runtime.clock.advance(250)
  }
  assert.equal(questions(world), 0)
  simulator.up()
  assert.equal((await soon(cio.drain({ timeoutMs: 60_000 }))).drained, true)
  while ((await soon(cio.health())).circuitState !== 'closed') await soon(cio.track('1', 'b'))
  assert.equal((await soon(cio.health(active))).status, 'ok')
  assert.equal(questions(world), 1)
})

test('questions that fail never open the circuit, and good ones never close it or lift the rate', async () => {
  const { cio, soon, runtime, simulator, events } = createWorld({ health: { intervalMs: 1 } })
  simulator.down()
  for (let n = 0; n < 50; n++) {
    await soon(cio.health(active))
    await runtime.clock.advance(20)
  }
  assert.equal((await soon(cio.health())).circuitState, 'closed')
  const stats = await soon(cio.stats())
  assert.deepEqual([stats.circuitState, stats.perSecond], ['closed', 100])
  assert.equal(events.filter(({ type }) => type === 'probed').length, 50)
  assert.equal(events.filter(({ type }) => type === 'request' || type === 'circuit').length, 0)
})

test('a parked or paused workspace is not asked either', async () => {
  const world = createWorld({ health: { intervalMs: 1 } })
  const { cio, soon, runtime, simulator } = world
  cio.pause()
  const paused = await soon(cio.health(active))
  assert.deepEqual([paused.status, paused.probe], ['blocked', { asked: false, reason: 'paused' }])
  cio.resume()
  simulator.change({ apiKey: 'rotated' })
  await soon(cio.track('1', 'a'))
  await runtime.clock.advance(1_000)
  const parked = await soon(cio.health(active))
  assert.deepEqual([parked.status, parked.probe], ['blocked', { asked: false, reason: 'parked' }])
  assert.deepEqual(codesOf(parked), ['parked'])
  assert.equal(questions(world), 0)
})

test('one vocabulary from the start to the end: starting, ok, stopping', async () => {
  const world = createWorld()
  const { cio, soon, simulator } = world
  const statuses: string[] = []
  const first = cio.health()
  statuses.push((await soon(first)).status)
  await soon(cio.stats())
  statuses.push((await soon(cio.health(active))).status)
  await world.runtime.clock.advance(60_000)
  simulator.down('timeout')
  const asking = cio.health(active)
  await world.runtime.clock.advance(100)
  const closed = cio.close()
  const health = await soon(asking)
  statuses.push(health.status)
  assert.deepEqual(health.probe, { asked: false, reason: 'closing' }, 'a question under way ends with the client')
  await soon(closed)
  const after = await soon(cio.health(active))
  statuses.push(after.status)
  assert.deepEqual(after.probe, { asked: false, reason: 'closing' })
  assert.deepEqual(codesOf(after), [], 'a closed outbox is no fault')
  assert.deepEqual(statuses, ['starting', 'ok', 'stopping', 'stopping'])
  assert.equal(questions(world), 2)
})

test('a wrong probe is an error that names it', async () => {
  const { cio } = createWorld()
  for (const probe of ['maybe', null, true]) {
    const error = await cio.health({ probe: probe as never }).catch((reason: unknown) => reason)
    assert.ok(isHoldfastError(error) && 'field' in error && error.field === 'probe')
  }
})
