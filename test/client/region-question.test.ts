/** The question for the region under any mix of callers, answers and times. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as fc from 'fast-check'

import { createRegionQuestion } from '../../src/client/region-question.ts'
import type { Reply } from '../../src/delivery/sender.ts'
import type { HealthProbe } from '../../src/observe/probe.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'

const INTERVAL_MS = 1_000

interface Step {
  readonly waitMs: number
  readonly callers: number
  readonly isOpen: boolean
  readonly tookMs: number
  readonly answer: 'good' | 'throttled' | 'broken'
}

const step: fc.Arbitrary<Step> = fc.record({
  waitMs: fc.integer({ min: 0, max: 2_500 }),
  callers: fc.integer({ min: 0, max: 5 }),
  isOpen: fc.boolean(),
  tookMs: fc.integer({ min: 0, max: 400 }),
  answer: fc.constantFrom('good', 'throttled', 'broken'),
})

const REPLIES: Readonly<Record<'good' | 'throttled', Reply>> = {
  good: { status: 200, body: '{"region":"us"}', retryAfter: null },
  throttled: { status: 429, body: '', retryAfter: '3' },
}

test('one at a time, one in an interval, none against the gate, none before Retry-After is over, everybody answered', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      const clock = new VirtualClock()
      const starts: number[] = []
      let [now] = steps
      let running = 0
      let closedUntilMs = -Infinity
      const question = createRegionQuestion({
        clock,
        settings: { intervalMs: INTERVAL_MS, timeoutMs: 3_000, region: 'us' },
        admit: () => (now?.isOpen === true ? undefined : 'circuit'),
        answered: () => {},
        sender: {
          async ask() {
            const { isOpen, tookMs, answer } = now!
            assert.ok(isOpen, 'the gate is asked')
            assert.equal(++running, 1, 'one at a time')
            assert.ok(clock.monotonicMs() >= closedUntilMs, 'not before Retry-After is over')
            assert.ok(clock.monotonicMs() - (starts.at(-1) ?? -Infinity) >= INTERVAL_MS, 'one in an interval')
            starts.push(clock.monotonicMs())
            await new Promise<void>((resolve) => clock.timer(tookMs, resolve))
            running--
            if (answer === 'broken') throw new TypeError('fetch failed')
            if (answer === 'throttled') closedUntilMs = clock.monotonicMs() + 3_000
            return REPLIES[answer]
          },
        },
      })
      const asked: Promise<HealthProbe>[] = []
      for (const each of steps) {
        now = each
        for (let caller = 0; caller < each.callers; caller++) asked.push(question.ask())
        await clock.advance(each.waitMs)
      }
      await clock.advance(500)
      const probes = await Promise.all(asked)
      assert.equal(
        new Set(probes.filter((probe) => probe.asked)).size,
        starts.length,
        'each answer was given to somebody',
      )
      assert.equal(clock.pending, 0)
    }),
    { seed: 20_261_124, numRuns: 200 },
  )
})
