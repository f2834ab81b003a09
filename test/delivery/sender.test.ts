import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createSender, isTimeout, type Target } from '../../src/delivery/sender.ts'
import type { HttpParts } from '../../src/protocol/encode.ts'
import type { Fetch } from '../../src/runtime/runtime.ts'
import { createTestRuntime } from '../../src/testing/test-runtime.ts'

const target: Target = {
  root: 'https://track.customer.io',
  siteId: 'site',
  apiKey: 'key',
  headers: { 'x-team': 'shop', authorization: 'mine' },
}
const parts: HttpParts = { method: 'POST', path: '/api/v1/customers/42/events', body: '{"name":"a"}', auth: true }
const never = new AbortController().signal

function world(fetch: Fetch) {
  const requests: Request[] = []
  const runtime = createTestRuntime({
    fetch: (request) => {
      requests.push(request)
      return fetch(request)
    },
  })
  return { runtime, requests, sender: createSender(target, runtime) }
}

function ok(body = '{}'): Response {
  return new Response(body, { status: 200, headers: { 'content-type': 'application/json' } })
}

test("a request carries method, path, body, credentials and the caller's headers, of which the protocol's own win", async () => {
  const { sender, requests } = world(() => Promise.resolve(ok()))
  const attempt = await sender.send(parts, 1, 1_000, never)
  assert.deepEqual(attempt, { outcomes: [{ kind: 'delivered' }], status: 200, body: '{}', durationMs: 0 })
  const [request] = requests
  assert.equal(request?.method, 'POST')
  assert.equal(request?.url, 'https://track.customer.io/api/v1/customers/42/events')
  assert.equal(request?.headers.get('authorization'), `Basic ${Buffer.from('site:key').toString('base64')}`)
  assert.equal(request?.headers.get('x-team'), 'shop')
  assert.equal(await request?.text(), '{"name":"a"}')
})

test("credentials stay away from routes that take none, the caller's own ones too", async () => {
  const { sender, requests } = world(() => Promise.resolve(ok()))
  await sender.send({ ...parts, auth: false }, 1, 1_000, never)
  assert.equal(requests[0]?.headers.get('authorization'), null)
})

test('a redirect to the other region keeps method, body and credentials; one that leaves customer.io is not followed', async () => {
  const answers = [
    new Response(null, {
      status: 301,
      headers: { location: 'https://track-eu.customer.io/api/v1/customers/42/events' },
    }),
    ok(),
    new Response(null, { status: 307, headers: { location: 'https://evilcustomer.io/' } }),
  ]
  const { sender, requests } = world(() => Promise.resolve(answers.shift()!))
  assert.equal((await sender.send(parts, 1, 1_000, never)).status, 200)
  assert.deepEqual(
    requests.map((request) => [request.method, new URL(request.url).host, request.headers.has('authorization')]),
    [
      ['POST', 'track.customer.io', true],
      ['POST', 'track-eu.customer.io', true],
    ],
  )
  assert.equal(await requests[1]?.text(), '{"name":"a"}')
  const attempt = await sender.send(parts, 1, 1_000, never)
  assert.equal(requests.length, 3)
  assert.equal(attempt.outcomes[0]?.kind, 'retry')
})

test('redirects end after three, however many there are', async () => {
  const { sender, requests } = world((request) =>
    Promise.resolve(new Response(null, { status: 308, headers: { location: request.url } })),
  )
  const attempt = await sender.send(parts, 1, 1_000, never)
  assert.equal(requests.length, 4)
  assert.equal(attempt.outcomes[0]?.kind, 'retry')
})

test('an attempt ends at its timeout, also when fetch does not listen to its signal', async () => {
  const { sender, runtime } = world(() => new Promise(() => {}))
  const sent = sender.send(parts, 2, 1_000, never)
  await runtime.clock.advance(999)
  await runtime.clock.advance(1)
  assert.deepEqual(await sent, {
    outcomes: [
      { kind: 'retry', reason: 'timeout' },
      { kind: 'retry', reason: 'timeout' },
    ],
    status: null,
    body: null,
    durationMs: 1_000,
  })
  assert.equal(runtime.clock.pending, 0)
})

test('the timeout covers the body of the answer too', async () => {
  const endless = new ReadableStream({ pull: () => new Promise(() => {}) })
  const { sender, runtime } = world(() => Promise.resolve(new Response(endless, { status: 200 })))
  const sent = sender.send(parts, 1, 1_000, never)
  await runtime.clock.advance(1_000)
  assert.deepEqual((await sent).outcomes, [{ kind: 'retry', reason: 'timeout' }])
})

test('our own abort is told from a timeout', async () => {
  const { sender, runtime } = world(() => new Promise(() => {}))
  const controller = new AbortController()
  const sent = sender.send(parts, 1, 1_000, controller.signal)
  controller.abort()
  await runtime.clock.advance(0)
  assert.deepEqual((await sent).outcomes, [{ kind: 'aborted' }])
})

test('of an endless answer a megabyte is read, not more', async () => {
  let pulled = 0
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      pulled += 100_000
      controller.enqueue(new Uint8Array(100_000).fill(65))
    },
  })
  const { sender } = world(() => Promise.resolve(new Response(body, { status: 500 })))
  assert.equal((await sender.send(parts, 1, 1_000, never)).status, 500)
  assert.ok(pulled < 1_500_000, `${pulled} bytes`)
})

test('a question that is asked at once gets the answer, or the error of the network', async () => {
  const { sender } = world(() => Promise.resolve(new Response('no', { status: 401 })))
  assert.deepEqual(await sender.ask(parts, 1_000), { status: 401, body: 'no', retryAfter: null })
  const slow = world(() => Promise.resolve(new Response('', { status: 429, headers: { 'retry-after': '7' } })))
  assert.equal((await slow.sender.ask(parts, 1_000)).retryAfter, '7')
  const broken = world(() => Promise.reject(new TypeError('fetch failed')))
  await assert.rejects(broken.sender.ask(parts, 1_000), (error) => error instanceof TypeError && !isTimeout(error))
})

test('a question that runs out of its time says so', async () => {
  const { sender, runtime } = world(() => new Promise<Response>(() => {}))
  const asked = assert.rejects(sender.ask(parts, 1_000), isTimeout)
  await runtime.clock.advance(1_000)
  await asked
})

test('what is kept of an answer is at most 10,000 bytes, whole characters, without the credentials', () => {
  const apiKey = 'secret-api-key-1234'
  const token = Buffer.from(`site:${apiKey}`).toString('base64')
  const sender = createSender({ ...target, siteId: 'site', apiKey }, createTestRuntime())
  assert.equal(sender.excerptOf(`key ${apiKey}, header Basic ${token}`), 'key [redacted], header Basic [redacted]')
  const long = sender.excerptOf(`x${'ü'.repeat(8_000)}`)
  assert.equal(Buffer.byteLength(long), 9_999)
  assert.match(long, /^xü+$/)
})
