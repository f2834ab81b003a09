/** The rate gate: who goes when, who is told at once that it cannot be, and what is left behind. */
import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { test } from 'node:test'

import * as fc from 'fast-check'

import { OptionsError } from '../../src/errors.ts'
import { RateLimitedError } from '../../src/resilience/limit-errors.ts'
import { RateGate, type RateGateOptions } from '../../src/resilience/rate-gate.ts'
import type { WaitOptions } from '../../src/resilience/turn.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'

interface World {
  readonly clock: VirtualClock
  readonly gate: RateGate
  /** `name@time` of each that got its turn, `name!time` of each that did not, in order. */
  readonly log: string[]
  readonly errors: unknown[]
  readonly enter: (name: string, options?: WaitOptions) => void
}

function world(options: RateGateOptions = {}): World {
  const clock = new VirtualClock()
  const gate = new RateGate({ perSecond: 10, burst: 1, ...options, clock, random: () => 0 })
  const log: string[] = []
  const errors: unknown[] = []
  const enter = (name: string, wait?: WaitOptions): void => {
    gate.acquire(wait).then(
      () => log.push(`${name}@${Math.round(clock.monotonicMs())}`),
      (error: unknown) => {
        errors.push(error)
        log.push(`${name}!${Math.round(clock.monotonicMs())}`)
      },
    )
  }
  return { clock, gate, log, errors, enter }
}

test('callers go first come, first served, each at its time, on one timer', async () => {
  const { clock, log, enter } = world()
  for (const name of ['a', 'b', 'c', 'd']) enter(name)
  await clock.advance(50)
  assert.equal(clock.pending, 1)
  enter('e')
  await clock.advance(1_000)
  assert.deepEqual(log, ['a@0', 'b@100', 'c@200', 'd@300', 'e@400'])
  assert.equal(clock.pending, 0)
})

test('nobody overtakes: neither tryAcquire nor a newcomer at the moment a token is due', async () => {
  const { clock, gate, log, enter } = world()
  assert.ok(gate.tryAcquire())
  enter('a')
  clock.timer(100, () => {
    assert.equal(gate.tryAcquire(), false)
    enter('b')
  })
  await clock.advance(300)
  assert.deepEqual(log, ['a@100', 'b@200'])
  assert.ok(gate.tryAcquire())
})

test('one 429 holds all callers, also those who come later, and they go in order', async () => {
  const { clock, gate, log, enter } = world()
  enter('a')
  enter('b')
  await clock.advance(0)
  assert.ok(gate.throttled(3_000))
  enter('c')
  assert.equal(gate.view().cooldownMs, 3_000)
  await clock.advance(10_000)
  assert.deepEqual(
    log.map((entry) => entry[0]),
    ['a', 'b', 'c'],
  )
  assert.ok(log.slice(1).every((entry) => Number(entry.slice(2)) >= 3_000))
  gate.succeeded()
  assert.equal(gate.view().cooldownMs, 0)
})

test('who would wait beyond its deadline is told at once, with the time that its place would take', async () => {
  const { clock, log, errors, enter, gate } = world()
  for (const name of ['a', 'b', 'c']) enter(name)
  enter('late', { deadlineMs: 300 })
  enter('fits', { deadlineMs: 301 })
  await clock.advance(0)
  assert.deepEqual(log, ['a@0', 'late!0'])
  const [error] = errors
  assert.ok(error instanceof RateLimitedError)
  assert.deepEqual([error.code, error.reason, error.retryAfterMs], ['RATE_LIMITED', 'deadline', 300])
  assert.equal(error.stack?.includes('\n    at '), false)
  await clock.advance(1_000)
  assert.deepEqual(log, ['a@0', 'late!0', 'b@100', 'c@200', 'fits@300'])
  assert.equal(gate.view().shed, 1)
})

test('a full line refuses at once and says when it would have been', async () => {
  const { clock, log, errors, enter } = world({ queue: 2 })
  for (const name of ['a', 'b', 'c', 'd']) enter(name)
  await clock.advance(0)
  assert.deepEqual(log, ['a@0', 'd!0'])
  assert.ok(errors[0] instanceof RateLimitedError)
  assert.deepEqual([errors[0].reason, errors[0].retryAfterMs], ['queue-full', 300])
})

test('a queue of 0 never waits', async () => {
  const { clock, log, enter } = world({ queue: 0 })
  enter('a')
  enter('b')
  await clock.advance(1_000)
  assert.deepEqual(log, ['a@0', 'b!0'])
})

test('a 429 that puts a turn off beyond its deadline sheds it at once; whoever still fits keeps its place', async () => {
  const { clock, gate, log, enter } = world()
  for (const name of ['a', 'b', 'c', 'd']) enter(name, name === 'c' ? { deadlineMs: 1_000 } : {})
  await clock.advance(10)
  gate.throttled(5_000)
  await clock.advance(0)
  assert.deepEqual(log, ['a@0', 'c!10'])
  await clock.advance(10_000)
  assert.deepEqual(
    log.map((entry) => entry[0]),
    ['a', 'c', 'b', 'd'],
  )
})

test('a turn that does not come in time after all ends at the deadline', async () => {
  const { clock, gate, log, errors, enter } = world({ perSecond: 100, burst: 1 })
  enter('a')
  await clock.advance(0)
  // The forecast counts on the rate to rise by successes; none comes.
  for (let index = 0; index < 8; index++) {
    await clock.advance(1_001)
    gate.throttled(1)
  }
  const fromMs = clock.monotonicMs()
  for (let index = 0; index < 500; index++) enter('x', { deadlineMs: 20_000 })
  await clock.advance(60_000)
  const late = log.filter((entry) => entry.startsWith('x!')).map((entry) => Number(entry.slice(2)) - fromMs)
  assert.ok(late.some((atMs) => atMs === 0) && late.some((atMs) => atMs === 20_000), String(late))
  assert.ok(late.every((atMs) => atMs === 0 || atMs === 20_000))
  assert.ok(errors.every((error) => error instanceof RateLimitedError && error.reason === 'deadline'))
  assert.equal(clock.pending, 0)
})

test('an abort ends the wait at once with its reason, closes the gap, and leaves nothing behind', async () => {
  const { clock, log, errors, enter } = world()
  const controller = new AbortController()
  const { signal } = controller
  for (const name of ['a', 'b', 'c', 'd'])
    enter(name, name === 'c' ? { signal, deadlineMs: 60_000 } : { signal: new AbortController().signal })
  await clock.advance(50)
  assert.equal(getEventListeners(signal, 'abort').length, 1)
  const reason = new Error('enough')
  controller.abort(reason)
  await clock.advance(0)
  assert.deepEqual([log, errors], [['a@0', 'c!50'], [reason]])
  assert.equal(getEventListeners(signal, 'abort').length, 0)
  enter('aborted before', { signal })
  await clock.advance(500)
  assert.deepEqual(log, ['a@0', 'c!50', 'aborted before!50', 'b@100', 'd@200'])
  assert.equal(clock.pending, 0)
})

test('a wait that ended well or was shed leaves no listener either', async () => {
  const { clock, gate, log, enter } = world()
  const { signal } = new AbortController()
  for (const name of ['a', 'b', 'c']) enter(name, { signal, deadlineMs: 150 })
  await clock.advance(0)
  assert.deepEqual(log, ['a@0', 'c!0'])
  assert.equal(getEventListeners(signal, 'abort').length, 1)
  gate.throttled(30_000)
  await clock.advance(0)
  assert.deepEqual(log, ['a@0', 'c!0', 'b!0'])
  assert.equal(getEventListeners(signal, 'abort').length, 0)
  assert.equal(clock.pending, 0)
})

test('ten thousand waiters abort from the middle without a search', async () => {
  const { clock, gate } = world({ perSecond: 1 })
  const controllers = Array.from({ length: 10_000 }, () => new AbortController())
  gate.tryAcquire()
  const waits = controllers.map(({ signal }) => gate.acquire({ signal }).catch(() => 'aborted'))
  await clock.advance(0)
  for (let index = controllers.length - 1; index >= 0; index -= 2) controllers[index]!.abort()
  await clock.advance(0)
  assert.equal(gate.view().waiting, 5_000)
  for (const controller of controllers) controller.abort()
  await Promise.all(waits)
  assert.deepEqual([gate.view().waiting, clock.pending], [0, 0])
})

test('wrong options are errors that name them', async () => {
  for (const [field, value] of [
    ['queue', -1],
    ['queue', 1.5],
    ['perSecond', 0],
  ] as const) {
    assert.throws(
      () => new RateGate({ [field]: value }),
      (error: unknown) => error instanceof OptionsError && error.field === field,
    )
  }
  const gate = new RateGate()
  for (const deadlineMs of [-1, NaN, '5' as unknown as number]) {
    await assert.rejects(
      gate.acquire({ deadlineMs }),
      (error: unknown) => error instanceof OptionsError && error.field === 'deadlineMs',
    )
  }
})

test('whatever happens: in order, never faster than the ceiling, never after a deadline, nothing left behind', async () => {
  const step = fc.record({
    callers: fc.nat(4),
    deadlineMs: fc.constantFrom(0, 150, 1_000, 20_000, undefined),
    abortAfterMs: fc.constantFrom(undefined, undefined, 70, 400),
    answer: fc.constantFrom('none', 'none', 'success', '429', '429 with a time'),
    waitMs: fc.nat(400),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const clock = new VirtualClock()
      const gate = new RateGate({ perSecond: 20, burst: 3, queue: 12, clock, random: () => 0.5 })
      const granted: { readonly order: number; readonly atMs: number }[] = []
      let order = 0
      let pending = 0
      for (const { callers, deadlineMs, abortAfterMs, answer, waitMs } of steps) {
        for (let caller = 0; caller < callers; caller++) {
          const mine = order++
          const controller = new AbortController()
          if (abortAfterMs !== undefined) clock.timer(abortAfterMs, () => controller.abort())
          const untilMs = clock.monotonicMs() + (deadlineMs ?? Infinity)
          pending++
          gate
            .acquire({ signal: controller.signal, deadlineMs })
            .then(() => granted.push({ order: mine, atMs: clock.monotonicMs() }))
            .catch(() => {})
            .finally(() => {
              pending--
              assert.ok(clock.monotonicMs() <= untilMs + 1e-6)
              assert.equal(getEventListeners(controller.signal, 'abort').length, 0)
            })
        }
        if (answer === 'success') gate.succeeded()
        if (answer === '429') gate.throttled()
        if (answer === '429 with a time') gate.throttled(700)
        await clock.advance(waitMs)
      }
      await clock.advance(300_000)
      assert.deepEqual([pending, gate.view().waiting, clock.pending], [0, 0, 0])
      assert.deepEqual(
        granted.map(({ order }) => order),
        granted.map(({ order }) => order).sort((a, b) => a - b),
      )
      for (let from = 0; from < granted.length; from++) {
        for (let to = from; to < granted.length; to++) {
          const spanMs = granted[to]!.atMs - granted[from]!.atMs
          assert.ok(to - from + 1 <= 3 + (20 * spanMs) / 1_000 + 1e-6)
        }
      }
    }),
    { seed: 9, numRuns: 80 },
  )
})
