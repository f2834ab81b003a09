/** The pipeline with its defaults, the rate of the documentation's margin, and the time that a worker gives a call. */
import { createPipeline } from '../../../../src/resilience/index.ts'
import type { Deliver, World } from '../arrangement.ts'
import { DEADLINE_MS } from '../scenario.ts'
import { sendOnce } from '../send-once.ts'

export function openProcess({ clock, random, server }: World): Deliver {
  const pipeline = createPipeline({ limits: { track: { perSecond: 90 } }, deadlineMs: DEADLINE_MS, clock, random })
  return () => pipeline.execute('track', () => sendOnce(server), { idempotent: true })
}
