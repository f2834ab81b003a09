import { circuitBreaker, handleAll, SamplingBreaker } from 'cockatiel'

import { operation, type Call } from '../side.ts'

export async function open(): Promise<Call> {
  const breaker = new SamplingBreaker({ threshold: 0.5, duration: 10_000, minimumRps: 2 })
  const policy = circuitBreaker(handleAll, { halfOpenAfter: 5_000, breaker })
  return () => policy.execute(operation)
}
