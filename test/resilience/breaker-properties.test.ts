import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as fc from 'fast-check'

import type { Permit } from '../../src/resilience/breaker-contract.ts'
import { createBreaker } from '../../src/resilience/breaker.ts'
import { seededRandom } from '../../src/testing/seeded-random.ts'

type Step =
  | { readonly kind: 'pass'; readonly byMs: number }
  | { readonly kind: 'admit' }
  | {
      readonly kind: 'report'
      readonly which: number
      readonly result: 'success' | 'failure' | 'neutral'
      readonly durationMs: number
      readonly retryAfterMs: number
    }
  | { readonly kind: 'lose'; readonly which: number }
  | { readonly kind: 'isolate' | 'release' }

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('pass' as const), byMs: fc.constantFrom(0.1, 400, 1_100, 5_000, 20_000) }),
  },
  { weight: 6, arbitrary: fc.constant({ kind: 'admit' as const }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('report' as const),
      which: fc.nat(20),
      result: fc.constantFrom('success' as const, 'failure' as const, 'failure' as const, 'neutral' as const),
      durationMs: fc.constantFrom(5, 9_000),
      retryAfterMs: fc.constantFrom(0, 0, 0, 30_000, 1e9),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('lose' as const), which: fc.nat(20) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constantFrom('isolate' as const, 'release' as const, 'release' as const, 'release' as const),
    }),
  },
)

const options = fc.record({
  consecutiveFailures: fc.constantFrom(1, 3, Infinity),
  callsMin: fc.constantFrom(1, 4),
  probesMax: fc.constantFrom(1, 1, 3),
  probeSuccesses: fc.constantFrom(1, 3),
})

/** Takes a permit out of the ones under way. */
function pick(underWay: Permit[], which: number): Permit | undefined {
  return underWay.splice(which % Math.max(1, underWay.length), 1)[0]
}

test('never more probes at once than allowed, nothing admitted while open, and with time and good results it closes', () => {
  let probed = 0
  fc.assert(
    fc.property(options, fc.integer(), fc.array(step, { maxLength: 150, size: 'max' }), (options, seed, steps) => {
      const changes: string[] = []
      const breaker = createBreaker(
        { ...options, onTransition: ({ from, to }) => changes.push(from, to) },
        seededRandom(seed),
      )
      const underWay: Permit[] = []
      const probes: Permit[] = []
      const isolations: ((nowMs: number) => void)[] = []
      let nowMs = 0
      for (const one of steps) {
        const { state } = breaker.view(nowMs)
        switch (one.kind) {
          case 'pass':
            nowMs += one.byMs
            break
          case 'admit': {
            const forecast = breaker.peek(nowMs)
            const admission = breaker.admit(nowMs)
            assert.equal(admission.admitted, forecast.admitted, 'peek foretells admit')
            if (!admission.admitted) {
              assert.notEqual(state, 'closed')
              assert.ok(admission.retryAtMs === null ? isolations.length > 0 : admission.retryAtMs > nowMs)
              break
            }
            assert.notEqual(state, 'open')
            underWay.push(admission.permit)
            if (!admission.permit.probe) break
            probed++
            probes.push(admission.permit)
            const generation = admission.permit.generation
            const live = probes.filter((probe) => probe.generation === generation && nowMs < probe.leaseUntilMs)
            assert.ok(live.length <= options.probesMax, `${live.length} probes at once`)
            break
          }
          case 'report': {
            const permit = pick(underWay, one.which)
            if (permit === undefined) break
            if (permit.probe) probes.splice(probes.indexOf(permit), 1)
            breaker.report(permit, one.result, nowMs, one)
            break
          }
          case 'lose':
            pick(underWay, one.which)
            break
          case 'isolate':
            isolations.push(breaker.isolate('drill', nowMs))
            break
          case 'release':
            isolations.pop()?.(nowMs)
        }
      }
      for (const release of isolations) release(nowMs)
      // The longest open time is 66 s (a Retry-After of a minute and its jitter), longer than any lease.
      nowMs += 66_000
      for (let probe = 0; probe < options.probeSuccesses; probe++) {
        const admission = breaker.admit(nowMs)
        assert.ok(admission.admitted, 'stuck')
        breaker.report(admission.permit, 'success', nowMs)
      }
      assert.equal(breaker.view(nowMs).state, 'closed')
      // Told as one unbroken chain, nothing twice.
      for (let at = 0; at < changes.length; at += 2) {
        assert.equal(changes[at], at === 0 ? 'closed' : changes[at - 1])
        assert.notEqual(changes[at], changes[at + 1])
      }
    }),
    { seed: 4, numRuns: 500 },
  )
  assert.ok(probed > 500, 'the runs really were half open')
})
