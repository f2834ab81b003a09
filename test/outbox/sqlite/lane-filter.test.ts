import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as fc from 'fast-check'

import { LaneFilter } from '../../../src/outbox/sqlite/lane-filter.ts'

test('a lane in which something waits is never taken for idle, however full the filter is', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(40), fc.boolean()), { maxLength: 200 }), (steps) => {
      const filter = new LaneFilter(4)
      const waiting = new Map<number, number>()
      for (const [lane, adds] of steps) {
        const count = waiting.get(lane) ?? 0
        if (adds) {
          filter.add(`lane ${lane}`)
          waiting.set(lane, count + 1)
        } else if (count > 0) {
          filter.remove(`lane ${lane}`)
          waiting.set(lane, count - 1)
        }
        for (const [each, left] of waiting) assert.ok(left === 0 || filter.mayWait(`lane ${each}`))
      }
      for (const [lane, left] of waiting) for (let n = 0; n < left; n++) filter.remove(`lane ${lane}`)
      for (const lane of waiting.keys()) assert.ok(!filter.mayWait(`lane ${lane}`), 'empty again')
    }),
    { seed: 2_026 },
  )
})

test('a counter that was full once stays so until the filter is cleared', () => {
  const filter = new LaneFilter(8)
  for (let n = 0; n < 70_000; n++) filter.add('hot')
  for (let n = 0; n < 70_000; n++) filter.remove('hot')
  assert.ok(filter.mayWait('hot'))
  filter.clear()
  assert.ok(!filter.mayWait('hot'))
})

test('few idle lanes are taken for busy ones', () => {
  const filter = new LaneFilter(16)
  for (let n = 0; n < 5_000; n++) filter.add(`person:${n}`)
  const wrong = Array.from({ length: 10_000 }, (_, n) => `person:other-${n}`).filter((lane) => filter.mayWait(lane))
  assert.ok(wrong.length < 300, `${wrong.length} of 10,000`)
})
