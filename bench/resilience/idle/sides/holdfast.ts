import { CircuitBreaker } from '../../../../src/resilience/index.ts'
import { operation } from '../../cost/side.ts'
import type { MakeBreaker } from '../side.ts'

export const make: MakeBreaker = () => {
  const breaker = new CircuitBreaker()
  return () => breaker.execute(operation)
}
