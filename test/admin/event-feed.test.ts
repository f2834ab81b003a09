import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { StreamItem } from '../../src/admin/contract.ts'
import { BUFFER_MAX, createEventFeed, READERS_MAX } from '../../src/admin/event-feed.ts'
import { valuesOf } from '../../src/admin/ndjson.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'

const paused = { type: 'paused', scope: 'process' } as const
const resumed = { type: 'resumed', scope: 'process' } as const

async function next(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<string> {
  const { value } = await reader.read()
  return new TextDecoder().decode(value)
}

test('a reader gets what happens from when it came, filtered by workspace and type', async () => {
  const feed = createEventFeed(new VirtualClock())
  feed.publish('shop', paused)
  const items = valuesOf(feed.read({ workspace: 'shop', types: ['paused'] }, 'lines'))
  feed.publish('shop', resumed)
  feed.publish('blog', paused)
  feed.publish('shop', paused)
  feed.close()
  const got: StreamItem[] = []
  for await (const item of items) got.push(item as StreamItem)
  assert.deepEqual(
    got.map((item) => item.kind === 'event' && [item.sequence, item.workspace, item.event.type]),
    [[4, 'shop', 'paused']],
  )
})

test('a slow reader loses the oldest, is told how many, and holds up nobody', async () => {
  const feed = createEventFeed(new VirtualClock())
  const slow = feed.read({}, 'lines')
  const quick = feed.read({}, 'lines').getReader()
  await next(quick)
  for (let index = 0; index < BUFFER_MAX + 7; index++) {
    feed.publish('shop', paused)
    if (index % 100 === 0) await next(quick)
  }
  feed.close()
  const got: StreamItem[] = []
  for await (const item of valuesOf(slow)) got.push(item as StreamItem)
  assert.deepEqual(got[0], { kind: 'gap', missed: 7 })
  assert.equal(got.length, BUFFER_MAX + 1)
  assert.equal(got[1]?.kind === 'event' && got[1].sequence, 8)
})

test('a stream shows at once that it is heard, and from time to time that it lives', async () => {
  const clock = new VirtualClock()
  const feed = createEventFeed(clock)
  const reader = feed.read({}, 'sse').getReader()
  assert.equal(await next(reader), ':\n\n')
  const beat = next(reader)
  await clock.advance(15_000)
  assert.equal(await beat, ':\n\n')
  const event = next(reader)
  feed.publish(null, { type: 'phase', from: 'serving', to: 'draining' })
  assert.match(await event, /^id: 1\nevent: phase\ndata: \{"kind":"event",.*\}\n\n$/)
  feed.close()
  assert.equal((await reader.read()).done, true)
  assert.equal(clock.pending, 0)
})

test('readers are bounded, and one that goes makes room', async () => {
  const feed = createEventFeed(new VirtualClock())
  const streams = Array.from({ length: READERS_MAX }, () => feed.read({}, 'lines'))
  assert.throws(() => feed.read({}, 'lines'), { name: 'AdminError', code: 'too-many-readers' })
  await streams[0]!.cancel()
  assert.ok(feed.read({}, 'lines'))
  feed.close()
  assert.equal((await feed.read({}, 'lines').getReader().read()).done, true, 'after the end there is nothing to read')
})
