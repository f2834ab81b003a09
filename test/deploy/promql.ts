/** PromQL for the tests: what a query names, by Prometheus' own grammar, and the value of a query without ranges. */
import assert from 'node:assert/strict'

import type { SyntaxNode } from '@lezer/common'
import { parser } from '@prometheus-io/lezer-promql'

export interface Selector {
  readonly name: string
  readonly matchers: readonly Matcher[]
}

export interface Matcher {
  readonly label: string
  readonly how: string
  readonly value: string
}

export interface Parsed {
  readonly selectors: readonly Selector[]
  /** Labels that the query groups by. */
  readonly grouped: readonly string[]
}

/** A query of a dashboard has variables of Grafana's, which are no PromQL. */
export function withoutVariables(query: string): string {
  return query.replaceAll('$__rate_interval', '5m')
}

function rootOf(query: string): SyntaxNode {
  const root = parser.parse(query).topNode
  root.cursor().iterate((node) => {
    assert.ok(!node.type.isError, `${query} is PromQL at ${query.slice(node.from)}`)
  })
  return root
}

function all(root: SyntaxNode, type: string): readonly SyntaxNode[] {
  const found: SyntaxNode[] = []
  root.cursor().iterate((node) => {
    if (node.name === type) found.push(node.node)
  })
  return found
}

export function parseQuery(query: string): Parsed {
  const root = rootOf(query)
  const text = (node: SyntaxNode): string => query.slice(node.from, node.to)
  return {
    selectors: all(root, 'VectorSelector').map((node) => selectorOf(node, text)),
    grouped: all(root, 'GroupingLabels').flatMap((node) => node.getChildren('LabelName').map(text)),
  }
}

function selectorOf(node: SyntaxNode, text: (node: SyntaxNode) => string): Selector {
  const matchers = node.getChild('LabelMatchers')?.getChildren('UnquotedLabelMatcher') ?? []
  return {
    name: text(node.getChild('Identifier')!),
    matchers: matchers.map((matcher) => ({
      label: text(matcher.getChild('LabelName')!),
      how: text(matcher.getChild('MatchOp')!),
      value: text(matcher.getChild('StringLiteral')!).slice(1, -1),
    })),
  }
}

export interface Series {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

type Value = number | readonly Omit<Series, 'name'>[]

/** The series that a query gives over these samples. Knows selectors, numbers, `+ - * /`, comparisons, `or`, aggregations, `abs`, `absent`. */
export function evaluate(query: string, series: readonly Series[]): readonly Omit<Series, 'name'>[] {
  const text = (node: SyntaxNode): string => query.slice(node.from, node.to)
  const value = evaluateNode(rootOf(query).firstChild!, series, text)
  assert.ok(typeof value !== 'number', `${query} gives series`)
  return value
}

function evaluateNode(node: SyntaxNode, series: readonly Series[], text: (node: SyntaxNode) => string): Value {
  const inner = (child: SyntaxNode): Value => evaluateNode(child, series, text)
  switch (node.name) {
    case 'ParenExpr':
      return inner(node.firstChild!.nextSibling ?? node.firstChild!)
    case 'NumberDurationLiteral':
      return Number(text(node))
    case 'VectorSelector': {
      const { name, matchers } = selectorOf(node, text)
      return series.filter((each) => each.name === name && matchers.every((matcher) => matches(matcher, each.labels)))
    }
    case 'AggregateExpr':
      return aggregate(node, inner, text)
    case 'FunctionCall': {
      const vector = inner(node.getChild('FunctionCallBody')!.firstChild!)
      assert.ok(typeof vector !== 'number')
      if (text(node.firstChild!) === 'abs')
        return vector.map(({ labels, value }) => ({ labels, value: Math.abs(value) }))
      assert.equal(text(node.firstChild!), 'absent')
      return vector.length > 0 ? [] : [{ labels: {}, value: 1 }]
    }
    case 'BinaryExpr':
      return combine(text(node.firstChild!.nextSibling!), inner(node.firstChild!), inner(node.lastChild!))
    default:
      throw new Error(`${node.name} is not known to this evaluator: ${text(node)}`)
  }
}

function matches({ label, how, value }: Matcher, labels: Readonly<Record<string, string>>): boolean {
  const own = labels[label] ?? ''
  const isEqual = how.includes('~') ? new RegExp(`^(?:${value})$`).test(own) : own === value
  return how.startsWith('!') ? !isEqual : isEqual
}

function aggregate(node: SyntaxNode, inner: (node: SyntaxNode) => Value, text: (node: SyntaxNode) => string): Value {
  const modifier = node.getChild('AggregateModifier')!
  const named = modifier.getChild('GroupingLabels')!.getChildren('LabelName').map(text)
  const isBy = modifier.getChild('By') !== null
  const vector = inner(node.getChild('FunctionCallBody')!.firstChild!)
  assert.ok(typeof vector !== 'number')
  const groups = new Map<string, { readonly labels: Record<string, string>; readonly values: number[] }>()
  for (const { labels, value } of vector) {
    const kept = Object.fromEntries(Object.entries(labels).filter(([label]) => named.includes(label) === isBy))
    const key = keyOf(kept)
    const group = groups.get(key) ?? { labels: kept, values: [] }
    groups.set(key, group)
    group.values.push(value)
  }
  const operation = text(node.getChild('AggregateOp')!)
  return [...groups.values()].map(({ labels, values }) => ({ labels, value: fold(operation, values) }))
}

function fold(operation: string, values: readonly number[]): number {
  if (operation === 'sum') return values.reduce((sum, value) => sum + value, 0)
  assert.ok(operation === 'max' || operation === 'min', `${operation} is known`)
  return operation === 'max' ? Math.max(...values) : Math.min(...values)
}

function keyOf(labels: Readonly<Record<string, string>>): string {
  return JSON.stringify(Object.entries(labels).map(String).sort())
}

const comparisons: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  '>': (a, b) => a > b,
  '<': (a, b) => a < b,
  '==': (a, b) => a === b,
}

const arithmetic: Readonly<Record<string, (a: number, b: number) => number>> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/': (a, b) => a / b,
}

function combine(operator: string, left: Value, right: Value): Value {
  if (typeof left === 'number') throw new Error('a number stands on the right')
  if (operator === 'or') {
    assert.ok(typeof right !== 'number')
    const there = new Set(left.map(({ labels }) => keyOf(labels)))
    return [...left, ...right.filter(({ labels }) => !there.has(keyOf(labels)))]
  }
  return left.flatMap(({ labels, value }) => {
    const other =
      typeof right === 'number' ? right : right.find((candidate) => keyOf(candidate.labels) === keyOf(labels))?.value
    if (other === undefined) return []
    const compare = comparisons[operator]
    if (compare !== undefined) return compare(value, other) ? [{ labels, value }] : []
    const calculate = arithmetic[operator]
    assert.ok(calculate, `${operator} is known`)
    return [{ labels, value: calculate(value, other) }]
  })
}
