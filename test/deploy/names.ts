/** Whether what a query names is in the table of metrics. */
import assert from 'node:assert/strict'

import { METRICS, type Metric, prometheusNameOf } from '../../src/metrics/index.ts'
import { parseQuery } from './promql.ts'

/** What Prometheus adds to each series that it scrapes. */
const TARGET_LABELS = ['instance', 'job']

const known = new Map<string, { readonly metric: Metric; readonly labels: readonly string[] }>()
for (const metric of METRICS) {
  const name = prometheusNameOf(metric)
  const labels = [...Object.keys(metric.labels), ...TARGET_LABELS]
  if (metric.kind !== 'histogram') known.set(name, { metric, labels })
  else {
    for (const suffix of ['_sum', '_count']) known.set(name + suffix, { metric, labels })
    known.set(`${name}_bucket`, { metric, labels: [...labels, 'le'] })
  }
}

/** Checks a query, and gives the metrics that it names. */
export function checkQuery(query: string): readonly Metric[] {
  const { selectors, grouped } = parseQuery(query)
  assert.ok(selectors.length > 0, `${query} asks for something`)
  const metrics: Metric[] = []
  const labelsThere = new Set<string>()
  for (const { name, matchers } of selectors) {
    if (name === 'up') continue
    const found = known.get(name)
    assert.ok(found, `${name} of ${query} is in the table`)
    metrics.push(found.metric)
    for (const label of found.labels) labelsThere.add(label)
    for (const { label, how, value } of matchers) {
      assert.ok(found.labels.includes(label), `${name} has the label ${label}`)
      const values = found.metric.labels[label]
      if (values === undefined || values === 'named') continue
      for (const word of how.includes('~') ? value.split('|') : [value]) {
        assert.ok(values.has(word), `${label} of ${name} may be ${word}`)
      }
    }
  }
  for (const label of grouped) assert.ok(labelsThere.has(label), `${query} groups by ${label}, which it has`)
  return metrics
}
