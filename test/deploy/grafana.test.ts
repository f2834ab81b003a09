/** The dashboard: it names what exists, shows all that there is, and needs no particular data source. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'

import { METRICS } from '../../src/metrics/index.ts'
import { checkQuery } from './names.ts'
import { parseQuery, withoutVariables } from './promql.ts'

interface Panel {
  readonly id: number
  readonly type: string
  readonly title: string
  readonly datasource?: { readonly uid: string }
  readonly gridPos: { readonly h: number; readonly w: number; readonly x: number; readonly y: number }
  readonly targets?: readonly {
    readonly expr: string
    readonly legendFormat: string
    readonly datasource: { readonly uid: string }
  }[]
}

const dashboard = JSON.parse(readFileSync(new URL('../../deploy/grafana/holdfast.json', import.meta.url), 'utf8')) as {
  readonly panels: readonly Panel[]
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly type: string; readonly query: string }[]
  }
  readonly annotations: {
    readonly list: readonly { readonly expr: string; readonly datasource: { readonly uid: string } }[]
  }
}
const targets = dashboard.panels.flatMap(({ title, targets: own = [] }) => own.map((target) => ({ title, ...target })))

test('every query names metrics, labels and values that exist, and every metric is on a panel', () => {
  const shown = new Set<string>()
  for (const { expr } of [...targets, ...dashboard.annotations.list]) {
    // A variable of Grafana's stands for any workspace.
    for (const metric of checkQuery(withoutVariables(expr))) shown.add(metric.name)
  }
  assert.deepEqual(
    METRICS.map(({ name }) => name).filter((name) => !shown.has(name)),
    [],
  )
})

test('a legend names only labels that its query leaves', () => {
  for (const { title, expr, legendFormat } of targets) {
    const { grouped } = parseQuery(withoutVariables(expr))
    for (const [, label] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) {
      assert.ok(grouped.includes(label!), `${title} has no label ${label}`)
    }
  }
})

test('panels have ids and places of their own', () => {
  const ids = dashboard.panels.map(({ id }) => id)
  assert.equal(new Set(ids).size, ids.length)
  const taken = new Set<string>()
  for (const { title, gridPos } of dashboard.panels) {
    assert.ok(gridPos.x + gridPos.w <= 24, title)
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
        assert.ok(!taken.has(`${x} ${y}`), `${title} lies on another panel`)
        taken.add(`${x} ${y}`)
      }
    }
  }
})

test('the data source and the workspace are variables', () => {
  assert.deepEqual(
    dashboard.templating.list.map(({ name, type }) => [name, type]),
    [
      ['datasource', 'datasource'],
      ['workspace', 'query'],
    ],
  )
  const sources = [...dashboard.panels, ...targets, ...dashboard.annotations.list].flatMap(
    ({ datasource }) => datasource?.uid ?? [],
  )
  assert.deepEqual([...new Set(sources)], ['${datasource}'])
  const [, metric, label] = /^label_values\((\w+), (\w+)\)$/.exec(dashboard.templating.list[1]!.query) ?? []
  checkQuery(`sum by (${label}) (${metric})`)
})

test('the rows ask in the order of an operator on call', () => {
  assert.deepEqual(
    dashboard.panels.filter(({ type }) => type === 'row').map(({ title }) => title),
    [
      'Am I losing anything?',
      'How late are we, and when will we be current?',
      'Is it us, the network, or Customer.io?',
      'What is failing, and why?',
      'Latency',
      'Store',
      'Relay and process',
    ],
  )
})
