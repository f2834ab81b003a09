/** OpenTelemetry where it is wanted: its package is the user's own, and is looked for only then. */
import type { Metrics } from '../metrics/index.ts'
import type { Instrumentation } from '../opentelemetry/index.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { StartError } from './start-error.ts'

/** @throws StartError when `@opentelemetry/api` is not installed */
export async function telemetryOf(metrics: Metrics, runtime: Runtime): Promise<Instrumentation> {
  try {
    const { instrument } = await import('../opentelemetry/index.ts')
    return instrument({ metrics, runtime })
  } catch (error) {
    const message = 'openTelemetry is on, and @opentelemetry/api cannot be loaded: install it beside holdfast'
    throw new StartError('config', 'NO_OPENTELEMETRY', message, error)
  }
}
