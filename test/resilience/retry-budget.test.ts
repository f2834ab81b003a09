import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as fc from 'fast-check'

import { OptionsError } from '../../src/errors.ts'
import { createRetryBudget, type RetryBudgetOptions } from '../../src/resilience/retry-budget.ts'

test('it holds 100 at the start, each retry costs one, and then it refuses', () => {
  const budget = createRetryBudget()
  assert.deepEqual(budget.view(0), { tokens: 100, max: 100, refused: 0 })
  for (let retry = 0; retry < 100; retry++) assert.equal(budget.tryTake(0), true)
  assert.equal(budget.tryTake(0), false)
  assert.deepEqual(budget.view(0), { tokens: 0, max: 100, refused: 1 })
})

test('two successes pay for one retry, a second for one, and nothing goes above the maximum', () => {
  const budget = createRetryBudget({ max: 2 })
  assert.equal(budget.tryTake(0) && budget.tryTake(0), true)
  budget.succeeded()
  assert.equal(budget.tryTake(0), false)
  budget.succeeded()
  assert.equal(budget.tryTake(0), true)
  assert.equal(budget.tryTake(999), false)
  assert.equal(budget.tryTake(1_000), true)
  budget.giveBack()
  assert.equal(budget.view(1_000).tokens, 1)
  for (let success = 0; success < 10; success++) budget.succeeded()
  assert.equal(budget.view(1_000_000).tokens, 2)
})

test('a process whose every call fails finds out by time alone that the server is back', () => {
  const budget = createRetryBudget({ max: 1 })
  assert.equal(budget.tryTake(0), true)
  let granted = 0
  for (let nowMs = 0; nowMs <= 60_000; nowMs += 100) if (budget.tryTake(nowMs)) granted++
  assert.equal(granted, 60)
})

test('time that stands still or goes back fills nothing', () => {
  const budget = createRetryBudget({ max: 1 })
  assert.equal(budget.tryTake(10_000), true)
  assert.equal(budget.tryTake(0), false)
  assert.equal(budget.tryTake(10_999), false)
  assert.equal(budget.tryTake(11_000), true)
})

test('it tells once that it ran dry, and again after it had recovered, and is not harmed by a listener that throws', () => {
  let told = 0
  const budget = createRetryBudget({
    max: 1,
    onExhausted() {
      told++
      throw new Error('listener')
    },
  })
  assert.equal(budget.tryTake(0), true)
  for (let retry = 0; retry < 5; retry++) assert.equal(budget.tryTake(0), false)
  assert.equal(told, 1)
  assert.equal(budget.tryTake(1_000), true)
  assert.equal(budget.tryTake(1_000), false)
  assert.equal(told, 2)
})

test('options that mean nothing are errors that name the field', () => {
  const table: readonly (readonly [options: object, field: string])[] = [
    [{ max: 0 }, 'max'],
    [{ max: -1 }, 'max'],
    [{ max: Number.NaN }, 'max'],
    [{ max: Infinity }, 'max'],
    [{ max: '5' }, 'max'],
    [{ perSuccess: -0.1 }, 'perSuccess'],
    [{ perSuccess: Infinity }, 'perSuccess'],
    [{ perSecond: Number.NaN }, 'perSecond'],
    [{ perSecond: 0, perSuccess: 0 }, 'perSecond'],
    [{ onExhausted: 5 }, 'onExhausted'],
  ]
  for (const [options, field] of table) {
    assert.throws(
      () => createRetryBudget(options),
      (error) => error instanceof OptionsError && error.field === field,
      field,
    )
  }
  const explicit: Record<string, unknown> = { max: undefined }
  assert.equal(createRetryBudget(explicit as RetryBudgetOptions).view(0).max, 100)
})

test('over any run no more retries are granted than were held, earned and given back', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('take' as const), afterMs: fc.nat(5_000) }),
    fc.record({ kind: fc.constant('succeed' as const), afterMs: fc.constant(0) }),
    fc.record({ kind: fc.constant('giveBack' as const), afterMs: fc.constant(0) }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), fc.integer({ min: 1, max: 10 }), (steps, max) => {
      const budget = createRetryBudget({ max })
      let nowMs = 0
      let granted = 0
      let income = max
      budget.view(nowMs)
      for (const { kind, afterMs } of steps) {
        nowMs += afterMs
        if (kind === 'take' && budget.tryTake(nowMs)) granted++
        if (kind === 'succeed') {
          budget.succeeded()
          income += 0.5
        }
        if (kind === 'giveBack' && granted > 0) {
          budget.giveBack()
          granted--
        }
        const { tokens } = budget.view(nowMs)
        assert.ok(tokens >= 0 && tokens <= max)
        assert.ok(granted <= income + nowMs / 1_000 + 1e-6)
      }
    }),
    { seed: 30 },
  )
})
