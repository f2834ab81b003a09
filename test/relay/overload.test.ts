/** Full, closed, broken, too much at once: what cannot be stored now may come again, soon. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { memoryOutbox, type OpenOutbox, OutboxError } from '../../src/index.ts'
import { createWorld, type Got, gotOf, requestOf, workspace } from './world.ts'

const TRACK = 'POST /api/v1/customers/42/events'
const ORDER = { body: { name: 'order' } }

function assertLater(got: Got, status: number): void {
  assert.equal(got.status, status)
  const after = Number(got.headers.get('retry-after'))
  assert.ok(after >= 1 && after <= 5, `Retry-After ${after}`)
}

test('a full outbox is a 429 that says when to come back', async () => {
  const { send, relay, events } = createWorld({
    workspaces: [workspace('shop', {}, memoryOutbox({ maxOperations: 1 }))],
  })
  relay.workspaces.get('shop')!.pause()
  assert.equal((await send(TRACK, ORDER)).status, 200)
  assertLater(await send(TRACK, ORDER), 429)
  const v2 = await send('POST /api/v2/entity', {
    body: { type: 'person', action: 'delete', identifiers: { id: '1' } },
  })
  assertLater(v2, 429)
  assert.deepEqual(Object.keys(v2.body as object), ['errors'])
  assert.deepEqual(
    events.filter((event) => event.type === 'answered').map(({ result }) => result),
    ['stored', 'full', 'full'],
  )
})

/** An outbox that opens, or writes, only when it is let. */
function troubled(): { readonly open: OpenOutbox; opens: 'yes' | 'no' | 'later'; writes: boolean; tries: number } {
  const inner = memoryOutbox()
  const state: ReturnType<typeof troubled> = {
    opens: 'yes',
    writes: true,
    tries: 0,
    async open(context) {
      state.tries++
      if (state.opens === 'later') return new Promise(() => {})
      if (state.opens === 'no') throw new OutboxError('OUTBOX_READ_ONLY', 'cannot be written')
      const outbox = await inner(context)
      const append = outbox.append.bind(outbox)
      outbox.append = (entries) =>
        state.writes ? append(entries) : Promise.reject(new OutboxError('OUTBOX_DISK_FULL', 'disk full'))
      return outbox
    },
  }
  return state
}

test('an outbox that cannot be opened is a 503 for its workspace alone, and is tried again', async () => {
  const sick = troubled()
  sick.opens = 'no'
  const { send, relay, runtime, events } = createWorld({
    workspaces: [workspace('one'), workspace('two', { siteId: 'second', apiKey: 'other', outbox: sick.open })],
  })
  const second = { ...ORDER, authorization: `Basic ${btoa('second:other')}` }
  assertLater(await send(TRACK, second), 503)
  assert.equal((await send(TRACK, ORDER)).status, 200)
  assert.equal(relay.phase, 'starting')
  sick.opens = 'yes'
  await runtime.clock.advance(2_500)
  assert.equal(relay.phase, 'serving')
  assert.equal((await send(TRACK, second)).status, 200)
  assert.ok(events.some((event) => event.type === 'answered' && event.result === 'cannot-store'))
})

test('a server that is away holds up no start, and its workspace stores when it is back', async () => {
  const inner = memoryOutbox()
  let isAway = true
  const open: OpenOutbox = (context) =>
    isAway ? Promise.reject(new OutboxError('OUTBOX_UNAVAILABLE', 'nobody answers')) : inner(context)
  const { send, relay, runtime } = createWorld({ workspaces: [workspace('shop', {}, open)] })
  assertLater(await send(TRACK, ORDER), 503)
  assert.equal(relay.phase, 'serving')
  assert.equal((await relay.workspaces.get('shop')!.health()).status, 'failing')
  isAway = false
  await runtime.clock.advance(2_500)
  assert.equal((await send(TRACK, ORDER)).status, 200)
  assert.equal(relay.phase, 'serving')
})

test('a request waits for an outbox that is opening, but not for ever', async () => {
  const sick = troubled()
  sick.opens = 'later'
  const { relay, runtime, send } = createWorld({ workspaces: [workspace('shop', {}, sick.open)], openWaitMs: 500 })
  const fromMs = runtime.clock.monotonicMs()
  assertLater(await send(TRACK, ORDER), 503)
  const waitedMs = runtime.clock.monotonicMs() - fromMs
  assert.ok(waitedMs >= 500 && waitedMs <= 510, `waited ${waitedMs} ms`)
  assert.equal(relay.phase, 'starting')
})

test('what is refused while the outbox opens is not stored later', async () => {
  const gate = Promise.withResolvers<void>()
  const inner = memoryOutbox()
  const open: OpenOutbox = async (context) => {
    await gate.promise
    return inner(context)
  }
  const { relay, send, soon } = createWorld({ workspaces: [workspace('shop', {}, open)], openWaitMs: 100 })
  assertLater(await send(TRACK, ORDER), 503)
  gate.resolve()
  assert.equal((await soon(relay.workspaces.get('shop')!.stats())).totals.accepted, 0)
})

test('an outbox that cannot be written is a 503, and the next request is stored when it can', async () => {
  const sick = troubled()
  const { send } = createWorld({ workspaces: [workspace('shop', {}, sick.open)] })
  sick.writes = false
  const got = await send(TRACK, ORDER)
  assertLater(got, 503)
  assert.match(got.text, /OUTBOX_DISK_FULL/)
  sick.writes = true
  assert.equal((await send(TRACK, ORDER)).status, 200)
})

test('too many requests, or too many bytes, under way are a 503; room comes back', async () => {
  for (const limits of [{ inFlightMax: 2 }, { bufferedBytesMax: 130 }]) {
    const { relay, send, soon, events } = createWorld(limits)
    await soon(relay.workspaces.get('shop')!.ready())
    const ends: (() => void)[] = []
    const answers = [1, 2].map((n) => {
      const raw = new ReadableStream<Uint8Array>({
        start(controller) {
          controller.enqueue(Buffer.from(`{"name":"e${n}","data":{"t":"${'x'.repeat(30)}"}`))
          ends.push(() => {
            controller.enqueue(Buffer.from('}'))
            controller.close()
          })
        },
      })
      return relay.fetch(requestOf(TRACK, { raw }))
    })
    await new Promise((resolve) => setImmediate(resolve))
    assertLater(await send(TRACK, ORDER), 503)
    for (const end of ends) end()
    for (const answer of await soon(Promise.all(answers))) assert.equal(answer.status, 200)
    assert.equal((await send(TRACK, ORDER)).status, 200)
    assert.ok(events.some((event) => event.type === 'answered' && event.result === 'busy'))
  }
})

test('a draining relay answers what is under way, refuses what comes, and is idle then', async () => {
  const { relay, soon, send } = createWorld()
  await soon(relay.workspaces.get('shop')!.ready())
  let end: (() => void) | undefined
  const raw = new ReadableStream<Uint8Array>({
    start(controller) {
      end = () => {
        controller.enqueue(Buffer.from('{"name":"order"}'))
        controller.close()
      }
    },
  })
  const underWay = relay.fetch(requestOf(TRACK, { raw }))
  let isIdle = false
  const idle = relay.idle().then(() => (isIdle = true))
  relay.drain()
  assert.equal(relay.phase, 'draining')
  const refused = await send(TRACK, ORDER)
  assertLater(refused, 503)
  assert.equal(refused.headers.get('connection'), 'close')
  assert.equal(isIdle, false)
  end?.()
  assert.equal((await gotOf(await soon(underWay))).status, 200)
  await soon(idle)
  const report = await soon(relay.close())
  assert.equal(report.workspaces['shop']?.waiting, 0)
  assertLater(await send(TRACK, ORDER), 503)
})

test('closing waits no longer for a request than it may', async () => {
  const { relay, soon, runtime } = createWorld()
  await soon(relay.workspaces.get('shop')!.ready())
  const stuck = relay.fetch(requestOf(TRACK, { raw: new ReadableStream({ start() {} }) }))
  const fromMs = runtime.clock.monotonicMs()
  const [report, again] = await soon(Promise.all([relay.close({ timeoutMs: 1_000 }), relay.close()]))
  assert.equal(report, again)
  assert.ok(runtime.clock.monotonicMs() - fromMs < 1_100)
  assert.equal(relay.phase, 'closed')
  void stuck
  await assert.rejects(relay.close({ timeoutMs: -1 }), { code: 'INVALID_OPTIONS', field: 'timeoutMs' })
})
