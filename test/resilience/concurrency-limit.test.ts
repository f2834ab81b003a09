/** The concurrency limit: who gets a slot when, and that each comes back once. */
import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { test } from 'node:test'

import * as fc from 'fast-check'

import { OptionsError } from '../../src/errors.ts'
import { ConcurrencyLimit, type Slot } from '../../src/resilience/concurrency-limit.ts'
import { DeadlineError, QueueFullError } from '../../src/resilience/limit-errors.ts'
import type { WaitOptions } from '../../src/resilience/turn.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'

interface World {
  readonly clock: VirtualClock
  readonly limit: ConcurrencyLimit
  readonly slots: Map<string, Slot>
  readonly errors: Map<string, unknown>
  readonly enter: (...names: string[]) => Promise<void>
  readonly enterWith: (name: string, options: WaitOptions) => Promise<void>
}

function world(slotCount: number, queue?: number): World {
  const clock = new VirtualClock()
  const limit = new ConcurrencyLimit({ limit: slotCount, clock, ...(queue === undefined ? {} : { queue }) })
  const slots = new Map<string, Slot>()
  const errors = new Map<string, unknown>()
  const enterWith = async (name: string, options: WaitOptions): Promise<void> => {
    limit.acquire(options).then(
      (slot) => slots.set(name, slot),
      (error: unknown) => errors.set(name, error),
    )
    await clock.advance(0)
  }
  const enter = async (...names: string[]): Promise<void> => {
    for (const name of names) await enterWith(name, {})
  }
  return { clock, limit, slots, errors, enter, enterWith }
}

test('slots go first come, first served, and never more than the limit', async () => {
  const { clock, limit, slots, enter } = world(2)
  await enter('a', 'b', 'c', 'd')
  assert.deepEqual([...slots.keys()], ['a', 'b'])
  slots.get('b')!()
  await clock.advance(0)
  assert.deepEqual([...slots.keys()], ['a', 'b', 'c'])
  assert.deepEqual(limit.view(), { limit: 2, inUse: 2, waiting: 1 })
})

test('a slot given back twice comes back once', async () => {
  const { clock, limit, slots, enter } = world(1)
  await enter('a', 'b', 'c')
  slots.get('a')!()
  slots.get('a')!()
  slots.get('a')![Symbol.dispose]()
  await clock.advance(0)
  assert.deepEqual([...slots.keys()], ['a', 'b'])
  assert.deepEqual(limit.view(), { limit: 1, inUse: 1, waiting: 1 })
})

test('tryAcquire takes what is free and never overtakes', async () => {
  const { clock, limit, slots, enter } = world(1)
  const slot = limit.tryAcquire()
  assert.ok(slot)
  assert.equal(limit.tryAcquire(), null)
  await enter('a')
  slot()
  assert.equal(limit.tryAcquire(), null, 'the slot is that of the one who waited')
  assert.equal(limit.view().waiting, 0)
  await clock.advance(0)
  slots.get('a')?.()
  assert.ok(limit.tryAcquire())
})

test('a full queue refuses, and only then', async () => {
  const { slots, errors, enter } = world(1, 2)
  await enter('a', 'b', 'c', 'd')
  const error = errors.get('d')
  assert.ok(error instanceof QueueFullError)
  assert.deepEqual([error.code, error.limit], ['QUEUE_FULL', 2])
  assert.equal(error.stack?.includes('\n    at '), false)
  slots.get('a')!()
  await enter('e')
  assert.deepEqual([...slots.keys(), ...errors.keys()], ['a', 'b', 'd'])
})

test('a deadline and an abort end the wait, close the gap and leave nothing behind', async () => {
  const { clock, limit, slots, errors, enter, enterWith } = world(1)
  const controller = new AbortController()
  const { signal } = controller
  await enter('a')
  await enterWith('aborted', { signal, deadlineMs: 500 })
  await enterWith('late', { deadlineMs: 100, signal: new AbortController().signal })
  await enter('last')
  await enterWith('no wait', { deadlineMs: 0 })
  assert.ok(errors.get('no wait') instanceof DeadlineError)
  assert.equal(clock.pending, 1)
  await clock.advance(100)
  const late = errors.get('late')
  assert.ok(late instanceof DeadlineError)
  assert.deepEqual([late.code, late.phase], ['DEADLINE_EXCEEDED', 'slot'])
  assert.equal(getEventListeners(signal, 'abort').length, 1)
  const reason = new Error('enough')
  controller.abort(reason)
  await clock.advance(0)
  assert.equal(errors.get('aborted'), reason)
  assert.equal(getEventListeners(signal, 'abort').length, 0)
  assert.deepEqual([limit.view().waiting, clock.pending], [1, 0])
  await enterWith('aborted before', { signal })
  assert.equal(errors.get('aborted before'), reason)
  slots.get('a')!()
  await clock.advance(0)
  assert.deepEqual([...slots.keys()], ['a', 'last'])
})

test('a larger limit lets waiters in at once; a smaller one waits until enough came back', async () => {
  const { clock, limit, slots, enter } = world(1)
  await enter('a', 'b', 'c', 'd', 'e')
  limit.setLimit(3)
  await clock.advance(0)
  assert.deepEqual([...slots.keys()], ['a', 'b', 'c'])
  limit.setLimit(1)
  slots.get('a')!()
  slots.get('b')!()
  await clock.advance(0)
  assert.deepEqual(limit.view(), { limit: 1, inUse: 1, waiting: 2 })
  slots.get('c')!()
  await clock.advance(0)
  assert.deepEqual([...slots.keys()], ['a', 'b', 'c', 'd'])
})

test('wrong options are errors that name them', async () => {
  const named = (field: string) => (error: unknown) => error instanceof OptionsError && error.field === field
  assert.throws(() => new ConcurrencyLimit({ limit: 0 }), named('limit'))
  assert.throws(() => new ConcurrencyLimit({ queue: NaN }), named('queue'))
  assert.throws(() => new ConcurrencyLimit().setLimit(1.5), named('limit'))
  await assert.rejects(new ConcurrencyLimit().acquire({ deadlineMs: -1 }), named('deadlineMs'))
})

test('whatever happens: in order, within the limit, nobody waits while a slot is free', async () => {
  const step = fc.record({
    enter: fc.nat(3),
    release: fc.nat(3),
    deadlineMs: fc.constantFrom(undefined, 30, 200),
    abort: fc.boolean(),
    limit: fc.option(fc.integer({ min: 1, max: 5 }), { nil: undefined }),
    waitMs: fc.nat(50),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const clock = new VirtualClock()
      const limit = new ConcurrencyLimit({ limit: 2, queue: 6, clock })
      const held: Slot[] = []
      const granted: number[] = []
      const signals: AbortSignal[] = []
      let order = 0
      let slots = 2
      for (const step of steps) {
        const controller = new AbortController()
        signals.push(controller.signal)
        for (let caller = 0; caller < step.enter; caller++) {
          const mine = order++
          limit
            .acquire({ signal: controller.signal, deadlineMs: step.deadlineMs })
            .then((slot) => {
              granted.push(mine)
              held.push(slot)
            })
            .catch(() => {})
        }
        await clock.advance(0)
        for (let index = 0; index < step.release; index++) held.shift()?.()
        if (step.limit !== undefined) limit.setLimit((slots = step.limit))
        if (step.abort) controller.abort()
        await clock.advance(step.waitMs)
        const { inUse, waiting } = limit.view()
        assert.equal(inUse, held.length)
        assert.ok(waiting === 0 || inUse >= slots)
        assert.ok(waiting <= 6 && clock.pending <= 1)
      }
      while (held.length > 0) {
        held.shift()!()
        await clock.advance(0)
      }
      await clock.advance(1_000)
      assert.deepEqual(limit.view(), { limit: slots, inUse: 0, waiting: 0 })
      assert.deepEqual(
        granted,
        [...granted].sort((a, b) => a - b),
      )
      assert.equal(clock.pending, 0)
      assert.ok(signals.every((signal) => getEventListeners(signal, 'abort').length === 0))
    }),
    { seed: 12, numRuns: 80 },
  )
})
