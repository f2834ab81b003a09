import { CircuitBreaker } from '../../../../src/resilience/index.ts'
import { operation, type Call } from '../side.ts'

export async function open(): Promise<Call> {
  const breaker = new CircuitBreaker()
  return () => breaker.execute(operation)
}
