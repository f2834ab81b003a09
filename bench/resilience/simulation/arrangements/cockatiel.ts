/** As the head of cockatiel's readme (4.0) composes it: a retry of three around a breaker of five in a row. */
import { circuitBreaker, ConsecutiveBreaker, ExponentialBackoff, handleAll, retry, wrap } from 'cockatiel'

import type { Deliver, World } from '../arrangement.ts'
import { sendOnce } from '../send-once.ts'

export function openProcess({ server }: World): Deliver {
  const policy = wrap(
    retry(handleAll, { maxAttempts: 3, backoff: new ExponentialBackoff() }),
    circuitBreaker(handleAll, { halfOpenAfter: 10 * 1000, breaker: new ConsecutiveBreaker(5) }),
  )
  return () => policy.execute(() => sendOnce(server))
}
