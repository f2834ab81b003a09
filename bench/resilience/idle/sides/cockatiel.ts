import { circuitBreaker, handleAll, SamplingBreaker } from 'cockatiel'

import { operation } from '../../cost/side.ts'
import type { MakeBreaker } from '../side.ts'

export const make: MakeBreaker = () => {
  const breaker = new SamplingBreaker({ threshold: 0.5, duration: 10_000, minimumRps: 2 })
  const policy = circuitBreaker(handleAll, { halfOpenAfter: 5_000, breaker })
  return () => policy.execute(operation)
}
