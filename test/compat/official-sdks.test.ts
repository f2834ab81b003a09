/** The official Node SDKs against the relay, over sockets: a program that is pointed at it by its base URL changes nothing else. */
import assert from 'node:assert/strict'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { test } from 'node:test'

import { Analytics } from '@customerio/cdp-analytics-node'
import { IdentifierType, TrackClient } from 'customerio-node'
import { IdentifierType as IdentifierType4, TrackClient as TrackClient4 } from 'customerio-node-4'

import { createSimulator } from '../../src/simulator/index.ts'
import { listen } from '../../src/relay/index.ts'
import { using } from '../using.ts'
import { certificate, type RelayStage, relayStage } from './relay-stage.ts'

const NOW = 1_767_225_600
const ULID = '01ARYZ6S410000000000000000'
const FAST_RETRIES = { maxRetries: 3, minTimeoutMs: 5, maxTimeoutMs: 20 }

function client5(stage: RelayStage, apiKey = 'key'): TrackClient {
  return new TrackClient('site', apiKey, { url: `${stage.listening.url}/api/v1`, retry: { maxRetries: 0 } })
}

/** The same calls to whatever stands behind the client; each must answer `{}`. */
async function everyMethodOf5(client: TrackClient): Promise<void> {
  const calls: readonly (() => Promise<unknown>)[] = [
    () => client.identify('a/b c', { email: 'a@x.io', plan: 'pro' }),
    () => client.identify('2', {}),
    () => client.identify('3'),
    () => client.track('2', { name: 'order', data: { total: 12 }, timestamp: NOW, id: ULID }),
    () => client.trackPageView('2', '/pricing?x=1'),
    () => client.trackAnonymous('visitor', { name: 'seen' }),
    () => client.trackAnonymous('', { name: 'invited', data: { recipient: 'c@x.io' } }),
    () => client.trackPush({ delivery_id: 'd1', event: 'opened', device_id: 'tok', timestamp: NOW }),
    () => client.addDevice('2', 'tok/1', 'ios', { last_used: NOW, app: 'shop' }),
    () => client.deleteDevice('2', 'tok/1'),
    () => client.addCustomersToSegment(7, ['2', '3']),
    () => client.removeCustomersFromSegment(7, ['3']),
    () => client.submitForm('f1', { email: 'd@x.io', city: 'Bonn' }),
    () => client.reportMetric({ delivery_id: 'd2', metric: 'clicked', timestamp: NOW }),
    () => client.unsubscribe('d3'),
    () => client.entity({ type: 'person', action: 'identify', identifiers: { id: '4' }, attributes: { a: 1 } }),
    () =>
      client.batch([
        { type: 'person', action: 'event', identifiers: { id: '4' }, name: 'one' },
        { type: 'person', action: 'event', identifiers: { id: '4' }, name: 'two' },
      ]),
    () => client.mergeCustomers(IdentifierType.Id, '2', IdentifierType.Id, '3'),
    () => client.suppress('4'),
    () => client.unsuppress('4'),
    () => client.destroy('2'),
  ]
  for (const call of calls) assert.deepEqual(await call(), {})
}

/** What arrived, a line for each operation, in an order that does not depend on how lanes were delivered side by side. */
function arrivals(simulator: RelayStage['simulator']): readonly string[] {
  assert.equal(simulator.ledger.count({ applied: false }), 0)
  return simulator.ledger
    .all()
    .map(({ person, type, name }) => `${person ?? ''} ${type} ${name ?? ''}`)
    .toSorted()
}

/** The people that came of it, without the second in which each of the two was told. */
function people(simulator: RelayStage['simulator']): readonly unknown[] {
  return simulator.workspace.people().map(({ attributeTimes, events, ...person }) => ({
    ...person,
    timed: Object.keys(attributeTimes),
    events: events.map(({ eventType, name, data }) => ({ eventType, name, data })),
  }))
}

test(
  'customerio-node 5.2: every method, and the same arrives as if the relay were not there',
  using(async (use) => {
    const stage = await relayStage(use)
    await everyMethodOf5(client5(stage))
    await stage.delivered()
    const direct = createSimulator({ siteId: 'site', apiKey: 'key' })
    const server = use(await direct.listen())
    await everyMethodOf5(new TrackClient('site', 'key', { url: `${server.url}/api/v1`, retry: { maxRetries: 0 } }))
    assert.deepEqual(arrivals(stage.simulator), arrivals(direct))
    assert.deepEqual(people(stage.simulator), people(direct))
  }),
)

test(
  'the region is answered from the configuration, and completed by what a probe has found out',
  using(async (use) => {
    const stage = await relayStage(use)
    const region = { url: 'https://track.customer.io', region: 'us' }
    stage.simulator.down()
    assert.deepEqual(await client5(stage).getAccountRegion(), { ...region, environment_id: 0 })
    stage.simulator.up()
    await stage.relay.workspaces.get('shop')!.health({ probe: 'active' })
    assert.deepEqual(await client5(stage).getAccountRegion(), { ...region, environment_id: 1 })
  }),
)

async function everyMethodOf4(client: TrackClient4): Promise<void> {
  const calls: readonly (() => Promise<unknown>)[] = [
    () => client.identify('42', { plan: 'pro' }),
    () => client.track('42', { name: 'order', data: { n: 1 } }),
    () => client.trackAnonymous('visitor', { name: 'seen' }),
    () => client.trackPageView('42', '/p'),
    () => client.trackPush({ delivery_id: 'd', event: 'opened', device_id: 't', timestamp: NOW }),
    () => client.addDevice('42', 'tok', 'ios', { last_used: NOW, app: 'shop' }),
    () => client.deleteDevice('42', 'tok'),
    () => client.identify('43', {}),
    () => client.mergeCustomers(IdentifierType4.Id, '42', IdentifierType4.Id, '43'),
    () => client.suppress('44'),
    () => client.unsuppress('44'),
    () => client.destroy('42'),
  ]
  for (const call of calls) assert.deepEqual(await call(), {})
}

function client4(port: number, ca: string): TrackClient4 {
  // Whatever else stands in the defaults goes to https.request.
  const defaults = { url: 'https://localhost/api/v1', port, ca } as ConstructorParameters<typeof TrackClient4>[2]
  return new TrackClient4('site', 'key', defaults)
}

test(
  'customerio-node 4.4, over TLS: every method against the relay and against the simulator',
  using(async (use) => {
    const tls = await certificate()
    const stage = await relayStage(use, { tls })
    await everyMethodOf4(client4(stage.listening.port, tls.cert))
    await stage.delivered()
    const direct = createSimulator({ siteId: 'site', apiKey: 'key' })
    const server = use(await listen((request) => direct.fetch(request), { host: 'localhost', port: 0, tls }))
    await everyMethodOf4(client4(server.port, tls.cert))
    assert.deepEqual(arrivals(stage.simulator), arrivals(direct))
    assert.deepEqual(people(stage.simulator), people(direct))
  }),
)

test(
  'customerio-node 4.4 gets its own error, with the words and the status, for what is refused',
  using(async (use) => {
    const tls = await certificate()
    const stage = await relayStage(use, { tls })
    const client = client4(stage.listening.port, tls.cert)
    await assert.rejects(client.track('42', { name: 'x'.repeat(101) }), (error: Error) => {
      assert.equal(error.name, 'CustomerIORequestError')
      assert.equal(Reflect.get(error, 'statusCode'), 400)
      assert.match(error.message, /name/)
      return true
    })
    assert.equal((await stage.relay.workspaces.get('shop')!.stats()).totals.accepted, 0)
  }),
)

test(
  'what the documented limits rule out is refused at once with the field and the limit, and nothing of it is stored',
  using(async (use) => {
    const stage = await relayStage(use)
    const client = client5(stage)
    const refusals: readonly (readonly [() => Promise<unknown>, RegExp])[] = [
      [() => client.track('1', { name: 'x'.repeat(101) }), /name.*100 bytes/],
      [() => client.identify('1', { plan: 'x'.repeat(1_001) }), /plan.*1000 bytes/],
      [() => client.identify('x'.repeat(151)), /identifier.*150 bytes/],
      [() => client.track('1', { name: 'big', data: { text: 'x'.repeat(100_001) } }), /100000 bytes/],
      [() => client.trackPush({ delivery_id: 'd' }), /event/],
      [() => client.addCustomersToSegment('seven', ['1']), /segment_id/],
      [() => client.unsubscribe('d', 'yes' as never), /unsubscribe/],
    ]
    for (const [call, message] of refusals) {
      await assert.rejects(call, (error: Error) => {
        assert.match(error.message, message)
        assert.equal(error.name, 'CustomerIORequestError')
        assert.equal(Reflect.get(error, 'statusCode'), 400)
        return true
      })
    }
    await assert.rejects(client5(stage, 'wrong').identify('1'), { name: 'CustomerIORequestError', statusCode: 401 })
    const v2 = { type: 'person', action: 'event', identifiers: { id: '1' } }
    await assert.rejects(client.entity(v2), { statusCode: 400 })
    assert.equal((await stage.relay.workspaces.get('shop')!.stats()).totals.accepted, 0)
    assert.equal(stage.simulator.ledger.count({}), 0)
  }),
)

test(
  'of a batch the good items are stored, and the SDK gets the others by index',
  using(async (use) => {
    const stage = await relayStage(use)
    const answer: unknown = await client5(stage).batch([
      { type: 'person', action: 'identify', identifiers: { id: '1' }, attributes: {} },
      { type: 'person', action: 'event', identifiers: { id: '1' } },
      { type: 'person', action: 'event', identifiers: { id: '1' }, name: 'fine' },
    ])
    const { errors } = answer as { readonly errors: readonly { batch_index: number; field: string; reason: string }[] }
    assert.deepEqual(
      errors.map(({ batch_index, field, reason }) => [batch_index, field, reason]),
      [[1, 'name', 'required']],
    )
    await stage.delivered()
    assert.deepEqual(arrivals(stage.simulator), ['1 event fine', '1 identify '])
  }),
)

test(
  'big payloads: what Customer.io takes goes through whole',
  using(async (use) => {
    const stage = await relayStage(use)
    const client = client5(stage)
    const text = 'ü'.repeat(49_000)
    await client.track('1', { name: 'big', data: { text } })
    const attributes = Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`a${index}`, 'x'.repeat(1_000)]))
    await client.entity({ type: 'person', action: 'identify', identifiers: { id: '2' }, attributes })
    const item = (id: number): object => ({
      type: 'person',
      action: 'event',
      identifiers: { id: `p${id}` },
      name: 'wide',
      attributes,
    })
    assert.deepEqual(await client.batch(Array.from({ length: 15 }, (_, id) => item(id)) as never), {})
    await stage.delivered()
    const [big] = stage.simulator.ledger.events('1')
    assert.ok(big?.call?.type === 'event')
    assert.equal(big.call.data['text'], text)
    assert.equal(stage.simulator.ledger.count({ name: 'wide', applied: true }), 15)
  }),
)

test(
  'an outage of Customer.io is invisible to the SDK; afterwards everything arrives once and in order',
  using(async (use) => {
    const stage = await relayStage(use)
    const client = client5(stage)
    stage.simulator.down()
    for (let number = 0; number < 20; number++) await client.track('1', { name: 'order', data: { number } })
    assert.equal(stage.simulator.ledger.count({ applied: true }), 0)
    stage.simulator.up()
    await stage.delivered()
    const numbers = stage.simulator.ledger
      .find({ name: 'order', applied: true })
      .map(({ call }) => (call?.type === 'event' ? call.data['number'] : null))
    assert.deepEqual(
      numbers,
      Array.from({ length: 20 }, (_, number) => number),
    )
  }),
)

test(
  'an EU account behind a US root: the relay follows the redirect, the SDK never sees one',
  using(async (use) => {
    const stage = await relayStage(use)
    stage.simulator.faults.add({ kind: 'redirect', to: stage.simulatorUrl, status: 301, times: 1 })
    assert.deepEqual(await client5(stage).track('1', { name: 'order' }), {})
    await stage.delivered()
    assert.equal(stage.simulator.ledger.count({ name: 'order', applied: true }), 1)
  }),
)

test(
  'a relay that drains refuses for some seconds; the SDK comes again and its event is there once',
  using(async (use) => {
    const stage = await relayStage(use)
    let refused = 0
    const front = use(
      await listen(
        async (request, arrival) => {
          if (refused++ >= 2) return stage.relay.fetch(request, arrival)
          return new Response('{"meta":{"error":"draining"}}', { status: 503 })
        },
        { port: 0 },
      ),
    )
    const client = new TrackClient('site', 'key', { url: `${front.url}/api/v1`, retry: FAST_RETRIES })
    await client.track('1', { name: 'order' })
    await stage.delivered()
    assert.equal(stage.simulator.ledger.count({ name: 'order' }), 1)
  }),
)

test(
  'an answer that is lost on the way: the retry of the SDK is the same operation',
  using(async (use) => {
    const stage = await relayStage(use)
    const front = use(await losingAnswers(stage.listening.port, 2))
    const client = new TrackClient('site', 'key', { url: `${front.url}/api/v1`, retry: FAST_RETRIES })
    await client.track('1', { name: 'order' })
    await client.track('1', { name: 'order' })
    await stage.delivered()
    assert.ok(front.answers > 2)
    assert.equal(stage.simulator.ledger.count({ name: 'order' }), 2, 'two calls, each once')
  }),
)

/** A way to the relay on which the connections of the first answers break when these come back. */
async function losingAnswers(
  port: number,
  count: number,
): Promise<AsyncDisposable & { readonly url: string; readonly answers: number }> {
  let answers = 0
  const open = new Set<Socket>()
  const server = createServer((incoming) => {
    open.add(incoming)
    const outgoing = connect(port, '127.0.0.1')
    incoming
      .on('error', () => {})
      .on('close', () => {
        open.delete(incoming)
        outgoing.destroy()
      })
    outgoing.on('error', () => {}).on('close', () => incoming.destroy())
    incoming.pipe(outgoing)
    outgoing.on('data', (chunk) => {
      if (answers++ < count) incoming.resetAndDestroy()
      else incoming.write(chunk)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get answers() {
      return answers
    },
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of open) socket.destroy()
      }),
  }
}

test(
  'many calls at once: all arrive, each once',
  using(async (use) => {
    const stage = await relayStage(use)
    const client = client5(stage)
    const calls = Array.from({ length: 400 }, (_, number) =>
      client.track(`p${number % 50}`, { name: 'order', data: { number } }),
    )
    assert.deepEqual(new Set((await Promise.all(calls)).map((answer) => JSON.stringify(answer))), new Set(['{}']))
    await stage.delivered()
    const numbers = stage.simulator.ledger
      .find({ name: 'order', applied: true })
      .map(({ call }) => (call?.type === 'event' ? Number(call.data['number']) : -1))
    assert.deepEqual(
      numbers.toSorted((a, b) => a - b),
      Array.from({ length: 400 }, (_, number) => number),
    )
  }),
)

test(
  'cdp-analytics-node: its API is not served; it is told so, reports its event as undelivered and ends',
  using(async (use) => {
    const stage = await relayStage(use)
    const simulator = createSimulator({ siteId: 'site', apiKey: 'key' })
    const direct = use(await simulator.listen())
    for (const host of [stage.listening.url, direct.url]) {
      const analytics = new Analytics({ writeKey: 'key', host, maxRetries: 0, flushInterval: 1_000 })
      const failure = new Promise<unknown>((resolve) => void analytics.on('error', resolve))
      analytics.track({ userId: '1', event: 'order' })
      await analytics.closeAndFlush()
      assert.equal(Reflect.get((await failure) as object, 'code'), 'delivery_failure')
    }
    const answer = await fetch(`${stage.listening.url}/v1/batch`, { method: 'POST', body: '{"batch":[]}' })
    assert.equal(answer.status, 404)
    assert.ok(((await answer.json()) as { readonly meta: { readonly error: string } }).meta.error.length > 0)
    assert.equal((await stage.relay.workspaces.get('shop')!.stats()).totals.accepted, 0)
  }),
)
