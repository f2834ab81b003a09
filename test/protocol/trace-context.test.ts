/** W3C Trace Context: what is taken and what is left out. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as fc from 'fast-check'

import { checkTrace, traceOf } from '../../src/protocol/trace-context.ts'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const SPAN = '00f067aa0ba902b7'
const GOOD = `00-${TRACE}-${SPAN}-01`

const parents: readonly (readonly [given: unknown, taken: string | undefined])[] = [
  [GOOD, GOOD],
  [` ${GOOD} `, GOOD],
  [`00-${TRACE}-${SPAN}-00`, `00-${TRACE}-${SPAN}-00`],
  // A later version is read as far as it is known.
  [`cc-${TRACE}-${SPAN}-01`, GOOD],
  [`cc-${TRACE}-${SPAN}-01-what-comes`, GOOD],
  [`cc-${TRACE}-${SPAN}-01.what`, undefined],
  [`ff-${TRACE}-${SPAN}-01`, undefined],
  [`${GOOD}-more`, undefined],
  [GOOD.toUpperCase(), undefined],
  [`00-${'0'.repeat(32)}-${SPAN}-01`, undefined],
  [`00-${TRACE}-${'0'.repeat(16)}-01`, undefined],
  [`00-${TRACE.slice(1)}-${SPAN}-01`, undefined],
  [`cc-${TRACE}-${SPAN}-01-${'x'.repeat(300)}`, undefined],
  ['', undefined],
  [undefined, undefined],
  [null, undefined],
  [7, undefined],
]

for (const [given, taken] of parents) {
  test(`traceparent ${JSON.stringify(given)} gives ${taken}`, () => {
    assert.equal(checkTrace(given)?.traceparent, taken)
  })
}

const states: readonly (readonly [given: unknown, taken: string | undefined])[] = [
  ['a=1', 'a=1'],
  ['rojo=00f067aa0ba902b7,congo=t61rcWkgMzE', 'rojo=00f067aa0ba902b7,congo=t61rcWkgMzE'],
  [' a=1 ,, b=2 ', 'a=1,b=2'],
  ['tenant@vendor=x y', 'tenant@vendor=x y'],
  ['a=1,a=2', undefined],
  ['A=1', undefined],
  ['a', undefined],
  ['a=', undefined],
  ['a=ü', undefined],
  ['a=\n', undefined],
  [',', undefined],
  [
    Array.from({ length: 32 }, (_, n) => `k${n}=v`).join(','),
    Array.from({ length: 32 }, (_, n) => `k${n}=v`).join(','),
  ],
  [Array.from({ length: 33 }, (_, n) => `k${n}=v`).join(','), undefined],
  [`a=${'x'.repeat(511)}`, undefined],
]

for (const [given, taken] of states) {
  test(`tracestate ${JSON.stringify(given).slice(0, 60)} gives ${taken?.slice(0, 60)} and leaves the traceparent`, () => {
    assert.deepEqual(
      checkTrace(GOOD, given),
      taken === undefined ? { traceparent: GOOD } : { traceparent: GOOD, tracestate: taken },
    )
  })
}

test('headers give both; a tracestate without a traceparent gives nothing', () => {
  const headers = new Headers([
    ['traceparent', GOOD],
    ['tracestate', 'a=1'],
    ['tracestate', 'b=2'],
  ])
  assert.deepEqual(traceOf(headers), { traceparent: GOOD, tracestate: 'a=1,b=2' })
  assert.equal(traceOf(new Headers({ tracestate: 'a=1' })), undefined)
})

test('whatever is given, what is taken is short, is taken again as it is, and is found in one pass', () => {
  const hex = (length: number): fc.Arbitrary<string> =>
    fc.string({ unit: fc.constantFrom(...Array.from('0123456789abcdefA')), minLength: length, maxLength: length })
  const near = fc
    .tuple(hex(2), hex(32), hex(16), hex(2), fc.option(fc.string(), { nil: '' }))
    .map(([version, trace, span, flags, rest]) => `${version}-${trace}-${span}-${flags}${rest}`)
  const state = fc.oneof(fc.string(), fc.array(fc.string({ maxLength: 20 }).map((text) => `k=${text}`)).map(String))
  fc.assert(
    fc.property(fc.oneof(near, fc.string(), fc.anything()), fc.oneof(state, fc.anything()), (parent, given) => {
      const taken = checkTrace(parent, given)
      if (taken === undefined) return
      assert.equal(taken.traceparent.length, 55)
      assert.ok((taken.tracestate?.length ?? 0) <= 512)
      assert.deepEqual(checkTrace(taken.traceparent, taken.tracestate), taken)
    }),
    { seed: 4, numRuns: 2_000 },
  )
})
