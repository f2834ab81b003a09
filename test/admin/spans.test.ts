import assert from 'node:assert/strict'
import { test } from 'node:test'

import { countText, groupedText, spanText, timeText } from '../../src/admin/spans.ts'

const spans: readonly (readonly [number, string])[] = [
  [-5, '0 s'],
  [0, '0 s'],
  [999, '0 s'],
  [1_000, '1 s'],
  [59_999, '59 s'],
  [60_000, '1 min'],
  [119_000, '1 min'],
  [3_600_000, '1 h'],
  [7_500_000, '2 h 5 min'],
  [86_400_000, '1 d'],
  [100_000_000, '1 d 3 h'],
  [86_400_000 + 60_000, '1 d'],
]

test('spans are told in their two largest units', () => {
  for (const [ms, text] of spans) assert.equal(spanText(ms), text, String(ms))
})

test('a time has its date where the time of day would mislead', () => {
  const nowMs = Date.UTC(2026, 0, 2, 9, 30)
  assert.equal(timeText(nowMs - 3_600_000, nowMs), '08:30 UTC')
  assert.equal(timeText(nowMs - 86_400_000, nowMs), '2026-01-01 09:30 UTC')
})

test('numbers are grouped, and nouns follow them', () => {
  assert.deepEqual([0, 999, 1_000, 84_231, 1_234_567].map(groupedText), ['0', '999', '1,000', '84,231', '1,234,567'])
  assert.deepEqual(
    [0, 1, 2].map((count) => countText(count, 'operation')),
    ['0 operations', '1 operation', '2 operations'],
  )
})
