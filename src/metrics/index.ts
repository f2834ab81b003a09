/** The public names of `holdfast/metrics`. */
import { OptionsError } from '../errors.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { systemRuntime } from '../runtime/system.ts'
import { type Metrics, MetricsOfProcess } from './metrics.ts'

export interface MetricsOptions {
  /** Shown in `holdfast_build_info`, for example that of your service. @defaultValue no such metric */
  readonly version?: string
  /** Time. For tests. @defaultValue the real one */
  readonly runtime?: Pick<Runtime, 'clock'>
}

/**
 * Metrics of clients and relays in Prometheus' text format. Counts events in memory as they come, and asks each client for
 * the numbers of its store when it is scraped: those go on after a restart. No label holds a person or the name of an event.
 * Throws an `OptionsError` for an unknown or wrong option.
 * @example
 * ```ts
 * const metrics = createMetrics()
 * metrics.watch('main', cio)
 * app.get('/metrics', async (context) => context.text(await metrics.text(), 200, { 'content-type': metrics.contentType }))
 * ```
 */
export function createMetrics(options: MetricsOptions = {}): Metrics {
  for (const name of Object.keys(options)) {
    if (name !== 'version' && name !== 'runtime') throw new OptionsError(name, 'is not known here')
  }
  const { runtime = systemRuntime, version } = options
  if (version !== undefined && typeof version !== 'string') throw new OptionsError('version', 'must be a text')
  return new MetricsOfProcess(runtime, version)
}

export { METRICS } from './table.ts'
export { prometheusNameOf } from './metric.ts'
export type { Metric, Unit } from './metric.ts'
export type { MeasuredClient, MeasuredRelay, MeasuredStats } from './measured.ts'
export type { Metrics } from './metrics.ts'
export type { RecordListener } from './registry.ts'
export type { MetricFamily, Sample } from './snapshot.ts'
export type { LabelValues } from './labels.ts'
