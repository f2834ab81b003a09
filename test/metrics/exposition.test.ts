/** Prometheus' text: what is written is read again as it was, and the reader of the tests is strict. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as fc from 'fast-check'

import { expositionOf } from '../../src/metrics/exposition.ts'
import type { Metric } from '../../src/metrics/metric.ts'
import { readExposition, valueOf } from './exposition.ts'

const metric: Metric = {
  name: 'holdfast.some.size',
  kind: 'gauge',
  unit: 'By',
  labels: { workspace: 'named' },
  help: 'A back\\slash and a\nbreak',
  source: 'process',
  buckets: [],
}

test('help, labels and numbers are escaped and formatted as the format wants', () => {
  const samples = [
    { labels: { workspace: 'a"b\\c\nd' }, value: 1.5 },
    { labels: { workspace: 'n' }, value: NaN },
    { labels: { workspace: 'i' }, value: Infinity },
    { labels: { workspace: 'm' }, value: -Infinity },
    { labels: { workspace: 'e' }, value: 1e21 },
  ]
  assert.equal(
    expositionOf([{ metric, samples }]),
    [
      String.raw`# HELP holdfast_some_size_bytes A back\\slash and a\nbreak.`,
      '# TYPE holdfast_some_size_bytes gauge',
      String.raw`holdfast_some_size_bytes{workspace="a\"b\\c\nd"} 1.5`,
      'holdfast_some_size_bytes{workspace="n"} NaN',
      'holdfast_some_size_bytes{workspace="i"} +Inf',
      'holdfast_some_size_bytes{workspace="m"} -Inf',
      'holdfast_some_size_bytes{workspace="e"} 1e+21',
      '',
    ].join('\n'),
  )
})

test('a histogram has its buckets added up, +Inf, sum and count', () => {
  const histogram: Metric = { ...metric, kind: 'histogram', unit: 's', labels: {}, help: 'Times', buckets: [0.5, 1] }
  const text = expositionOf([{ metric: histogram, samples: [{ labels: {}, counts: [2, 0, 3], sum: 12.5, count: 5 }] }])
  assert.equal(
    text,
    [
      '# HELP holdfast_some_size_seconds Times.',
      '# TYPE holdfast_some_size_seconds histogram',
      'holdfast_some_size_seconds_bucket{le="0.5"} 2',
      'holdfast_some_size_seconds_bucket{le="1"} 2',
      'holdfast_some_size_seconds_bucket{le="+Inf"} 5',
      'holdfast_some_size_seconds_sum 12.5',
      'holdfast_some_size_seconds_count 5',
      '',
    ].join('\n'),
  )
  assert.equal(valueOf(readExposition(text), 'holdfast_some_size_seconds_bucket', { le: '+Inf' }), 5)
})

test('whatever a workspace is called and whatever its value is, it is read again as it was', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.tuple(fc.string({ unit: 'binary' }), fc.double({ noNaN: true })), {
        selector: ([name]) => name,
        minLength: 1,
      }),
      (series) => {
        const samples = series
          .filter(([name]) => !name.includes('\r'))
          .map(([workspace, value]) => ({ labels: { workspace }, value }))
        if (samples.length === 0) return
        const read = readExposition(expositionOf([{ metric, samples }]))
        for (const { labels, value } of samples) {
          // There is no -0 in numbers that are read from text.
          assert.equal(valueOf(read, 'holdfast_some_size_bytes', labels), value + 0)
        }
      },
    ),
    { seed: 4, numRuns: 500 },
  )
})

const HEAD = '# HELP a_total words\n# TYPE a_total counter\n'

for (const [what, text] of [
  ['no line feed at the end', `${HEAD}a_total 1`],
  ['a type without help', '# TYPE a_total counter\na_total 1\n'],
  ['an unknown type', '# HELP a words\n# TYPE a number\na 1\n'],
  ['a sample of another name', `${HEAD}b_total 1\n`],
  ['a series twice', `${HEAD}a_total{x="1"} 1\na_total{x="1"} 2\n`],
  ['a label twice', `${HEAD}a_total{x="1",x="2"} 1\n`],
  ['a quote that is not escaped', `${HEAD}a_total{x="1"2"} 1\n`],
  ['an unknown escape', `${HEAD}a_total{x="\\t"} 1\n`],
  ['a comma at the end', `${HEAD}a_total{x="1",} 1\n`],
  ['no number', `${HEAD}a_total one\n`],
  ['a counter below 0', `${HEAD}a_total -1\n`],
  ['a counter without _total', '# HELP a words\n# TYPE a counter\na 1\n'],
  ['a family without samples', HEAD],
  ['a histogram without +Inf', '# HELP h w\n# TYPE h histogram\nh_bucket{le="1"} 1\nh_sum 1\nh_count 1\n'],
  [
    'a histogram that does not add up',
    '# HELP h w\n# TYPE h histogram\nh_bucket{le="1"} 2\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1\n',
  ],
] as const) {
  test(`the reader refuses ${what}`, () => {
    assert.throws(() => readExposition(text), { name: 'AssertionError' })
  })
}
