/** The numbers at one moment, in the order of the table; what has none is left out. */
import type { Metric } from './metric.ts'
import type { Registry } from './registry.ts'

export interface MetricFamily {
  readonly metric: Metric
  /** One for each combination of labels; at least one. */
  readonly samples: readonly Sample[]
}

export type Sample =
  | { readonly labels: Readonly<Record<string, string>>; readonly value: number }
  | {
      readonly labels: Readonly<Record<string, string>>
      /** In each bucket, not added up; the last one is of what was above all bounds. */
      readonly counts: readonly number[]
      readonly sum: number
      readonly count: number
    }

export function snapshotOf(registry: Registry): readonly MetricFamily[] {
  const families: MetricFamily[] = []
  for (const { metric, names, cells, histograms } of registry.families()) {
    const named = (values: readonly string[]): Record<string, string> =>
      Object.fromEntries(names.map((name, index) => [name, values[index]!]))
    const samples: Sample[] = [...cells.values()].map(({ labels, value }) => ({ labels: named(labels), value }))
    for (const { labels, counts, sum, count } of histograms.values()) {
      samples.push({ labels: named(labels), counts: [...counts], sum, count })
    }
    if (samples.length > 0) families.push({ metric, samples })
  }
  return families
}
