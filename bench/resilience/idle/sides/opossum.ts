import CircuitBreaker from 'opossum'

import { operation } from '../../cost/side.ts'
import type { MakeBreaker } from '../side.ts'

export const make: MakeBreaker = () => {
  const breaker = new CircuitBreaker(operation, { timeout: false })
  return () => breaker.fire()
}
