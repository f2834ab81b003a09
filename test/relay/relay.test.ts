import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createRelay } from '../../src/relay/index.ts'
import { basic, createWorld, requestOf, workspace } from './world.ts'

const TRACK = 'POST /api/v1/customers/42/events'

test('a request is answered 200 {} once stored, and arrives once, in order, with the time of its arrival', async () => {
  const { send, simulator, runtime, relay, soon } = createWorld()
  simulator.down('bad-gateway')
  const sentAt: number[] = []
  const ids: (string | null)[] = []
  for (let n = 0; n < 4; n++) {
    sentAt.push(Math.floor(runtime.clock.wallMs() / 1_000))
    const got = await send(TRACK, { body: { name: `step-${n}`, data: { n } } })
    assert.deepEqual([got.status, got.text], [200, '{}'])
    assert.match(got.headers.get('content-type') ?? '', /^application\/json/)
    ids.push(got.headers.get('x-holdfast-id'))
    await runtime.clock.advance(60_000)
  }
  simulator.up()
  await soon(relay.workspaces.get('shop')!.drain())
  const arrived = simulator.ledger.events('42').filter(({ applied }) => applied)
  assert.deepEqual(
    arrived.map(({ name, id, timestamp }) => [name, id, timestamp]),
    ids.map((id, n) => [`step-${n}`, id, sentAt[n]]),
  )
  assert.deepEqual(await soon(relay.close()), { workspaces: { shop: { waiting: 0, deadLetters: 0 } } })
})

test('every route of Track v1 and v2 is stored, and what needs no credentials comes without', async () => {
  const { send, relay } = createWorld()
  const calls: readonly (readonly [string, unknown, string])[] = [
    ['PUT /api/v1/customers/a%2Bb%40x.com', { plan: 'pro' }, 'identify'],
    ['DELETE /api/v1/customers/1', undefined, 'delete'],
    ['PUT /api/v1/customers/1/devices', { device: { id: 't', platform: 'ios' } }, 'add_device'],
    ['DELETE /api/v1/customers/1/devices/a%2Fb', undefined, 'delete_device'],
    ['POST /api/v1/customers/1/suppress', undefined, 'suppress'],
    ['POST /api/v1/customers/1/unsuppress', {}, 'unsuppress'],
    [TRACK, { name: 'order' }, 'event'],
    ['POST /api/v1/events', { name: 'seen', anonymous_id: 'a' }, 'event'],
    ['POST /api/v1/merge_customers', { primary: { id: '1' }, secondary: { id: '2' } }, 'merge'],
    ['POST /api/v1/segments/7/add_customers?id_type=id', { ids: ['1'] }, 'segment'],
    ['POST /api/v1/segments/7/remove_customers', { ids: ['1'] }, 'segment'],
    ['POST /api/v1/forms/f/submit', { data: { email: 'x@example.com' } }, 'form'],
    ['POST /api/v2/entity', { type: 'person', action: 'delete', identifiers: { id: '1' } }, 'delete'],
    ['POST /api/v1/metrics', { delivery_id: 'd', metric: 'clicked' }, 'metric'],
    ['POST /api/v1/push/events', { delivery_id: 'd', event: 'opened' }, 'push'],
    ['POST /push/events', { delivery_id: 'd', event: 'opened' }, 'push'],
    ['POST /unsubscribe/d', { unsubscribe: true }, 'unsubscribe'],
  ]
  const client = relay.workspaces.get('shop')!
  client.pause()
  for (const [index, [line, body]] of calls.entries()) {
    const got = await send(line, index < 13 ? { body } : { body, authorization: null })
    assert.deepEqual([got.status, got.text], [200, '{}'], line)
  }
  const { operations } = await client.queue.list()
  assert.deepEqual(
    operations.map(({ type }) => type),
    calls.map(([, , type]) => type),
  )
  assert.deepEqual(operations[0]?.call?.type === 'identify' && operations[0].call.person.value, 'a+b@x.com')
})

test('a batch is stored as one; the id of the first and the number of all are told', async () => {
  const { send, relay } = createWorld()
  const client = relay.workspaces.get('shop')!
  client.pause()
  const item = (n: number): object => ({ type: 'person', action: 'event', identifiers: { id: '1' }, name: `e${n}` })
  const got = await send('POST /api/v2/batch', { body: { batch: [item(0), item(1), item(2)] } })
  const { operations } = await client.queue.list()
  assert.deepEqual([got.status, got.text], [200, '{}'])
  assert.equal(got.headers.get('x-holdfast-operations'), '3')
  assert.equal(got.headers.get('x-holdfast-id'), operations[0]?.id)
  assert.equal(operations.length, 3)
})

test('a batch with refused items is a 207 that names them; the others are stored, each with the key of its place', async () => {
  const first = createWorld()
  const good = { type: 'person', action: 'event', identifiers: { id: '1' }, name: 'fine' }
  const bad = { type: 'person', action: 'event', identifiers: { id: '1' }, name: 'x'.repeat(101) }
  const headers = { 'idempotency-key': 'key-1' }
  const got = await first.send('POST /api/v2/batch', { body: { batch: [bad, good, 7] }, headers })
  assert.equal(got.status, 207)
  const { errors } = got.body as { errors: { batch_index: number; reason: string; field: string; message: string }[] }
  assert.deepEqual(
    errors.map(({ batch_index: index, field }) => [index, field]),
    [
      [0, 'name'],
      [2, 'body'],
    ],
  )
  assert.equal(got.headers.get('x-holdfast-operations'), '1')
  const again = await first.send('POST /api/v2/batch', { body: { batch: [bad, good, 7] }, headers })
  assert.deepEqual([again.status, again.text], [got.status, got.text])
  assert.equal(again.headers.get('x-holdfast-id'), got.headers.get('x-holdfast-id'))
  const other = createWorld()
  const whole = await other.send('POST /api/v2/batch', { body: { batch: [good, good, good] }, headers })
  assert.equal(whole.status, 200)
  const stored = await other.soon(other.relay.workspaces.get('shop')!.stats())
  assert.equal(stored.totals.accepted, 3, 'one key, three places')
  const answered = first.events.filter((event) => event.type === 'answered')
  assert.deepEqual(
    answered.map(({ result, operations, duplicates }) => [result, operations, duplicates]),
    [
      ['partial', 1, 0],
      ['partial', 0, 1],
    ],
  )
})

test('a batch of which all is refused is a 207, no batch at all a 400, and nothing is stored', async () => {
  const { send, relay, soon } = createWorld()
  const all = await send('POST /api/v2/batch', { body: { batch: [{ type: 'person' }] } })
  assert.equal(all.status, 207)
  assert.equal(all.headers.get('x-holdfast-id'), null)
  for (const body of [{}, { batch: [] }, { batch: 7 }, []]) {
    const got = await send('POST /api/v2/batch', { body })
    assert.equal(got.status, 400)
    assert.deepEqual(Object.keys(got.body as object), ['errors'])
  }
  const many = await send('POST /api/v2/batch', { body: { batch: Array.from({ length: 10_001 }, () => 1) } })
  assert.equal(many.status, 400)
  assert.equal((await soon(relay.workspaces.get('shop')!.stats())).totals.accepted, 0)
})

test('what is wrong with a call is said in the shape of its dialect, and in the words of Customer.io', async () => {
  const { send } = createWorld()
  assert.deepEqual((await send(TRACK, { body: {} })).body, { meta: { error: 'name cannot be blank' } })
  const two = await send('POST /api/v1/merge_customers', { body: {} })
  assert.equal((two.body as { meta: { errors: unknown[] } }).meta.errors.length, 2)
  const v2 = await send('POST /api/v2/entity', { body: { type: 'person', action: 'delete' } })
  assert.deepEqual(v2.body, {
    errors: [{ reason: 'required', field: 'identifiers', message: 'is required' }],
  })
})

test('the same Idempotency-Key is one operation; a key that is too long is a 400 that names the header', async () => {
  const { send, relay, soon } = createWorld()
  const one = await send(TRACK, { body: { name: 'order' }, headers: { 'idempotency-key': 'k' } })
  const two = await send(TRACK, { body: { name: 'order' }, headers: { 'idempotency-key': 'k' } })
  assert.equal(two.status, 200)
  assert.equal(two.headers.get('x-holdfast-id'), one.headers.get('x-holdfast-id'))
  const long = await send(TRACK, { body: { name: 'order' }, headers: { 'idempotency-key': 'k'.repeat(1_001) } })
  assert.equal(long.status, 400)
  assert.match(long.text, /Idempotency-Key/)
  assert.equal((await soon(relay.workspaces.get('shop')!.stats())).totals.accepted, 1)
})

test('two workspaces may use the same key for two operations', async () => {
  const { send, relay, soon } = createWorld({
    workspaces: [workspace('one'), workspace('two', { siteId: 'second', apiKey: 'other' })],
  })
  for (const authorization of [basic('site', 'key'), basic('second', 'other')]) {
    const got = await send(TRACK, { body: { name: 'order' }, headers: { 'idempotency-key': 'k' }, authorization })
    assert.equal(got.status, 200)
  }
  for (const client of relay.workspaces.values()) assert.equal((await soon(client.stats())).totals.accepted, 1)
})

test('the region is answered from the configuration at once, and from the newest probe after that', async () => {
  const { send, relay, soon, simulator } = createWorld({ workspaces: [workspace('shop', { region: 'eu' })] })
  const ask = async (): Promise<unknown> => (await send('GET /api/v1/accounts/region')).body
  assert.deepEqual(await ask(), { url: 'https://track-eu.customer.io', region: 'eu', environment_id: 0 })
  assert.equal(simulator.ledger.requests().length, 0, 'nobody was asked')
  await soon(relay.workspaces.get('shop')!.health({ probe: 'active' }))
  assert.deepEqual(await ask(), { url: 'https://track.customer.io', region: 'us', environment_id: 1 })
  assert.equal(simulator.ledger.requests().length, 1)
  const head = await relay.fetch(requestOf('HEAD /api/v1/accounts/region'))
  assert.deepEqual([head.status, await head.text()], [200, ''])
})

test('what happens is told: phases, answers, and the events of the workspaces; a listener that throws harms nothing', async () => {
  const { send, relay, events, soon } = createWorld()
  relay.on(() => {
    throw new Error('listener')
  })
  await send(TRACK, { body: { name: 'order' } })
  await send('GET /nowhere')
  await soon(relay.close())
  assert.equal(relay.phase, 'closed')
  const phases = events.filter((event) => event.type === 'phase').map(({ from, to }) => `${from}>${to}`)
  assert.deepEqual(phases, ['starting>serving', 'serving>draining', 'draining>closed'])
  const [stored, unknown] = events.filter((event) => event.type === 'answered')
  assert.deepEqual(
    { ...stored, durationMs: 0 },
    {
      type: 'answered',
      workspace: 'shop',
      route: 'track',
      status: 200,
      result: 'stored',
      operations: 1,
      duplicates: 0,
      bytes: 16,
      durationMs: 0,
    },
  )
  assert.deepEqual([unknown?.workspace, unknown?.route, unknown?.result], [null, 'unknown', 'unknown-route'])
  assert.ok(events.some((event) => event.type === 'workspace' && event.event.type === 'accepted'))
})

test('a wrong option is refused with the name of its field', () => {
  const cases: readonly (readonly [() => unknown, string])[] = [
    [() => createRelay({ workspaces: [] }), 'workspaces'],
    [() => createRelay({ workspaces: [workspace('a b')] }), 'workspaces[0].name'],
    [() => createRelay({ workspaces: [workspace('a'), workspace('a')] }), 'workspaces[1].name'],
    [() => createRelay({ workspaces: [workspace('a'), workspace('b')] }), 'workspaces.b.inbound[0]'],
    [() => createRelay({ workspaces: [workspace('a', { siteId: '' })] }), 'workspaces.a.inbound[0].siteId'],
    [() => createRelay({ workspaces: [workspace('a', { siteId: 'x:y' })] }), 'workspaces.a.inbound[0].siteId'],
    [() => createRelay({ workspaces: [workspace('a', { mode: 'direct' })] }), 'workspaces.a.client.mode'],
    [() => createRelay({ workspaces: [workspace('a', { concurrency: 0 })] }), 'workspaces.a.client.concurrency'],
    [() => createRelay({ workspaces: [workspace('a')], defaultWorkspace: 'b' }), 'defaultWorkspace'],
    [() => createRelay({ workspaces: [workspace('a')], bodyBytesMax: 0 }), 'bodyBytesMax'],
    [() => createRelay({ workspaces: [workspace('a')], retries: { answeredMs: -1 } }), 'retries.answeredMs'],
    [() => createRelay({ workspaces: [workspace('a')], ...{ port: 1 } }), 'options.port'],
  ]
  for (const [create, field] of cases) {
    assert.throws(create, (error: { readonly code: string; readonly field: string }) => {
      assert.deepEqual([error.code, error.field], ['INVALID_OPTIONS', field])
      return true
    })
  }
})

test('the trace of a request travels with its operation to the request that delivers it', async () => {
  const { send, events, relay, soon } = createWorld()
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
  await send(TRACK, { body: { name: 'order' }, headers: { traceparent, tracestate: 'shop=1' } })
  await send(TRACK, { body: { name: 'order' }, headers: { traceparent: 'nonsense' } })
  await soon(relay.workspaces.get('shop')!.drain())
  const traces = events.flatMap((event) =>
    event.type === 'workspace' && event.event.type === 'request' ? (event.event.traces ?? []) : [],
  )
  assert.deepEqual(traces, [{ traceparent, tracestate: 'shop=1' }])
})
