import assert from 'node:assert/strict'
import { test } from 'node:test'

import { memoryOutbox, type OpenOutbox, OutboxError } from '../../src/index.ts'
import { basic, createWorld, gotOf, requestOf, workspace } from './world.ts'

const TRACK = 'POST /api/v1/customers/42/events'

test('a workspace gets a new client on its outbox without a failed request, and the order holds across the change', async () => {
  const inner = memoryOutbox()
  const gate = Promise.withResolvers<void>()
  let appends = 0
  const outbox: OpenOutbox = async (context) => {
    const opened = await inner(context)
    const append = opened.append.bind(opened)
    opened.append = async (entries) => {
      // The first one of all is slow.
      if (appends++ === 0) await gate.promise
      return append(entries)
    }
    return opened
  }
  const { relay, soon, runtime, events, send, simulator } = createWorld({ workspaces: [workspace('shop', {}, outbox)] })
  const old = relay.workspaces.get('shop')!
  await soon(old.ready())
  const connection = {}
  const slow = relay.fetch(requestOf(TRACK, { body: { name: 'first' } }), { connection })
  await runtime.clock.advance(10)
  const changing = relay.reconfigure([workspace('shop', { concurrency: 2 }, outbox)])
  await runtime.clock.advance(100)
  const next = relay.workspaces.get('shop')!
  assert.notEqual(next, old)
  const quick = relay.fetch(requestOf(TRACK, { body: { name: 'second' } }), { connection })
  await runtime.clock.advance(100)
  gate.resolve()
  const answers = await soon(Promise.all([slow, quick]))
  assert.deepEqual(
    answers.map(({ status }) => status),
    [200, 200],
  )
  assert.deepEqual(await soon(changing), { added: [], changed: ['shop'], removed: [] })
  assert.equal((await send(TRACK, { body: { name: 'third' } })).status, 200)
  await soon(next.drain())
  const applied = simulator.ledger.events('42').filter((entry) => entry.applied)
  assert.deepEqual(
    applied.map(({ name }) => name),
    ['first', 'second', 'third'],
  )
  await assert.rejects(old.track('1', 'late'), { code: 'CLIENT_CLOSED' })
  const workspaces = events.filter((event) => event.type === 'workspaces')
  assert.deepEqual(workspaces, [{ type: 'workspaces', added: 0, changed: 1, removed: 0 }])
  const closings = events.filter((event) => event.type === 'workspace' && event.event.type === 'closed')
  assert.equal(closings.length, 1, 'the old client told its end')
})

test('requests under load all succeed while the client is changed again and again', async () => {
  const outbox = memoryOutbox()
  const { relay, soon, runtime } = createWorld({ workspaces: [workspace('shop', {}, outbox)] })
  const answers: Promise<Response>[] = []
  const changes: Promise<unknown>[] = []
  const connections = [{}, {}, {}]
  for (let n = 0; n < 60; n++) {
    const connection = connections[n % 3]!
    const line = `POST /api/v1/customers/p${n % 3}/events`
    answers.push(relay.fetch(requestOf(line, { body: { name: 'e', data: { n } } }), { connection }))
    if (n % 10 === 5) changes.push(relay.reconfigure([workspace('shop', { concurrency: n }, outbox)]))
    await runtime.clock.advance(1)
  }
  await soon(Promise.all(changes))
  const statuses = new Set((await soon(Promise.all(answers))).map(({ status }) => status))
  assert.deepEqual([...statuses], [200])
  await soon(relay.workspaces.get('shop')!.drain())
  assert.equal((await soon(relay.close())).workspaces['shop']?.waiting, 0)
})

test('a pause is carried over, and nothing is changed where nothing differs', async () => {
  const outbox = memoryOutbox()
  const options = workspace('shop', { retry: { baseMs: 500 } }, outbox)
  const { relay, soon } = createWorld({ workspaces: [options] })
  const old = relay.workspaces.get('shop')!
  await soon(old.ready())
  old.pause()
  const same = await soon(relay.reconfigure([{ ...options, client: { ...options.client, retry: { baseMs: 500 } } }]))
  assert.deepEqual(same, { added: [], changed: [], removed: [] })
  assert.equal(relay.workspaces.get('shop'), old)
  await soon(relay.reconfigure([workspace('shop', { retry: { baseMs: 600 } }, outbox)]))
  assert.equal((await soon(relay.workspaces.get('shop')!.stats())).paused, true)
})

test('inbound keys change without another client; workspaces come and go', async () => {
  const shop = workspace('shop')
  const { relay, soon, send } = createWorld({ workspaces: [shop] })
  const client = relay.workspaces.get('shop')!
  const rotated = { ...shop, inbound: [{ siteId: 'site', apiKey: 'next' }] }
  const blog = workspace('blog', { siteId: 'second', apiKey: 'other' })
  const added = await soon(relay.reconfigure([rotated, blog]))
  assert.deepEqual(added, { added: ['blog'], changed: ['shop'], removed: [] })
  assert.equal(relay.workspaces.get('shop'), client)
  const ask = async (authorization: string): Promise<number> =>
    (await send(TRACK, { body: { name: 'e' }, authorization })).status
  assert.equal(await ask(basic('site', 'key')), 401)
  assert.equal(await ask(basic('site', 'next')), 200)
  assert.equal(await ask(basic('second', 'other')), 200)
  const removed = await soon(relay.reconfigure([rotated]))
  assert.deepEqual(removed.removed, ['blog'])
  assert.equal(await ask(basic('second', 'other')), 401)
  assert.deepEqual([...relay.workspaces.keys()], ['shop'])
})

test('a request of a workspace that is taken away is still stored', async () => {
  const blog = workspace('blog', { siteId: 'second', apiKey: 'other' })
  const shop = workspace('shop')
  const { relay, soon, runtime } = createWorld({ workspaces: [shop, blog] })
  await soon(relay.workspaces.get('blog')!.ready())
  let end: (() => void) | undefined
  const raw = new ReadableStream<Uint8Array>({
    start(controller) {
      end = () => {
        controller.enqueue(Buffer.from('{"name":"e"}'))
        controller.close()
      }
    },
  })
  const answer = relay.fetch(requestOf(TRACK, { raw, authorization: basic('second', 'other') }))
  const removing = relay.reconfigure([shop])
  await runtime.clock.advance(1_000)
  end?.()
  assert.equal((await gotOf(await soon(answer))).status, 200)
  await soon(removing)
})

test('what cannot be taken leaves everything as it was', async () => {
  const shop = workspace('shop')
  const { relay, soon, send } = createWorld({ workspaces: [shop] })
  const client = relay.workspaces.get('shop')!
  const broken: OpenOutbox = () => Promise.reject(new OutboxError('OUTBOX_READ_ONLY', 'cannot be written'))
  const cases: readonly (readonly [Parameters<typeof relay.reconfigure>[0], string])[] = [
    [[], 'INVALID_OPTIONS'],
    [[workspace('shop', { concurrency: -1 })], 'INVALID_OPTIONS'],
    [[shop, workspace('blog', { siteId: 'second' }, broken)], 'OUTBOX_READ_ONLY'],
  ]
  for (const [workspaces, code] of cases) await assert.rejects(soon(relay.reconfigure(workspaces)), { code })
  assert.equal(relay.workspaces.get('shop'), client)
  assert.deepEqual([...relay.workspaces.keys()], ['shop'])
  assert.equal((await send(TRACK, { body: { name: 'e' } })).status, 200)
  await soon(relay.close())
  await assert.rejects(relay.reconfigure([shop]), { code: 'CLIENT_CLOSED' })
})
