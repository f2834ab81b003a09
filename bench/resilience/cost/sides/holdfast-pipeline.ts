import { createPipeline } from '../../../../src/resilience/index.ts'
import { operationWithSignal, type Call } from '../side.ts'

/** All parts at work, with a rate that this process cannot reach. */
export async function open(): Promise<Call> {
  const pipeline = createPipeline({ limits: { track: { perSecond: 1e9, concurrency: 32 } } })
  return () => pipeline.execute('track', ({ signal }) => operationWithSignal(signal))
}
