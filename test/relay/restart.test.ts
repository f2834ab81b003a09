/** A relay that ended between the commit and the answer, and was started again on the same outbox. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { memoryOutbox } from '../../src/index.ts'
import { createWorld, type Got, type SendOptions, workspace, type World } from './world.ts'

const TRACK = 'POST /api/v1/customers/42/events'

interface Lives {
  readonly before: World
  /** Starts another relay after the first one's end. */
  readonly restart: (afterMs?: number, options?: Parameters<typeof createWorld>[0]) => Promise<World>
}

function lives(): Lives {
  const outbox = memoryOutbox()
  const workspaces = [workspace('shop', {}, outbox)]
  const before = createWorld({ workspaces })
  // Nothing goes out, so that all of it is found again.
  before.simulator.down('unavailable')
  return {
    before,
    async restart(afterMs = 1_000, options = {}) {
      // What was killed closes nothing; a memory outbox must be let go of all the same.
      await before.soon(before.relay.close({ timeoutMs: 0 }))
      await before.runtime.clock.advance(afterMs)
      return createWorld({ workspaces, of: before, ...options })
    },
  }
}

const again: Pick<SendOptions, 'headers'> = { headers: { 'x-retry-count': '1' } }

function idOf({ status, headers }: Got): string {
  assert.ok(status === 200 || status === 207, `status ${status}`)
  return headers.get('x-holdfast-id') ?? assert.fail('there is no id')
}

async function stored({ relay, soon }: World): Promise<number> {
  return (await soon(relay.workspaces.get('shop')!.stats())).totals.accepted
}

test('a retry of what was stored before the start is that operation, whatever its kind', async () => {
  const calls: readonly (readonly [string, unknown])[] = [
    [TRACK, { name: 'order', data: { total: 12, z: 1, 7: 'x' } }],
    [TRACK, { name: 'order', id: '01BX5ZZKBKACTAV9WEVGEMMVRY', timestamp: 1_767_225_600 }],
    ['PUT /api/v1/customers/42', { plan: 'pro', _timestamp: 1_767_225_600 }],
    ['PUT /api/v1/customers/42', { plan: 'pro', nested: { a: [1, null, 'ä'] } }],
    ['DELETE /api/v1/customers/42', undefined],
    ['POST /api/v1/metrics', { delivery_id: 'd', metric: 'opened' }],
    [
      'POST /api/v2/entity',
      { type: 'object', action: 'identify', identifiers: { object_type_id: '1', object_id: '2' } },
    ],
  ]
  const { before, restart } = lives()
  const ids: string[] = []
  for (const [line, body] of calls) ids.push(idOf(await before.send(line, { body })))
  const after = await restart()
  for (const [index, [line, body]] of calls.entries()) {
    const got = await after.send(line, { body, ...again })
    assert.equal(idOf(got), ids[index], line)
    assert.equal(got.text, '{}')
  }
  assert.equal(await stored(after), calls.length)
})

test('each is claimed once by a retry of one number, so that two equal events stay two', async () => {
  const { before, restart } = lives()
  const body = { name: 'order' }
  const ids = [idOf(await before.send(TRACK, { body })), idOf(await before.send(TRACK, { body }))]
  const after = await restart()
  const found = [idOf(await after.send(TRACK, { body, ...again })), idOf(await after.send(TRACK, { body, ...again }))]
  assert.deepEqual(found.toSorted(), ids.toSorted())
  idOf(await after.send(TRACK, { body, ...again }))
  assert.equal(await stored(after), 3)
})

test('what is first sent after the start, differs, comes too late, or was accepted too long before, is new', async () => {
  const body = { name: 'order' }
  const cases: readonly (readonly [string, number, number, SendOptions])[] = [
    ['no retry', 1_000, 0, { body }],
    ['another body', 1_000, 0, { body: { name: 'other' }, ...again }],
    ['with a time of its own', 1_000, 0, { body: { ...body, timestamp: 1 }, ...again }],
    ['too late', 1_000, 60_100, { body, ...again }],
    ['accepted too long before', 60_100, 0, { body, ...again }],
  ]
  for (const [what, startMs, sendMs, options] of cases) {
    const { before, restart } = lives()
    const id = idOf(await before.send(TRACK, { body }))
    const after = await restart(startMs)
    await after.runtime.clock.advance(sendMs)
    assert.notEqual(idOf(await after.send(TRACK, options)), id, what)
    assert.equal(await stored(after), 2, what)
    await after.soon(after.relay.close())
  }
})

test('a retry of a batch finds each of its operations, and stores those that are not found', async () => {
  const { before, restart } = lives()
  const item = (name: string): object => ({ type: 'person', action: 'event', identifiers: { id: '1' }, name })
  const first = await before.send('POST /api/v2/batch', { body: { batch: [item('a'), item('b')] } })
  const after = await restart()
  const batch = [item('a'), { type: 'person' }, item('b'), item('c')]
  const got = await after.send('POST /api/v2/batch', { body: { batch }, ...again })
  assert.equal(got.status, 207)
  assert.match(got.text, /"batch_index":1/)
  assert.equal(idOf(got), idOf(first))
  assert.equal(got.headers.get('x-holdfast-operations'), '3')
  assert.equal(await stored(after), 3)
  const whole = await after.send('POST /api/v2/batch', {
    body: { batch: [item('a'), item('b')] },
    headers: { 'x-retry-count': '2' },
  })
  assert.deepEqual([whole.status, whole.headers.get('x-holdfast-operations')], [200, '2'])
  assert.equal(await stored(after), 3)
})

test('no more are looked through than may be, and the newest come first', async () => {
  const { before, restart } = lives()
  const ids: string[] = []
  for (let n = 0; n < 5; n++) ids.push(idOf(await before.send(TRACK, { body: { name: `e${n}` } })))
  const after = await restart(1_000, { survivors: { operationsMax: 2 } })
  const found: boolean[] = []
  for (let n = 0; n < 5; n++)
    found.push(idOf(await after.send(TRACK, { body: { name: `e${n}` }, ...again })) === ids[n])
  assert.deepEqual(found, [false, false, false, true, true])
})

test('more than a page of them is read', async () => {
  const { before, restart } = lives()
  const batch = Array.from({ length: 1_500 }, (_, n) => ({
    type: 'person',
    action: 'event',
    identifiers: { id: String(n) },
    name: 'many',
  }))
  const first = await before.send('POST /api/v2/batch', { body: { batch } })
  const after = await restart()
  const got = await after.send('POST /api/v2/batch', { body: { batch }, ...again })
  assert.equal(idOf(got), idOf(first))
  assert.equal(await stored(after), 1_500)
})
