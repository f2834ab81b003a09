/** The load generator against simulators that do what they should, and against one that does not. */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'

import * as fc from 'fast-check'

import { Account, holds } from '../../src/load/account.ts'
import { ledgerEnd, readArrivals } from '../../src/load/arrivals.ts'
import { Histogram } from '../../src/load/histogram.ts'
import { type LoadOptions, runLoad } from '../../src/load/load.ts'
import { loadEvent, personNumber } from '../../src/load/traffic.ts'
import { systemRuntime } from '../../src/runtime/system.ts'
import { createSimulator } from '../../src/simulator/index.ts'
import { using } from '../using.ts'

const DONE = { applied: true, duplicate: false }

function optionsFor(url: string, account: Account, more: Partial<LoadOptions> = {}): LoadOptions {
  return {
    url,
    siteId: 'site',
    apiKey: 'key',
    connections: 4,
    people: 20,
    count: 400,
    durationMs: Infinity,
    perSecond: Infinity,
    paddingBytes: 0,
    retry: false,
    timeoutMs: 10_000,
    run: 'load-1',
    account,
    runtime: systemRuntime,
    signal: new AbortController().signal,
    ...more,
  }
}

async function arrivals(url: string, account: Account): Promise<void> {
  const { clock, fetch } = systemRuntime
  const options = { simulator: url, run: 'load-1', account, clock, fetch, signal: new AbortController().signal }
  await readArrivals(options, 0, 0)
}

test(
  'a load arrives whole, and is verified',
  using(async (use) => {
    const simulator = createSimulator({ siteId: 'site', apiKey: 'key' })
    const { url } = use(await simulator.listen(0, '127.0.0.1', { control: true }))
    const account = new Account(20)
    const result = await runLoad(optionsFor(`${url}/api/v1`, account))
    assert.deepEqual([result.sent, result.accepted, result.refused, result.answers], [400, 400, 0, { 200: 400 }])
    assert.ok(result.latency.p50Ms > 0 && result.latency.p99Ms <= result.latency.maxMs)
    await arrivals(url, account)
    const wanted = { accepted: 400, arrived: 400, lost: 0, outOfOrder: 0, twice: 0, repeats: 0, unknown: 0 }
    assert.deepEqual(account.verify(), wanted)
    assert.ok(holds(account.verify()))
  }),
)

test(
  'with retries, throttling, failures and lost answers end in each event once; without, they are counted and left',
  using(async (use) => {
    const simulator = createSimulator({ siteId: 'site', apiKey: 'key' })
    const { url } = use(await simulator.listen(0, '127.0.0.1', { control: true }))
    simulator.faults.add({ kind: 'status', status: 503, times: 5 })
    simulator.faults.add({ kind: 'reset', applied: true, times: 5 })
    const account = new Account(20)
    const result = await runLoad(optionsFor(url, account, { retry: true, count: 100 }))
    assert.deepEqual([result.accepted, result.refused, result.retries], [100, 0, 10])
    await arrivals(url, account)
    assert.deepEqual([holds(account.verify()), account.verify().repeats], [true, 5])

    simulator.faults.add({ kind: 'status', status: 429, times: 3 })
    simulator.faults.add({ kind: 'reset', applied: true, times: 2 })
    const left = await runLoad(optionsFor(url, new Account(20), { count: 50, run: 'load-2' }))
    assert.deepEqual([left.accepted, left.refused, left.answers['429'], left.retries], [45, 5, 3, 0])
  }),
)

test(
  'a relay that says it has stored, and has not, is found out',
  using(async (use) => {
    const simulator = createSimulator({ siteId: 'site', apiKey: 'key' })
    const { url } = use(await simulator.listen(0, '127.0.0.1', { control: true }))
    let requests = 0
    const liar = createServer((request, response) => {
      const isLost = ++requests % 10 === 0
      request.resume().on('end', () => response.end('{}'))
      if (isLost) return
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk)).on('end', () => forward(request.url, chunks))
    })
    const forwards: Promise<unknown>[] = []
    const forward = (path: string | undefined, chunks: readonly Buffer[]): void => {
      const authorization = `Basic ${Buffer.from('site:key').toString('base64')}`
      const headers = { authorization, 'content-type': 'application/json' }
      forwards.push(fetch(url + path, { method: 'POST', headers, body: Buffer.concat(chunks) }))
    }
    await new Promise<void>((resolve) => liar.listen(0, '127.0.0.1', resolve))
    use({ [Symbol.asyncDispose]: () => new Promise<void>((resolve) => void liar.close(() => resolve())) })
    const account = new Account(20)
    await runLoad(optionsFor(`http://127.0.0.1:${(liar.address() as AddressInfo).port}`, account, { count: 100 }))
    await Promise.all(forwards)
    await arrivals(url, account)
    const { accepted, arrived, lost } = account.verify()
    assert.deepEqual([accepted, arrived, lost, holds(account.verify())], [100, 90, 10, false])
  }),
)

test(
  'a rate is kept by schedule, and a time ends it',
  using(async (use) => {
    const { url } = use(await createSimulator().listen())
    const result = await runLoad(optionsFor(url, new Account(20), { count: 30, perSecond: 100 }))
    assert.equal(result.sent, 30)
    // The last is due after 290 ms; timers of Node may fire a little early.
    assert.ok(result.seconds >= 0.28, `${result.seconds} s for 30 at 100/s`)
    const more = { count: Infinity, durationMs: 200, perSecond: 100, run: 'load-2' }
    const timed = await runLoad(optionsFor(url, new Account(20), more))
    assert.ok(timed.sent <= 20 && timed.answers['200'] === timed.sent, `${timed.sent} in 200 ms at 100/s`)
  }),
)

test('nobody who listens is counted, and does not throw', async () => {
  const result = await runLoad(optionsFor('http://127.0.0.1:1', new Account(20), { count: 8 }))
  assert.deepEqual([result.accepted, result.refused, result.answers], [0, 8, { ECONNREFUSED: 8 }])
  await assert.rejects(runLoad(optionsFor('nowhere', new Account(20))), { name: 'OptionsError', field: 'url' })
  await assert.rejects(ledgerEnd('http://127.0.0.1:1', systemRuntime.fetch), { name: 'ArrivalsError' })
})

test('the account: lost, out of order, twice, repeats, strangers, and what was in doubt', () => {
  const account = new Account(3)
  for (const n of [0, 1, 2, 3]) account.accept(0, n)
  account.accept(1, 9_999)
  account.doubt(2, 0)
  account.arrive(0, 0, DONE)
  account.arrive(0, 2, DONE)
  account.arrive(0, 1, DONE)
  account.arrive(0, 2, DONE)
  account.arrive(0, 2, { applied: false, duplicate: true })
  account.arrive(0, 3, { applied: false, duplicate: false })
  account.arrive(7, 0, DONE)
  account.arrive(1, 'x', DONE)
  account.arrive(2, 1, DONE)
  account.arrive(2, 0, DONE)
  const wanted = { accepted: 5, arrived: 5, lost: 2, outOfOrder: 1, twice: 1, repeats: 1, unknown: 2 }
  assert.deepEqual(account.verify(), wanted)
  assert.equal(account.complete, false)
})

test('percentiles are right to 2 %', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0.02, max: 60_000, noNaN: true }), { minLength: 1 }), (values) => {
      const histogram = new Histogram()
      for (const value of values) histogram.add(value)
      const sorted = values.toSorted((a, b) => a - b)
      const { p50Ms, p99Ms, maxMs } = histogram.percentiles()
      const near = (found: number, share: number): void => {
        const exact = sorted[Math.ceil(sorted.length * share) - 1]!
        assert.ok(Math.abs(found - exact) <= exact * 0.021 + 0.06, `${found} for ${exact}`)
      }
      near(p50Ms, 0.5)
      near(p99Ms, 0.99)
      near(maxMs, 1)
    }),
    { seed: 4 },
  )
  assert.equal(new Histogram().percentiles().p99Ms, 0)
})

test('an event is the same each time, another one has another id, and its person is known again', () => {
  assert.deepEqual(loadEvent('r', 3, 4, ''), loadEvent('r', 3, 4, ''))
  assert.notEqual(loadEvent('r', 3, 4, '').body, loadEvent('r', 4, 4, '').body)
  assert.deepEqual([personNumber('r', 'r-17'), personNumber('r', 'x-1'), personNumber('r', null)], [17, -1, -1])
})
