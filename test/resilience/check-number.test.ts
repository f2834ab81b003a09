import assert from 'node:assert/strict'
import { test } from 'node:test'

import { OptionsError } from '../../src/errors.ts'
import { checkNumber, type NumberRule } from '../../src/resilience/check-number.ts'

test('a number that keeps its rule passes', () => {
  const good: readonly (readonly [number, NumberRule])[] = [
    [0, { min: 0 }],
    [1, { above: 0, max: 1 }],
    [7, { integer: true }],
    [Infinity, { min: 1, integer: true, infinite: true }],
    [-3.5, {}],
  ]
  for (const [value, rule] of good) checkNumber('field', value, rule)
})

test('a number that breaks its rule, and what is no number, is an OptionsError that names the field and the rule', () => {
  const bad: readonly (readonly [unknown, NumberRule, string])[] = [
    [-1, { min: 0 }, 'rate: must be a number of at least 0, not -1'],
    [0, { above: 0 }, 'rate: must be a number above 0, not 0'],
    [2, { above: 0, max: 1 }, 'rate: must be a number above 0 up to 1, not 2'],
    [1.5, { min: 1, integer: true }, 'rate: must be a whole number of at least 1, not 1.5'],
    [NaN, {}, 'rate: must be a number, not NaN'],
    [Infinity, { min: 0 }, 'rate: must be a number of at least 0, not Infinity'],
    [-Infinity, { infinite: true }, 'rate: must be a number, or Infinity, not -Infinity'],
    ['secret', { min: 0 }, 'rate: must be a number, not string'],
    [undefined, { min: 0 }, 'rate: must be a number, not undefined'],
  ]
  for (const [value, rule, message] of bad) {
    assert.throws(
      () => checkNumber('rate', value, rule),
      (error: unknown) => error instanceof OptionsError && error.field === 'rate' && error.message === message,
      message,
    )
  }
})
