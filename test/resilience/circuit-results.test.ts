/** What an operation may give or throw: `CircuitBreaker` hands on all of it (pitfall 31). */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { bad, down, ending, good, opened, times } from './circuit.ts'

// oxlint-disable-next-line unicorn/no-thenable -- thenables are what is tested
const thenable = (then: PropertyDescriptor): object => Object.defineProperty({}, 'then', then)

const results: readonly (readonly [string, () => unknown, unknown])[] = [
  ['undefined', () => undefined, { ok: true, value: undefined }],
  ['null', () => null, { ok: true, value: null }],
  ['a plain value', () => 7, { ok: true, value: 7 }],
  ['a promise of undefined', () => Promise.resolve(undefined), { ok: true, value: undefined }],
  ['an error as a value', () => down, { ok: true, value: down }],
  ['a thenable', () => thenable({ value: (resolve: (value: number) => void) => resolve(7) }), { ok: true, value: 7 }],
  ['an error thrown at once', bad, { ok: false, reason: 'failed', error: down }],
  [
    'undefined thrown at once',
    () => {
      throw undefined
    },
    { ok: false, reason: 'failed', error: undefined },
  ],
  ['a rejection with undefined', () => Promise.reject(undefined), { ok: false, reason: 'failed', error: undefined }],
  ['a rejection with null', () => Promise.reject(null), { ok: false, reason: 'failed', error: null }],
  ['a thenable that throws', () => thenable({ get: bad }), { ok: false, reason: 'failed', error: down }],
]

for (const [name, operation, expected] of results) {
  test(`results (31): ${name}, in a closed and in a half-open circuit, with and without a signal`, async () => {
    for (const signal of [undefined, new AbortController().signal]) {
      for (const halfOpen of [false, true]) {
        const { breaker, clock } = await opened()
        await clock.advance(5_000)
        if (!halfOpen) await times(3, () => breaker.execute(good))
        const { successes, failures } = breaker.stats().totals
        const result = await breaker.tryExecute(operation, { signal })
        assert.deepEqual(result, expected)
        const after = breaker.stats().totals
        assert.deepEqual([after.successes - successes, after.failures - failures], result.ok ? [1, 0] : [0, 1])
        await clock.advance(15_000)
        const end = await ending(breaker.execute(operation, { signal }))
        assert.deepEqual(end, result.ok ? { value: result.value } : { error: result.error })
      }
    }
  })
}
