/** A BullMQ worker with the connections that it has made for itself, and its end. */
import type { Clock } from '../../runtime/clock.ts'
import type { Worker } from './bullmq.ts'
import { within } from './patience.ts'
import type { RedisClient } from './redis-client.ts'

export interface MadeWorker {
  readonly made: Worker
  readonly copies: readonly RedisClient[]
}

const CLOSE_MS_MAX = 2_000

/** @param how `soft`: the job that it has is finished first, if that is soon. */
export async function closeWorker(clock: Clock, { made, copies }: MadeWorker, how: 'soft' | 'hard'): Promise<void> {
  const closing = made.close(how === 'hard').catch(() => {})
  if (how === 'soft') await within(clock, CLOSE_MS_MAX, closing)
  for (const copy of copies) copy.disconnect()
}
