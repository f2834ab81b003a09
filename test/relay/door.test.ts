/** Who and what is let in: credentials, targets, methods, content types, bodies. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deflateRawSync, deflateSync, gzipSync } from 'node:zlib'

import { basic, createWorld, type SendOptions, workspace } from './world.ts'

const TRACK = 'POST /api/v1/customers/42/events'
const EVENT = { name: 'order' }

function base64(text: string, alphabet: 'base64' | 'base64url'): string {
  return Buffer.from(text).toString(alphabet)
}

test('credentials come in both alphabets, padded or not; all others get 401 in the shape of Customer.io', async () => {
  const { send } = createWorld({
    workspaces: [
      {
        ...workspace(),
        inbound: [
          { siteId: 'site', apiKey: 'key' },
          { siteId: 'søte>', apiKey: '??>>' },
        ],
      },
    ],
  })
  const odd = 'søte>:??>>'
  assert.notEqual(base64(odd, 'base64'), base64(odd, 'base64url'))
  const good = [
    basic('site', 'key'),
    basic('site', 'key').replace('Basic', 'basic'),
    `Basic  ${base64('site:key', 'base64url')}`,
    `Basic ${base64(odd, 'base64')}`,
    `Basic ${base64(odd, 'base64url')}`,
    `Basic ${base64(odd, 'base64').replaceAll('=', '')}`,
  ]
  for (const authorization of good) {
    assert.equal((await send(TRACK, { body: EVENT, authorization })).status, 200, authorization)
  }
  const bad = [
    null,
    'Basic',
    'Basic !!',
    `Bearer ${base64('site:key', 'base64')}`,
    base64('site:key', 'base64'),
    basic('site', 'kez'),
    basic('site', 'key '),
    basic('site', ''),
    basic('', 'key'),
    basic('site:key', ''),
    `Basic ${'a'.repeat(10_000)}`,
  ]
  for (const authorization of bad) {
    const got = await send(TRACK, { body: EVENT, authorization })
    assert.equal(got.status, 401, String(authorization))
    assert.deepEqual(got.body, { meta: { error: 'Unauthorized request' } })
  }
})

test('credentials are asked for before the body is looked at', async () => {
  const { relay, soon } = createWorld()
  const body = new ReadableStream<Uint8Array>(
    {
      pull: () => assert.fail('the body was read'),
    },
    { highWaterMark: 0 },
  )
  const request = new Request('http://relay.test/api/v1/events', { method: 'POST', body, duplex: 'half' })
  assert.equal((await soon(relay.fetch(request))).status, 401)
})

test('what needs no credentials goes to whose they are, else to the only workspace or the default one, else nowhere', async () => {
  const two = [workspace('one'), workspace('two', { siteId: 'second', apiKey: 'other' })]
  const metric = { body: { delivery_id: 'd', metric: 'opened' } }
  const cases: readonly (readonly [string | undefined, SendOptions, string | null])[] = [
    [undefined, { authorization: null }, null],
    [undefined, { authorization: basic('second', 'other') }, 'two'],
    ['two', { authorization: null }, 'two'],
    ['two', { authorization: basic('site', 'key') }, 'one'],
    ['two', { authorization: basic('site', 'wrong') }, null],
  ]
  for (const [defaultWorkspace, options, name] of cases) {
    const world = createWorld({ workspaces: two, ...(defaultWorkspace === undefined ? {} : { defaultWorkspace }) })
    const got = await world.send('POST /api/v1/metrics', { ...metric, ...options })
    assert.equal(got.status, name === null ? 401 : 200)
    const [answered] = world.events.filter((event) => event.type === 'answered')
    assert.equal(answered?.workspace, name)
    await world.soon(world.relay.close())
  }
})

test('a target that two programs could read differently is refused', async () => {
  const { send } = createWorld()
  const cases: readonly (readonly [string, number])[] = [
    ['/api/v1/customers/42/events', 200],
    ['/api/v1/customers/a%2Fb%5Cc%20d/events?x=//..', 200],
    ['/api/v1/customers/a.b@x.com/events', 200],
    ['http://relay.test/api/v1/customers/42/events', 400],
    ['http://other.test/api/v1/customers/42/events', 400],
    ['relay.test:80', 400],
    ['*', 400],
    ['', 400],
    ['//api/v1/customers/42/events', 400],
    ['/api/v1//customers/42/events', 400],
    ['/api/v1/customers/../events', 400],
    ['/api/v1/customers/./events', 400],
    ['/api/v1/customers/%2e%2E/events', 400],
    ['/api/v1/customers/.%2e/events', 400],
    ['/api/v1/customers/42\\/events', 400],
    ['/api/v1/customers/4\u00002/events', 400],
    ['/api/v1/customers/4%002/events', 400],
    ['/api/v1/customers/42/events#x', 400],
    ['/api/v1/customers/j\u00c3\u00b6rg/events', 400],
    ['/api/v1/customers/4 2/events', 400],
    ['/api/v1/customers/%ff/events', 404],
    [`/api/v1/customers/${'x'.repeat(20_000)}/events`, 404],
  ]
  for (const [target, status] of cases) {
    const got = await send(TRACK, { body: EVENT, target, headers: { 'content-length': '16' } })
    assert.equal(got.status, status, target)
  }
})

test('an unknown path is 404, a known one with another method 405 with what it allows, without a redirect', async () => {
  const { send } = createWorld()
  const cases: readonly (readonly [string, number, string | null])[] = [
    ['GET /', 404, null],
    ['POST /api/v1/customers/42/events/', 404, null],
    ['POST /API/v1/customers/42/events', 404, null],
    ['POST /api/v3/entity', 404, null],
    ['GET /api/v1/customers/42/events', 405, 'POST'],
    ['HEAD /api/v1/customers/42/events', 405, 'POST'],
    ['OPTIONS /api/v1/customers/42/events', 405, 'POST'],
    ['PATCH /api/v1/customers/42', 405, 'PUT, DELETE'],
    ['POST /api/v1/accounts/region', 405, 'GET, HEAD'],
    ['GET /api/v2/batch', 405, 'POST'],
  ]
  for (const [line, status, allow] of cases) {
    const got = await send(line)
    assert.deepEqual([got.status, got.headers.get('allow')], [status, allow], line)
    assert.equal(got.text === '', line.startsWith('HEAD'), line)
  }
  assert.deepEqual(Object.keys((await send('GET /api/v2/batch')).body as object), ['errors'])
})

test('a body is JSON by its name or has none; a form is 415, and unsubscribing needs the name', async () => {
  const { send } = createWorld()
  const cases: readonly (readonly [string, unknown, string | null, number])[] = [
    [TRACK, EVENT, 'application/json', 200],
    [TRACK, EVENT, 'Application/JSON; charset=utf-8', 200],
    [TRACK, EVENT, 'application/vnd.api+json', 200],
    [TRACK, EVENT, 'application/x-www-form-urlencoded', 415],
    [TRACK, EVENT, 'text/plain', 415],
    [TRACK, EVENT, 'application/jsonp', 415],
    ['DELETE /api/v1/customers/1', undefined, 'application/x-www-form-urlencoded', 200],
    ['POST /unsubscribe/d', { unsubscribe: true }, 'application/json', 200],
  ]
  for (const [line, body, type, status] of cases) {
    const got = await send(line, { body, headers: { 'content-type': type } })
    assert.equal(got.status, status, `${line} ${type}`)
  }
  const bytes = (value: unknown): SendOptions => ({
    raw: Buffer.from(JSON.stringify(value)),
    headers: { 'content-type': null },
  })
  assert.equal((await send(TRACK, bytes(EVENT))).status, 200)
  assert.equal((await send('POST /unsubscribe/d', bytes({ unsubscribe: true }))).status, 400)
})

test('packed bodies are read in every usual packing, and what is none is a 400 or a 415', async () => {
  const { send, relay } = createWorld()
  relay.workspaces.get('shop')!.pause()
  const json = Buffer.from(JSON.stringify({ name: 'packed', data: { text: 'ä'.repeat(1_000) } }))
  const cases: readonly (readonly [string, Uint8Array, number])[] = [
    ['gzip', gzipSync(json), 200],
    ['X-GZIP', gzipSync(json), 200],
    ['deflate', deflateSync(json), 200],
    ['deflate', deflateRawSync(json), 200],
    ['identity', json, 200],
    ['gzip', Buffer.concat([gzipSync(json.subarray(0, 9)), gzipSync(json.subarray(9))]), 200],
    ['gzip', json, 400],
    ['gzip', gzipSync(json).subarray(0, -12), 400],
    ['deflate', gzipSync(json), 400],
    ['br', json, 415],
    ['gzip, gzip', gzipSync(gzipSync(json)), 415],
  ]
  for (const [encoding, raw, status] of cases) {
    const got = await send(TRACK, { raw, headers: { 'content-encoding': encoding } })
    assert.equal(got.status, status, encoding)
  }
  const { operations } = await relay.workspaces.get('shop')!.queue.list()
  assert.equal(operations.length, 6)
  for (const { call } of operations) assert.equal(call?.type === 'event' && call.data['text'], 'ä'.repeat(1_000))
})

test('a body above the limit is 413, packed or not, announced or not, and costs no more than the limit', async () => {
  const { send } = createWorld({ bodyBytesMax: 100_000 })
  const large = JSON.stringify({ name: 'x', data: { text: 'y'.repeat(100_000) } })
  const bomb = gzipSync(Buffer.alloc(50_000_000))
  assert.ok(bomb.length < 100_000)
  const chunked = (chunks: number): ReadableStream<Uint8Array> => {
    let left = chunks
    return new ReadableStream({
      pull(controller) {
        if (left-- <= 0) assert.fail('more was read than the limit')
        controller.enqueue(new Uint8Array(50_000).fill(32))
      },
    })
  }
  const cases: readonly SendOptions[] = [
    { raw: large },
    { raw: large, headers: { 'content-length': String(large.length) } },
    { raw: large, headers: { 'content-length': '5' } },
    { raw: bomb, headers: { 'content-encoding': 'gzip' } },
    { raw: chunked(5) },
    { raw: gzipSync(Buffer.alloc(99_000)), headers: { 'content-encoding': 'gzip' } },
  ]
  for (const [index, options] of cases.entries()) {
    const got = await send(TRACK, options)
    assert.equal(got.status, 413, `case ${index}`)
    assert.equal(got.headers.get('retry-after'), null)
  }
})

test('what is no UTF-8, no JSON or nests too deep is a 400', async () => {
  const { send } = createWorld()
  const cases: readonly (string | Uint8Array)[] = [
    Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]),
    Buffer.from('{"name":"\ud800"}', 'utf16le'),
    '{"name":',
    '{name:1}',
    '\ufeff{"name":"x"}',
    'name=x',
    ' ',
    '[]',
    '"text"',
    `{"name":"x","data":${'{"a":'.repeat(65)}1${'}'.repeat(65)}}`,
    `{"name":"x","data":${'['.repeat(900_000)}`,
    `{"name":"x","data":{"a":${'['.repeat(900_000)}${']'.repeat(900_000)}}}`,
    `{"name":"x","data":{"n":12345678901234567,"a":${'['.repeat(900_000)}${']'.repeat(900_000)}}}`,
  ]
  for (const [index, raw] of cases.entries()) {
    assert.equal((await send(TRACK, { raw })).status, 400, `case ${index}`)
  }
  const replaced = await send(TRACK, { raw: '{"name":"a \ufffd b"}' })
  assert.equal(replaced.status, 200, 'the character itself is text like any other')
})

test('no number is silently another one', async () => {
  const { send, relay } = createWorld()
  const client = relay.workspaces.get('shop')!
  client.pause()
  const cases: readonly (readonly [string, number])[] = [
    ['9007199254740992', 200],
    ['9007199254740993', 400],
    ['12345678901234567890', 400],
    ['-12345678901234567890', 400],
    ['100000000000000000000', 200],
    ['1e21', 200],
    ['1e999', 400],
    ['-1e999', 400],
    ['1e-999', 400],
    ['0e-999', 200],
    ['0.0000000000000000', 200],
    ['0.30000000000000004', 200],
    ['1.7976931348623157e308', 200],
  ]
  for (const [number, status] of cases) {
    const got = await send(TRACK, { raw: `{"name":"x","data":{"n":${number}}}` })
    assert.equal(got.status, status, number)
    if (status === 400) assert.match(got.text, /data\.n/)
  }
  const { operations } = await client.queue.list()
  const kept = cases.filter(([, status]) => status === 200).map(([number]) => Number(number))
  assert.deepEqual(
    operations.map(({ call }) => call?.type === 'event' && call.data['n']),
    kept,
  )
  const text = await send(TRACK, { raw: '{"name":"x","data":{"n":"12345678901234567890"}}' })
  assert.equal(text.status, 200)
  const item = (id: string): string => `{"type":"person","action":"event","name":"x","identifiers":{"id":${id}}}`
  const batch = await send('POST /api/v2/batch', { raw: `{"batch":[${item('1')},${item('12345678901234567890')}]}` })
  assert.equal(batch.status, 207, 'only the item with the number is refused')
  assert.match(batch.text, /"batch_index":1.*identifiers/)
})

test('keys of prototypes are keys like others, and the last of a key that comes twice counts', async () => {
  const { send, relay } = createWorld()
  const client = relay.workspaces.get('shop')!
  client.pause()
  const attributes =
    '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"toString":"t","a":1,"a":2,"toJSON":3}'
  for (const body of [
    attributes,
    `{"batch":[{"type":"person","action":"identify","identifiers":{"id":"42"},"attributes":${attributes}}]}`,
  ]) {
    const line = body === attributes ? 'PUT /api/v1/customers/42' : 'POST /api/v2/batch'
    assert.equal((await send(line, { raw: body })).status, 200)
  }
  assert.equal(Reflect.get({}, 'polluted'), undefined)
  const { operations } = await client.queue.list()
  for (const { call } of operations) {
    assert.ok(call?.type === 'identify')
    assert.equal(JSON.stringify(call.attributes), JSON.stringify(JSON.parse(attributes)))
  }
  assert.equal((await send('POST /api/v2/entity', { raw: '{"__proto__":{"type":"person"}}' })).status, 400)
  assert.equal((await send(TRACK, { raw: '{"__proto__":{"name":"x"}}' })).status, 400)
})
