/** The table of metrics: names, units, buckets, bounds. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'

import { circuitCauses, OTHER } from '../../src/metrics/labels.ts'
import { METRICS, prometheusNameOf } from '../../src/metrics/index.ts'
import { seriesMax } from '../../src/metrics/metric.ts'
import type { TransitionCause } from '../../src/resilience/index.ts'

const names = METRICS.map(prometheusNameOf)

test('every metric has one name on each side, in the form that each side wants', () => {
  assert.equal(new Set(METRICS.map(({ name }) => name)).size, METRICS.length)
  assert.equal(new Set(names).size, METRICS.length)
  for (const metric of METRICS) {
    assert.match(metric.name, /^holdfast(?:\.[a-z][a-z_]*)+$/)
    const name = prometheusNameOf(metric)
    assert.match(name, /^holdfast(?:_[a-z]+)+$/)
    assert.equal(name.endsWith('_total'), metric.kind === 'counter', name)
    assert.ok(!/(.+)_\1(?:_|$)/.test(name.replace('holdfast_', '')), `${name} says nothing twice`)
    assert.ok(!/milli|_ms|kilo|minute|hour/.test(name), `${name} has a base unit`)
    assert.ok(metric.help.length > 10 && !metric.help.endsWith('.') && !metric.help.includes('\n'), metric.help)
  }
})

test('a name of a histogram does not run into another metric', () => {
  const histograms = METRICS.filter(({ kind }) => kind === 'histogram').map(prometheusNameOf)
  for (const name of histograms) {
    for (const suffix of ['_bucket', '_sum', '_count']) assert.ok(!names.includes(name + suffix), name + suffix)
  }
})

test('a histogram has rising bounds, the others have none', () => {
  for (const { name, kind, buckets } of METRICS) {
    assert.equal(buckets.length > 0, kind === 'histogram', name)
    assert.deepEqual(
      buckets,
      [...new Set(buckets)].sort((a, b) => a - b),
      name,
    )
  }
})

test('the labels have bounded sets of values, and none is of a person or an event', () => {
  const known = new Set(METRICS.flatMap(({ labels }) => Object.keys(labels)))
  assert.deepEqual(
    [...known].sort(),
    [
      'cause',
      'during',
      'endpoint',
      'from',
      'outcome',
      'reason',
      'result',
      'route',
      'state',
      'status',
      'status_class',
      'to',
      'version',
      'workspace',
      'phase',
    ].sort(),
  )
  for (const metric of METRICS) {
    for (const [label, values] of Object.entries(metric.labels)) {
      if (values === 'named') assert.ok(label === 'workspace' || label === 'version', label)
      else assert.ok(values.size <= 32 && [...values].every((value) => /^[a-z0-9_-]+$/.test(value)), metric.name)
    }
    // The one with the most could have so many only if every answer were given on every route.
    assert.ok(seriesMax(metric) <= 4_500, `${metric.name} has at most ${seriesMax(metric)} series`)
  }
})

test('what the design wants by name is there', () => {
  const wanted = [
    'ops_accepted_total',
    'ops_refused_total',
    'ops_settled_total',
    'ops_lost_total',
    'queue_depth',
    'queue_bytes',
    'queue_capacity_bytes',
    'queue_oldest_age_seconds',
    'campaign_window_remaining_seconds',
    'events_past_campaign_window_total',
    'accept_duration_seconds',
    'delivery_delay_seconds',
    'send_requests_total',
    'send_duration_seconds',
    'batch_ops',
    'batch_bytes',
    'retries_total',
    'bisects_total',
    'circuit_state',
    'circuit_transitions_total',
    'limiter_rate',
    'limiter_throttled_seconds_total',
    'lanes_blocked',
    'dead_letters',
    'dead_letters_bytes',
    'event_loop_lag_seconds',
    'build_info',
    'start_time_seconds',
    'config_last_reload_successful',
    'config_last_reload_success_timestamp_seconds',
  ]
  assert.deepEqual(
    wanted.filter((name) => !names.includes(`holdfast_${name}`)),
    [],
  )
})

test('the causes of a change of the circuit are those of the breaker', () => {
  const causes: Readonly<Record<TransitionCause, true>> = {
    'consecutive-failures': true,
    'failure-ratio': true,
    'slow-calls': true,
    probe: true,
    'probe-failed': true,
    recovered: true,
    isolated: true,
    released: true,
    restored: true,
  }
  assert.deepEqual([...circuitCauses].sort(), [...Object.keys(causes), OTHER].sort())
})

test('the list of metrics in the documents is the table', () => {
  const page = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8')
  const rows = page.split('\n').filter((line) => line.startsWith('| `holdfast_'))
  assert.deepEqual(
    rows,
    METRICS.map((metric) => {
      const labels = Object.keys(metric.labels).map((label) => `\`${label}\``)
      const { kind, source, help } = metric
      return `| \`${prometheusNameOf(metric)}\` | ${kind} | ${labels.join(', ')} | ${source} | ${help} |`
    }),
  )
})
