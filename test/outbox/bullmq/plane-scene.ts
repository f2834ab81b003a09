/** What the tests of the control plane share. */
import { Queue } from 'bullmq'

import {
  type ControlPlane,
  type ControlPlaneParts,
  openControlPlane,
} from '../../../src/outbox/bullmq/control-plane.ts'
import type { RedisConnection } from '../../../src/outbox/bullmq/link.ts'
import type { Use } from '../../using.ts'
import { clock } from './scene.ts'

export const PREFIX = '{holdfast-test}'
export const NAME = 'outbox'

export interface Watched {
  readonly plane: ControlPlane
  readonly heard: { woken: number; sweeps: number; readonly pauses: boolean[]; readonly failures: unknown[] }
}

/** A plane as a process has it, and what it was told. */
export async function openPlane(
  use: Use,
  connection: RedisConnection,
  own: Partial<ControlPlaneParts> = {},
): Promise<Watched> {
  const heard: Watched['heard'] = { woken: 0, sweeps: 0, pauses: [], failures: [] }
  const plane = await openControlPlane({
    connection,
    prefix: PREFIX,
    name: NAME,
    clock,
    woken: () => void heard.woken++,
    sweep: async () => void heard.sweeps++,
    pausedChanged: (paused) => heard.pauses.push(paused),
    failed: (error) => heard.failures.push(error),
    ...own,
  })
  use({ [Symbol.asyncDispose]: () => plane.close() })
  return { plane, heard }
}

/** A queue as somebody else opens it, who knows nothing of the outbox. */
export function openQueue(use: Use, connection: object, name: string = NAME): Queue {
  const queue = new Queue(name, { connection, prefix: PREFIX })
  queue.on('error', () => {})
  use({ [Symbol.asyncDispose]: async () => void queue.disconnect().catch(() => {}) })
  return queue
}
