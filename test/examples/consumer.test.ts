/** The example of a consumer: it dies between storing and committing, the outbox is full, and each message arrives once and in order. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'

import { consume, type Message, type Source } from '../../examples/consumer.ts'
import { ResilientCustomerIO, sqliteOutbox } from '../../src/index.ts'
import { systemRuntime } from '../../src/runtime/system.ts'
import { createSimulator, type Simulator } from '../../src/simulator/index.ts'
import { until } from '../until.ts'

const MESSAGES = 600
const PEOPLE = 20
const FROM_MS = Date.now() - 3_600_000

/** A partition in this process. What is committed outlives its consumers. */
class Partition {
  committed = 0
  readonly #messages: readonly Message[]

  constructor(count: number) {
    this.#messages = Array.from({ length: count }, (_, offset) => ({
      offset,
      person: `p${offset % PEOPLE}`,
      name: `order-${offset}`,
      data: { total: 12 },
      atMs: FROM_MS + offset,
    }))
  }

  /** For one consumer. `commit` may be replaced by what goes wrong. */
  assign(sizes: readonly number[], commit = (offset: number): void => void (this.committed = offset)): Source {
    let next = this.committed
    let polls = 0
    return {
      topic: 'orders',
      partition: 3,
      poll: async (max) => {
        const found = this.#messages.slice(next, next + Math.min(max, sizes[polls++ % sizes.length]!))
        next += found.length
        return found
      },
      commit: async (offset) => commit(offset),
    }
  }
}

interface Scene {
  readonly simulator: Simulator
  readonly open: (maxOperations?: number) => ResilientCustomerIO
}

function scene(run: (scene: Scene) => Promise<void>): () => Promise<void> {
  return async () => {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-consumer-'))
    const simulator = createSimulator({ siteId: 'site', apiKey: 'key' })
    const clients: ResilientCustomerIO[] = []
    const open = (maxOperations = 10_000): ResilientCustomerIO => {
      const outbox = sqliteOutbox({ path: join(folder, 'outbox.db'), maxOperations })
      const runtime = { ...systemRuntime, fetch: simulator.fetch }
      const cio = new ResilientCustomerIO({ siteId: 'site', apiKey: 'key', outbox, runtime })
      clients.push(cio)
      return cio
    }
    try {
      await run({ simulator, open })
    } finally {
      await Promise.all(clients.map((cio) => cio.close({ timeoutMs: 0 })))
      rmSync(folder, { recursive: true, force: true })
    }
  }
}

/** The offsets that had an effect, by person, in the order in which they arrived. */
function arrivedOf(simulator: Simulator, person: number): readonly number[] {
  const events = simulator.ledger.find({ person: `p${person}`, applied: true })
  return events.map(({ name }) => Number(name?.slice('order-'.length)))
}

function assertAllOnce(simulator: Simulator): void {
  for (let person = 0; person < PEOPLE; person++) {
    const wanted = Array.from({ length: MESSAGES / PEOPLE }, (_, n) => n * PEOPLE + person)
    assert.deepEqual(arrivedOf(simulator, person), wanted)
  }
}

test(
  'a consumer that dies between storing and committing reads the messages again, and each is stored once and arrives in order',
  scene(async ({ simulator, open }) => {
    const partition = new Partition(MESSAGES)
    const first = open()
    let commits = 0
    const dies = partition.assign([100], (offset) => {
      if (++commits === 3) throw new Error('killed')
      partition.committed = offset
    })
    await assert.rejects(consume(dies, first), /killed/)
    assert.equal(partition.committed, 200)
    await first.close({ timeoutMs: 0 })

    // Another one, to which the partition goes, and which is given other portions of it.
    const second = open()
    await consume(partition.assign([70, 150]), second)
    assert.equal(partition.committed, MESSAGES)
    await until(() => simulator.ledger.count({ type: 'event', applied: true }) === MESSAGES)
    const { totals } = await second.stats()
    assert.deepEqual([totals.accepted, totals.duplicates], [MESSAGES, 100])
    assertAllOnce(simulator)
  }),
)

test(
  'a full outbox holds the consumer back, and nothing is passed over',
  scene(async ({ simulator, open }) => {
    const partition = new Partition(MESSAGES)
    simulator.down('unavailable')
    const cio = open(150)
    let refused = 0
    cio.on((event) => void (event.type === 'refused' && refused++))
    const done = consume(partition.assign([200]), cio)
    await until(() => refused > 0)
    assert.equal(partition.committed, 0)
    simulator.up()
    await done
    await until(() => simulator.ledger.count({ type: 'event', applied: true }) === MESSAGES)
    assertAllOnce(simulator)
  }),
)
