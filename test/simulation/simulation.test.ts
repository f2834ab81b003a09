/** A few hundred worlds on virtual time. `npm run simulate -- --seeds N` runs any number. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { runSeed } from './run.ts'

const SEEDS = 200

/** What the runs must have seen together, or they prove nothing. */
const SOMETIMES = [
  'replay',
  'circuit-open',
  'circuit-half-open',
  'bisected',
  'full outbox',
  'throttled',
  'parked',
  'unparked',
  'dead letter',
  'duplicate',
  'retrying',
  'role',
]

test('every promise holds in every world, and each world runs the same way twice', async () => {
  const seen = new Set<string>()
  for (let seed = 1; seed <= SEEDS; seed++) {
    const first = await runSeed(seed)
    assert.deepEqual(first.problems, [], `seed ${seed}: ${JSON.stringify(first.plan)}`)
    for (const sight of first.seen) seen.add(sight)
    const second = await runSeed(seed)
    assert.deepEqual(second.log, first.log, `seed ${seed} ran another way the second time`)
  }
  assert.deepEqual(
    SOMETIMES.filter((sight) => !seen.has(sight)),
    [],
    'not seen in any world',
  )
})
