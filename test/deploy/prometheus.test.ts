/** The alert rules: they parse, name what exists, lead to a runbook, and fire when they should. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'

import { parse } from 'yaml'

import { METRICS, prometheusNameOf } from '../../src/metrics/index.ts'
import { checkQuery } from './names.ts'
import { evaluate, type Series } from './promql.ts'

interface Rule {
  readonly alert: string
  readonly expr: string
  readonly for?: string
  readonly labels: { readonly severity: string }
  readonly annotations: Readonly<Record<'summary' | 'description' | 'runbook', string>>
}

const root = new URL('../../', import.meta.url)
const file = parse(readFileSync(new URL('deploy/prometheus/holdfast.rules.yaml', root), 'utf8')) as {
  readonly groups: readonly { readonly name: string; readonly rules: readonly Rule[] }[]
}
const rules = file.groups.flatMap((group) => group.rules)
const operating = readFileSync(new URL('docs/operating.md', root), 'utf8')

test('every rule names metrics, labels and values that exist', () => {
  for (const { expr } of rules) checkQuery(expr)
  assert.throws(() => checkQuery('holdfast_ops_lots_total > 0'), /is in the table/)
  assert.throws(() => checkQuery('holdfast_circuit_state{stage="parked"}'), /has the label/)
  assert.throws(() => checkQuery('holdfast_circuit_state{state="parking"}'), /may be/)
  assert.throws(() => checkQuery('sum by (person) (holdfast_circuit_state)'), /groups by/)
  assert.throws(() => checkQuery('holdfast_circuit_state{'), /is PromQL/)
})

test('every rule has a name of its own, a severity, words, and a section of the documents that says what to do', () => {
  assert.equal(new Set(rules.map(({ alert }) => alert)).size, rules.length)
  const headings = new Map(
    [...operating.matchAll(/^#+ (.+)$/gm)].map((match) => [
      match[1]!.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-'),
      match,
    ]),
  )
  for (const { alert, for: how, labels, annotations } of rules) {
    assert.match(alert, /^Holdfast[A-Z]/)
    assert.ok(['page', 'ticket'].includes(labels.severity), alert)
    if (how !== undefined) assert.match(how, /^\d+[mh]$/, alert)
    assert.deepEqual(Object.keys(annotations).sort(), ['description', 'runbook', 'summary'], alert)
    for (const words of Object.values(annotations)) assert.ok(words.length > 10, alert)
    const anchor = /^docs\/operating\.md#(.+)$/.exec(annotations.runbook)?.[1]
    assert.ok(anchor !== undefined && headings.has(anchor), `${alert} has its section ${annotations.runbook}`)
  }
})

test('an annotation names only labels that its rule leaves', () => {
  for (const { alert, expr, annotations } of rules) {
    const left = /^(?:max|min|sum) by \(([^)]*)\)/.exec(expr.trim())?.[1]?.split(', ') ?? []
    for (const [, label] of Object.values(annotations)
      .join(' ')
      .matchAll(/\$labels\.(\w+)/g)) {
      assert.ok(left.includes(label!), `${alert} has no label ${label}`)
    }
  }
})

/** A healthy relay with one workspace; every number may be replaced. */
function samples(
  changes: Readonly<Record<string, number>> = {},
  labels: Readonly<Record<string, string>> = {},
): readonly Series[] {
  const series: Series[] = [{ name: 'up', labels: { job: 'holdfast', instance: 'a' }, value: 1 }]
  for (const metric of METRICS) {
    if (metric.kind === 'histogram') continue
    const name = prometheusNameOf(metric)
    const own: Record<string, string> = { instance: 'a', job: 'holdfast' }
    for (const label of Object.keys(metric.labels))
      own[label] = labels[label] ?? (label === 'workspace' ? 'main' : 'none')
    series.push({ name, labels: own, value: HEALTHY[name] ?? 0 })
  }
  return series.map((each) => (Object.hasOwn(changes, each.name) ? { ...each, value: changes[each.name]! } : each))
}

const HEALTHY: Readonly<Record<string, number>> = {
  holdfast_queue_capacity_ops: 1_000,
  holdfast_queue_capacity_bytes: 1_000_000,
  holdfast_campaign_window_remaining_seconds: 259_000,
  holdfast_store_active: 1,
  holdfast_config_last_reload_successful: 1,
}

const cases: readonly (readonly [
  alert: string,
  fires: Readonly<Record<string, number>>,
  labels?: Readonly<Record<string, string>>,
])[] = [
  ['HoldfastLost', { holdfast_ops_lost_total: 1 }],
  ['HoldfastLost', { holdfast_conservation_error: -1 }],
  ['HoldfastLost', { holdfast_conservation_error: 2 }],
  ['HoldfastCannotStore', { holdfast_health_status: 1 }, { status: 'failing' }],
  ['HoldfastOldestAge', { holdfast_queue_oldest_age_seconds: 901 }],
  ['HoldfastCampaignWindow', { holdfast_campaign_window_remaining_seconds: 86_399 }],
  ['HoldfastCampaignWindow', { holdfast_campaign_window_remaining_seconds: -5 }],
  ['HoldfastParked', { holdfast_circuit_state: 1 }, { state: 'parked' }],
  ['HoldfastPaused', { holdfast_circuit_state: 1 }, { state: 'paused' }],
  ['HoldfastFillingUp', { holdfast_queue_depth: 600, holdfast_dead_letters: 201 }],
  ['HoldfastNobodyDelivers', { holdfast_store_active: 0 }],
  ['HoldfastConfigReloadFailed', { holdfast_config_last_reload_successful: 0 }],
  ['HoldfastAbsent', { up: 0 }],
]

function exprOf(alert: string): string {
  const rule = rules.find((candidate) => candidate.alert === alert)
  assert.ok(rule, alert)
  return rule.expr
}

for (const [alert, changes, labels] of cases) {
  test(`${alert} fires at ${JSON.stringify(changes)} and not for a healthy relay`, () => {
    assert.deepEqual(evaluate(exprOf(alert), samples({}, labels)), [])
    const fired = evaluate(exprOf(alert), samples(changes, labels))
    assert.equal(fired.length, 1)
  })
}

test('a workspace without events that wait has no campaign window, and no alert of it', () => {
  const others = samples().filter(({ name }) => name !== 'holdfast_campaign_window_remaining_seconds')
  assert.deepEqual(evaluate(exprOf('HoldfastCampaignWindow'), others), [])
})

test('processes that share a store are one alert', () => {
  const second = samples({ holdfast_ops_lost_total: 1 }).map((each) => ({
    ...each,
    labels: { ...each.labels, instance: 'b' },
  }))
  const fired = evaluate(exprOf('HoldfastLost'), [...samples({ holdfast_ops_lost_total: 1 }), ...second])
  assert.deepEqual(fired, [{ labels: { workspace: 'main' }, value: 1 }])
})
