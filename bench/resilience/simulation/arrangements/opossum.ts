/** As the readme of opossum (10.0) shows it. It has no retry. */
import CircuitBreaker from 'opossum'

import type { Deliver, World } from '../arrangement.ts'
import { sendOnce } from '../send-once.ts'

export function openProcess({ server }: World): Deliver {
  const options = { timeout: 3_000, errorThresholdPercentage: 50, resetTimeout: 30_000 }
  const breaker = new CircuitBreaker(() => sendOnce(server), options)
  return () => breaker.fire()
}
