/**
 * pg-boss in the one policy of its that keeps order per key, `key_strict_fifo`. Its tie-break inside one statement is the
 * job's id, so ids are version 7 of UUID and grow.
 */
import { randomBytes } from 'node:crypto'

import { PgBoss } from 'pg-boss'
import { Client } from 'pg'

import { numberOf, type Stored, storedAs } from '../operations.ts'
import type { Consumer, Place, Producer, Side, Sink } from '../side.ts'

const QUEUE = 'calls'
const BATCH = 500
const CONNECTIONS = 10
/** A job that nobody heard of for so long is given to another. */
const EXPIRE_SECONDS = 30
const LOOK_MS = 20

async function open({ url }: Place, isFirst: boolean = false): Promise<PgBoss> {
  const boss = new PgBoss({
    connectionString: url,
    max: CONNECTIONS,
    supervise: false,
    schedule: false,
    migrate: isFirst,
  })
  boss.on('error', (error) => {
    throw error
  })
  await boss.start()
  return boss
}

function close(boss: PgBoss): Promise<void> {
  return boss.stop({ graceful: false })
}

let lastMs = 0
let counter = 0

/** Grows also inside a millisecond. */
function uuid7(): string {
  const nowMs = Date.now()
  if (nowMs > lastMs) {
    lastMs = nowMs
    counter = 0
  } else if (++counter > 0xfff) {
    lastMs++
    counter = 0
  }
  const time = lastMs.toString(16).padStart(12, '0')
  const random = randomBytes(8)
  random[0] = 0x80 | (random[0]! & 0x3f)
  const rest = random.toString('hex')
  return `${time.slice(0, 8)}-${time.slice(8)}-7${counter.toString(16).padStart(3, '0')}-${rest.slice(0, 4)}-${rest.slice(4)}`
}

function consumer(boss: PgBoss, sink: Sink, batches: number): Consumer {
  const stopping = new AbortController()
  let loops: Promise<unknown> = Promise.resolve()

  async function loop(): Promise<void> {
    while (!stopping.signal.aborted) {
      const jobs = await boss.fetch<Stored>(QUEUE, { batchSize: BATCH })
      if (jobs.length === 0) {
        await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
        continue
      }
      const done = await sink(jobs.map(({ data }) => ({ number: numberOf(data), isAgain: false })))
      await settle(
        jobs.map(({ id }) => id),
        done,
      )
    }
  }

  async function settle(ids: readonly string[], done: readonly boolean[]): Promise<void> {
    const completed = ids.filter((_, index) => done[index])
    const failed = ids.filter((_, index) => !done[index])
    if (completed.length > 0) await boss.complete(QUEUE, completed)
    if (failed.length > 0) await boss.fail(QUEUE, failed)
  }

  return {
    start() {
      loops = Promise.all(Array.from({ length: batches }, loop))
    },
    async close() {
      stopping.abort()
      await loops
      await close(boss)
    },
  }
}

export const side: Side = {
  async prepare(place) {
    const boss = await open(place, true)
    await boss.createQueue(QUEUE, {
      policy: 'key_strict_fifo',
      retryLimit: 1_000,
      retryDelay: 1,
      expireInSeconds: EXPIRE_SECONDS,
    })
    await close(boss)
  },
  async produce(place): Promise<Producer> {
    const boss = await open(place)
    return {
      append: (operations) =>
        boss.insert(
          QUEUE,
          operations.map((operation) => ({ id: uuid7(), data: storedAs(operation), singletonKey: operation.person })),
          { returnId: false },
        ),
      close: () => close(boss),
    }
  },
  async consume(place, { sink, batches }) {
    return consumer(await open(place), sink, batches)
  },
  async waiting({ url }) {
    const client = new Client({ connectionString: url })
    await client.connect()
    const { rows } = await client.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM pgboss.job WHERE name = $1 AND state < 'completed'`,
      [QUEUE],
    )
    await client.end()
    return rows[0]!.n
  },
}
