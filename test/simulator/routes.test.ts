/** Every route of Track v1 and v2, and every way in which one refuses. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { askerOf, type RequestOptions, setUp } from './asking.ts'

const ULID = '01BX5ZZKBKACTAV9WEVGEMMVRY'

const accepted: readonly (readonly [line: string, body: unknown, type: string])[] = [
  ['PUT /api/v1/customers/42', { email: 'a@x.io', _timestamp: 1_760_000_000 }, 'identify'],
  ['DELETE /api/v1/customers/42', undefined, 'delete'],
  [
    'PUT /api/v1/customers/42/devices',
    { device: { id: 'tok', platform: 'ios', last_used: 1_760_000_000 } },
    'add_device',
  ],
  ['DELETE /api/v1/customers/42/devices/tok', undefined, 'delete_device'],
  ['POST /api/v1/customers/42/suppress', {}, 'suppress'],
  ['POST /api/v1/customers/42/unsuppress', {}, 'unsuppress'],
  ['POST /api/v1/customers/42/events', { name: 'order', id: ULID, timestamp: 1_760_000_000, data: { n: 1 } }, 'event'],
  ['POST /api/v1/customers/42/events', { name: '/pricing', type: 'page' }, 'event'],
  ['POST /api/v1/events', { name: 'view', anonymous_id: 'c1' }, 'event'],
  ['POST /api/v1/events', { name: 'invite', data: { recipient: 'a@x.io' } }, 'event'],
  ['POST /api/v1/merge_customers', { primary: { id: '1' }, secondary: { email: 'b@x.io' } }, 'merge'],
  ['POST /api/v1/segments/7/add_customers?id_type=id', { ids: ['1', '2'] }, 'segment'],
  ['POST /api/v1/segments/7/remove_customers', { ids: ['1'] }, 'segment'],
  ['POST /api/v1/metrics', { delivery_id: 'd1', metric: 'opened' }, 'metric'],
  ['POST /api/v1/push/events', { delivery_id: 'd1', event: 'opened', device_id: 'tok' }, 'push'],
  ['POST /push/events', { delivery_id: 'd1', event: 'opened' }, 'push'],
  ['POST /unsubscribe/d1', { unsubscribe: true }, 'unsubscribe'],
  ['POST /api/v2/entity', person('identify', { attributes: { plan: 'pro' } }), 'identify'],
  ['POST /api/v2/entity', person('event', { name: 'order', id: ULID, attributes: { n: 1 } }), 'event'],
  ['POST /api/v2/entity', { type: 'person', action: 'merge', primary: { id: '1' }, secondary: { id: '2' } }, 'merge'],
  [
    'POST /api/v2/entity',
    {
      type: 'object',
      action: 'identify',
      identifiers: { object_type_id: '1', object_id: 'acme' },
      attributes: { a: 1 },
    },
    'object',
  ],
  [
    'POST /api/v2/entity',
    { type: 'delivery', action: 'event', identifiers: { id: 'd1' }, name: 'opened', attributes: { device_token: 't' } },
    'push',
  ],
]

function person(action: string, more: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, unknown>> {
  return { type: 'person', action, identifiers: { id: '42' }, ...more }
}

for (const [line, body, type] of accepted) {
  test(`${line} (${type}) is answered with 200, an empty object and a newline, and is written down`, async () => {
    const { ask, simulator } = setUp()
    const answer = await ask(line, body === undefined ? {} : { body })
    assert.deepEqual([answer.status, answer.text, answer.type], [200, '{}\n', 'application/json; charset=utf-8'])
    assert.deepEqual(
      simulator.ledger.all().map((entry) => [entry.type, entry.status, entry.fate, entry.requestNumber]),
      [[type, 200, 'answered', 1]],
    )
  })
}

test('a form is answered with 204 and nothing', async () => {
  const { ask, simulator } = setUp()
  const answer = await ask('POST /api/v1/forms/f1/submit', { body: { data: { email: 'a@x.io', city: 'Bonn' } } })
  assert.deepEqual([answer.status, answer.text], [204, ''])
  assert.equal(simulator.workspace.person('a@x.io')?.attributes['city'], 'Bonn')
})

test('the region question names the account’s region and carries no operation', async () => {
  const { ask, simulator } = setUp({ region: 'eu' })
  const answer = await ask('GET /api/v1/accounts/region')
  assert.equal(answer.status, 200)
  assert.deepEqual(JSON.parse(answer.text), { url: 'https://track-eu.customer.io', region: 'eu', environment_id: 1 })
  assert.equal(simulator.ledger.count(), 0)
  assert.deepEqual(
    simulator.ledger.requests().map(({ route, status, operations }) => [route, status, operations]),
    [['region', 200, 0]],
  )
})

test('a batch that is good is answered as one operation is', async () => {
  const { ask, simulator } = setUp()
  const batch = [person('identify'), person('event', { name: 'a' }), person('event', { name: 'b' })]
  const answer = await ask('POST /api/v2/batch', { body: { batch } })
  assert.deepEqual([answer.status, answer.text], [200, '{}\n'])
  assert.deepEqual(
    simulator.ledger.all().map((entry) => [entry.batchIndex, entry.type, entry.name, entry.person, entry.dialect]),
    [
      [0, 'identify', null, '42', 'v2'],
      [1, 'event', 'a', '42', 'v2'],
      [2, 'event', 'b', '42', 'v2'],
    ],
  )
})

test('bad items of a batch are named by their index in a 207, and the others are applied', async () => {
  const { ask, simulator } = setUp()
  const batch = [
    person('event', { name: 'a' }),
    person('event', {}),
    { type: 'person', action: 'dance', identifiers: { id: '42' } },
    person('event', { name: 'd' }),
  ]
  const answer = await ask('POST /api/v2/batch', { body: { batch } })
  assert.equal(answer.status, 207)
  const { errors } = JSON.parse(answer.text) as { errors: Record<string, unknown>[] }
  assert.deepEqual(
    errors.map(({ batch_index, field }) => [batch_index, field]),
    [
      [1, 'name'],
      [2, 'action'],
    ],
  )
  assert.deepEqual(Object.keys(errors[0]!), ['batch_index', 'reason', 'field', 'message'])
  assert.deepEqual(
    simulator.ledger.applied().map(({ name }) => name),
    ['a', 'd'],
  )
  assert.equal(simulator.ledger.count({ applied: false, status: 207, type: null }), 1 + 1)
})

const refused: readonly (readonly [line: string, options: RequestOptions, status: number, text: RegExp])[] = [
  ['GET /', {}, 404, /^\{"meta":\{"error":"not found"\}\}\n$/],
  ['POST /api/v1/nothing', {}, 404, /"error"/],
  ['PUT /api/v1/customers/%E0%A4%A', {}, 404, /"error"/],
  ['GET /api/v1/customers/42', {}, 405, /^\{"meta":\{"error":"method not allowed"\}\}\n$/],
  ['POST /api/v2/entity', { authorization: null, body: {} }, 401, /^Unauthorized request\n$/],
  ['POST /api/v2/entity', { authorization: 'Bearer key', body: {} }, 401, /^Unauthorized request\n$/],
  ['POST /api/v2/entity', { authorization: `Basic ${btoa('site:other')}`, body: {} }, 401, /^Unauthorized/],
  ['POST /api/v2/entity', { authorization: `Basic ${btoa('other:key')}`, body: {} }, 401, /^Unauthorized/],
  ['POST /api/v2/entity', { authorization: `Basic ${btoa('nocolon')}`, body: {} }, 401, /^Unauthorized/],
  ['GET /api/v1/accounts/region', { authorization: null }, 401, /^Unauthorized/],
  ['POST /api/v1/forms/f/submit', { authorization: null, body: { data: { id: '1' } } }, 401, /^Unauthorized/],
  ['PUT /api/v1/customers/42', { text: '{"a":' }, 400, /^\{"meta":\{"error":"[^"]+"\}\}\n$/],
  ['PUT /api/v1/customers/42', { text: '[1]' }, 400, /^\{"meta":\{"error":"[^"]+"\}\}\n$/],
  ['POST /api/v1/customers/42/events', { body: {} }, 400, /^\{"meta":\{"error":"name cannot be blank"\}\}\n$/],
  [
    'PUT /api/v1/customers/42/devices',
    { body: { device: {} } },
    400,
    /^\{"meta":\{"errors":\["[^"]+","[^"]+"\]\}\}\n$/,
  ],
  [
    'POST /api/v2/entity',
    { text: 'nonsense' },
    400,
    /^\{"errors":\[\{"reason":"[^"]+","field":"[^"]+","message":"[^"]+"\}\]\}\n$/,
  ],
  ['POST /api/v2/entity', { body: person('event') }, 400, /^\{"errors":\[\{"reason":"required","field":"name"/],
  ['POST /api/v2/batch', { body: { batch: [] } }, 400, /^\{"errors":\[\{"reason":"[^"]+","field":"batch"/],
  ['POST /api/v2/batch', { body: [] }, 400, /^\{"errors":\[\{/],
  ['POST /api/v2/batch', { text: '{"batch":[' }, 400, /^\{"errors":\[\{/],
  ['PUT /api/v1/customers/42', { body: {}, headers: { 'content-encoding': 'gzip' } }, 415, /"error"/],
  ['POST /unsubscribe/d1', { body: { unsubscribe: true }, headers: { 'content-type': 'text/plain' } }, 400, /"error"/],
]

for (const [line, options, status, text] of refused) {
  const what = JSON.stringify(options).slice(0, 60)
  test(`${line} with ${what} is refused with ${status}, and nothing is applied`, async () => {
    const { ask, simulator } = setUp()
    const answer = await ask(line, options)
    assert.equal(answer.status, status)
    assert.match(answer.text, text)
    assert.equal(simulator.ledger.count({ applied: true }), 0)
    assert.deepEqual(
      simulator.ledger.requests().map((request) => [request.status, request.fate]),
      [[status, 'answered']],
    )
    assert.equal(simulator.workspace.people().length, 0)
  })
}

test('metrics, push metrics and unsubscribes need no credentials', async () => {
  const { ask } = setUp()
  const bodies = {
    'POST /api/v1/metrics': { delivery_id: 'd', metric: 'opened' },
    'POST /api/v1/push/events': { delivery_id: 'd', event: 'opened' },
    'POST /unsubscribe/d': { unsubscribe: false },
  }
  for (const [line, body] of Object.entries(bodies)) {
    assert.equal((await ask(line, { body, authorization: null })).status, 200, line)
  }
})

test('both alphabets of base 64 are understood, and without set credentials any will do', async () => {
  const { ask } = setUp({ siteId: 'site??', apiKey: 'key>>' })
  const standard = Buffer.from('site??:key>>').toString('base64')
  const forUrls = Buffer.from('site??:key>>').toString('base64url')
  assert.notEqual(standard, forUrls)
  for (const token of [standard, forUrls]) {
    assert.equal((await ask('GET /api/v1/accounts/region', { authorization: `Basic ${token}` })).status, 200)
  }
  const open = askerOf(setUp({}).simulator.fetch)
  assert.equal((await open('GET /api/v1/accounts/region', { authorization: `Basic ${standard}` })).status, 401)
})

test('a 401 can be JSON', async () => {
  const { ask } = setUp({ unauthorizedAs: 'json' })
  const answer = await ask('GET /api/v1/accounts/region', { authorization: null })
  assert.deepEqual([answer.status, answer.text], [401, '{"meta":{"error":"Unauthorized request"}}\n'])
})

test('keys can be rotated while it runs', async () => {
  const { ask, simulator } = setUp()
  simulator.change({ apiKey: 'new' })
  assert.equal((await ask('GET /api/v1/accounts/region')).status, 401)
  const authorization = `Basic ${btoa('site:new')}`
  assert.equal((await ask('GET /api/v1/accounts/region', { authorization })).status, 200)
  simulator.change({ apiKey: 'key' })
  assert.equal((await ask('GET /api/v1/accounts/region')).status, 200)
})

test('an EU account on the US host is redirected to its own host with the same path; the region question is answered there', async () => {
  const { ask, simulator } = setUp({ region: 'eu' })
  const answer = await ask('PUT /api/v1/customers/a%20b', { body: {} })
  assert.equal(answer.status, 301)
  assert.equal(answer.headers.get('location'), 'https://track-eu.customer.io/api/v1/customers/a%20b')
  assert.deepEqual(JSON.parse(answer.text), { errors: [{ detail: 'wrong datacenter', status: '301' }] })
  assert.equal(simulator.ledger.count({ applied: true }), 0)
  assert.equal((await ask('GET /api/v1/accounts/region')).status, 200)
  const root = 'https://track-eu.customer.io'
  assert.equal((await ask('PUT /api/v1/customers/a%20b', { body: {}, root })).status, 200)
  const serving = setUp({ region: 'eu', wrongRegion: 'serve' })
  assert.equal((await serving.ask('PUT /api/v1/customers/1', { body: {} })).status, 200)
})

test('a US account on the EU host gets 401, and a host that is neither belongs to both', async () => {
  const { ask } = setUp()
  const eu = 'https://track-eu.customer.io'
  assert.equal((await ask('PUT /api/v1/customers/1', { body: {}, root: eu })).status, 401)
  assert.equal((await ask('GET /api/v1/accounts/region', { root: eu })).status, 200)
  assert.equal((await ask('PUT /api/v1/customers/1', { body: {}, root: 'http://127.0.0.1:8080' })).status, 200)
})

test('requests above the rate limit get 429 with the seconds after which there is room again', async () => {
  const { ask, clock, simulator } = setUp({ rateLimit: { perSecond: 2 } })
  const statuses = async (): Promise<number[]> => {
    const answers = [1, 2, 3].map(() => ask('PUT /api/v1/customers/1', { body: {} }))
    return (await Promise.all(answers)).map(({ status }) => status)
  }
  assert.deepEqual(await statuses(), [200, 200, 429])
  const refused = await ask('PUT /api/v1/customers/1', { body: {} })
  assert.deepEqual([refused.status, refused.headers.get('retry-after')], [429, '1'])
  await clock.advance(1_000)
  assert.deepEqual(await statuses(), [200, 200, 429])
  simulator.change({ rateLimit: { perSecond: 2, retryAfter: false } })
  assert.equal((await ask('PUT /api/v1/customers/1', { body: {} })).headers.get('retry-after'), null)
  simulator.change({ rateLimit: null })
  assert.deepEqual(await statuses(), [200, 200, 200])
  assert.equal(simulator.ledger.count({ status: 429, applied: false }), 4)
})

test('names with every awkward character arrive as they were meant', async () => {
  const { ask, simulator } = setUp()
  const names = ['a/b', 'a b', 'a+b', 'a%b', 'a?b', 'a#b', 'a&b=c', 'ünï', '🦊', 'a%2Fb']
  for (const name of names) {
    await ask(`POST /api/v1/customers/${encodeURIComponent(name)}/events`, { body: { name: 'seen' } })
    assert.equal(simulator.workspace.person({ by: 'id', value: name })?.events.length, 1, name)
  }
  assert.deepEqual(
    simulator.ledger.all().map(({ person }) => person),
    names,
  )
})
