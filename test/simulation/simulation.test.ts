/** A few hundred worlds on virtual time. `npm run simulate -- --seeds N` runs any number. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { Deliver, Mode } from './plan.ts'
import { runSeed } from './run.ts'

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

async function runAll(
  mode: Mode,
  seeds: number,
  sometimes: readonly string[],
  deliver: Deliver = 'one',
): Promise<void> {
  const seen = new Set<string>()
  for (let seed = 1; seed <= seeds; seed++) {
    const first = await runSeed(seed, mode, deliver)
    assert.deepEqual(first.problems, [], `seed ${seed}: ${JSON.stringify(first.plan)}`)
    for (const sight of first.seen) seen.add(sight)
    const second = await runSeed(seed, mode, deliver)
    assert.deepEqual(whereTheyPart(first.log, second.log), [], `seed ${seed} ran another way the second time`)
  }
  assert.deepEqual(
    sometimes.filter((sight) => !seen.has(sight)),
    [],
    'not seen in any world',
  )
}

test('every promise holds in every world, and each world runs the same way twice', () =>
  runAll('outbox', 200, SOMETIMES))

test('every promise holds in the same worlds when calls are tried at once', () =>
  runAll('direct', 80, [...SOMETIMES, 'delivered receipt', 'stored receipt', 'thrown rejected']))

/** Besides: what only processes that share an outbox see. The worlds of these runs have freezes, so leases end. */
const SOMETIMES_SHARED = [
  // Every process is active from its start.
  ...SOMETIMES.filter((sight) => sight !== 'role'),
  'lapsed',
  'heard',
  'handles',
  'paused',
  'resumed',
]

test('every promise holds where all processes deliver from one outbox', () =>
  runAll('outbox', 150, SOMETIMES_SHARED, 'all'))

test('every promise holds where all deliver and calls are tried at once', () =>
  runAll('direct', 60, [...SOMETIMES_SHARED, 'delivered receipt', 'stored receipt'], 'all'))

/** The first line in which two logs differ, with what stood before it; nothing when they are the same. */
function whereTheyPart(first: readonly string[], second: readonly string[]): readonly string[] {
  const at = Array.from({ length: Math.max(first.length, second.length) }).findIndex((_, n) => first[n] !== second[n])
  if (at < 0) return []
  return [
    ...first.slice(Math.max(0, at - 12), at),
    ...first.slice(at, at + 3).map((line) => `first  ${line}`),
    ...second.slice(at, at + 3).map((line) => `second ${line}`),
  ]
}
