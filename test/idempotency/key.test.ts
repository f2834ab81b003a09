import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as fc from 'fast-check'

import { generateIdempotencyKey, ValidationError } from '../../src/index.ts'

class Order {
  readonly total = 12
  readonly note = undefined
}

/** Made elsewhere, from the canonical text. These never change: a key made by one version is known to the next. */
const vectors: readonly (readonly [Parameters<typeof generateIdempotencyKey>, string])[] = [
  [['42', 'order_placed'], '254905f4db2bb2504e9bd2b8e39caa051ce3d4e3a8c2e9330ba189c8d5f4c4ba'],
  [['42', 'order_placed', null], 'b5490130a8649886d66f076bf467c4e2bd834f1c3ecfd07ba229fe2ddca587c9'],
  [
    [
      '42',
      'order_placed',
      {
        total: 12,
        items: [
          { sku: 'b', n: 2 },
          { n: 1, sku: 'a' },
        ],
      },
    ],
    'ac1d1626c900f0391cc7250c1f335200dfd5655c8624ca8fc0999bdb68398833',
  ],
  [
    [
      'ada@example.com',
      'welcome-email',
      {
        zero: -0,
        nested: { b: [1, [2, [3]]], a: true, left: undefined },
        name: 'Zoë 🎈',
        at: new Date(1_767_225_600_000),
      },
    ],
    'df26ba2f446117fb58726123d6f43811b0dfa4841d81eae6bf4a1e04d42c6890',
  ],
  [['42', 'x', []], '29e546aa16e1963499a1976aa6df608b8d454758136dabe9bfc39692d4f5d54a'],
  [['42', 'x', ''], 'fec90da1fd9d15d01572aa82e4f308bbdd0dae587b6ba5a4bc2d3c8c10d83700'],
]

test('keys are the same in every version', () => {
  for (const [parts, key] of vectors) assert.equal(generateIdempotencyKey(...parts), key)
})

const same: readonly (readonly [string, unknown, unknown])[] = [
  ['the order of members', { a: 1, b: { c: 2, d: 3 } }, { b: { d: 3, c: 2 }, a: 1 }],
  ['members that look like numbers', { 10: 'x', 9: 'y', a: 1 }, { a: 1, 9: 'y', 10: 'x' }],
  ['undefined members and missing ones', { a: 1, b: undefined }, { a: 1 }],
  ['a date and its text', { at: new Date(0) }, { at: '1970-01-01T00:00:00.000Z' }],
  ['-0 and 0', { n: -0 }, { n: 0 }],
  ['toJSON and what it gives', { toJSON: () => ({ b: 1, a: 2 }) }, { a: 2, b: 1 }],
  ['an instance and its fields', new Order(), { total: 12 }],
  ['a hole in a list and null', [1, undefined, 3], [1, null, 3]],
  ['no data and undefined', undefined, undefined],
  ['numbers in another notation', { n: 1e21 }, { n: 1_000_000_000_000_000_000_000 }],
]
for (const [name, a, b] of same) {
  test(`the same key: ${name}`, () => {
    assert.equal(generateIdempotencyKey('1', 'x', a), generateIdempotencyKey('1', 'x', b))
  })
}

test('a user id is the same as a number and as a text', () => {
  assert.equal(generateIdempotencyKey(42, 'x'), generateIdempotencyKey('42', 'x'))
  assert.equal(generateIdempotencyKey(-0, 'x'), generateIdempotencyKey('0', 'x'))
})

test('parts, kinds and order tell keys apart', () => {
  const keys = [
    generateIdempotencyKey('ab', 'c'),
    generateIdempotencyKey('a', 'bc'),
    generateIdempotencyKey('a"', 'c'),
    generateIdempotencyKey('a', '"c'),
    generateIdempotencyKey('a","c', 'x'),
    generateIdempotencyKey('a', 'c","x'),
    generateIdempotencyKey('a', 'c', 'x'),
    generateIdempotencyKey('a', 'c', ['x']),
    generateIdempotencyKey('a', 'c', null),
    generateIdempotencyKey('a', 'c'),
    generateIdempotencyKey('a', 'c', [1, [2, 3]]),
    generateIdempotencyKey('a', 'c', [1, [3, 2]]),
    generateIdempotencyKey('a', 'c', [[1, 2], 3]),
    generateIdempotencyKey('a', 'c', [1, 2, 3]),
    generateIdempotencyKey('a', 'c', { n: 1 }),
    generateIdempotencyKey('a', 'c', { n: '1' }),
    generateIdempotencyKey('a', 'c', { N: 1 }),
    generateIdempotencyKey('a', 'c', { n: true }),
    generateIdempotencyKey('a', 'c', { n: null }),
    generateIdempotencyKey('a', 'c', {}),
    generateIdempotencyKey('a', 'c', { ['__proto__']: 1 }),
    // Halves of surrogate pairs have no bytes of their own in UTF-8.
    generateIdempotencyKey('a', 'c', '\ud800'),
    generateIdempotencyKey('a', 'c', '\udbff'),
    generateIdempotencyKey('a', 'c', '\\ud800'),
    generateIdempotencyKey('\ud800', 'c'),
    generateIdempotencyKey('\udbff', 'c'),
  ]
  assert.equal(new Set(keys).size, keys.length)
  for (const key of keys) assert.match(key, /^[0-9a-f]{64}$/)
})

function refused(run: () => unknown): ValidationError {
  try {
    run()
  } catch (error) {
    assert.ok(error instanceof ValidationError, String(error))
    assert.equal(error.code, 'INVALID_CALL')
    return error
  }
  throw new assert.AssertionError({ message: 'it was taken' })
}

const cycle: Record<string, unknown> = {}
cycle['self'] = cycle

const refusals: readonly (readonly [() => unknown, string, string])[] = [
  [() => generateIdempotencyKey('', 'x'), 'userId', 'required'],
  [() => generateIdempotencyKey(Number.NaN, 'x'), 'userId', 'required'],
  [() => generateIdempotencyKey(undefined as unknown as string, 'x'), 'userId', 'required'],
  [() => generateIdempotencyKey('1', ''), 'operation', 'required'],
  [() => generateIdempotencyKey('1', 7 as unknown as string), 'operation', 'required'],
  [() => generateIdempotencyKey('1', 'x', { a: [10n] }), 'data.a[0]', 'not-json'],
  [() => generateIdempotencyKey('1', 'x', { a: Number.NaN }), 'data.a', 'not-json'],
  [() => generateIdempotencyKey('1', 'x', { a: new Date(Number.NaN) }), 'data.a', 'not-json'],
  [() => generateIdempotencyKey('1', 'x', { a: new Map([[1, 2]]) }), 'data.a', 'not-json'],
  [() => generateIdempotencyKey('1', 'x', () => 1), 'data', 'not-json'],
  [() => generateIdempotencyKey('1', 'x', cycle), 'data.self', 'cycle'],
]
for (const [run, field, reason] of refusals) {
  test(`refused: ${field}, ${reason}, ${String(run).slice(6)}`, () => {
    const error = refused(run)
    assert.ok(error.field.startsWith(field), error.field)
    assert.equal(error.problems[0]?.reason, reason)
  })
}

/** The same content, with the members of every object in another order. */
function turned(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(turned)
  if (typeof value !== 'object' || value === null) return value
  const members = Object.entries(value).map(([key, member]) => [key, turned(member)] as const)
  return Object.fromEntries(members.toReversed())
}

test('property: the same content in any order gives the same key', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), fc.string({ minLength: 1 }), fc.jsonValue(), (user, operation, data) => {
      const key = generateIdempotencyKey(user, operation, data)
      assert.equal(generateIdempotencyKey(user, operation, turned(data)), key)
      assert.equal(generateIdempotencyKey(user, operation, JSON.parse(JSON.stringify(data))), key)
    }),
    { seed: 42, numRuns: 300 },
  )
})

/** Equality of what JSON carries, written without a canonical form. */
function equal(a: unknown, b: unknown): boolean {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return a === b
  if (Array.isArray(a) !== Array.isArray(b)) return false
  const keys = Object.keys(a)
  const isMember = (key: string): boolean => Object.hasOwn(b, key) && equal(Reflect.get(a, key), Reflect.get(b, key))
  return keys.length === Object.keys(b).length && keys.every(isMember)
}

test('property: keys are equal exactly when the content is', () => {
  // Small, so that equal ones are met too.
  const small = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 3 },
      fc.constantFrom(null, true, 0, 1, '', '1', 'a'),
      fc.array(tie('value'), { maxLength: 2 }),
      fc.dictionary(fc.constantFrom('a', 'b', '1'), tie('value'), { maxKeys: 2 }),
    ),
  })).value
  const name = fc.constantFrom('a', 'aa', '"', '",', '1')
  const parts = fc.tuple(name, name, small)
  const pairs = fc.oneof(
    fc.tuple(parts, parts),
    parts.map((a): [typeof a, typeof a] => [a, [a[0], a[1], turned(a[2]) as (typeof a)[2]]]),
  )
  let equals = 0
  fc.assert(
    fc.property(pairs, ([a, b]) => {
      const isEqual = equal(JSON.parse(JSON.stringify(a)), JSON.parse(JSON.stringify(b)))
      if (isEqual) equals++
      assert.equal(generateIdempotencyKey(...a) === generateIdempotencyKey(...b), isEqual)
    }),
    { seed: 42, numRuns: 3_000 },
  )
  assert.ok(equals > 1_000 && equals < 2_000, `${equals} equal pairs were met`)
})
