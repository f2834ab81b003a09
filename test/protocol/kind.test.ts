import assert from 'node:assert/strict'
import { test } from 'node:test'

import { kindOf, memberField } from '../../src/protocol/kind.ts'

class Tagged {
  get [Symbol.toStringTag](): string {
    return 'secret'
  }
}

test('a kind says what a value is, and never what is in it', () => {
  for (const [value, kind] of [
    ['äbc', 'string of 4 bytes'],
    [5, 'number'],
    [Number.NaN, 'NaN'],
    [-Infinity, '-Infinity'],
    [5n, 'bigint'],
    [true, 'boolean'],
    [undefined, 'undefined'],
    [null, 'null'],
    [Symbol('secret'), 'symbol'],
    [() => 1, 'function'],
    [[1, 2], 'array of 2'],
    [{ secret: 1 }, 'object'],
    [new Date(0), 'date'],
    [new Map(), 'map'],
    [new Float64Array(1), 'float64array'],
    [new Tagged(), 'object'],
  ] as const) {
    assert.equal(kindOf(value), kind)
  }
})

test("a member's name fits on a line, however long its key is and whatever stands in it", () => {
  assert.equal(memberField('data', 'plan'), 'data.plan')
  assert.equal(memberField('data', 'k'.repeat(61)), `data.${'k'.repeat(60)}…`)
  assert.equal(memberField('data', 'a\nb\u001b[31m\ud800'), 'data.a?b?[31m?')
  assert.equal(memberField('data', `${'k'.repeat(59)}😀`), `data.${'k'.repeat(59)}?…`)
})
