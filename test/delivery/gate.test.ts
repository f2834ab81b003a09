import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as fc from 'fast-check'

import { createGate, type Gate, type GateOptions, type Pass, type Report } from '../../src/delivery/gate.ts'
import { OptionsError } from '../../src/errors.ts'
import type { HoldfastEvent } from '../../src/observe/events.ts'
import type { Outcome } from '../../src/protocol/outcome.ts'
import { seededRandom } from '../../src/testing/seeded-random.ts'

const outcomes: readonly Outcome[] = [
  { kind: 'delivered' },
  { kind: 'retry', reason: 'status-503' },
  { kind: 'throttled' },
  { kind: 'unauthorized', status: 401 },
  { kind: 'refused', status: 400 },
  { kind: 'rejected', status: 404 },
  { kind: 'aborted' },
]

function report(kind: Outcome['kind'], more: { readonly afterMs?: number } = {}): Report {
  // An outcome with its duration is a report: the compiler holds us to it.
  return { ...outcomes.find((outcome) => outcome.kind === kind)!, ...more, durationMs: 20 }
}

/** A gate without jitter whose rate is out of the way, and what it emits. */
function open(options: GateOptions = {}): { readonly gate: Gate; readonly events: HoldfastEvent[] } {
  const events: HoldfastEvent[] = []
  const gate = createGate(
    { rate: { perSecond: Infinity }, ...options },
    () => 0.5,
    (event) => events.push(event),
  )
  return { gate, events }
}

function enter(gate: Gate, nowMs: number): Pass {
  const pass = gate.enter(nowMs)
  assert.ok(pass, `closed at ${nowMs}`)
  return pass
}

function send(gate: Gate, kind: Outcome['kind'], nowMs: number, times: number = 1): void {
  for (let time = 0; time < times; time++) gate.leave(enter(gate, nowMs), report(kind), nowMs)
}

function typesOf(events: readonly HoldfastEvent[]): readonly string[] {
  return events.map((event) => event.type)
}

test('a new gate is open, and a pass of it is an ordinary one', () => {
  const { gate, events } = open()
  assert.deepEqual(gate.check(0), { open: true, probe: false })
  const pass = enter(gate, 0)
  assert.ok(!pass.probe)
  assert.equal(gate.timeoutMs(pass, 30_000), 30_000)
  assert.deepEqual(gate.leave(pass, report('delivered'), 5), { verdict: 'as-is' })
  assert.deepEqual(events, [])
})

test('each answer means to circuit, rate and parking what the table of answers says', () => {
  const table: readonly (readonly [Outcome['kind'], 'success' | 'failure' | 'neutral', boolean, boolean])[] = [
    // answer, to the circuit, slows, parks
    ['delivered', 'success', false, false],
    ['retry', 'failure', false, false],
    ['throttled', 'neutral', true, false],
    ['unauthorized', 'success', false, true],
    ['refused', 'success', false, false],
    ['rejected', 'success', false, false],
    ['aborted', 'neutral', false, false],
  ]
  for (const [kind, result, slows, parks] of table) {
    const { gate } = open({ rate: { perSecond: 100 } })
    send(gate, kind, 0)
    const { circuit, rate, parked } = gate.view(0)
    const { successes, failures, neutrals } = circuit.totals
    assert.deepEqual(
      [successes, failures, neutrals],
      [Number(result === 'success'), Number(result === 'failure'), Number(result === 'neutral')],
      kind,
    )
    assert.equal(rate.perSecond, slows ? 35 : 100, kind)
    assert.equal(rate.cooldownMs > 0, slows, kind)
    assert.equal(parked !== null, parks, kind)
  }
})

test('only a delivery raises the rate again', () => {
  for (const { kind } of outcomes) {
    if (kind === 'throttled') continue
    const { gate } = open({ rate: { perSecond: 100 } })
    send(gate, 'throttled', 0)
    send(gate, kind, 10_000)
    assert.equal(gate.view(10_000).rate.perSecond > 35, kind === 'delivered', kind)
  }
})

test('4xx, 429 and aborts never open the circuit, however many', () => {
  for (const kind of ['refused', 'throttled', 'aborted'] as const) {
    const { gate } = open()
    let nowMs = 0
    for (let time = 0; time < 500; time++) {
      send(gate, kind, nowMs)
      nowMs += 60_001
    }
    for (let time = 0; time < 500; time++) gate.leave(enter(gate, nowMs), report('refused'), nowMs)
    assert.equal(gate.view(nowMs).circuit.state, 'closed', kind)
  }
  // Requests that were all under way when the first 429, 401 and 404 came.
  const { gate } = open({ concurrency: 500 })
  const passes = Array.from({ length: 600 }, () => enter(gate, 0))
  for (const [index, pass] of passes.entries()) {
    gate.leave(pass, report((['throttled', 'unauthorized', 'rejected'] as const)[index % 3]!), 10)
  }
  assert.equal(gate.view(10).circuit.state, 'closed')
})

test('a pause comes first and has no end; what is under way goes on', () => {
  const { gate, events } = open()
  const pass = enter(gate, 0)
  gate.pause()
  gate.pause()
  assert.deepEqual(gate.check(0), { open: false, reason: 'paused', untilMs: null })
  assert.equal(gate.enter(0), undefined)
  gate.leave(pass, report('unauthorized'), 1)
  assert.deepEqual(gate.check(2), { open: false, reason: 'paused', untilMs: null })
  gate.resume()
  gate.resume()
  assert.deepEqual(typesOf(events), ['paused', 'parked', 'resumed'])
})

test('what closes it is named in the order pause, parking, circuit, cooldown, rate', () => {
  const { gate } = open({ rate: { perSecond: 10 } })
  const passes: Pass[] = []
  for (let time = 0; time < 14; time++) passes.push(enter(gate, time * 100))
  assert.deepEqual(gate.check(1_310), { open: false, reason: 'rate', untilMs: 1_400 })
  gate.leave(passes.pop()!, report('throttled', { afterMs: 5_000 }), 1_310)
  assert.deepEqual(gate.check(1_310), { open: false, reason: 'cooldown', untilMs: 1_310 + 5_250 })
  for (let time = 0; time < 10; time++) gate.leave(passes.pop()!, report('retry', { afterMs: 30_000 }), 1_310)
  assert.deepEqual(gate.check(1_310), { open: false, reason: 'circuit', untilMs: 1_310 + 31_500 })
  gate.leave(passes.pop()!, report('unauthorized'), 1_310)
  assert.deepEqual(gate.check(1_310), { open: false, reason: 'parked', untilMs: 6_310 })
  gate.pause()
  assert.deepEqual(gate.check(1_310), { open: false, reason: 'paused', untilMs: null })
})

test('an open circuit burns no token', () => {
  const { gate } = open({ rate: { perSecond: 1, burst: 3 }, breaker: { consecutiveFailures: 1 } })
  send(gate, 'retry', 0)
  for (let time = 0; time < 1_000; time++) assert.equal(gate.enter(2_000), undefined)
  // Two of three tokens were left and one has come since; the probe and its successors find all three.
  send(gate, 'delivered', 5_000, 3)
  assert.equal(gate.check(5_000).open, false)
})

test('a dry rate takes no probe', () => {
  const { gate } = open({ rate: { perSecond: 0.1 }, breaker: { consecutiveFailures: 1 } })
  send(gate, 'retry', 0)
  assert.deepEqual(gate.check(6_000), { open: false, reason: 'rate', untilMs: 10_000 })
  for (let time = 0; time < 10; time++) assert.equal(gate.enter(6_000), undefined)
  assert.equal(gate.view(6_000).circuit.probesInFlight, 0)
  assert.ok(enter(gate, 10_000).probe)
})

test('a circuit opens, probes with little time and one at a time, closes, and lets the load return by steps', () => {
  const { gate, events } = open({ concurrency: 8 })
  send(gate, 'retry', 0, 10)
  assert.equal(gate.concurrencyMax(0), 1)
  assert.deepEqual(gate.check(0), { open: false, reason: 'circuit', untilMs: 5_000 })
  const probe = enter(gate, 5_000)
  assert.ok(probe.probe)
  assert.deepEqual([gate.timeoutMs(probe, 30_000), gate.timeoutMs(probe, 1_000)], [3_000, 1_000])
  assert.deepEqual(gate.check(5_000), { open: false, reason: 'circuit', untilMs: 9_000 })
  assert.equal(gate.concurrencyMax(5_000), 1)
  gate.leave(probe, report('delivered'), 5_000)
  // Anything that shows that Customer.io lives is a good probe.
  send(gate, 'rejected', 5_000)
  send(gate, 'refused', 5_000)
  const shares = [5_000, 6_000, 7_000].map((nowMs) => gate.concurrencyMax(nowMs))
  assert.deepEqual(shares, [2, 4, 8])
  assert.deepEqual(events, [
    { type: 'circuit', from: 'closed', to: 'open', cause: 'consecutive-failures', untilMs: 5_000 },
    { type: 'circuit', from: 'open', to: 'half-open', cause: 'probe', untilMs: null },
    { type: 'circuit', from: 'half-open', to: 'closed', cause: 'recovered', untilMs: null },
  ])
})

test('a probe that never comes back frees its place', () => {
  const { gate } = open()
  send(gate, 'retry', 0, 10)
  enter(gate, 5_000)
  assert.equal(gate.enter(8_999), undefined)
  assert.ok(enter(gate, 9_000).probe)
})

test('slow answers open the circuit by their duration', () => {
  const { gate, events } = open()
  for (let time = 0; time < 20; time++) {
    gate.leave(enter(gate, 0), { kind: 'delivered', durationMs: 8_001 }, 0)
  }
  assert.equal(gate.view(0).circuit.state, 'open')
  assert.deepEqual(events, [{ type: 'circuit', from: 'closed', to: 'open', cause: 'slow-calls', untilMs: 5_000 }])
})

test('a burst of 429s slows once and tells once', () => {
  const { gate, events } = open({ rate: { perSecond: 100, burst: 50 } })
  const passes = Array.from({ length: 30 }, () => enter(gate, 0))
  for (const pass of passes) gate.leave(pass, report('throttled'), 30)
  assert.deepEqual(events, [{ type: 'throttled', perSecond: 35, cooldownMs: 1_050 }])
  assert.deepEqual(gate.check(30), { open: false, reason: 'cooldown', untilMs: 1_080 })
})

test('a parked workspace: probes only, told once, and over with the first answer', () => {
  const { gate, events } = open()
  const others = [enter(gate, 0), enter(gate, 0)]
  send(gate, 'unauthorized', 0)
  for (const pass of others) gate.leave(pass, report('unauthorized'), 10)
  assert.deepEqual(gate.view(10).parked, { sinceMs: 0, reason: 'credentials', status: 401 })
  assert.equal(gate.concurrencyMax(10), 1)
  assert.deepEqual(gate.check(5_000), { open: true, probe: true })
  const probe = enter(gate, 5_000)
  assert.ok(probe.probe)
  assert.equal(gate.timeoutMs(probe, 30_000), 3_000)
  assert.equal(gate.enter(5_000), undefined)
  gate.leave(probe, report('unauthorized'), 5_100)
  assert.deepEqual(gate.check(5_100), { open: false, reason: 'parked', untilMs: 5_100 + 7_500 })
  send(gate, 'delivered', 12_600)
  assert.equal(gate.view(12_600).parked, null)
  assert.deepEqual(events, [{ type: 'parked', reason: 'credentials', status: 401 }, { type: 'unparked' }])
  assert.ok(!enter(gate, 12_600).probe)
})

test('resume lets a parked workspace ask again at once', () => {
  const { gate, events } = open()
  send(gate, 'unauthorized', 0)
  gate.resume()
  assert.deepEqual(gate.check(1), { open: true, probe: true })
  assert.deepEqual(typesOf(events), ['parked'], 'it was not paused')
})

test('mostly rejected: the request that parks is to be retried, and so is each probe until one passes', () => {
  const { gate, events } = open()
  send(gate, 'rejected', 0, 4)
  assert.deepEqual(gate.leave(enter(gate, 0), report('rejected'), 0), { verdict: 'park' })
  assert.deepEqual(gate.leave(enter(gate, 5_000), report('rejected'), 5_000), { verdict: 'park' })
  assert.deepEqual(gate.leave(enter(gate, 12_500), report('delivered'), 12_500), { verdict: 'as-is' })
  assert.deepEqual(events, [{ type: 'parked', reason: 'mostly-rejected', status: 404 }, { type: 'unparked' }])
})

test('a parked workspace whose circuit is open waits for both, and one request probes both', () => {
  const { gate } = open()
  const passes = Array.from({ length: 11 }, () => enter(gate, 0))
  gate.leave(passes.pop()!, report('unauthorized'), 0)
  for (const pass of passes) gate.leave(pass, report('retry'), 3_000)
  assert.equal(gate.view(3_000).parked?.reason, 'credentials')
  assert.deepEqual(gate.check(5_000), { open: false, reason: 'circuit', untilMs: 8_000 })
  const probe = enter(gate, 8_000)
  gate.leave(probe, report('delivered'), 8_000)
  assert.equal(gate.view(8_000).parked, null)
  assert.equal(gate.view(8_000).circuit.probeSuccesses, 1)
})

test('a question takes a token and nothing else, and its 429 slows everybody once', () => {
  const { gate, events } = open({ rate: { perSecond: 10, burst: 2 } })
  assert.equal(gate.ask(0), undefined)
  assert.equal(gate.ask(0), undefined)
  assert.equal(gate.ask(0), 'rate')
  assert.deepEqual(gate.check(0), { open: false, reason: 'rate', untilMs: 100 })
  assert.equal(gate.view(0).circuit.totals.admitted, 0)
  gate.askedTooFast(50, 3_000)
  gate.askedTooFast(60, 3_000)
  assert.equal(gate.ask(2_000), 'cooldown')
  assert.deepEqual(typesOf(events), ['throttled'])
  assert.equal(gate.view(50).rate.perSecond, 3.5)
})

test('a question takes no probe: not of an open circuit, not of a parked workspace, not of a paused one', () => {
  const { gate } = open({ breaker: { consecutiveFailures: 1, openMs: 5_000, openJitter: 0, probeSuccesses: 1 } })
  send(gate, 'retry', 0)
  assert.equal(gate.ask(1), 'circuit')
  assert.equal(gate.ask(5_000), 'circuit', 'half open')
  assert.deepEqual(gate.check(5_000), { open: true, probe: true }, 'the probe is still there')
  send(gate, 'delivered', 5_000)
  assert.equal(gate.ask(5_001), undefined)
  send(gate, 'unauthorized', 5_002)
  assert.equal(gate.ask(5_003), 'parked')
  gate.resume()
  assert.equal(gate.ask(5_004), 'parked')
  assert.deepEqual(gate.check(5_004), { open: true, probe: true }, 'the probe is still there')
  send(gate, 'delivered', 5_005)
  gate.pause()
  assert.equal(gate.ask(5_006), 'paused')
})

test('events come when the whole gate is in its new state', () => {
  const seen: unknown[] = []
  const gate: Gate = createGate(
    { breaker: { consecutiveFailures: 1, probeSuccesses: 1 }, rate: { perSecond: Infinity } },
    () => 0.5,
    (event) => {
      const { circuit, parked } = gate.view(6_000)
      seen.push([event.type, circuit.state, parked?.reason ?? null])
    },
  )
  send(gate, 'retry', 0)
  send(gate, 'unauthorized', 6_000)
  assert.deepEqual(seen, [
    // Read at 6,000, when the open time is over.
    ['circuit', 'half-open', null],
    ['circuit', 'half-open', null],
    ['circuit', 'closed', 'credentials'],
    ['parked', 'closed', 'credentials'],
  ])
})

test('a wrong option is an error that names it', () => {
  const wrong: readonly (readonly [string, object])[] = [
    ['concurrency', { concurrency: 0 }],
    ['concurrency', { concurrency: 2.5 }],
    ['perSecond', { rate: { perSecond: -1 } }],
    ['openMs', { breaker: { openMs: 0 } }],
    ['probeTimeoutMs', { breaker: { probeTimeoutMs: NaN } }],
  ]
  for (const [field, options] of wrong) {
    assert.throws(
      () => open(options),
      (error: unknown) => error instanceof OptionsError && error.field === field,
      field,
    )
  }
})

test('check foretells enter and takes nothing, at most one probe is under way, and with good answers it always opens', () => {
  const step = fc.record({
    byMs: fc.constantFrom(0, 0, 5, 200, 3_000, 12_000),
    does: fc.constantFrom('enter', 'enter', 'leave', 'leave', 'lose', 'pause', 'resume'),
    kind: fc.constantFrom(...outcomes.map((outcome) => outcome.kind), 'retry', 'retry'),
    which: fc.nat(20),
    afterMs: fc.constantFrom(undefined, 0, 20_000),
  })
  let probes = 0
  fc.assert(
    fc.property(fc.integer(), fc.array(step, { maxLength: 120, size: 'max' }), (seed, steps) => {
      const events: HoldfastEvent[] = []
      const gate = createGate(
        { breaker: { consecutiveFailures: 3 }, rate: { perSecond: 20 } },
        seededRandom(seed),
        (event) => events.push(event),
      )
      const underWay: { readonly pass: Pass; readonly leaseUntilMs: number }[] = []
      let nowMs = 0
      for (const { byMs, does, kind, which, afterMs } of steps) {
        nowMs += byMs
        if (does === 'pause') gate.pause()
        else if (does === 'resume') gate.resume()
        else if (does === 'enter') {
          const before = gate.check(nowMs)
          assert.deepEqual(gate.check(nowMs), before)
          if (!before.open) assert.ok(before.untilMs === null || before.untilMs > nowMs)
          const pass = gate.enter(nowMs)
          assert.equal(pass !== undefined, before.open)
          if (pass === undefined) continue
          assert.equal(pass.probe, before.open && before.probe)
          if (pass.probe) {
            probes++
            assert.ok(
              !underWay.some(
                (held) =>
                  nowMs < held.leaseUntilMs &&
                  held.pass.permit.generation === pass.permit.generation &&
                  held.pass.ticket.period === pass.ticket.period,
              ),
            )
          }
          underWay.push({ pass, leaseUntilMs: pass.probe ? nowMs + 4_000 : -1 })
        } else {
          const [held] = underWay.splice(which % Math.max(1, underWay.length), 1)
          if (held === undefined || does === 'lose') continue
          gate.leave(held.pass, report(kind, afterMs === undefined ? {} : { afterMs }), nowMs)
        }
      }
      gate.resume()
      nowMs += 80_000
      for (let time = 0; time < 4; time++) {
        send(gate, 'delivered', nowMs)
        nowMs += 1_000
      }
      const { circuit, parked, paused } = gate.view(nowMs)
      assert.deepEqual([circuit.state, parked, paused], ['closed', null, false])
      const told = typesOf(events).filter((type) => type === 'paused' || type === 'resumed')
      assert.deepEqual(
        told,
        told.map((_, index) => (index % 2 === 0 ? 'paused' : 'resumed')),
      )
    }),
    { seed: 7, numRuns: 300 },
  )
  assert.ok(probes > 300, `the runs really probed: ${probes}`)
})
