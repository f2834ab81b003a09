import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as fc from 'fast-check'

import { CircuitOpenError } from '../../src/resilience/circuit-errors.ts'
import type { CircuitCall } from '../../src/resilience/circuit-call.ts'
import { circuit, down, good, times } from './circuit.ts'

const step = fc.record({
  end: fc.constantFrom('good', 'bad', 'undefined', 'hang', 'abort', 'throw'),
  afterMs: fc.constantFrom(0, 0, 1, 700, 3_000, 6_000),
})

/** Ends as its name says; one that hangs ends when it is asked to. */
function perform(end: string, signal: AbortSignal): Promise<string> {
  if (end === 'throw') throw down
  if (end === 'bad') return Promise.reject(down)
  if (end === 'undefined') return Promise.reject(undefined)
  if (end === 'good') return Promise.resolve(end)
  return new Promise((_, reject) => signal.addEventListener('abort', () => reject(down)))
}

test('whatever happens, each call ends once, no more probes run than allowed, and it recovers', async () => {
  const property = fc.asyncProperty(
    fc.array(step, { minLength: 20, maxLength: 80 }),
    fc.constantFrom(1, 2),
    async (steps, probesMax) => {
      const { breaker, clock } = circuit({ consecutiveFailures: 2, probesMax, probeSuccesses: 2 })
      let called = 0
      let probesMost = 0
      const calls: Promise<{ readonly ok: boolean; readonly error?: unknown }>[] = []
      for (const { end, afterMs } of steps) {
        const controller = new AbortController()
        const operation = ({ signal }: CircuitCall): Promise<string> => {
          called++
          probesMost = Math.max(probesMost, breaker.stats().probesInFlight)
          return perform(end, signal)
        }
        calls.push(breaker.tryExecute(operation, { signal: controller.signal }))
        if (end === 'abort') controller.abort(down)
        await clock.advance(afterMs)
        // A call through a closed circuit has no time of its own: its caller ends it.
        if (end === 'hang') controller.abort(down)
      }
      await clock.advance(20_000)
      const results = await Promise.all(calls)
      const refused = results.filter((result) => result.error instanceof CircuitOpenError).length
      const { totals } = breaker.stats()
      assert.deepEqual([totals.admitted, totals.refused], [called, refused])
      assert.equal(totals.successes + totals.failures + totals.neutrals + totals.late, called)
      assert.ok(probesMost <= probesMax)
      assert.deepEqual([breaker.inFlight, clock.pending], [0, 0])
      await times(3, () => breaker.execute(good))
      assert.equal(breaker.state, 'closed')
    },
  )
  await fc.assert(property, { seed: 7, numRuns: 150 })
})
