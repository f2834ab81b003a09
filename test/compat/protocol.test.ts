/**
 * The official SDKs against our reading of the protocol: what they send must be a call of ours, and that call must be
 * sent as they sent it. Nothing is opened: their last step before the network is replaced.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { IdentifierType, TrackClient } from 'customerio-node'
import { IdentifierType as IdentifierType4, TrackClient as TrackClient4 } from 'customerio-node-4'

import { decodeBatch, decodeCall } from '../../src/protocol/decode.ts'
import { encodeBatch, encodeCall, encodeItem, encodeRegion, type HttpParts } from '../../src/protocol/encode.ts'
import { lintCall } from '../../src/protocol/lint.ts'
import { routeOf } from '../../src/protocol/route.ts'
import { AWKWARD_TEXTS } from '../protocol/call-arbitrary.ts'

interface Sent {
  readonly method: string
  readonly uri: string
  readonly body: unknown
}

/** Keeps what a client would send. */
function record(client: { request: { handler: unknown } }): Sent[] {
  const sent: Sent[] = []
  client.request.handler = (options: Sent): Promise<object> => {
    sent.push(options)
    return Promise.resolve({})
  }
  return sent
}

/** Reads a request of the SDK, and writes it again. */
function again({ method, uri, body }: Sent): HttpParts {
  const url = new URL(uri)
  const route = routeOf(method, url.pathname + url.search)
  const json: unknown = typeof body === 'string' ? JSON.parse(body) : undefined
  if (route.name === 'region') return encodeRegion()
  if (route.name === 'batch') {
    const batch = decodeBatch(json)
    assert.ok(batch.ok)
    const calls = batch.items.flatMap((item) => (item.ok ? [item.call] : []))
    return encodeBatch(calls.map((call) => encodeItem(call)))
  }
  assert.ok(route.name !== 'unknown', `${method} ${uri}`)
  const decoded = decodeCall(route, json)
  assert.ok(decoded.ok, JSON.stringify(decoded))
  assert.deepEqual(lintCall(decoded.call), [])
  return encodeCall(decoded.call)
}

function assertSame(sent: readonly Sent[], count: number): void {
  assert.equal(sent.length, count)
  for (const request of sent) {
    const parts = again(request)
    const url = new URL(request.uri)
    assert.deepEqual([parts.method, parts.path], [request.method, url.pathname + url.search])
    const body: unknown = typeof request.body === 'string' ? JSON.parse(request.body) : undefined
    assert.deepEqual(parts.body === undefined ? undefined : JSON.parse(parts.body), body)
  }
}

const ULID = '01ARYZ6S410000000000000000'

test('every method of customerio-node 5.2 is a call, and the call is sent as the SDK sent it', async () => {
  const client = new TrackClient('site', 'key')
  const sent = record(client)
  await client.identify('a/b c+d@x.example', { email: 'a@x.example', _update: true, _timestamp: 5, tags: ['x'] })
  await client.identify(42)
  await client.identify('42', {
    cio_relationships: {
      action: 'add_relationships',
      relationships: [{ identifiers: { object_type_id: '1', object_id: 'acme' }, relationship_attributes: { r: 1 } }],
    },
  })
  await client.destroy('42')
  await client.suppress('42')
  await client.unsuppress('42')
  await client.track('42', { name: 'order', id: ULID, timestamp: 5, data: { n: 1 }, source: 'shop' })
  await client.trackAnonymous('visitor', { name: 'seen', type: 'screen' })
  await client.trackAnonymous('', { name: 'invited', data: { recipient: 'c@x.example' } })
  await client.trackPageView('42', 'https://x.example/a?b=c#d')
  await client.trackPush({ delivery_id: 'd', event: 'opened', device_id: 't', timestamp: 5 })
  await client.addDevice('42', 'tok/1', 'ios', { last_used: 5, app: 'shop' })
  await client.addDevice('42', 'tok', 'android')
  await client.deleteDevice('42', 'tok/1')
  await client.mergeCustomers(IdentifierType.Id, '1', IdentifierType.Email, 'b@x.example')
  await client.mergeCustomers(IdentifierType.CioId, 'a3', IdentifierType.Id, '2')
  await client.addCustomersToSegment(7, ['1', '2'], IdentifierType.Id)
  await client.removeCustomersFromSegment('7', ['1'])
  await client.submitForm('f 1', { email: 'a@x.example', city: 'Bonn' })
  await client.reportMetric({ delivery_id: 'd', metric: 'bounced', recipient: 'r', reason: 'full', href: 'h' })
  await client.unsubscribe('d=')
  await client.unsubscribe('d', false)
  await client.getAccountRegion()
  await client.entity({ type: 'object', action: 'delete', identifiers: { cio_object_id: 'o' } })
  await client.batch([
    { type: 'person', action: 'page', identifiers: { id: '42' }, name: '/p', id: ULID, attributes: { url: 'u' } },
    { type: 'delivery', action: 'event', identifiers: { id: 'd' }, name: 'opened', attributes: { device_token: 't' } },
  ])
  assertSame(sent, 25)
})

test('every method of customerio-node 4.4 is a call, and the call is sent as the SDK sent it', async () => {
  const client = new TrackClient4('site', 'key')
  const sent = record(client)
  await client.identify('42', { plan: 'pro' })
  await client.destroy('42')
  await client.suppress('42')
  await client.unsuppress('42')
  await client.track('42', { name: 'order', data: { n: 1 } })
  await client.trackAnonymous('visitor', { name: 'seen' })
  await client.trackPageView('42', '/p')
  await client.trackPush({ delivery_id: 'd', event: 'opened', device_id: 't', timestamp: 5 })
  await client.addDevice('42', 'tok', 'ios', { last_used: 5, app: 'shop' })
  await client.deleteDevice('42', 'tok')
  await client.mergeCustomers(IdentifierType4.Id, '1', IdentifierType4.Email, 'b@x.example')
  assertSame(sent, 11)
})

test('awkward identifiers mean to us what the SDK means by them, but for those that it cannot send', async () => {
  const client = new TrackClient('site', 'key')
  const sent = record(client)
  // The SDK takes a blank id for none, and "." and ".." for steps in the path of its URL: another request altogether.
  const texts = AWKWARD_TEXTS.filter(
    (text) => text.trim() !== '' && text !== '.' && text !== '..' && text.length <= 150,
  )
  for (const text of texts) {
    await client.track(text, { name: 'order' })
    await client.deleteDevice(text, text)
  }
  assertSame(sent, texts.length * 2)
})
