/** What is counted, what is asked at a scrape, and how a scrape bears a store that does not answer. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { type HoldfastEvent, memoryOutbox, ResilientCustomerIO } from '../../src/index.ts'
import { createMetrics, type MeasuredClient, type MeasuredStats } from '../../src/metrics/index.ts'
import type { Health } from '../../src/observe/health.ts'
import type { Listener } from '../../src/observe/events.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'
import { createWorld } from '../client/world.ts'
import { readExposition, valueOf } from './exposition.ts'

const MAIN = { workspace: 'main' }

test('a client is measured from its calls to their delivery', async () => {
  const { cio, runtime, simulator, soon } = createWorld()
  const metrics = createMetrics({ runtime, version: '1.2.3' })
  metrics.watch('main', cio)
  simulator.faults.add({ kind: 'status', status: 503, times: 1 })
  await soon(cio.identify('1', {}))
  await soon(cio.track('1', 'order', { total: 12 }, { idempotencyKey: 'k' }))
  await soon(cio.track('1', 'order', { total: 12 }, { idempotencyKey: 'k' }))
  await soon(cio.identify('', {}).catch(() => {}))
  const before = readExposition(await soon(metrics.text()))
  assert.equal(valueOf(before, 'holdfast_queue_depth', { ...MAIN, state: 'waiting' }), 2)
  assert.ok(valueOf(before, 'holdfast_queue_bytes', MAIN)! > 0)
  assert.ok(valueOf(before, 'holdfast_campaign_window_remaining_seconds', MAIN)! > 250_000)
  await soon(cio.drain())
  const read = readExposition(await soon(metrics.text()))
  for (const [name, labels, value] of [
    ['ops_accepted_total', {}, 2],
    ['ops_duplicates_total', {}, 1],
    ['ops_settled_total', { outcome: 'delivered' }, 2],
    ['ops_settled_total', { outcome: 'purged' }, 0],
    ['ops_lost_total', {}, 0],
    ['conservation_error', {}, 0],
    ['ops_refused_total', { reason: 'invalid' }, 1],
    ['ops_refused_total', { reason: 'full' }, 0],
    ['queue_depth', { state: 'waiting' }, 0],
    ['queue_depth', { state: 'in_flight' }, 0],
    ['queue_oldest_age_seconds', {}, 0],
    ['campaign_window_remaining_seconds', {}, undefined],
    ['accept_duration_seconds_count', {}, 3],
    ['delivery_delay_seconds_count', { endpoint: 'identify' }, 1],
    ['delivery_delay_seconds_count', { endpoint: 'event' }, 1],
    ['send_requests_total', { status_class: '5xx', outcome: 'retry', reason: 'status-503' }, 1],
    ['send_duration_seconds_bucket', { le: '0.01' }, 0],
    ['batch_ops_sum', {}, 3],
    ['retries_total', { reason: 'status-503' }, 1],
    ['circuit_state', { state: 'closed' }, 1],
    ['circuit_state', { state: 'paused' }, 0],
    ['health_status', { status: 'ok' }, 1],
    ['health_status', { status: 'failing' }, 0],
    ['store_active', {}, 1],
    ['limiter_rate', {}, 100],
    ['scrape_errors_total', {}, 0],
  ] as const) {
    assert.equal(valueOf(read, `holdfast_${name}`, { ...MAIN, ...labels }), value, `${name} ${JSON.stringify(labels)}`)
  }
  assert.equal(valueOf(read, 'holdfast_build_info', { version: '1.2.3' }), 1)
  assert.equal(valueOf(read, 'holdfast_event_loop_lag_seconds'), 0)
  assert.ok(valueOf(read, 'holdfast_process_resident_memory_bytes')! > 1e6)
  assert.equal(valueOf(read, 'holdfast_start_time_seconds'), 1_767_225_600)
  metrics.close()
  await soon(cio.close())
})

test('a gate that is paused, parked or open is shown in that order', async () => {
  const { cio, runtime, simulator, soon } = createWorld()
  const metrics = createMetrics({ runtime })
  metrics.watch('main', cio)
  const state = async (): Promise<readonly string[]> => {
    const family = readExposition(await soon(metrics.text())).get('holdfast_circuit_state')
    return family!.samples.filter(({ value }) => value === 1).map(({ labels }) => labels['state']!)
  }
  simulator.faults.add({ kind: 'status', status: 401 })
  await soon(cio.identify('1', {}))
  await runtime.clock.advance(1_000)
  assert.deepEqual(await state(), ['parked'])
  const read = readExposition(await soon(metrics.text()))
  assert.equal(valueOf(read, 'holdfast_parks_total', { ...MAIN, reason: 'credentials' }), 1)
  assert.equal(valueOf(read, 'holdfast_health_status', { ...MAIN, status: 'blocked' }), 1)
  cio.pause()
  assert.deepEqual(await state(), ['paused'])
  metrics.close()
  await soon(cio.close())
})

test('dead letters are counted when they come and shown as long as they stay', async () => {
  const { cio, runtime, simulator, soon } = createWorld()
  const metrics = createMetrics({ runtime })
  metrics.watch('main', cio)
  simulator.faults.add({ kind: 'status', status: 400, times: 1 })
  await soon((await soon(cio.identify('1', {}))).settled())
  let read = readExposition(await soon(metrics.text()))
  assert.equal(valueOf(read, 'holdfast_ops_dead_lettered_total', { ...MAIN, reason: 'rejected' }), 1)
  assert.equal(valueOf(read, 'holdfast_dead_letters', { ...MAIN, reason: 'other' }), 1)
  assert.equal(valueOf(read, 'holdfast_dead_letters', { ...MAIN, reason: 'expired' }), 0)
  assert.equal(valueOf(read, 'holdfast_conservation_error', MAIN), 0)
  await soon(cio.deadLetters.drop({ all: true }))
  read = readExposition(await soon(metrics.text()))
  assert.equal(valueOf(read, 'holdfast_dead_letters', { ...MAIN, reason: 'other' }), 0)
  assert.equal(valueOf(read, 'holdfast_ops_settled_total', { ...MAIN, outcome: 'dropped' }), 1)
  assert.equal(valueOf(read, 'holdfast_ops_dead_lettered_total', { ...MAIN, reason: 'rejected' }), 1)
  assert.equal(valueOf(read, 'holdfast_conservation_error', MAIN), 0)
  metrics.close()
  await soon(cio.close())
})

/** A client whose events and answers are the test's. */
function fakeClient(): {
  readonly client: MeasuredClient
  readonly emit: (event: HoldfastEvent) => void
  answer: () => Promise<MeasuredStats>
  asked: number
  readonly listeners: Set<Listener>
} {
  const listeners = new Set<Listener>()
  const fake = {
    asked: 0,
    listeners,
    emit: (event: HoldfastEvent) => {
      for (const listener of listeners) listener(event)
    },
    answer: () => Promise.resolve(STATS),
    client: {
      on(listener: Listener) {
        listeners.add(listener)
        return () => listeners.delete(listener)
      },
      stats() {
        fake.asked++
        return fake.answer()
      },
      health: () => Promise.resolve(HEALTH),
    },
  }
  return fake
}

const STATS: MeasuredStats = {
  role: 'active',
  waiting: 3,
  waitingBytes: 300,
  inFlight: 1,
  lanesHeld: 2,
  deadLetters: 1,
  deadBytes: 100,
  operationsMax: 1_000,
  bytesMax: 1_000_000,
  oldestAcceptedAtMs: 1_767_225_600_000 - 5_000,
  oldestCampaignAtMs: null,
  totals: { accepted: 10, delivered: 6, dead: 1, expired: 0, purged: 0, dropped: 0, duplicates: 0 },
  spilled: 0,
  lost: 0,
  deliveredDirectly: 4,
  requestsInFlight: 1,
}

const HEALTH: Health = {
  healthy: true,
  status: 'ok',
  reasons: [],
  latency: null,
  circuitState: 'half-open',
  queueDepth: 3,
  oldestAgeMs: 5_000,
  campaignWindowLeftMs: null,
  lastSuccess: null,
  lastFailure: null,
  deadLetters: 1,
  parked: false,
  paused: false,
  pausedForAll: null,
  handles: null,
  store: null,
  rate: 100,
  role: 'active',
  probe: null,
}

test('a store that hangs costs a scrape one second, is shown as it was, and is not asked again while it hangs', async () => {
  const clock = new VirtualClock()
  const metrics = createMetrics({ runtime: { clock } })
  const fake = fakeClient()
  metrics.watch('main', fake.client)
  await metrics.text()
  const hanging = Promise.withResolvers<MeasuredStats>()
  fake.answer = () => hanging.promise
  for (let scrape = 1; scrape <= 3; scrape++) {
    const startMs = clock.monotonicMs()
    const text = metrics.text()
    await clock.advance(1_000)
    const read = readExposition(await text)
    assert.equal(clock.monotonicMs() - startMs, 1_000)
    assert.equal(valueOf(read, 'holdfast_ops_accepted_total', MAIN), 10)
    assert.equal(valueOf(read, 'holdfast_scrape_errors_total', MAIN), scrape)
  }
  assert.equal(fake.asked, 2)
  // The answer that came late is the newest that is known.
  hanging.resolve({ ...STATS, totals: { ...STATS.totals, accepted: 11, delivered: 7 } })
  await clock.advance(0)
  fake.answer = () => Promise.reject(new Error('closed'))
  const read = readExposition(await metrics.text())
  assert.equal(valueOf(read, 'holdfast_ops_accepted_total', MAIN), 11)
  assert.equal(valueOf(read, 'holdfast_scrape_errors_total', MAIN), 4)
  assert.equal(valueOf(read, 'holdfast_circuit_state', { ...MAIN, state: 'half_open' }), 1)
  metrics.close()
})

test('scrapes that come together share one collection, also where one of them is as text', async () => {
  const metrics = createMetrics({ runtime: { clock: new VirtualClock() } })
  const fake = fakeClient()
  metrics.watch('main', fake.client)
  const [first, second] = await Promise.all([metrics.text(), metrics.text(), metrics.collect()])
  assert.equal(first, second)
  assert.equal(fake.asked, 1)
  await metrics.text()
  assert.equal(fake.asked, 2)
  metrics.close()
})

test('a loss and an account that does not add up are shown', async () => {
  const metrics = createMetrics({ runtime: { clock: new VirtualClock() } })
  const fake = fakeClient()
  metrics.watch('main', fake.client)
  for (const [totals, lost, shownLost, error] of [
    [{ accepted: 12 }, 2, 2, 0],
    [{ accepted: 12 }, 0, 0, 2],
    [{ accepted: 9 }, 0, 0, -1],
    [{ accepted: 10 }, -3, 0, 3],
  ] as const) {
    fake.answer = () => Promise.resolve({ ...STATS, totals: { ...STATS.totals, ...totals }, lost })
    const read = readExposition(await metrics.text())
    assert.equal(valueOf(read, 'holdfast_ops_lost_total', MAIN), shownLost)
    assert.equal(valueOf(read, 'holdfast_conservation_error', MAIN), error)
  }
  metrics.close()
})

test('a cooldown inside another one is counted once', async () => {
  const clock = new VirtualClock()
  const metrics = createMetrics({ runtime: { clock } })
  const fake = fakeClient()
  metrics.watch('main', fake.client)
  const throttled = (cooldownMs: number): void => fake.emit({ type: 'throttled', perSecond: 10, cooldownMs })
  throttled(4_000)
  await clock.advance(1_000)
  throttled(2_000)
  throttled(5_000)
  await clock.advance(10_000)
  throttled(1_500)
  const read = readExposition(await metrics.text())
  assert.equal(valueOf(read, 'holdfast_limiter_throttled_seconds_total', MAIN), 7.5)
  metrics.close()
})

test('a workspace that is not watched any more is forgotten, and its client is left alone', async () => {
  const metrics = createMetrics({ runtime: { clock: new VirtualClock() } })
  const [fake, other] = [fakeClient(), fakeClient()]
  const leave = metrics.watch('main', fake.client)
  metrics.watch('other', other.client)
  await metrics.text()
  // An answer on its way must not bring it back.
  const collecting = metrics.collect()
  leave()
  leave()
  await collecting
  const text = await metrics.text()
  assert.ok(!text.includes('"main"') && text.includes('"other"'))
  assert.equal(fake.listeners.size, 0)
  metrics.watch('main', fake.client)
  metrics.close()
  assert.deepEqual([fake.listeners.size, other.listeners.size], [0, 0])
})

test('a name is a text, not too long, and stands for one client; options are known', () => {
  const metrics = createMetrics({ runtime: { clock: new VirtualClock() } })
  const { client } = fakeClient()
  metrics.watch('main', client)
  for (const name of ['', 'x'.repeat(201), 7 as unknown as string, 'main']) {
    assert.throws(() => metrics.watch(name, client), { code: 'INVALID_OPTIONS', field: 'workspace' })
  }
  assert.throws(() => createMetrics({ versoin: '1' } as object), { code: 'INVALID_OPTIONS', field: 'versoin' })
  assert.throws(() => createMetrics({ version: 1 as unknown as string }), { code: 'INVALID_OPTIONS', field: 'version' })
  metrics.close()
})

test('timers that come late are shown for ten seconds', async () => {
  const clock = new VirtualClock()
  let lateMs = 0
  const metrics = createMetrics({
    runtime: {
      clock: {
        wallMs: () => clock.wallMs(),
        monotonicMs: () => clock.monotonicMs(),
        timer: (delayMs, fire) => clock.timer(delayMs + lateMs, fire),
      },
    },
  })
  const lag = async (): Promise<number | undefined> =>
    valueOf(readExposition(await metrics.text()), 'holdfast_event_loop_lag_seconds')
  assert.equal(await lag(), 0)
  lateMs = 250
  await clock.advance(2_000)
  lateMs = 0
  assert.equal(await lag(), 0.25)
  await clock.advance(12_000)
  assert.equal(await lag(), 0)
  metrics.close()
  assert.equal(clock.pending, 0)
})

test('a configuration and connections are shown once there are any', async () => {
  const clock = new VirtualClock(1_000_000)
  const metrics = createMetrics({ runtime: { clock } })
  const CONFIG = 'holdfast_config_last_reload_successful'
  const read = async (): Promise<ReturnType<typeof readExposition>> => readExposition(await metrics.text())
  assert.equal(valueOf(await read(), CONFIG), undefined)
  assert.equal(valueOf(await read(), 'holdfast_relay_connections'), undefined)
  metrics.configLoaded(true)
  await clock.advance(5_000)
  metrics.configLoaded(false)
  assert.equal(valueOf(await read(), CONFIG), 0)
  assert.equal(valueOf(await read(), 'holdfast_config_last_reload_success_timestamp_seconds'), 1_000)
  const leave = metrics.watchConnections({ connections: 3 })
  metrics.watchConnections({ connections: 4 })
  assert.equal(valueOf(await read(), 'holdfast_relay_connections'), 7)
  leave()
  assert.equal(valueOf(await read(), 'holdfast_relay_connections'), 4)
  metrics.close()
})

test('calls that mode direct delivered are counted besides the store', async () => {
  const { cio, runtime, soon } = createWorld({ mode: 'direct', outbox: memoryOutbox() })
  const metrics = createMetrics({ runtime })
  metrics.watch('main', cio)
  await soon(cio.identify('1', {}))
  const read = readExposition(await soon(metrics.text()))
  assert.equal(valueOf(read, 'holdfast_client_delivered_directly_total', MAIN), 1)
  assert.equal(valueOf(read, 'holdfast_ops_accepted_total', MAIN), 0)
  assert.equal(valueOf(read, 'holdfast_delivery_delay_seconds_count', { ...MAIN, endpoint: 'identify' }), 1)
  metrics.close()
  await soon(cio.close())
})

test('an outbox that cannot be opened is shown as failing', async () => {
  const { runtime, soon } = createWorld()
  const cio = new ResilientCustomerIO({
    siteId: 'site',
    apiKey: 'key',
    runtime,
    outbox: () => Promise.reject(new Error('no disk')),
  })
  const metrics = createMetrics({ runtime })
  metrics.watch('main', cio)
  await soon(cio.identify('1', {}).catch(() => {}))
  const read = readExposition(await soon(metrics.text()))
  assert.equal(valueOf(read, 'holdfast_health_status', { ...MAIN, status: 'failing' }), 1)
  assert.equal(valueOf(read, 'holdfast_scrape_errors_total', MAIN), 1)
  assert.equal(valueOf(read, 'holdfast_ops_refused_total', { ...MAIN, reason: 'other' }), 1)
  assert.equal(valueOf(read, 'holdfast_ops_accepted_total', MAIN), undefined)
  metrics.close()
})
