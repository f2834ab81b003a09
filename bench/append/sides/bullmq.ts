/** BullMQ's `Queue.add`, on a Redis that syncs every write. */
import { Queue } from 'bullmq'
import { Redis } from 'ioredis'

import { at, calls, type Place, type Side } from '../side.ts'

export async function open({ redisPort }: Place): Promise<Side> {
  const connection = new Redis({ port: redisPort, maxRetriesPerRequest: null })
  const queue = new Queue('calls', { connection })
  await queue.waitUntilReady()
  return {
    append(index) {
      const { customerId, name, data } = at(calls, index)
      return queue.add(name, { customerId, name, data })
    },
    async close() {
      const waiting = await queue.getWaitingCount()
      await queue.close()
      await connection.quit()
      return waiting
    },
  }
}
