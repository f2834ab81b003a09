/** What a metric is, and how it is called on each side. */
import type { LabelValues } from './labels.ts'

/**
 * Units of OpenTelemetry: seconds, bytes, or a count of what stands in the braces. The braces have no part in the
 * Prometheus name.
 */
export type Unit = 's' | 'By' | `{${string}}`

export interface Metric {
  /** The name for OpenTelemetry, with dots. */
  readonly name: string
  readonly kind: 'counter' | 'gauge' | 'histogram'
  readonly unit: Unit
  readonly labels: Readonly<Record<string, LabelValues>>
  /** One sentence, without a full stop. */
  readonly help: string
  /**
   * Where the number lives. `store`: in the outbox; it goes on after a restart, and processes that share an outbox show
   * the same one. `process`: in memory, from the start of the process.
   */
  readonly source: 'store' | 'process'
  /** Of a histogram: upper bounds in the unit, rising; the last one, which takes everything, is left out. */
  readonly buckets: readonly number[]
}

const SUFFIX: Readonly<Record<string, string>> = { s: '_seconds', By: '_bytes' }

/** As the OpenTelemetry collector would name it, so that one dashboard fits both ways: `holdfast_queue_bytes`. */
export function prometheusNameOf({ name, unit, kind }: Pick<Metric, 'name' | 'unit' | 'kind'>): string {
  const base = name.replaceAll('.', '_')
  const suffix = SUFFIX[unit] ?? ''
  const withUnit = base.endsWith(suffix) ? base : base + suffix
  return kind === 'counter' ? `${withUnit}_total` : withUnit
}

/** How many series it can have at most, for one workspace. */
export function seriesMax({ labels }: Pick<Metric, 'labels'>): number {
  return Object.values(labels).reduce((product, values) => product * (values === 'named' ? 1 : values.size), 1)
}
