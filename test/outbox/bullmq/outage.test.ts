/** What becomes of calls when the Redis behind a client dies, freezes and comes back. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'

import { isHoldfastError, ResilientCustomerIO } from '../../../src/index.ts'
import { type BullmqOutboxOptions, bullmqOutbox } from '../../../src/outbox/bullmq.ts'
import { systemRuntime } from '../../../src/runtime/system.ts'
import { createSimulator, type Simulator } from '../../../src/simulator/index.ts'
import { type RedisServer, startRedis } from '../../servers/redis.ts'
import { until } from '../../until.ts'

interface Scene {
  readonly server: RedisServer
  readonly simulator: Simulator
  readonly open: (options?: Partial<BullmqOutboxOptions>) => ResilientCustomerIO
}

function scene(run: (scene: Scene) => Promise<void>): () => Promise<void> {
  return async () => {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-redis-'))
    const server = await startRedis({ appendfsync: 'always' })
    const { clock, random } = systemRuntime
    const simulator = createSimulator({ clock, random, siteId: 'site', apiKey: 'key' })
    const clients: ResilientCustomerIO[] = []
    const open = (options: Partial<BullmqOutboxOptions> = {}): ResilientCustomerIO => {
      const outbox = bullmqOutbox({
        connection: server.url,
        commandTimeoutMs: 500,
        spill: { path: join(folder, `spill-${clients.length}.db`) },
        ...options,
      })
      const runtime = { ...systemRuntime, fetch: simulator.fetch }
      const cio = new ResilientCustomerIO({ siteId: 'site', apiKey: 'key', runtime, outbox })
      clients.push(cio)
      return cio
    }
    try {
      await run({ server, simulator, open })
    } finally {
      for (const cio of clients) await cio.close({ timeoutMs: 1_000 })
      await server.stop()
      rmSync(folder, { recursive: true, force: true })
    }
  }
}

/** The numbers of the events of one person, in the order in which Customer.io took them. */
function taken(simulator: Simulator, person: string): readonly number[] {
  return simulator.ledger.find({ type: 'event', person, applied: true }).map(({ name }) => Number(name))
}

/** Nothing is beside the outbox any more, and nothing goes there. */
async function isWell(cio: ResilientCustomerIO): Promise<boolean> {
  return !(await cio.health()).reasons.some(({ code }) => code === 'spilling')
}

const numbers = (count: number): readonly number[] => Array.from({ length: count }, (_, index) => index)

test(
  'while Redis is dead calls are spilled, as their receipts say, and follow those before them in order when it is back',
  scene(async ({ server, simulator, open }) => {
    const cio = open()
    await cio.ready()
    cio.pause()
    for (const n of numbers(5)) assert.equal((await cio.track('ada', String(n))).spilled, false)
    await server.kill()
    for (const n of [5, 6, 7]) assert.equal((await cio.track('ada', String(n))).spilled, true)
    const health = await cio.health()
    assert.ok(health.reasons.some(({ code }) => code === 'spilling'))
    await server.restart()
    await until(() => isWell(cio))
    assert.equal((await cio.track('ada', '8')).spilled, false)
    cio.resume()
    await cio.drain({ timeoutMs: 20_000 })
    assert.deepEqual(taken(simulator, 'ada'), numbers(9))
  }),
)

test(
  'a Redis that freezes keeps nobody waiting, and what it had been asked before is there once',
  scene(async ({ server, simulator, open }) => {
    const cio = open()
    await cio.ready()
    cio.pause()
    await cio.track('ada', '0')
    server.freeze()
    const receipts = await Promise.all([1, 2, 3].map((n) => cio.track('ada', String(n))))
    assert.ok(receipts.every(({ spilled }) => spilled))
    server.thaw()
    await until(() => isWell(cio))
    const { waiting, totals } = await cio.stats()
    assert.deepEqual([waiting, totals.accepted], [4, 4], 'what was answered too late is not there twice')
    cio.resume()
    await cio.drain({ timeoutMs: 20_000 })
    assert.deepEqual(taken(simulator, 'ada'), numbers(4))
  }),
)

test(
  'a client that starts while Redis is away takes calls, and delivers them when it comes',
  scene(async ({ server, simulator, open }) => {
    await server.kill()
    const cio = open()
    for (const n of numbers(3)) assert.equal((await cio.track('ada', String(n))).spilled, true)
    await server.restart()
    await until(() => taken(simulator, 'ada').length === 3)
    assert.deepEqual(taken(simulator, 'ada'), numbers(3))
  }),
)

test(
  'without a spill a call is refused with a typed error while Redis is away, and the next one works when it is back',
  scene(async ({ server, open }) => {
    const cio = open({ spill: false })
    await cio.ready()
    await server.kill()
    await assert.rejects(
      cio.track('ada', 'seen'),
      (error) => isHoldfastError(error) && error.code === 'OUTBOX_UNAVAILABLE',
    )
    await server.restart()
    await until(() =>
      cio.track('ada', 'seen').then(
        () => true,
        () => false,
      ),
    )
  }),
)

test(
  'a call through one client wakes another, which delivers it while the first is paused',
  scene(async ({ simulator, open }) => {
    const producer = open()
    const consumer = open()
    await Promise.all([producer.ready(), consumer.ready()])
    producer.pause()
    await producer.track('ada', '0')
    await until(() => taken(simulator, 'ada').length === 1)
  }),
)

test(
  'onOutage deliver: what is spilled goes out from the file when Redis has stayed away, and the rest when it is back',
  scene(async ({ server, simulator, open }) => {
    const cio = open({ onOutage: 'deliver', deliverAfterMs: 200 })
    await cio.ready()
    await server.kill()
    for (const n of numbers(3)) await cio.track('ada', String(n))
    await until(() => taken(simulator, 'ada').length === 3)
    await server.restart()
    await until(() => isWell(cio))
    await cio.track('ada', '3')
    await until(() => taken(simulator, 'ada').length === 4)
    assert.deepEqual(taken(simulator, 'ada'), numbers(4))
  }),
)
