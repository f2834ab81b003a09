import { createPipeline } from '../../../../src/resilience/index.ts'
import { operationWithSignal, type Call } from '../side.ts'

/** Retry, breaker and timeout as cockatiel's side has them: no rate, no slots, no budget, no deadline. */
export async function open(): Promise<Call> {
  const pipeline = createPipeline({
    limits: { track: { perSecond: Infinity, concurrency: Infinity } },
    retry: { budget: false },
    timeoutMs: 10_000,
    deadlineMs: Infinity,
  })
  return () => pipeline.execute('track', ({ signal }) => operationWithSignal(signal))
}
