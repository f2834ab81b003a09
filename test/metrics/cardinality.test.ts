/** Whatever events say, the series stay within the table's sets, and nothing of a person gets into a label. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as fc from 'fast-check'

import { createMetrics, METRICS, prometheusNameOf } from '../../src/metrics/index.ts'
import type { HoldfastEvent, Listener } from '../../src/observe/events.ts'
import type { RelayEvent, RelayListener } from '../../src/observe/relay-events.ts'
import { seriesMax } from '../../src/metrics/metric.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'
import { readExposition } from './exposition.ts'

/** Texts that no set has, as names of members of objects and persons are. */
const word = fc.oneof(
  fc.constantFrom('constructor', '__proto__', 'toString', 'ada@example.com', 'person-42', 'status-599', 'a"b\nc', ''),
  fc.string({ minLength: 3 }).map((text) => `person-${text}`),
)
const count = fc.nat(1_000)
const entry = fc.record({ id: word, type: word, delayMs: count, reason: word, field: word, message: word })

const clientEvent = fc.oneof(
  fc.record({ type: fc.constant('accepted'), operations: count, duplicates: count, durationMs: count }),
  fc.record({ type: fc.constant('refused'), code: word, operations: count }),
  fc.record({ type: fc.constant('lint'), call: word, field: word, reason: word }),
  fc.record({
    type: fc.constant('request'),
    entries: count,
    bytes: count,
    durationMs: count,
    status: fc.option(fc.integer({ min: 0, max: 2_000 })),
    outcome: word,
    reason: word,
    probe: fc.boolean(),
  }),
  fc.record({ type: fc.constant('probed'), outcome: word, status: fc.constant(null), durationMs: count }),
  fc.record({ type: fc.constantFrom('delivered', 'dead-letter'), entries: fc.array(entry, { maxLength: 5 }) }),
  fc.record({ type: fc.constant('retrying'), entries: count, reason: word, delayMs: count }),
  fc.record({ type: fc.constant('circuit'), from: word, to: word, cause: word, untilMs: fc.constant(null) }),
  fc.record({ type: fc.constant('parked'), reason: word, status: count }),
  fc.record({ type: fc.constant('outbox-error'), code: word, during: word }),
  fc.record({ type: fc.constant('quarantined'), path: word, recovered: count, lost: fc.constant(null) }),
  fc.record({ type: fc.constant('damaged-entry'), position: word }),
  fc.record({ type: word }),
) as unknown as fc.Arbitrary<HoldfastEvent>

const relayEvent = fc.oneof(
  fc.record({
    type: fc.constant('answered'),
    workspace: fc.option(word),
    route: word,
    status: fc.nat(2_000),
    result: word,
    operations: count,
    duplicates: count,
    bytes: count,
    durationMs: count,
  }),
  fc.record({ type: fc.constant('workspace'), workspace: word, event: clientEvent }),
  fc.record({ type: fc.constant('connection'), refused: word }),
  fc.record({ type: fc.constant('phase'), from: word, to: word }),
  fc.record({ type: word }),
) as unknown as fc.Arbitrary<RelayEvent>

test('no event makes a series that the table does not have', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(clientEvent, { maxLength: 60 }),
      fc.array(relayEvent, { maxLength: 60 }),
      async (events, told) => {
        const metrics = createMetrics({ runtime: { clock: new VirtualClock() } })
        const listeners: Listener[] = []
        const relayListeners: RelayListener[] = []
        const noAnswer = {
          stats: () => Promise.reject(new Error('none')),
          health: () => Promise.reject(new Error('none')),
        }
        metrics.watch('main', { ...noAnswer, on: () => () => {} })
        metrics.watch('second', {
          ...noAnswer,
          on(listener) {
            listeners.push(listener)
            return () => {}
          },
        })
        metrics.watchRelay({
          workspaces: new Map([['third', { ...noAnswer, on: () => () => {} }]]),
          phase: 'serving',
          on(listener) {
            relayListeners.push(listener)
            return () => {}
          },
        })
        for (const event of events) for (const listener of listeners) listener(event)
        for (const event of told) for (const listener of relayListeners) listener(event)
        const text = await metrics.text()
        metrics.close()
        for (const secret of ['person', 'ada@', 'proto', 'constructor', 'toString']) {
          assert.ok(!text.replaceAll(/^# .*$/gm, '').includes(secret), `${secret} is in the text`)
        }
        const families = readExposition(text)
        for (const metric of METRICS) {
          const family = families.get(prometheusNameOf(metric))
          if (family === undefined) continue
          for (const { labels } of family.samples) {
            for (const [label, value] of Object.entries(labels)) {
              const set = metric.labels[label]
              const isKnown = set === 'named' ? ['main', 'second', 'third', 'none'].includes(value) : set?.has(value)
              assert.ok(isKnown ?? label === 'le', `${family.name} has ${label} ${value}`)
            }
          }
          // Three workspaces, and that of requests which belong to none.
          const series = family.samples.filter(({ name }) => !/_(?:bucket|sum)$/.test(name)).length
          assert.ok(series <= 4 * seriesMax(metric), family.name)
        }
      },
    ),
    { seed: 4, numRuns: 200 },
  )
})
