import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as fc from 'fast-check'

import { checkPlain, DEPTH_MAX } from '../../src/protocol/plain.ts'

class Model {
  plan = 'pro'
  #secret = 1
  get secret(): number {
    return this.#secret
  }
}

class Itself {
  b = 1
  toJSON(): this {
    return this
  }
}

class Opaque {
  #value = 1
  get value(): number {
    return this.#value
  }
}

const BAD: readonly (readonly [what: string, value: unknown, field: string, kind: string])[] = [
  ['NaN', { a: Number.NaN }, 'data.a', 'NaN'],
  ['Infinity', { a: [1, -Infinity] }, 'data.a[1]', '-Infinity'],
  ['a bigint', { a: { b: [{ c: 1n }] } }, 'data.a.b[0].c', 'bigint'],
  ['a function', { a: () => 1 }, 'data.a', 'function'],
  ['a symbol', { a: Symbol('x') }, 'data.a', 'symbol'],
  ['an invalid date', { a: new Date(Number.NaN) }, 'data.a', 'an invalid date'],
  ['a Map', { a: new Map([[1, 2]]) }, 'data.a', 'map'],
  ['a Set', { a: new Set([1]) }, 'data.a', 'set'],
  ['a WeakMap', { a: new WeakMap() }, 'data.a', 'weakmap'],
  ['a promise', { a: Promise.resolve(1) }, 'data.a', 'promise'],
  ['a regular expression', { a: /x/ }, 'data.a', 'regexp'],
  ['an error', { a: new Error('secret') }, 'data.a', 'error'],
  ['a typed array', { a: new Uint8Array(2) }, 'data.a', 'uint8array'],
  ['a buffer of memory', { a: new ArrayBuffer(2) }, 'data.a', 'arraybuffer'],
  ['a boxed NaN', { a: Object(Number.NaN) as unknown }, 'data.a', 'NaN'],
  ['a boxed bigint', { a: Object(1n) as unknown }, 'data.a', 'bigint'],
  ['an object without fields of a class', { a: new Opaque() }, 'data.a', 'an object of a class without fields'],
  ['what toJSON gives', { a: { toJSON: () => ({ b: 1n }) } }, 'data.a.b', 'bigint'],
  ['the value itself', 1n, 'data', 'bigint'],
  ['the value itself, an array', [Number.NaN], 'data[0]', 'NaN'],
  [
    'a getter that throws',
    {
      get a(): number {
        throw new Error('secret')
      },
    },
    'data',
    'a getter or toJSON that throws',
  ],
  [
    'a toJSON that throws',
    {
      a: {
        toJSON(): never {
          throw new Error('secret')
        },
      },
    },
    'data',
    'a getter or toJSON that throws',
  ],
]

for (const [what, value, field, kind] of BAD) {
  test(`JSON cannot carry ${what}`, () => {
    const problem = checkPlain(value, 'data')
    assert.deepEqual([problem?.field, problem?.reason, problem?.kind], [field, 'not-json', kind])
    assert.ok(!problem!.message.includes('secret'))
  })
}

const SHARED = { a: 1 }

const GOOD: readonly (readonly [what: string, value: unknown])[] = [
  ['undefined', undefined],
  ['members that are undefined', { a: undefined, b: [undefined] }],
  ['null and the rest of JSON', { a: null, b: true, c: 'x', d: -1.5, e: [[], {}] }],
  ['a date', { a: new Date(0) }],
  ['a URL, which has a toJSON', { a: new URL('https://a.example') }],
  ['a Buffer, which has a toJSON', { a: Buffer.from('x') }],
  ['an instance of a class with fields', { a: new Model() }],
  ['an object without a prototype', Object.assign(Object.create(null) as object, { a: 1 })],
  ['a boxed number and text', { a: Object(1) as unknown, b: Object('x') as unknown, c: Object(true) as unknown }],
  ['half a surrogate pair', { a: '\ud800' }],
  ['members under a symbol', { [Symbol('x')]: 1n, a: 1 }],
  ['a toJSON that gives itself', { a: new Itself() }],
  ['a member toJSON that is no function', { a: { toJSON: 'x' } }],
  ['parts that are shared', [SHARED, { a: SHARED }]],
]

for (const [what, value] of GOOD) {
  test(`JSON carries ${what}`, () => {
    assert.equal(checkPlain(value, 'data'), undefined)
  })
}

function nested(levels: number): unknown {
  let value: unknown = {}
  for (let level = 1; level < levels; level++) value = level % 2 === 0 ? { a: value } : [value]
  return value
}

test('data may nest up to the limit and not beyond', () => {
  assert.equal(checkPlain(nested(DEPTH_MAX), 'data'), undefined)
  const problem = checkPlain(nested(DEPTH_MAX + 1), 'data')
  assert.deepEqual([problem?.reason, problem?.limit], ['too-deep', '64 levels'])
  assert.equal(checkPlain(nested(100_000), 'data')?.reason, 'too-deep')
})

test('a cycle is called a cycle', () => {
  const loop: Record<string, unknown> = { a: 1 }
  loop['self'] = loop
  assert.deepEqual(checkPlain({ x: [loop] }, 'data')?.reason, 'cycle')
  const array: unknown[] = []
  array.push(array, array)
  assert.equal(checkPlain(array, 'data')?.reason, 'cycle')
})

test('data that shares its parts over and over ends at a bound instead of never', () => {
  let value: unknown = [1]
  for (let level = 0; level < 40; level++) value = [value, value]
  assert.equal(checkPlain(value, 'data')?.reason, 'too-large')
  assert.equal(checkPlain({ list: Array.from({ length: 1_000_001 }) }, 'data')?.reason, 'too-large')
})

test('the field stays short however long the names and the way to it are', () => {
  const problem = checkPlain({ ['k'.repeat(500)]: 1n }, 'data')
  assert.equal(problem?.field, `data.${'k'.repeat(60)}…`)
  assert.ok(checkPlain(nested(200), 'data')!.field.length < 100)
})

test('bigints pass where the program has given them a toJSON', () => {
  const prototype = Object.getPrototypeOf(1n) as object
  Object.defineProperty(prototype, 'toJSON', { value: () => '1', configurable: true })
  try {
    assert.equal(checkPlain({ a: 1n }, 'data'), undefined)
    assert.equal(JSON.stringify({ a: 1n }), '{"a":"1"}')
  } finally {
    Reflect.deleteProperty(prototype, 'toJSON')
  }
})

test('what JSON.parse gives is plain, and no value at all makes checkPlain throw', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      assert.equal(checkPlain(value, 'data'), undefined)
    }),
    { seed: 8 },
  )
  const anything = fc.anything({
    withBigInt: true,
    withDate: true,
    withMap: true,
    withSet: true,
    withTypedArray: true,
    withSparseArray: true,
  })
  fc.assert(
    fc.property(anything, (value) => {
      const problem = checkPlain(value, 'data')
      // What is called plain must also be what JSON.stringify writes without a word.
      if (problem === undefined) assert.doesNotThrow(() => JSON.stringify(value))
      else assert.ok(problem.field.startsWith('data'))
    }),
    { seed: 9, numRuns: 2_000 },
  )
})
