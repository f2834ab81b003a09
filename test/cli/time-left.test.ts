import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createTimeLeft } from '../../src/cli/time-left.ts'

test('the time left follows the newest seconds, and is not known while nothing moves', () => {
  const left = createTimeLeft()
  assert.equal(left.at(0, 0, 1_000), '-')
  assert.equal(left.at(1_000, 100, 1_000), '9s')
  assert.equal(left.at(5_000, 100, 1_000), '45s')
  for (let ms = 6_000; ms <= 30_000; ms += 500) left.at(ms, 100, 1_000)
  assert.equal(left.at(30_500, 100, 1_000), '-')
  assert.equal(createTimeLeftAfter(10, 100_000), '2h 46m')
  assert.equal(createTimeLeftAfter(10, 2_000), '3m 19s')
})

/** After a second in which so much was done. */
function createTimeLeftAfter(done: number, total: number): string {
  const left = createTimeLeft()
  left.at(0, 0, total)
  return left.at(1_000, done, total)
}
