import { CircuitBreaker } from '../../../../src/resilience/index.ts'
import { failing, operation, type Call } from '../side.ts'

export async function open(): Promise<Call> {
  const breaker = new CircuitBreaker({ consecutiveFailures: 1, openMs: 1e9 })
  await breaker.execute(failing).catch(() => {})
  return async () => {
    try {
      return await breaker.execute(operation)
    } catch (error) {
      return error
    }
  }
}
