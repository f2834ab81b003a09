/** The queue of dead letters: how many are kept, and what a process that died has left in it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { loadBullMq } from '../../../src/outbox/bullmq/bullmq.ts'
import { FailedJobs } from '../../../src/outbox/bullmq/failed-jobs.ts'
import { makePlaneClient } from '../../../src/outbox/bullmq/plane-client.ts'
import type { Use } from '../../using.ts'
import { until } from '../../until.ts'
import { NAME, openQueue, PREFIX } from './plane-scene.ts'
import { clock, scene } from './scene.ts'

const letter = (index: number) =>
  ({
    id: `01J${String(index).padStart(23, '0')}`,
    type: 'track',
    reason: 'rejected',
    atMs: 1_700_000_000_000 + index,
  }) as const

async function openFailedJobs(use: Use, url: string, shownMax: number): Promise<FailedJobs> {
  const plane = await makePlaneClient(url)
  const failures: unknown[] = []
  const bullmq = await loadBullMq()
  const failed = (error: unknown): void => void failures.push(error)
  const jobs = new FailedJobs({ bullmq, plane, name: NAME, prefix: PREFIX, clock, telemetry: {}, failed, shownMax })
  use({
    [Symbol.asyncDispose]: async () => {
      await jobs.close('soft')
      plane.end()
    },
  })
  return jobs
}

test(
  'of more letters than are shown the newest stay',
  scene(async ({ use, redis }) => {
    const server = await redis()
    const jobs = await openFailedJobs(use, server.url, 30)
    const queue = openQueue(use, { host: '127.0.0.1', port: server.port }, `${NAME}-dead`)
    for (let first = 0; first < 100; first += 20) {
      await jobs.show(Array.from({ length: 20 }, (_, index) => letter(first + index)))
      await until(async () => (await queue.getJobCountByTypes('wait', 'active', 'prioritized')) === 0)
    }
    await until(async () => (await queue.getFailedCount()) <= 30)
    const ids = (await queue.getFailed(0, -1)).map(({ id }) => id)
    assert.equal(ids.length, 30)
    // Those of one call fail side by side, in whatever order.
    assert.ok(
      ids.every((id) => Number(id?.slice(3)) >= 60),
      ids.join(),
    )
    assert.deepEqual(await jobs.hide([letter(99).id, letter(1).id]), [])
    assert.equal(await queue.getJob(letter(99).id), undefined)
  }),
)

test(
  'letters that were left waiting by a process that died are shown by the next one that looks',
  scene(async ({ use, redis }) => {
    const server = await redis()
    const queue = openQueue(use, { host: '127.0.0.1', port: server.port }, `${NAME}-dead`)
    await queue.add('track', letter(1), { jobId: letter(1).id })
    const jobs = await openFailedJobs(use, server.url, 30)
    await jobs.look()
    await until(async () => (await queue.getFailedCount()) === 1)
  }),
)
