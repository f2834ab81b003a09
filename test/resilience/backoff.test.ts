import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as fc from 'fast-check'

import { OptionsError } from '../../src/errors.ts'
import {
  backoffMs,
  grownWaitMs,
  resolveBackoffOptions,
  retryAfterWaitMs,
  spreadMs,
  withRetryAfterMs,
  type BackoffOptions,
} from '../../src/resilience/backoff.ts'

const shape = { baseMs: 100, capMs: 1_000 }

test('the wait doubles up to the cap, and jitter spreads it', () => {
  const table: readonly (readonly [number, BackoffOptions['jitter'], number, number])[] = [
    // attempt, jitter, chance, wait
    [0, 'none', 0.5, 100],
    [1, 'none', 0.5, 200],
    [3, 'none', 0.5, 800],
    [4, 'none', 0.5, 1_000],
    [0, 'full', 0, 0],
    [0, 'full', 0.5, 50],
    [2, 'full', 0.25, 100],
    [9, 'full', 0.75, 750],
    [0, 'equal', 0, 50],
    [1, 'equal', 0.5, 150],
    [9, 'equal', 0.5, 750],
  ]
  for (const [attempt, jitter = 'full', chance, waitMs] of table) {
    assert.equal(
      backoffMs(attempt, { ...shape, jitter }, () => chance),
      waitMs,
      `${attempt} ${jitter}`,
    )
  }
})

test('no number of attempts overflows the wait', () => {
  fc.assert(
    fc.property(
      fc.nat(1e9),
      fc.double({ min: 0, max: 1e9, noNaN: true }),
      fc.constantFrom<'full' | 'equal' | 'none'>('full', 'equal', 'none'),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      (attempt, baseMs, jitter, chance) => {
        const waitMs = backoffMs(attempt, { baseMs, capMs: 5_000, jitter }, () => chance)
        return waitMs >= 0 && waitMs <= 5_000
      },
    ),
    { seed: 1 },
  )
  assert.equal(grownWaitMs(1e9, { baseMs: 0, growth: 2, capMs: 10 }), 0)
  assert.equal(grownWaitMs(-3, { baseMs: 5, growth: 2, capMs: 10 }), 5)
})

test('a spread is even around its value', () => {
  assert.equal(
    spreadMs(1_000, 0.2, () => 0),
    800,
  )
  assert.equal(
    spreadMs(1_000, 0.2, () => 0.5),
    1_000,
  )
})

test('a Retry-After is never shortened, believed up to its cap, and what is no time is no wait', () => {
  const table: readonly (readonly [number, number, number])[] = [
    // header, chance, wait
    [2_000, 0, 2_000],
    [2_000, 0.5, 2_100],
    [60_000, 0, 60_000],
    [3_600_000, 0, 60_000],
    [Infinity, 0, 60_000],
    [0, 0.9, 0],
    [-5, 0.9, 0],
    [NaN, 0.9, 0],
  ]
  for (const [retryAfterMs, chance, waitMs] of table) {
    assert.equal(
      retryAfterWaitMs(retryAfterMs, 60_000, () => chance),
      waitMs,
      `${retryAfterMs}`,
    )
  }
})

test('with a Retry-After the longer wait holds', () => {
  assert.equal(
    withRetryAfterMs(300, undefined, 60_000, () => 0),
    300,
  )
  assert.equal(
    withRetryAfterMs(300, 200, 60_000, () => 0),
    300,
  )
  assert.equal(
    withRetryAfterMs(300, 5_000, 60_000, () => 0),
    5_000,
  )
})

test('options have their defaults, and a wrong one is an error that names it', () => {
  assert.deepEqual(resolveBackoffOptions(), { baseMs: 250, capMs: 10_000, jitter: 'full' })
  const wrong: readonly (readonly [string, unknown])[] = [
    ['baseMs', -1],
    ['capMs', NaN],
    ['jitter', 'some'],
  ]
  for (const [field, value] of wrong) {
    assert.throws(
      () => resolveBackoffOptions({ [field]: value }),
      (error: unknown) => error instanceof OptionsError && error.field === field,
    )
  }
})
