/** What is used of BullMQ; the one file that imports it, and only when an outbox on it is opened. */
import type * as bullmq from 'bullmq'
import type { Job, Queue, Worker } from 'bullmq'

import { OptionsError } from '../../errors.ts'

export type { Job, Queue, Worker }
export type BullMq = Pick<typeof bullmq, 'Queue' | 'Worker' | 'UnrecoverableError'>

export async function loadBullMq(): Promise<BullMq> {
  try {
    return await import('bullmq')
  } catch {
    throw new OptionsError('connection', 'needs the package bullmq, 6.7 or later: npm install bullmq')
  }
}
