import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as fc from 'fast-check'

import { isoTime } from '../../src/runtime/iso-time.ts'

test('times are written as the language itself writes them', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 253_402_300_799_999 }), (ms) => {
      assert.equal(isoTime(ms), new Date(ms).toISOString())
    }),
    { seed: 41, numRuns: 2_000 },
  )
  for (const ms of [0, 951_782_400_000, 951_868_799_999, 1_709_164_800_000, 4_107_542_400_000]) {
    assert.equal(isoTime(ms), new Date(ms).toISOString())
  }
})
