/** BullMQ as it comes: one queue, one job for each operation, a worker at concurrency 50. Order is not kept. */
import { Queue, Worker } from 'bullmq'
import { Redis } from 'ioredis'

import { type Stored, numberOf, type Numbered, storedAs } from '../operations.ts'
import type { Place, Side } from '../side.ts'

const NAME = 'calls'
const CONCURRENCY = 50

const OPTIONS = { removeOnComplete: true }

export function connect({ url }: Place): Redis {
  return new Redis(url, { maxRetriesPerRequest: null })
}

function jobOf(operation: Numbered): { name: string; data: Stored; opts: typeof OPTIONS } {
  return { name: 'op', data: storedAs(operation), opts: OPTIONS }
}

export const side: Side = {
  async prepare(place) {
    const connection = connect(place)
    await new Queue(NAME, { connection }).waitUntilReady()
    await connection.quit()
  },
  async produce(place) {
    const connection = connect(place)
    const queue = new Queue(NAME, { connection })
    await queue.waitUntilReady()
    return {
      append: (operations) => queue.addBulk(operations.map(jobOf)),
      close: async () => {
        await queue.close()
        await connection.quit()
      },
    }
  },
  async consume(place, { sink }) {
    const connection = connect(place)
    const worker = new Worker<Stored>(
      NAME,
      async ({ data, attemptsStarted }) =>
        void (await sink([{ number: numberOf(data), isAgain: attemptsStarted > 1 }])),
      { connection, concurrency: CONCURRENCY, autorun: false },
    )
    await worker.waitUntilReady()
    return {
      start: () => void worker.run(),
      close: async () => {
        await worker.close()
        await connection.quit()
      },
    }
  },
  async waiting(place) {
    const connection = connect(place)
    const queue = new Queue(NAME, { connection })
    const counts = await queue.getJobCounts('waiting', 'active', 'delayed', 'failed')
    await queue.close()
    await connection.quit()
    return Object.values(counts).reduce((sum, count) => sum + count, 0)
  },
}
