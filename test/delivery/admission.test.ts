/** Calls that wait for the gate: in their order, beside the engine, never in vain. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createAdmission, type Admission, type Admitted } from '../../src/delivery/admission.ts'
import { createGate, type Gate, type GateOptions, type Pass } from '../../src/delivery/gate.ts'
import { seededRandom } from '../../src/testing/seeded-random.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'

interface Scene {
  readonly gate: Gate
  readonly clock: VirtualClock
  readonly admission: Admission
  /** Names of the calls that were let in, with the time. */
  readonly log: string[]
  readonly passes: Map<string, Pass>
  readonly call: (name: string, latestMs?: number, signal?: AbortSignal) => Promise<Admitted<string>>
  readonly leave: (name: string) => void
}

const never = new AbortController().signal

function scene(options: GateOptions = {}): Scene {
  const clock = new VirtualClock()
  const gate = createGate(options, seededRandom(1), () => {})
  const admission = createAdmission(gate, clock)
  const log: string[] = []
  const passes = new Map<string, Pass>()
  return {
    gate,
    clock,
    admission,
    log,
    passes,
    call: (name, latestMs = 10_000, signal = never) =>
      admission.enter(latestMs, signal, (pass) => {
        log.push(`${name} at ${clock.monotonicMs()}`)
        passes.set(name, pass)
        return name
      }),
    leave: (name) => void gate.leave(passes.get(name)!, { kind: 'delivered', durationMs: 1 }, clock.monotonicMs()),
  }
}

test('an open gate launches in the same moment', async () => {
  const { call, log } = scene()
  const admitted = call('a')
  assert.deepEqual(log, ['a at 0'])
  assert.deepEqual(await admitted, { launched: 'a' })
})

test('tokens go to the calls in their order, each as soon as it is there', async () => {
  const { call, log, clock, admission } = scene({ rate: { perSecond: 10, burst: 1 }, concurrency: 100 })
  const calls = ['a', 'b', 'c', 'd'].map((name) => call(name))
  assert.equal(admission.waiting, 3)
  await clock.advance(1_000)
  await Promise.all(calls)
  assert.deepEqual(log, ['a at 0', 'b at 100', 'c at 200', 'd at 300'])
  assert.equal(clock.pending, 0, 'no timer is left')
})

test('places go to the calls in their order, as soon as one is left', async () => {
  const { call, log, clock, leave } = scene({ concurrency: 2 })
  for (const name of ['a', 'b', 'c', 'd']) void call(name)
  await clock.advance(50)
  leave('b')
  await clock.advance(50)
  leave('a')
  assert.deepEqual(log, ['a at 0', 'b at 0', 'c at 50', 'd at 100'])
})

test('a call whose turn comes too late by the rate of now is refused at once, with a time', async () => {
  const { call, clock } = scene({ rate: { perSecond: 1, burst: 1 } })
  void call('a')
  const waiting = call('b', 5_000)
  void call('c', 5_000)
  assert.deepEqual(await call('d', 2_500), { refused: 'rate', retryAfterMs: 3_000 })
  await clock.advance(1_000)
  assert.deepEqual(await waiting, { launched: 'b' })
})

test('a call that finds no place until it is too late is refused then', async () => {
  const { call, clock } = scene({ concurrency: 1 })
  void call('a')
  const waiting = call('b', 3_000)
  await clock.advance(2_999)
  assert.equal(clock.pending > 0, true)
  await clock.advance(1)
  assert.deepEqual(await waiting, { refused: 'busy', retryAfterMs: undefined })
})

test('a pause refuses all who wait', async () => {
  const { call, gate, admission } = scene({ concurrency: 1 })
  void call('a')
  const waiting = [call('b'), call('c')]
  gate.pause()
  for (const each of waiting) assert.deepEqual(await each, { refused: 'paused', retryAfterMs: undefined })
  assert.equal(admission.waiting, 0)
})

test('a circuit that opens refuses all who wait', async () => {
  const { call, gate, clock, passes } = scene({ concurrency: 20 })
  for (let n = 0; n < 20; n++) void call(`${n}`)
  const waiting = call('later')
  for (let n = 0; n < 10; n++) gate.leave(passes.get(`${n}`)!, { kind: 'retry', durationMs: 1 }, clock.monotonicMs())
  const refused = await waiting
  assert.ok('refused' in refused)
  assert.equal(refused.refused, 'circuit')
})

test('a cooldown refuses who cannot wait for its end, and nobody else', async () => {
  const { call, gate, clock, passes, log } = scene({ concurrency: 1 })
  void call('a')
  const [impatient, patient] = [call('impatient', 5_000), call('patient', 60_000)]
  gate.leave(passes.get('a')!, { kind: 'throttled', afterMs: 20_000, durationMs: 1 }, clock.monotonicMs())
  const refused = await impatient
  assert.ok('refused' in refused)
  assert.equal(refused.refused, 'cooldown')
  await clock.advance(25_000)
  assert.deepEqual(await patient, { launched: 'patient' })
  assert.match(log.at(-1) ?? '', /patient at 2[0-2]\d{3}/)
})

test('an aborted call leaves the queue, and the next one moves up', async () => {
  const { call, leave, log, admission } = scene({ concurrency: 1 })
  const controller = new AbortController()
  void call('a')
  const aborted = call('b', 10_000, controller.signal)
  void call('c')
  controller.abort()
  assert.deepEqual(await aborted, { refused: 'ended', retryAfterMs: undefined })
  assert.equal(admission.waiting, 1)
  leave('a')
  assert.deepEqual(log, ['a at 0', 'c at 0'])
})

test('calls and the engine get their turns of what both want: neither starves', async () => {
  const { call, admission, clock, log } = scene({ rate: { perSecond: 100, burst: 1 }, concurrency: 1_000 })
  const { rivalGate } = admission
  admission.rival = { ready: true }
  // An engine with an endless backlog, which asks whenever its gate says that it is worth it.
  const engine = (): void => {
    const nowMs = clock.monotonicMs()
    const state = rivalGate.check(nowMs)
    if (state.open) {
      assert.ok(rivalGate.enter(nowMs))
      log.push('engine')
    }
    clock.timer(state.open ? 0 : Math.max(0, (state.untilMs ?? nowMs) - nowMs), engine)
  }
  engine()
  for (let n = 0; n < 60; n++) void call(`${n}`, 60_000)
  await clock.advance(1_000)
  const calls = log.filter((line) => line !== 'engine').length
  const shares = [calls, log.length - calls]
  assert.ok(log.length >= 85, `${log.length} passes of some 100`)
  assert.ok(Math.abs(shares[0]! - shares[1]!) <= 2, shares.join(' and '))
})

test('an engine that has nothing to send is not waited for', async () => {
  const { call, admission, clock, log } = scene({ rate: { perSecond: 100, burst: 1 }, concurrency: 1_000 })
  admission.rival = { ready: false }
  for (let n = 0; n < 5; n++) void call(`${n}`)
  await clock.advance(100)
  assert.deepEqual(log, ['0 at 0', '1 at 10', '2 at 20', '3 at 30', '4 at 40'])
})

test('an engine that is ready and does not come holds up a call for a moment only', async () => {
  const { call, admission, clock, log } = scene({ rate: { perSecond: 100, burst: 1 }, concurrency: 1_000 })
  admission.rival = { ready: true }
  for (let n = 0; n < 3; n++) void call(`${n}`)
  await clock.advance(100)
  assert.deepEqual(log, ['0 at 0', '1 at 11', '2 at 22'])
})
