import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as fc from 'fast-check'

import { retryAfterMs } from '../../src/runtime/retry-after.ts'
import { httpDate } from '../../src/simulator/http-date.ts'

test('the example of the RFC is written as the RFC writes it', () => {
  assert.equal(httpDate(784_111_777_000), 'Sun, 06 Nov 1994 08:49:37 GMT')
})

test('every time from 1970 to 2200 is written as the platform writes it', () => {
  const edges = [
    '1970-01-01',
    '2000-02-29',
    '2000-03-01',
    '2023-12-31T23:59:59.999Z',
    '2024-02-29',
    '2100-02-28',
    '2100-03-01',
  ]
  for (const edge of edges) assert.equal(httpDate(Date.parse(edge)), new Date(edge).toUTCString())
  fc.assert(
    fc.property(fc.integer({ min: 0, max: Date.parse('2200-01-01') }), (wallMs) => {
      assert.equal(httpDate(wallMs), new Date(wallMs).toUTCString())
    }),
    { seed: 1 },
  )
})

test('a Retry-After that is written as a date is read back as the wait that was meant', () => {
  const nowMs = Date.parse('2026-01-01')
  assert.equal(retryAfterMs(httpDate(nowMs + 7_000), nowMs), 7_000)
})
