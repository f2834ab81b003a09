import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'

import * as fc from 'fast-check'

import { memoryOutbox } from '../../src/index.ts'
import { createOrder } from '../../src/relay/order.ts'
import { createWorld, gotOf, requestOf, type SendOptions, workspace } from './world.ts'

const TRACK = 'POST /api/v1/customers/42/events'

/** A body that becomes whole when it is told to. */
function held(): {
  readonly stream: ReadableStream<Uint8Array>
  readonly end: (text: string) => void
  readonly fail: () => void
} {
  const inner = Promise.withResolvers<ReadableStreamDefaultController<Uint8Array>>()
  const stream = new ReadableStream<Uint8Array>({ start: (controller) => inner.resolve(controller) })
  return {
    stream,
    end: (text) =>
      void inner.promise.then((controller) => {
        controller.enqueue(Buffer.from(text))
        controller.close()
      }),
    fail: () => void inner.promise.then((controller) => controller.error(new Error('broken off'))),
  }
}

test('requests of a connection are stored in the order in which they came, whatever their bodies', async () => {
  const { relay, soon, runtime } = createWorld()
  const client = relay.workspaces.get('shop')!
  client.pause()
  await soon(client.ready())
  const connection = {}
  const slow = held()
  const send = (options: SendOptions): Promise<Response> => relay.fetch(requestOf(TRACK, options), { connection })
  const gzip = { 'content-encoding': 'gzip' }
  const large = { name: 'packed', data: { text: 'x'.repeat(50_000) } }
  const answers = [
    send({ raw: slow.stream }),
    send({ raw: gzipSync(JSON.stringify(large)), headers: gzip }),
    send({ body: { name: 'refused'.repeat(100) } }),
    send({ body: { name: 'stranger' }, authorization: null }),
    send({ body: { name: 'plain' } }),
  ]
  await runtime.clock.advance(100)
  assert.equal((await client.stats()).waiting, 0, 'all wait for the first')
  const other = await gotOf(await soon(relay.fetch(requestOf(TRACK, { body: { name: 'other' } }), { connection: {} })))
  assert.equal(other.status, 200, 'another connection does not wait')
  slow.end('{"name":"slow"}')
  const statuses = (await soon(Promise.all(answers))).map(({ status }) => status)
  assert.deepEqual(statuses, [200, 200, 400, 401, 200])
  const { operations } = await client.queue.list()
  assert.deepEqual(
    operations.map(({ call }) => call?.type === 'event' && call.name),
    ['other', 'slow', 'packed', 'plain'],
  )
})

test('a request that breaks off stores nothing and holds up nobody', async () => {
  const { relay, soon, events } = createWorld()
  const client = relay.workspaces.get('shop')!
  await soon(client.ready())
  const connection = {}
  const broken = held()
  const left = held()
  const controller = new AbortController()
  const answers = [
    relay.fetch(requestOf(TRACK, { raw: broken.stream }), { connection }),
    relay.fetch(requestOf(TRACK, { raw: left.stream, signal: controller.signal }), { connection }),
    relay.fetch(requestOf(TRACK, { body: { name: 'behind' } }), { connection }),
  ]
  broken.fail()
  controller.abort()
  const statuses = (await soon(Promise.all(answers))).map(({ status }) => status)
  assert.deepEqual(statuses, [400, 400, 200])
  assert.equal((await soon(client.stats())).totals.accepted, 1)
  const results = events.filter((event) => event.type === 'answered').map(({ result }) => result)
  assert.deepEqual(results.toSorted(), ['aborted', 'aborted', 'stored'])
})

test('a request whose client leaves after its body is stored', async () => {
  const controller = new AbortController()
  const inner = memoryOutbox()
  const { relay, soon, simulator } = createWorld({
    workspaces: [
      workspace('shop', {}, async (context) => {
        const outbox = await inner(context)
        const append = outbox.append.bind(outbox)
        outbox.append = (entries) => {
          controller.abort()
          return append(entries)
        }
        return outbox
      }),
    ],
  })
  await soon(relay.fetch(requestOf(TRACK, { body: { name: 'order' }, signal: controller.signal })))
  assert.equal(controller.signal.aborted, true)
  await soon(relay.workspaces.get('shop')!.drain())
  assert.equal(simulator.ledger.count({ name: 'order', applied: true }), 1)
})

test('turns begin in the order of joining, whatever the order of passing', () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 30 }), { minLength: 1, maxLength: 30 }), (picks) => {
      const order = createOrder()
      const connection = {}
      const begun = picks.map(() => false)
      const passed = picks.map(() => false)
      const turns = picks.map(() => order.join(connection))
      const waits = turns.map((turn, index) => {
        const wait = turn.begun()
        if (wait === undefined) begun[index] = true
        return wait
      })
      assert.equal(waits.filter((wait) => wait === undefined).length, 1)
      for (const pick of picks) {
        turns[pick % turns.length]!.pass()
        passed[pick % turns.length] = true
        const firstOpen = passed.indexOf(false)
        const next = order.join(connection)
        assert.equal(next.begun() === undefined, firstOpen === -1)
        next.pass()
      }
    }),
    { seed: 7, numRuns: 200 },
  )
})

test('thousands that passed out of turn are passed at once, without running out of stack', () => {
  const order = createOrder()
  const connection = {}
  const first = order.join(connection)
  for (let n = 0; n < 50_000; n++) order.join(connection).pass()
  const last = order.join(connection)
  first.pass()
  assert.equal(last.begun(), undefined)
})
