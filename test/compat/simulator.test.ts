/** The official SDK against the simulator: what we and Customer.io's own client understand by the same bytes. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { IdentifierType, TrackClient } from 'customerio-node'

import { createSimulator, type Simulator, type SimulatorOptions } from '../../src/simulator/index.ts'
import { using } from '../using.ts'

const NOW = 1_767_225_600

function withClient(
  run: (client: TrackClient, simulator: Simulator) => Promise<void>,
  options: SimulatorOptions = {},
  apiKey = 'key',
): Promise<void> {
  return using(async (use) => {
    const simulator = createSimulator({ siteId: 'site', apiKey: 'key', ...options })
    const server = use(await simulator.listen())
    const client = new TrackClient('site', apiKey, { url: `${server.url}/api/v1`, retry: { maxRetries: 0 } })
    await run(client, simulator)
  })()
}

test('every method of the SDK is understood and answered so that the SDK is content', async () => {
  await withClient(async (client, simulator) => {
    const wanted = ['identify', 'identify', 'identify', 'event', 'event', 'event', 'event', 'push', 'add_device']
    assert.deepEqual(await client.identify('a/b c', { email: 'a@x.io', plan: 'pro' }), {})
    await client.identify('2', {})
    await client.identify('3')
    await client.track('2', { name: 'order', data: { total: 12 }, timestamp: NOW })
    await client.trackPageView('2', '/pricing?x=1')
    await client.trackAnonymous('visitor', { name: 'seen' })
    await client.trackAnonymous('', { name: 'invited', data: { recipient: 'c@x.io' } })
    await client.trackPush({ delivery_id: 'd1', event: 'opened', device_id: 'tok', timestamp: NOW })
    await client.addDevice('2', 'tok/1', 'ios', { last_used: NOW, app: 'shop' })
    assert.deepEqual(simulator.workspace.person('2')?.devices, [
      { token: 'tok/1', platform: 'ios', lastUsed: NOW, attributes: { app: 'shop' } },
    ])
    await client.deleteDevice('2', 'tok/1')
    await client.addCustomersToSegment(7, ['2', '3'])
    await client.removeCustomersFromSegment(7, ['3'])
    await client.submitForm('f1', { email: 'd@x.io', city: 'Bonn' })
    await client.reportMetric({ delivery_id: 'd2', metric: 'clicked', timestamp: NOW })
    await client.unsubscribe('d3')
    await client.entity({ type: 'person', action: 'identify', identifiers: { id: '4' }, attributes: { a: 1 } })
    await client.batch([
      { type: 'person', action: 'event', identifiers: { id: '4' }, name: 'one' },
      { type: 'person', action: 'event', identifiers: { id: '4' }, name: 'two' },
    ])
    await client.mergeCustomers(IdentifierType.Id, '2', IdentifierType.Id, '3')
    await client.suppress('4')
    await client.unsuppress('4')
    await client.destroy('2')
    assert.deepEqual(await client.getAccountRegion(), {
      url: 'https://track.customer.io',
      region: 'us',
      environment_id: 1,
    })
    const types = simulator.ledger.all().map(({ type }) => type)
    assert.deepEqual(types, [
      ...wanted,
      ...['delete_device', 'segment', 'segment', 'form', 'metric', 'unsubscribe', 'identify', 'event', 'event'],
      ...['merge', 'suppress', 'unsuppress', 'delete'],
    ])
    assert.equal(simulator.ledger.count({ applied: false }), 0)
    assert.deepEqual(
      simulator.workspace.people().map(({ id, email }) => id ?? email),
      ['a/b c', 'd@x.io'],
    )
    assert.equal(simulator.workspace.anonymousEvents('visitor')[0]?.name, 'seen')
    assert.equal(simulator.workspace.invites()[0]?.name, 'invited')
    assert.deepEqual(
      simulator.workspace.metrics().map(({ deliveryId }) => deliveryId),
      ['d1', 'd2'],
    )
  })
})

test('what the API refuses reaches the SDK as its own error with the API’s words', async () => {
  await withClient(async (client) => {
    const refusals: readonly (readonly [() => Promise<unknown>, RegExp])[] = [
      [() => client.track('1', { name: 'x'.repeat(101) }), /event name cannot be longer than 100 bytes/],
      [
        () => client.identify('1', { plan: 'x'.repeat(1_001) }),
        /value for attribute 'plan' cannot be longer than 1000/,
      ],
      [() => client.identify('1', { id: '2' }), /id attribute and identifier are not the same value/],
      [() => client.submitForm('f', { email_address: 'a@x.io' }), /id or email/],
    ]
    for (const [call, message] of refusals) {
      await assert.rejects(call, (error) => {
        assert.ok(error instanceof Error)
        assert.match(error.message, message)
        assert.equal(error.name, 'CustomerIORequestError')
        assert.equal(Reflect.get(error, 'statusCode'), 400)
        return true
      })
    }
  })
})

test('a 207 resolves in the SDK with the errors by index', async () => {
  await withClient(async (client, simulator) => {
    const answer: unknown = await client.batch([
      { type: 'person', action: 'identify', identifiers: { id: '1' }, attributes: {} },
      { type: 'person', action: 'event', identifiers: { id: '1' } },
    ])
    const { errors } = answer as {
      readonly errors: readonly { readonly batch_index: number; readonly field: string }[]
    }
    assert.deepEqual(
      errors.map(({ batch_index, field }) => [batch_index, field]),
      [[1, 'name']],
    )
    assert.equal(simulator.ledger.count({ applied: true }), 1)
  })
})

test('wrong credentials reach the SDK as 401 when the body is JSON, and as its parse error when it is text', async () => {
  await withClient(
    async (client) => {
      await assert.rejects(client.identify('1'), { name: 'CustomerIORequestError', statusCode: 401 })
    },
    { unauthorizedAs: 'json' },
    'wrong',
  )
  await withClient(
    async (client) => {
      await assert.rejects(client.identify('1'), /Unable to parse JSON/)
    },
    {},
    'wrong',
  )
})

test(
  'the SDK’s own retries are seen as requests of their own, and its event once each time without an id',
  using(async (use) => {
    const simulator = createSimulator({ siteId: 'site', apiKey: 'key' })
    const server = use(await simulator.listen())
    const retry = { maxRetries: 3, minTimeoutMs: 1, maxTimeoutMs: 2 }
    const client = new TrackClient('site', 'key', { url: `${server.url}/api/v1`, retry })
    simulator.faults.add({ kind: 'status', status: 503, times: 1 })
    simulator.faults.add({ kind: 'reset', applied: true, times: 1 })
    await client.track('1', { name: 'order' })
    assert.deepEqual(
      simulator.ledger.all().map(({ applied, status, fate }) => [applied, status, fate]),
      [
        [false, 503, 'answered'],
        [true, null, 'cut'],
        [true, 200, 'answered'],
      ],
    )
  }),
)
