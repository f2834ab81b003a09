import CircuitBreaker from 'opossum'

import { operation, type Call } from '../side.ts'

export async function open(): Promise<Call> {
  const breaker = new CircuitBreaker(operation)
  return () => breaker.fire()
}
