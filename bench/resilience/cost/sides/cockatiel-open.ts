import { circuitBreaker, ConsecutiveBreaker, handleAll } from 'cockatiel'

import { failing, operation, type Call } from '../side.ts'

export async function open(): Promise<Call> {
  const policy = circuitBreaker(handleAll, { halfOpenAfter: 1e9, breaker: new ConsecutiveBreaker(1) })
  await policy.execute(failing).catch(() => {})
  return async () => {
    try {
      return await policy.execute(operation)
    } catch (error) {
      return error
    }
  }
}
