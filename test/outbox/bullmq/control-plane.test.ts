/** The doorbell, the sweep, the pause and the picture of the dead letters, as other processes and Bull Board see them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { BullMQAdapter } from '@bull-board/api/bullMQAdapter'

import type { MirroredDead } from '../../../src/outbox/bullmq/control-plane.ts'
import { until } from '../../until.ts'
import { NAME, openPlane, openQueue } from './plane-scene.ts'
import { scene } from './scene.ts'

test(
  'a bell wakes another process, and a thousand are few jobs',
  scene(async ({ use, redis, link: openOn }) => {
    const server = await redis()
    const here = await openPlane(use, server.url)
    const there = await openPlane(use, server.url)
    await until(() => here.heard.woken + there.heard.woken > 0)
    const link = await openOn(server.url)
    const made = async (): Promise<number> => Number(await link.command('get', ['{holdfast-test}:outbox:id']))
    const before = await made()
    const [startMs, wokenBefore] = [performance.now(), here.heard.woken + there.heard.woken]
    for (let ring = 0; ring < 1_000; ring++) here.plane.ring()
    await until(() => here.heard.woken + there.heard.woken > wokenBefore)
    const passedMs = performance.now() - startMs
    assert.ok((await made()) - before <= 2 + passedMs / 50, `${(await made()) - before} jobs`)
    // They share the bells among them.
    const wokenThere = there.heard.woken
    await until(() => {
      here.plane.ring()
      return there.heard.woken > wokenThere + 2
    })
    assert.deepEqual([here.heard.failures, there.heard.failures], [[], []])
  }),
)

test(
  'the sweep runs in one process a tick, and goes on in the others when one closes',
  scene(async ({ use, redis }) => {
    const server = await redis()
    const planes = [
      await openPlane(use, server.url),
      await openPlane(use, server.url),
      await openPlane(use, server.url),
    ]
    const sweeps = (): number => planes.reduce((sum, { heard }) => sum + heard.sweeps, 0)
    await until(() => sweeps() > 0)
    const [startMs, before] = [performance.now(), sweeps()]
    await until(() => sweeps() >= before + 4)
    assert.ok(sweeps() - before <= 2 + (performance.now() - startMs) / 2_000)
    await planes[0]!.plane.close()
    const closed = planes[0]!.heard.sweeps
    const after = sweeps()
    await until(() => sweeps() >= after + 2)
    assert.equal(planes[0]!.heard.sweeps, closed)
  }),
)

test(
  'a sweep that fails is told and the next one comes',
  scene(async ({ use, redis }) => {
    const server = await redis()
    let sweeps = 0
    const sweep = async (): Promise<void> => {
      if (++sweeps === 1) throw new Error('not this time')
    }
    const { heard } = await openPlane(use, server.url, { sweep })
    await until(() => sweeps === 2)
    assert.match(String(heard.failures[0]), /not this time/)
  }),
)

test(
  'whoever pauses the queue, all are told; while it is paused one bell waits at most',
  scene(async ({ use, redis }) => {
    const server = await redis()
    const here = await openPlane(use, server.url)
    const there = await openPlane(use, server.url)
    const queue = openQueue(use, { host: '127.0.0.1', port: server.port })
    await until(() => here.heard.woken + there.heard.woken > 0)

    await queue.pause()
    await until(() => here.heard.pauses.length === 1 && there.heard.pauses.length === 1)
    await until(async () => {
      here.plane.ring()
      return (await queue.getWaitingCount()) > 0
    })
    for (let ring = 0; ring < 1_000; ring++) {
      here.plane.ring()
      if (ring % 100 === 0) await queue.getWaitingCount()
    }
    const waiting = await queue.getWaiting()
    assert.ok(waiting.filter(({ name }) => name === 'doorbell').length <= 1)
    assert.ok(waiting.length <= 2)

    const woken = here.heard.woken + there.heard.woken
    await here.plane.setPaused(false)
    assert.equal(await queue.isPaused(), false)
    await until(() => there.heard.pauses.length === 2 && here.heard.woken + there.heard.woken > woken)
    assert.deepEqual(there.heard.pauses, [true, false])
    // Who did it knows it already.
    assert.deepEqual(here.heard.pauses, [true])
    await here.plane.setPaused(true)
    assert.equal(await queue.isPaused(), true)
    await until(() => there.heard.pauses.length === 3)
  }),
)

test(
  'a plane that comes to a paused queue is told',
  scene(async ({ use, redis }) => {
    const server = await redis()
    await openQueue(use, { host: '127.0.0.1', port: server.port }).pause()
    const { heard } = await openPlane(use, server.url)
    await until(() => heard.pauses.length > 0)
    assert.deepEqual(heard.pauses, [true])
  }),
)

const letters: readonly MirroredDead[] = [
  {
    id: '01J00000000000000000000001',
    type: 'track',
    reason: 'rejected',
    status: 400,
    field: 'name',
    atMs: 1_700_000_000_000,
  },
  { id: '01J00000000000000000000002', type: 'identify', reason: 'expired', atMs: 1_700_000_001_000 },
]

test(
  'dead letters are failed jobs to Bull Board, without their payload, until they are resolved',
  scene(async ({ use, redis }) => {
    const server = await redis()
    const { plane, heard } = await openPlane(use, server.url)
    const other = await openPlane(use, server.url)
    const where = { host: '127.0.0.1', port: server.port }
    const board = new BullMQAdapter(openQueue(use, where, `${NAME}-dead`))
    const failed = async (): Promise<number> => (await board.getJobCounts())['failed'] ?? 0
    plane.mirror([{ ...letters[0]!, body: 'a-person' } as MirroredDead, letters[1]!])
    await until(async () => (await failed()) === 2)
    const jobs = await board.getJobs(['failed'], 0, 10)
    const shown = jobs.map((job) => job.toJSON()).sort((a, b) => String(a.id).localeCompare(String(b.id)))
    assert.deepEqual(
      shown.map(({ id, name, data, failedReason, timestamp }) => ({ id, name, data, failedReason, timestamp })),
      [
        {
          id: letters[0]!.id,
          name: 'track',
          data: letters[0],
          failedReason: 'rejected · 400 · name',
          timestamp: letters[0]!.atMs,
        },
        {
          id: letters[1]!.id,
          name: 'identify',
          data: letters[1],
          failedReason: 'expired',
          timestamp: letters[1]!.atMs,
        },
      ],
    )
    assert.doesNotMatch(JSON.stringify(shown), /a-person/)

    // A repair names them all again, also in another process.
    other.plane.mirror(letters)
    plane.unmirror([letters[0]!.id, 'never-shown'])
    await until(async () => (await failed()) === 1)
    other.plane.unmirror([letters[1]!.id])
    await until(async () => (await failed()) === 0)
    assert.deepEqual([heard.failures, other.heard.failures], [[], []])

    const main = new BullMQAdapter(openQueue(use, where))
    assert.equal(await main.isPaused(), false)
    await plane.setPaused(true)
    assert.equal(await main.isPaused(), true)
  }),
)

test(
  'telemetry follows the bell to whoever hears it',
  scene(async ({ use, redis }) => {
    const server = await redis()
    const spans: string[] = []
    const telemetry = recordingTelemetry(spans)
    const { plane } = await openPlane(use, server.url, { telemetry })
    await until(() => {
      plane.ring()
      return spans.some((name) => name === `add ${NAME}.doorbell`) && spans.some((name) => name.startsWith('process '))
    })
  }),
)

/** As `bullmq-otel` is one. */
function recordingTelemetry(spans: string[]): object {
  const span = {
    setSpanOnContext: (context: unknown) => context,
    setAttribute: () => {},
    setAttributes: () => {},
    addEvent: () => {},
    recordException: () => {},
    end: () => {},
  }
  return {
    tracer: {
      startSpan: (name: string) => {
        spans.push(name)
        return span
      },
    },
    contextManager: {
      with: (_context: unknown, run: () => unknown) => run(),
      active: () => ({}),
      getMetadata: () => '{}',
      fromMetadata: () => ({}),
    },
  }
}
