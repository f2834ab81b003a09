/** Mode `direct` against the simulator, with calls, faults and pauses by chance: order, once in effect, nothing lost. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as fc from 'fast-check'

import { type CallOptions, RequestError } from '../../src/index.ts'
import type { Fault } from '../../src/simulator/faults.ts'
import { createWorld } from './world.ts'

type Step =
  | {
      readonly do: 'call'
      readonly person: number
      readonly options: CallOptions
      readonly abortAfterMs: number | null
    }
  | { readonly do: 'fault'; readonly fault: Fault }
  | { readonly do: 'pass'; readonly ms: number }
  | { readonly do: 'pause' | 'resume' | 'heal' }

const scope = fc.record({
  times: fc.integer({ min: 1, max: 12 }),
  share: fc.constantFrom(0.3, 0.7, 1),
  forMs: fc.constantFrom(2_000, 30_000),
})
const fault: fc.Arbitrary<Fault> = fc
  .tuple(
    scope,
    fc.constantFrom<Fault>(
      { kind: 'status', status: 500 },
      { kind: 'status', status: 502, html: true },
      { kind: 'status', status: 503, retryAfterSeconds: 3 },
      { kind: 'status', status: 429, retryAfterSeconds: 1 },
      { kind: 'status', status: 429 },
      { kind: 'status', status: 401 },
      { kind: 'status', status: 500, applied: true },
      { kind: 'refused' },
      { kind: 'reset' },
      { kind: 'reset', applied: true },
      { kind: 'timeout' },
      { kind: 'timeout', applied: true },
      { kind: 'half-response' },
      { kind: 'latency', latencyMs: { min: 10, max: 3_000 } },
    ),
  )
  .map(([where, what]) => ({ ...where, ...what }))

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      do: fc.constant('call' as const),
      person: fc.nat(3),
      options: fc.constantFrom<CallOptions>({}, {}, {}, { priority: 'bulk' }),
      abortAfterMs: fc.option(fc.constantFrom(0, 100, 2_000), { freq: 8 }),
    }),
  },
  { weight: 4, arbitrary: fault.map((each): Step => ({ do: 'fault', fault: each })) },
  { weight: 6, arbitrary: fc.constantFrom(0, 10, 300, 4_000, 20_000).map((ms): Step => ({ do: 'pass', ms })) },
  { weight: 1, arbitrary: fc.constantFrom<Step>({ do: 'pause' }, { do: 'resume' }, { do: 'heal' }) },
)

/** Whether `got` is `wanted` in its order, of which only the required ones must be there. */
function isOrdered(got: readonly string[], wanted: readonly { name: string; required: boolean }[]): boolean {
  let next = 0
  for (const name of got) {
    while (next < wanted.length && wanted[next]!.name !== name) {
      if (wanted[next]!.required) return false
      next++
    }
    if (next === wanted.length) return false
    next++
  }
  return wanted.slice(next).every(({ required }) => !required)
}

for (const fallbackEnabled of [true, false]) {
  test(`a person's events arrive in call order, none twice in effect, none lost whose call resolved; fallback ${fallbackEnabled}`, async () => {
    const seen = new Map<string, number>()
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 5, maxLength: 60, size: 'max' }),
        fc.integer(),
        async (steps, seed) => {
          const { cio, simulator, runtime, soon, events } = createWorld({
            mode: 'direct',
            fallbackEnabled,
            concurrency: 3,
          })
          const calls: { person: string; name: string; end: 'open' | 'kept' | 'thrown' }[] = []
          const settled: Promise<unknown>[] = []
          for (const each of steps) {
            if (each.do === 'call') {
              const call = { person: `p${each.person}`, name: `n${calls.length} ${seed}`, end: 'open' as const }
              const record: (typeof calls)[number] = call
              calls.push(record)
              const controller = new AbortController()
              const { abortAfterMs } = each
              if (abortAfterMs !== null) runtime.clock.timer(abortAfterMs, () => controller.abort(new Error('enough')))
              const made = cio.track(call.person, call.name, {}, { ...each.options, signal: controller.signal })
              settled.push(
                made.then(
                  ({ state }) => {
                    record.end = 'kept'
                    seen.set(state, (seen.get(state) ?? 0) + 1)
                  },
                  (error: unknown) => {
                    assert.ok(error instanceof RequestError || (error as { code: string }).code === 'ABORTED')
                    record.end = 'thrown'
                    seen.set('thrown', (seen.get('thrown') ?? 0) + 1)
                  },
                ),
              )
            }
            if (each.do === 'fault') simulator.faults.add(each.fault)
            if (each.do === 'pass') await runtime.clock.advance(each.ms)
            if (each.do === 'pause') cio.pause()
            if (each.do === 'resume') cio.resume()
            if (each.do === 'heal') simulator.faults.clear()
          }
          simulator.faults.clear()
          cio.resume()
          await soon(Promise.all(settled))
          assert.equal((await soon(cio.drain({ timeoutMs: 600_000 }))).drained, true)
          const effects = simulator.ledger.applied().filter(({ duplicate }) => !duplicate)
          for (const person of new Set(calls.map((call) => call.person))) {
            const got = effects.filter((entry) => entry.person === person).map(({ name }) => name ?? '')
            const wanted = calls.filter((call) => call.person === person)
            const required = wanted.map(({ name, end }) => ({ name, required: end === 'kept' }))
            assert.ok(isOrdered(got, required), `${person}: ${JSON.stringify(required)} arrived ${got.join(', ')}`)
          }
          const stats = await soon(cio.stats())
          const kept = calls.filter(({ end }) => end === 'kept').length
          assert.equal(stats.deliveredDirectly + stats.totals.accepted, kept, 'each receipt is in the account once')
          const accepted = events.reduce((sum, event) => sum + (event.type === 'accepted' ? event.operations : 0), 0)
          const delivered = events.reduce(
            (sum, event) => sum + (event.type === 'delivered' ? event.entries.length : 0),
            0,
          )
          assert.deepEqual([accepted, delivered, stats.waiting, stats.deadLetters], [kept, kept, 0, 0])
          await soon(cio.close())
          assert.equal(stats.requestsInFlight, 0)
        },
      ),
      { numRuns: 150, seed: 2_026, endOnFailure: false },
    )
    for (const end of ['delivered', 'stored', 'thrown']) assert.ok((seen.get(end) ?? 0) > 100, `${end} was seen`)
  })
}
