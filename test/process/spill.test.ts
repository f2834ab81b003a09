/** A process with a spill that is really killed, at moments in which it appends, drains, or both. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'

import { memoryOutbox } from '../../src/outbox/memory.ts'
import { bullmqOutbox } from '../../src/outbox/bullmq.ts'
import { openWithSpill } from '../../src/outbox/spill.ts'
import { systemRuntime } from '../../src/runtime/system.ts'
import { seededRandom } from '../../src/testing/seeded-random.ts'
import { idsIn } from '../outbox/spill/scene.ts'
import { startRedis } from '../servers/redis.ts'
import { until } from '../until.ts'
import { type Producer, startProducer } from './spill-producer.ts'
import { type Fate, keep, keptOutbox } from './spill-remote.ts'

test('kill -9 in an outage and while it drains: nothing is lost, nothing is there twice, and the order holds', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-spill-'))
  const context = { runtime: systemRuntime, workspace: 'test', notice: () => {} }
  const remote = await memoryOutbox({ deliver: 'all' })(context)
  const keeper = await keep(remote)
  const path = join(folder, 'spill.db')
  const random = seededRandom(7)
  const receipts: number[] = []
  const lives: Producer[] = []
  try {
    for (let life = 0; life < 3; life++) {
      keeper.fate = (call) => (call === 'append' || random() < 0.5 ? 'refused' : 'well')
      const producer = startProducer({ path, url: keeper.url, first: life * 1_000_000 })
      lives.push(producer)
      await until(() => producer.receipts.length > 600 && producer.spills.includes('spill begun'))
      // It drains now, not without trouble, and dies at one of its first batches.
      let batches = 1 + Math.floor(random() * 4)
      keeper.fate = (call): Fate => {
        if (call !== 'append') return 'well'
        batches--
        const fates = ['well', 'lost', 'refused', 'well'] as const
        return fates[Math.floor(random() * fates.length)]!
      }
      await until(() => batches <= 0)
      await producer.kill()
      receipts.push(...producer.receipts)
    }
    keeper.fate = () => 'well'
    const open = openWithSpill(keptOutbox(keeper.url), { spill: { path }, onOutage: 'hold', deliverAfterMs: 60_000 })
    const last = await open(context)
    await until(async () => (await last.stats()).spilled === 0)
    await last.close()
    const there = (await idsIn(remote)).map(Number)
    const known = new Set(there)
    assert.deepEqual(
      receipts.filter((number) => !known.has(number)),
      [],
      'lost',
    )
    assert.ok(receipts.length > 1_800)
    assert.deepEqual(
      there,
      [...known].toSorted((a, b) => a - b),
      'once, and in the order of their calls',
    )
  } finally {
    for (const { kill } of lives) await Promise.race([kill(), Promise.resolve()])
    await keeper[Symbol.asyncDispose]()
    await remote.close()
    rmSync(folder, { recursive: true, force: true })
  }
})

test('the same with a Redis that is killed and frozen', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-spill-'))
  const context = { runtime: systemRuntime, workspace: 'test', notice: () => {} }
  const path = join(folder, 'spill.db')
  const random = seededRandom(3)
  const receipts: number[] = []
  const lives: Producer[] = []
  const redis = await startRedis({ appendfsync: 'always' })
  try {
    for (let life = 0; life < 4; life++) {
      const producer = startProducer({ path, url: redis.url, first: life * 1_000_000 })
      lives.push(producer)
      const more = async (count: number): Promise<void> => {
        const before = producer.receipts.length
        await until(() => producer.receipts.length > before + count)
      }
      await more(100)
      if (life % 2 === 0) await redis.kill()
      else redis.freeze()
      await until(() => producer.spills.includes('spill begun'))
      await more(300)
      if (life % 2 === 0) await redis.restart()
      else redis.thaw()
      // At some time of the drain, or soon after it.
      await more(Math.floor(random() * 600))
      await producer.kill()
      receipts.push(...producer.receipts)
    }
    const last = await bullmqOutbox({ connection: redis.url, spill: { path } })(context)
    await until(async () => (await last.stats()).spilled === 0)
    const there = (await idsIn(last)).map(Number)
    await last.close()
    const known = new Set(there)
    assert.deepEqual(
      receipts.filter((number) => !known.has(number)),
      [],
      'lost',
    )
    assert.deepEqual(
      there,
      [...known].toSorted((a, b) => a - b),
      'once, and in the order of their calls',
    )
  } finally {
    for (const { kill } of lives) await Promise.race([kill(), Promise.resolve()])
    redis.thaw()
    await redis.stop()
    rmSync(folder, { recursive: true, force: true })
  }
})
