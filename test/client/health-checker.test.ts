/** `CustomerIOHealthChecker`: around the official clients over real sockets, and on virtual time. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { RegionEU, TrackClient } from 'customerio-node'
import { TrackClient as TrackClient4 } from 'customerio-node-4'

import { CustomerIOHealthChecker, type HealthCheckerOptions, isHoldfastError, OptionsError } from '../../src/index.ts'
import { createSimulator, type Simulator, type SimulatorOptions } from '../../src/simulator/index.ts'
import { createTestRuntime, type TestRuntime } from '../../src/testing/test-runtime.ts'
import { using } from '../using.ts'

function assertNobody(simulator: Simulator): void {
  assert.deepEqual(
    simulator.ledger.requests().filter(({ method, route }) => method !== 'GET' || route !== 'region'),
    [],
  )
  assert.equal(simulator.workspace.people().length, 0)
}

for (const [version, Official] of [
  ['5.2', TrackClient],
  ['4.4', TrackClient4],
] as const) {
  test(
    `a client of customerio-node ${version} is checked over a socket, however it is`,
    using(async (use) => {
      const simulator = createSimulator({ siteId: 'site', apiKey: 'key' })
      const server = use(await simulator.listen())
      const cases: readonly (readonly [string, string, HealthCheckerOptions, string, string[], number | null])[] = [
        ['well', 'key', {}, 'ok', [], 200],
        ['in the region that was said', 'key', { region: 'us' }, 'ok', [], 200],
        ['in another region', 'key', { region: 'eu' }, 'degraded', ['region-mismatch'], 200],
        ['with wrong credentials', 'no', {}, 'blocked', ['credentials'], 401],
      ]
      for (const [name, apiKey, options, status, codes, httpStatus] of cases) {
        // 4.x takes the port beside its url.
        const client =
          Official === TrackClient4
            ? new Official('site', apiKey, { url: 'http://127.0.0.1/api/v1', port: server.port })
            : new Official('site', apiKey, { url: `${server.url}/api/v1`, headers: { 'x-team': 'shop' } })
        const checker = new CustomerIOHealthChecker(client, options)
        const check = await checker.check()
        assert.deepEqual([check.status, check.httpStatus], [status, httpStatus], name)
        assert.deepEqual(
          check.reasons.map(({ code }) => code),
          codes,
          name,
        )
        assert.ok(check.latency !== null && check.latency > 0)
        assert.equal(check.healthy, status === 'ok' || status === 'degraded')
        assert.equal(check.lastSuccess, check.healthy ? check.checkedAtMs : null)
        assert.equal(check.lastFailure, check.healthy ? null : check.checkedAtMs)
        assert.ok(Object.isFrozen(check))
      }
      assert.equal(simulator.ledger.requests().length, cases.length)
      assertNobody(simulator)
    }),
  )
}

test(
  'a server that has gone is found out over a socket, and its return too',
  using(async (use) => {
    const simulator = createSimulator({ siteId: 'site', apiKey: 'key' })
    const server = await simulator.listen()
    const client = new TrackClient('site', 'key', { url: `${server.url}/api/v1` })
    const checker = new CustomerIOHealthChecker(client, { intervalMs: 1e-6 })
    const good = await checker.check()
    await server.close()
    const gone = await checker.check()
    assert.deepEqual([gone.healthy, gone.status, gone.latency, gone.httpStatus], [false, 'failing', null, null])
    assert.deepEqual(
      gone.reasons.map(({ code }) => code),
      ['unreachable'],
    )
    assert.equal(gone.lastSuccess, good.checkedAtMs)
    use(await simulator.listen(server.port))
    const back = await checker.check()
    assert.deepEqual([back.status, back.lastFailure], ['ok', gone.checkedAtMs])
    assertNobody(simulator)
  }),
)

interface World {
  readonly runtime: TestRuntime
  readonly simulator: Simulator
  readonly urls: string[]
}

function world(simulated: SimulatorOptions = {}): World {
  const plain = createTestRuntime()
  const { clock, random } = plain
  const simulator = createSimulator({ clock, random, siteId: 'site', apiKey: 'key', ...simulated })
  const urls: string[] = []
  const fetch = (request: Request): Promise<Response> => {
    urls.push(request.url)
    return simulator.fetch(request)
  }
  return { simulator, urls, runtime: createTestRuntime({ clock, fetch }) }
}

test('it asks the root of the official client, and expects the account to be there', async () => {
  const { runtime, urls } = world({ region: 'us' })
  const client = new TrackClient('site', 'key', { region: RegionEU })
  const check = await new CustomerIOHealthChecker(client, { runtime }).check()
  assert.deepEqual(urls, ['https://track-eu.customer.io/api/v1/accounts/region'])
  assert.deepEqual([check.status, check.region], ['degraded', 'us'])
})

test('without an official client it takes credentials, and the region says where to ask', async () => {
  const { runtime, urls } = world({ region: 'eu' })
  const check = await new CustomerIOHealthChecker({ siteId: 'site', apiKey: 'key', region: 'eu', runtime }).check()
  assert.deepEqual(urls, ['https://track-eu.customer.io/api/v1/accounts/region'])
  assert.deepEqual([check.status, check.region], ['ok', 'eu'])
})

test('a hundred checks at once are one question, an interval has one, and no timer is left between two', async () => {
  const { runtime, simulator, urls } = world({ latencyMs: 20 })
  const checker = new CustomerIOHealthChecker({ siteId: 'site', apiKey: 'key', runtime })
  assert.deepEqual([urls.length, runtime.clock.pending], [0, 0], 'a checker that nobody asks asks nobody')
  const checks = Promise.all(Array.from({ length: 100 }, () => checker.check()))
  await runtime.clock.advance(100)
  for (const check of await checks) assert.equal(check, (await checks)[0])
  assert.deepEqual([urls.length, runtime.clock.pending], [1, 0])
  await runtime.clock.advance(29_000)
  assert.equal(await checker.check(), (await checks)[0])
  assert.equal(urls.length, 1)
  await runtime.clock.advance(1_000)
  const next = checker.check()
  await runtime.clock.advance(100)
  assert.notEqual(await next, (await checks)[0])
  assert.equal(urls.length, 2)
  assertNobody(simulator)
})

test('it has a timeout of its own, not that of the official client', async () => {
  const { runtime, simulator } = world()
  simulator.down('timeout')
  const client = new TrackClient('site', 'key', { timeout: 60_000 })
  for (const [options, timeoutMs] of [
    [{}, 3_000],
    [{ timeoutMs: 500 }, 500],
  ] as const) {
    const fromMs = runtime.clock.monotonicMs()
    let tookMs = -1
    const checking = new CustomerIOHealthChecker(client, { runtime, ...options }).check().then((check) => {
      tookMs = runtime.clock.monotonicMs() - fromMs
      return check
    })
    await runtime.clock.advance(5_000)
    assert.equal((await checking).status, 'failing')
    assert.equal(tookMs, timeoutMs)
  }
})

test('after a 429 nothing is asked until its Retry-After is over', async () => {
  const { runtime, simulator, urls } = world()
  simulator.faults.add({ kind: 'status', status: 429, retryAfterSeconds: 90, times: 1 })
  const checker = new CustomerIOHealthChecker({ siteId: 'site', apiKey: 'key', runtime })
  const check = await checker.check()
  assert.deepEqual([check.healthy, check.status, check.reasons[0]?.code], [true, 'degraded', 'throttled'])
  await runtime.clock.advance(89_000)
  assert.equal(await checker.check(), check)
  await runtime.clock.advance(1_000)
  assert.equal((await checker.check()).status, 'ok')
  assert.equal(urls.length, 2)
})

const wrong: readonly (readonly [readonly unknown[], string])[] = [
  [[], 'options'],
  [[null], 'options'],
  [['site'], 'options'],
  [[{}], 'siteId'],
  [[{ siteId: 'site' }], 'apiKey'],
  [[{ siteId: 'site', apiKey: '' }], 'apiKey'],
  [[{ siteId: 'site', apiKey: 'very secret', region: 'mars' }], 'region'],
  [[{ siteId: 'site', apiKey: 'very secret', baseUrl: 'nowhere' }], 'baseUrl'],
  [[{ siteId: 'site', apiKey: 'very secret', baseUrl: 'https://a:b@x' }], 'baseUrl'],
  [[{ siteId: 'site', apiKey: 'very secret', intervalMs: 0 }], 'intervalMs'],
  [[{ siteId: 'site', apiKey: 'very secret', intervalMs: '30s' }], 'intervalMs'],
  [[{ siteId: 'site', apiKey: 'very secret', timeoutMs: -1 }], 'timeoutMs'],
  [[{ siteId: 'site', apiKey: 'very secret', timeoutMs: Infinity }], 'timeoutMs'],
  [[{ siteId: 'site', apiKey: 'very secret', timeout: 5 }], 'timeout'],
  [[{ siteid: 'site', apikey: 7, trackRoot: 'https://x' }], 'trackClient.apikey'],
  [[new TrackClient('site', 'very secret'), null], 'options'],
  [[new TrackClient('site', 'very secret'), { interval: 5 }], 'interval'],
]

for (const [given, field] of wrong) {
  test(`a wrong option of the checker is an error that names ${field} and shows no secret`, () => {
    assert.throws(
      () => Reflect.construct(CustomerIOHealthChecker, given),
      (error) =>
        isHoldfastError(error) &&
        error instanceof OptionsError &&
        error.field === field &&
        !error.message.includes('secret'),
    )
  })
}
