import assert from 'node:assert/strict'
import { test } from 'node:test'

import { RegionEU, TrackClient } from 'customerio-node'
import { TrackClient as TrackClient4 } from 'customerio-node-4'

import { takeSettings } from '../../src/client/track-client.ts'
import { isHoldfastError, memoryOutbox, ResilientCustomerIO } from '../../src/index.ts'
import { createSimulator } from '../../src/simulator/index.ts'
import { createTestRuntime } from '../../src/testing/test-runtime.ts'

test('credentials, root, timeout, headers and dispatcher are taken from an official client, its retries are not', () => {
  const dispatcher = { dispatch: () => true }
  const client = new TrackClient('site', 'key', {
    region: RegionEU,
    timeout: 4_000,
    headers: { 'x-team': 'shop' },
    retry: { maxRetries: 9 },
    dispatcher: dispatcher as never,
  })
  assert.deepEqual(takeSettings(client), {
    siteId: 'site',
    apiKey: 'key',
    baseUrl: 'https://track-eu.customer.io/api/v1',
    timeoutMs: 4_000,
    headers: { 'x-team': 'shop' },
    dispatcher,
  })
})

test('the port of a 4.x client is in its defaults, not in its url', () => {
  const client = new TrackClient4('site', 'key', { url: 'https://relay.internal/api/v1', port: 8443 })
  assert.equal(takeSettings(client).baseUrl, 'https://relay.internal:8443/api/v1')
})

for (const [version, Official] of [
  ['5.2', TrackClient],
  ['4.4', TrackClient4],
] as const) {
  test(`a client made from customerio-node ${version} delivers to where that one would have sent`, async () => {
    const requests: Request[] = []
    const runtime = createTestRuntime()
    const simulator = createSimulator({ clock: runtime.clock, random: runtime.random, siteId: 'site', apiKey: 'key' })
    const cio = new ResilientCustomerIO(new Official('site', 'key', { headers: { 'x-team': 'shop' } }), {
      outbox: memoryOutbox(),
      runtime: {
        ...runtime,
        fetch: (request) => {
          requests.push(request)
          return simulator.fetch(request)
        },
      },
    })
    const receipt = cio.track('42', { name: 'order' })
    await runtime.clock.advance(1_000)
    await (await receipt).settled()
    assert.equal(requests[0]?.url, 'https://track.customer.io/api/v1/customers/42/events')
    assert.equal(requests[0]?.headers.get('x-team'), 'shop')
    assert.equal(simulator.ledger.count({ person: '42', applied: true }), 1)
    void cio.close()
    await runtime.clock.advance(1_000)
  })
}

test('wrong options are errors that name the field and show no secret', () => {
  const cases: readonly (readonly [unknown, string])[] = [
    [undefined, 'options'],
    [{}, 'siteId'],
    [{ siteId: 'site' }, 'apiKey'],
    [{ siteId: 'site', apiKey: 12 }, 'apiKey'],
    [{ siteId: 'site', apiKey: 'very secret', region: 'mars' }, 'region'],
    [{ siteId: 'site', apiKey: 'very secret', baseUrl: 'nowhere' }, 'baseUrl'],
    [{ siteId: 'site', apiKey: 'very secret', baseUrl: 'ftp://x' }, 'baseUrl'],
    [{ siteId: 'site', apiKey: 'very secret', baseUrl: 'https://a:b@x' }, 'baseUrl'],
    [{ siteId: 'site', apiKey: 'very secret', concurrency: 0 }, 'concurrency'],
    [{ siteId: 'site', apiKey: 'very secret', concurrency: 1.5 }, 'concurrency'],
    [{ siteId: 'site', apiKey: 'very secret', rateLimit: { perSecond: Number.NaN } }, 'rateLimit.perSecond'],
    [{ siteId: 'site', apiKey: 'very secret', batch: { operationsMax: 5_000 } }, 'batch.operationsMax'],
    [{ siteId: 'site', apiKey: 'very secret', timeouts: { callMs: -1 } }, 'timeouts.callMs'],
    [{ siteId: 'site', apiKey: 'very secret', lint: 'maybe' }, 'lint'],
    [{ siteId: 'site', apiKey: 'very secret', maxAgeMs: { event: 0 } }, 'maxAgeMs.event'],
    [{ siteId: 'site', apiKey: 'very secret', maxAgeMs: { evnt: 5 } }, 'maxAgeMs.evnt'],
    [{ siteId: 'site', apiKey: 'very secret', baseURL: 'https://x' }, 'baseURL'],
  ]
  for (const [options, field] of cases) {
    assert.throws(
      () => new ResilientCustomerIO(options as never),
      (error) =>
        isHoldfastError(error) && 'field' in error && error.field === field && !error.message.includes('secret'),
      field,
    )
  }
})
