import {
  circuitBreaker,
  ExponentialBackoff,
  handleAll,
  retry,
  SamplingBreaker,
  timeout,
  TimeoutStrategy,
  wrap,
} from 'cockatiel'

import { operationWithSignal, type Call } from '../side.ts'

export async function open(): Promise<Call> {
  const policy = wrap(
    retry(handleAll, { maxAttempts: 3, backoff: new ExponentialBackoff() }),
    circuitBreaker(handleAll, {
      halfOpenAfter: 5_000,
      breaker: new SamplingBreaker({ threshold: 0.5, duration: 10_000, minimumRps: 2 }),
    }),
    timeout(10_000, TimeoutStrategy.Aggressive),
  )
  return () => policy.execute(({ signal }) => operationWithSignal(signal))
}
