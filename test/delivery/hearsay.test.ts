/** What others say of Customer.io, and how far it is believed. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Hearsay } from '../../src/delivery/hearsay.ts'

type Step =
  | readonly [atMs: number, 'failing', forMs: number]
  | readonly [atMs: number, 'well' | 'good' | 'bad']
  | readonly [atMs: number, 'is', 'quiet' | 'warned' | 'testing']
  | readonly [atMs: number, 'closed until', number | null]

const table: readonly (readonly [name: string, ...steps: readonly Step[]])[] = [
  ['nothing was said', [0, 'is', 'quiet'], [0, 'closed until', null]],
  [
    'a warning holds as long as it says; then one request at a time',
    [0, 'failing', 5_000],
    [1, 'closed until', 5_000],
    [4_999, 'is', 'warned'],
    [5_000, 'closed until', null],
    [5_000, 'is', 'testing'],
    [900_000, 'is', 'testing'],
  ],
  [
    'no warning holds for more than 15 s',
    [0, 'failing', 3_600_000],
    [14_999, 'is', 'warned'],
    [15_000, 'is', 'testing'],
  ],
  [
    'a good answer of our own ends it',
    [0, 'failing', 5_000],
    [2_000, 'good'],
    [2_000, 'is', 'quiet'],
    [2_000, 'closed until', null],
  ],
  [
    'a bad answer of our own does not',
    [0, 'failing', 5_000],
    [1_000, 'bad'],
    [1_000, 'is', 'warned'],
    [6_000, 'bad'],
    [6_000, 'is', 'testing'],
    [6_500, 'good'],
    [6_500, 'is', 'quiet'],
  ],
  ['the word that all is well ends it', [0, 'failing', 5_000], [100, 'well'], [100, 'is', 'quiet']],
  [
    'while our newest answer is good, nobody is believed',
    [0, 'bad'],
    [1_000, 'good'],
    [2_000, 'failing', 5_000],
    [2_000, 'is', 'quiet'],
  ],
  ['while it is bad, everybody is', [0, 'good'], [1_000, 'bad'], [2_000, 'failing', 5_000], [2_000, 'is', 'warned']],
  [
    'a good answer of 10 s ago says nothing any more',
    [0, 'good'],
    [10_000, 'failing', 5_000],
    [10_000, 'is', 'warned'],
  ],
  [
    'a second warning prolongs nothing: after the first comes a try of our own',
    [0, 'failing', 5_000],
    [4_000, 'failing', 9_000],
    [5_000, 'is', 'testing'],
    [6_000, 'failing', 9_000],
    [6_000, 'is', 'testing'],
  ],
]

for (const [name, ...steps] of table) {
  test(`hearsay: ${name}`, () => {
    const hearsay = new Hearsay()
    for (const [atMs, what, value] of steps as readonly (readonly [number, string, unknown?])[]) {
      if (what === 'failing') hearsay.heard({ kind: 'failing', forMs: value as number }, atMs)
      else if (what === 'well') hearsay.heard({ kind: 'well' }, atMs)
      else if (what === 'is') assert.equal(hearsay.stateAt(atMs), value, `at ${atMs}`)
      else if (what === 'closed until') assert.equal(hearsay.closedUntilMs(atMs), value, `at ${atMs}`)
      else hearsay.answered(what === 'good', atMs)
    }
  })
}

test('it says whether a hint changed anything', () => {
  const hearsay = new Hearsay()
  assert.equal(hearsay.heard({ kind: 'well' }, 0), false)
  assert.equal(hearsay.heard({ kind: 'failing', forMs: 5_000 }, 0), true)
  assert.equal(hearsay.heard({ kind: 'failing', forMs: 5_000 }, 1), false)
  assert.equal(hearsay.heard({ kind: 'well' }, 2), true)
})
