/** The gate of one process among several: what others say, a pause for all, and what this one tells. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createGate, type Gate, type GateOptions, type Report } from '../../src/delivery/gate.ts'
import type { HoldfastEvent } from '../../src/observe/events.ts'
import type { ProviderHint } from '../../src/outbox/outbox.ts'

const good: Report = { kind: 'delivered', durationMs: 20 }
const bad: Report = { kind: 'retry', durationMs: 20 }

interface Shared {
  readonly gate: Gate
  readonly events: HoldfastEvent[]
  readonly told: ProviderHint[]
  /** So many answers. */
  readonly get: (report: Report, nowMs: number, times?: number) => void
}

function open(options: GateOptions = {}): Shared {
  const events: HoldfastEvent[] = []
  const told: ProviderHint[] = []
  const gate = createGate(
    { rate: { perSecond: Infinity }, ...options },
    () => 0.5,
    (event) => events.push(event),
    (hint) => told.push(hint),
  )
  const get: Shared['get'] = (report, nowMs, times = 1) => {
    for (let time = 0; time < times; time++) {
      const pass = gate.enter(nowMs)
      assert.ok(pass, `closed at ${nowMs}`)
      gate.leave(pass, report, nowMs)
    }
  }
  return { gate, events, told, get }
}

test('both pauses must be off to send, whichever ends first', () => {
  for (const order of [['process', 'all'] as const, ['all', 'process'] as const]) {
    const { gate, events } = open()
    gate.pause()
    gate.pauseForAll({ who: 'ada', why: 'an import', atMs: 5 })
    for (const scope of order) {
      assert.deepEqual(gate.check(1), { open: false, reason: 'paused', untilMs: null })
      if (scope === 'process') gate.resume()
      else gate.pauseForAll(null)
    }
    assert.equal(gate.check(1).open, true)
    assert.deepEqual(events, [
      { type: 'paused', scope: 'process' },
      { type: 'paused', scope: 'all', who: 'ada', why: 'an import' },
      ...order.map((scope) => ({ type: 'resumed', scope })),
    ])
  }
})

test('the end of no pause for all is nothing, and resume does not end one', () => {
  const { gate, events } = open()
  gate.pauseForAll(null)
  assert.deepEqual(events, [])
  gate.pauseForAll({ who: 'ada', why: '', atMs: 5 })
  gate.resume()
  assert.equal(gate.view(0).paused, true)
  assert.deepEqual(gate.view(0).pausedForAll, { who: 'ada', why: '', atMs: 5 })
})

test('a 429 is told to the others with what is left of the cooldown, once for a burst of them', () => {
  const { gate, told } = open()
  const passes = [gate.enter(0)!, gate.enter(0)!, gate.enter(0)!]
  for (const pass of passes) gate.leave(pass, { kind: 'throttled', afterMs: 2_000, durationMs: 5 }, 10)
  assert.equal(told.length, 1)
  assert.equal(told[0]!.kind, 'limited')
  assert.ok(told[0]!.kind === 'limited' && told[0]!.forMs >= 2_000 && told[0]!.forMs <= 2_200)
})

test('a circuit that opens, opens again and closes is told', () => {
  const { gate, told, get } = open()
  get(bad, 0, 10)
  assert.deepEqual(told, [{ kind: 'failing', forMs: 5_000 }])
  get(bad, 5_000)
  assert.equal(told.length, 2)
  assert.equal(told[1]!.kind, 'failing')
  const untilMs = gate.view(5_000).circuit.untilMs!
  get(good, untilMs, 3)
  assert.deepEqual(told[2], { kind: 'well' })
})

test('what others said is heeded, told as an event, and passed on to nobody', () => {
  const { gate, events, told } = open()
  gate.heard({ kind: 'failing', forMs: 4_000 }, 0)
  assert.deepEqual(gate.check(1), { open: false, reason: 'circuit', untilMs: 4_000 })
  assert.equal(gate.view(1).circuitState, 'open')
  assert.equal(gate.view(1).circuit.state, 'closed')
  gate.heard({ kind: 'failing', forMs: 9_000 }, 1)
  gate.heard({ kind: 'limited', forMs: 3_000 }, 5_000)
  assert.deepEqual(gate.check(5_001), { open: false, reason: 'cooldown', untilMs: 8_000 })
  gate.heard({ kind: 'well' }, 9_000)
  assert.equal(gate.check(9_000).open, true)
  assert.deepEqual(
    events.map((event) => (event.type === 'heard' ? event.said : event.type)),
    ['failing', 'limited', 'throttled', 'well'],
  )
  assert.deepEqual(told, [])
})

test('after a warning one request at a time finds out, until one is good', () => {
  const { gate, get } = open({ concurrency: 8 })
  gate.heard({ kind: 'failing', forMs: 4_000 }, 0)
  assert.equal(gate.view(4_000).circuitState, 'half-open')
  assert.equal(gate.concurrencyMax(4_000), 1)
  get(bad, 4_000)
  assert.equal(gate.concurrencyMax(4_001), 1)
  get(good, 4_001)
  assert.equal(gate.concurrencyMax(4_001), 8)
  assert.equal(gate.view(4_001).circuitState, 'closed')
})

test('own evidence wins: a process that gets through is stopped by nobody', () => {
  const { gate, events, get } = open()
  get(good, 0)
  for (let nowMs = 100; nowMs < 60_000; nowMs += 500) {
    gate.heard({ kind: 'failing', forMs: 15_000 }, nowMs)
    assert.equal(gate.check(nowMs).open, true, `at ${nowMs}`)
    get(good, nowMs)
  }
  assert.deepEqual(events, [])
})

test('a circuit of our own that is open or trying is not moved by what others say', () => {
  const { gate, get } = open()
  get(bad, 0, 10)
  const { untilMs } = gate.view(0).circuit
  gate.heard({ kind: 'well' }, 10)
  gate.heard({ kind: 'failing', forMs: 15_000 }, 20)
  assert.deepEqual(gate.check(30), { open: false, reason: 'circuit', untilMs })
  assert.deepEqual(gate.check(untilMs!), { open: true, probe: true })
})

test('the rate is shared by as many as there are', () => {
  const { gate } = open({ rate: { perSecond: 100 } })
  gate.shareAmong(5)
  assert.equal(gate.view(0).rate.perSecond, 20)
})

test('whoever waits for the gate is called when it may have become better', () => {
  const { gate } = open()
  let calls = 0
  gate.watch(() => calls++)
  gate.pauseForAll({ who: 'ada', why: '', atMs: 0 })
  gate.pauseForAll(null)
  gate.heard({ kind: 'failing', forMs: 100 }, 0)
  gate.heard({ kind: 'well' }, 1)
  gate.shareAmong(2)
  assert.equal(calls, 5)
})
