import assert from 'node:assert/strict'
import { test } from 'node:test'

import { adminClient } from '../../src/admin/client.ts'
import type { StreamItem } from '../../src/admin/contract.ts'
import type { Fetch } from '../../src/runtime/runtime.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'
import { settled } from '../virtual-time.ts'

const clock = new VirtualClock()
const client = (fetch: Fetch) => adminClient({ url: 'http://127.0.0.1:8485', token: undefined, fetch, clock })
const answer = (status: number, body: string) => (): Promise<Response> =>
  Promise.resolve(new Response(body, { status }))

const failures: readonly (readonly [string, Fetch, string])[] = [
  ['nobody there', () => Promise.reject(new TypeError('fetch failed')), 'unreachable'],
  ['an answer that never comes', () => new Promise(() => {}), 'unreachable'],
  [
    'a body that never ends',
    () => Promise.resolve(new Response(new ReadableStream({ pull: () => new Promise(() => {}) }))),
    'unreachable',
  ],
  [
    'a connection that breaks',
    () => Promise.resolve(new Response(new ReadableStream({ pull: (c) => c.error(new Error('reset')) }))),
    'unreachable',
  ],
  ['another server', answer(200, '<html>'), 'bad-answer'],
  ['another server’s error', answer(502, '{"message":"bad gateway"}'), 'bad-answer'],
  ['a redirect', answer(302, ''), 'bad-answer'],
  ['a code of a later version', answer(400, '{"error":{"code":"newer","message":"x"}}'), 'bad-answer'],
  ['an error of ours', answer(503, '{"error":{"code":"unavailable","message":"x"}}'), 'unavailable'],
]

for (const [name, fetch, code] of failures) {
  test(`the client tells ${name}`, async () => {
    await assert.rejects(settled(client(fetch).status(), clock), { name: 'AdminError', code })
    assert.equal(clock.pending, 0, 'no timer is left')
  })
}

test('an endless answer is read up to a bound', async () => {
  let pulled = 0
  const endless = new ReadableStream<Uint8Array>({
    pull(controller) {
      pulled += 1_000_000
      controller.enqueue(new Uint8Array(1_000_000))
    },
  })
  await assert.rejects(client(() => Promise.resolve(new Response(endless))).status(), { code: 'bad-answer' })
  assert.ok(pulled < 80_000_000, `${pulled} bytes`)
})

test('only loopback addresses are asked, for the token goes over plain HTTP', () => {
  for (const url of ['http://10.0.0.1:8485', 'https://127.0.0.1', 'http://localhost.example', 'nowhere', 'file:///x']) {
    const options = { url, token: 'x', fetch: () => Promise.reject(new Error('asked')), clock }
    assert.throws(() => adminClient(options), { code: 'INVALID_OPTIONS', field: 'url' }, url)
  }
})

test('the end of a stream does not depend on the request that began it', async () => {
  // A request that was collected never hears of its abort, so this one ignores it altogether.
  const controller = new AbortController()
  let cancelled = false
  const silent = new ReadableStream<Uint8Array>({
    pull: () => new Promise(() => {}),
    cancel: () => void (cancelled = true),
  })
  const items: StreamItem[] = []
  const reading = (async () => {
    for await (const item of client(() => Promise.resolve(new Response(silent))).events({}, controller.signal))
      items.push(item)
  })()
  await new Promise((resolve) => setImmediate(resolve))
  controller.abort()
  await reading
  assert.deepEqual([items, cancelled], [[], true])
})

test('lines may come in any pieces, and what is no line of ours ends the stream', async () => {
  const text = '\n{"kind":"gap","missed":3}\n\n{"kind":"gap","missed":4}\n'
  const pieces = [...new TextEncoder().encode(text)].map((byte) => Uint8Array.of(byte))
  const got: StreamItem[] = []
  const { signal } = new AbortController()
  const fetch: Fetch = () => Promise.resolve(new Response(ReadableStream.from(pieces)))
  for await (const item of client(fetch).events({}, signal)) got.push(item)
  assert.deepEqual(
    got.map((item) => item.kind === 'gap' && item.missed),
    [3, 4],
  )
  const wrong = client(answer(200, 'no line\n')).events({}, signal)[Symbol.asyncIterator]()
  await assert.rejects(wrong.next(), { code: 'bad-answer' })
})
