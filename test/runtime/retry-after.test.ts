import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as fc from 'fast-check'

import { RETRY_AFTER_MS_MAX, retryAfterMs } from '../../src/runtime/retry-after.ts'

const NOW = Date.UTC(1994, 10, 6, 8, 49, 30)

const HEADERS: readonly (readonly [header: string | null, ms: number | undefined])[] = [
  [null, undefined],
  ['5', 5_000],
  [' 5 ', 5_000],
  ['1.5', 1_500],
  ['0.0001', 1],
  ['100000', RETRY_AFTER_MS_MAX],
  // The three forms of a date, each seven seconds from now.
  ['Sun, 06 Nov 1994 08:49:37 GMT', 7_000],
  ['Sunday, 06-Nov-94 08:49:37 GMT', 7_000],
  ['Sun Nov  6 08:49:37 1994', 7_000],
  ['Mon, 07 Nov 1994 08:49:37 GMT', RETRY_AFTER_MS_MAX],
  // Nothing is asked for.
  ['0', undefined],
  ['-5', undefined],
  ['Sun, 06 Nov 1994 08:49:30 GMT', undefined],
  ['Sun, 06 Nov 1994 08:49:00 GMT', undefined],
  ['Sunday, 06-Nov-93 08:49:37 GMT', undefined],
  // Garbage.
  ['', undefined],
  ['soon', undefined],
  ['5s', undefined],
  ['5, 6', undefined],
  ['1e3', undefined],
  ['0x10', undefined],
  ['Infinity', undefined],
  ['99999999999999999999', undefined],
  ['Sun, 06 Nov 1994 24:00:00 GMT', undefined],
  ['Sun, 06 Nov 1994 08:60:37 GMT', undefined],
  ['Sun, 32 Nov 1994 08:49:37 GMT', undefined],
  ['Sun, 00 Nov 1994 08:49:37 GMT', undefined],
  ['Sun, 06 Foo 1994 08:49:37 GMT', undefined],
  ['Sun, 06 Nov 1994 08:49:37', undefined],
  ['1994-11-06T08:49:37Z', undefined],
]

test('the header is read as seconds or as a date, within bounds, and garbage is no header', () => {
  for (const [header, ms] of HEADERS) assert.equal(retryAfterMs(header, NOW), ms, String(header))
})

test('a year of two digits is at most 50 years ahead', () => {
  const nextCentury = Date.UTC(1999, 11, 31, 23, 59, 59)
  assert.equal(retryAfterMs('Saturday, 01-Jan-00 00:00:04 GMT', nextCentury), undefined)
  assert.equal(retryAfterMs('Friday, 31-Dec-99 23:59:59 GMT', nextCentury - 4_000), 4_000)
  assert.equal(retryAfterMs('Friday, 01-Jan-27 00:00:04 GMT', Date.UTC(2027, 0, 1)), 4_000)
})

test('any date of the next centuries is read as the calendar has it', () => {
  const second = fc.integer({ min: 0, max: Date.UTC(2400, 0, 1) / 1_000 })
  fc.assert(
    fc.property(second, fc.integer({ min: 1, max: 300 }), (seconds, wait) => {
      const header = new Date((seconds + wait) * 1_000).toUTCString()
      assert.equal(retryAfterMs(header, seconds * 1_000), wait * 1_000, header)
    }),
    { seed: 12, numRuns: 2_000 },
  )
})

test('no header makes it throw or gives a wait out of bounds', () => {
  fc.assert(
    fc.property(fc.string(), fc.double(), (header, now) => {
      const ms = retryAfterMs(header, now)
      assert.ok(ms === undefined || (ms > 0 && ms <= RETRY_AFTER_MS_MAX))
    }),
    { seed: 13 },
  )
})
