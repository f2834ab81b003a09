import assert from 'node:assert/strict'
import { test } from 'node:test'

import { lateVerdict, verdictOf, type VerdictPolicy } from '../../src/delivery/verdict.ts'
import type { Verdict } from '../../src/outbox/outbox.ts'
import type { Outcome } from '../../src/protocol/outcome.ts'
import { claimed, eventCall, WALL_MS } from './entries.ts'

const policy: VerdictPolicy = { retryBaseMs: 1_000, retryCapMs: 60_000, afterCampaignWindow: 'deliver' }
const half = (): number => 0.5
const problem = { field: 'name', reason: 'invalid', message: 'event name must not be blank' }

const table: readonly (readonly [string, Outcome, number, Verdict])[] = [
  ['delivered', { kind: 'delivered' }, 0, { to: 'delivered' }],
  [
    'a first failure waits half of the base',
    { kind: 'retry', reason: 'status-502' },
    0,
    { to: 'waiting', delayMs: 500, countAttempt: true },
  ],
  [
    'a fourth failure waits longer',
    { kind: 'retry', reason: 'timeout' },
    3,
    { to: 'waiting', delayMs: 4_000, countAttempt: true },
  ],
  [
    'a hundredth failure waits the cap and is not given up',
    { kind: 'retry', reason: 'reset' },
    100,
    { to: 'waiting', delayMs: 30_000, countAttempt: true },
  ],
  [
    'what the answer asks for is the least',
    { kind: 'retry', reason: 'status-503', afterMs: 9_000 },
    0,
    { to: 'waiting', delayMs: 9_000, countAttempt: true },
  ],
  [
    '429 costs no attempt',
    { kind: 'throttled', afterMs: 5_000 },
    0,
    { to: 'waiting', delayMs: 0, countAttempt: false },
  ],
  [
    '401 costs no attempt and kills nothing',
    { kind: 'unauthorized', status: 401 },
    0,
    { to: 'waiting', delayMs: 0, countAttempt: false },
  ],
  ['our own abort costs no attempt', { kind: 'aborted' }, 7, { to: 'waiting', delayMs: 0, countAttempt: false }],
  [
    'refused alone is dead',
    { kind: 'refused', status: 400, problem },
    0,
    { to: 'dead', reason: 'rejected', status: 400, field: 'name', message: problem.message },
  ],
  ['rejected is dead', { kind: 'rejected', status: 404 }, 0, { to: 'dead', reason: 'rejected', status: 404 }],
]

for (const [name, outcome, attempts, verdict] of table) {
  test(`verdict: ${name}`, () => {
    assert.deepEqual(verdictOf(outcome, claimed(eventCall('1', 'e'), 1, attempts), WALL_MS, policy, half), verdict)
  })
}

test('a failure after the operation has become too old is its end', () => {
  const entry = claimed(eventCall('1', 'e'), 1, 2, { maxAgeMs: 60_000 })
  const outcome: Outcome = { kind: 'retry', reason: 'timeout' }
  assert.equal(verdictOf(outcome, entry, WALL_MS + 59_999, policy, half).to, 'waiting')
  assert.deepEqual(verdictOf(outcome, entry, WALL_MS + 60_000, policy, half), { to: 'dead', reason: 'expired' })
})

test('what is too old is not sent; a wall clock that was set back makes nothing old', () => {
  const entry = claimed(eventCall('1', 'e'), 1, 0, { maxAgeMs: 60_000 })
  assert.equal(lateVerdict(entry, WALL_MS + 59_999, policy), undefined)
  assert.deepEqual(lateVerdict(entry, WALL_MS + 60_000, policy), { to: 'dead', reason: 'expired' })
  assert.equal(lateVerdict(entry, WALL_MS - 3_600_000, policy), undefined)
})

test('an event past its campaign window is sent, unless the policy says otherwise', () => {
  const entry = claimed(eventCall('1', 'e'), 1)
  const pastMs = WALL_MS + 72 * 3_600_000 + 1
  const strict = { ...policy, afterCampaignWindow: 'dead-letter' } as const
  assert.equal(lateVerdict(entry, pastMs, policy), undefined)
  assert.equal(lateVerdict(entry, pastMs - 1, strict), undefined)
  assert.deepEqual(lateVerdict(entry, pastMs, strict), { to: 'dead', reason: 'campaign-window' })
})
