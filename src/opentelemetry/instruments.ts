/**
 * The table of metrics as instruments of OpenTelemetry: counters and gauges are observed when they are collected, from
 * the same numbers that Prometheus gets; histograms hear each value as it comes.
 */
import type { Metric } from '../metrics/metric.ts'
import type { Metrics } from '../metrics/metrics.ts'
import { METRICS } from '../metrics/table.ts'
import type { BatchObservableResult, Histogram, Meter, Observable } from './api.ts'

/** Returns the function that ends it. */
export function exportMetrics(metrics: Metrics, meter: Meter): () => void {
  const observables = new Map<Metric, Observable>()
  const histograms = new Map<Metric, Histogram>()
  for (const metric of METRICS) {
    const { name, help: description, unit } = metric
    if (metric.kind === 'histogram') {
      const advice = { explicitBucketBoundaries: [...metric.buckets] }
      histograms.set(metric, meter.createHistogram(name, { description, unit, advice }))
    } else if (metric.kind === 'counter') {
      observables.set(metric, meter.createObservableCounter(name, { description, unit }))
    } else {
      observables.set(metric, meter.createObservableGauge(name, { description, unit }))
    }
  }

  async function observe(result: BatchObservableResult): Promise<void> {
    for (const { metric, samples } of await metrics.collect()) {
      const observable = observables.get(metric)
      if (observable === undefined) continue
      for (const sample of samples) if ('value' in sample) result.observe(observable, sample.value, sample.labels)
    }
  }

  const observed = [...observables.values()]
  meter.addBatchObservableCallback(observe, observed)
  const leave = metrics.onRecord((metric, value, labels) => {
    const names = Object.keys(metric.labels)
    const attributes = Object.fromEntries(names.map((name, index) => [name, labels[index]!]))
    histograms.get(metric)?.record(value, attributes)
  })
  return () => {
    leave()
    meter.removeBatchObservableCallback(observe, observed)
  }
}
