/** What is used of BullMQ; the one file that imports it, and only when an outbox on it is opened. */
import type * as bullmq from 'bullmq'
import type { Job, Queue, Worker } from 'bullmq'

import { OutboxError } from '../../errors.ts'

export type { Job, Queue, Worker }
export type BullMq = Pick<typeof bullmq, 'Queue' | 'Worker' | 'UnrecoverableError'>

export async function loadBullMq(): Promise<BullMq> {
  try {
    return await import('bullmq')
  } catch (error) {
    throw new OutboxError('OUTBOX_UNAVAILABLE', 'the Redis outbox needs the package bullmq (>= 6.7): install it', {
      cause: error,
    })
  }
}
