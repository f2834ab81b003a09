import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { Health, HealthStatus } from '../../src/observe/health.ts'
import { healthTreeOf, NO_ANSWER } from '../../src/observe/health-tree.ts'
import type { RelayPhase } from '../../src/observe/relay-events.ts'
import { healthWith } from './health-of.ts'

const ok = healthWith()
const open = healthWith({ circuitState: 'open' })
const parked = healthWith({ parked: { reason: 'credentials', status: 401 } })
const broken = healthWith({ storeErrorCode: 'OUTBOX_DISK_FULL' })
const starting = healthWith({ phase: 'starting' })
const closing = healthWith({ phase: 'closing' })

function treeOf(phase: RelayPhase, ...healths: readonly (Health | typeof NO_ANSWER)[]) {
  return healthTreeOf(phase, new Map(healths.map((health, index) => [`w${index}`, health])), 5)
}

const table: readonly [
  sentence: string,
  phase: RelayPhase,
  workspaces: readonly (Health | typeof NO_ANSWER)[],
  status: HealthStatus,
  ready: boolean,
][] = [
  ['all is well', 'serving', [ok, ok], 'ok', true],
  ['Customer.io is down', 'serving', [open, open], 'degraded', true],
  ['one workspace waits for a person', 'serving', [ok, parked], 'blocked', true],
  ['one of two cannot store', 'serving', [ok, broken], 'failing', true],
  ['none can store', 'serving', [broken, broken], 'failing', false],
  ['the only outbox does not answer', 'serving', [NO_ANSWER], 'failing', false],
  ['a new workspace is being opened', 'serving', [ok, starting], 'starting', true],
  ['outboxes are being opened', 'starting', [ok, starting], 'starting', false],
  ['an outbox cannot be opened', 'starting', [ok, broken], 'failing', false],
  ['it drains', 'draining', [ok, ok], 'stopping', false],
  ['it is closed', 'closed', [closing], 'stopping', false],
  ['it has no workspace', 'serving', [], 'ok', false],
]

for (const [sentence, phase, workspaces, status, ready] of table) {
  test(`${sentence}: ${status}, ${ready ? 'ready' : 'not ready'}`, () => {
    const tree = treeOf(phase, ...workspaces)
    assert.equal(tree.status, status)
    assert.equal(tree.ready, ready)
    assert.equal(tree.started, phase !== 'starting')
  })
}

test('a workspace that lost something is failing and can store all the same', () => {
  const outbox = {
    waiting: 0,
    waitingBytes: 0,
    deadLetters: 0,
    deadBytes: 0,
    operationsMax: 10,
    bytesMax: 10,
    lost: 1,
    oldestAcceptedAtMs: null,
    oldestCampaignAtMs: null,
    role: 'active',
  } as unknown as NonNullable<Parameters<typeof healthWith>[0]>['outbox']
  const tree = treeOf('serving', healthWith({ outbox: outbox! }))
  assert.equal(tree.status, 'failing')
  assert.equal(tree.ready, true)
  assert.equal(tree.components['w0']!.components.store.status, 'failing')
})

test('a reason belongs to the store or to delivery, and the whole says of which workspace it is', () => {
  const both = healthWith({ storeErrorCode: 'OUTBOX_READ_ONLY', circuitState: 'open', paused: true })
  const tree = treeOf('serving', both)
  const { store, delivery } = tree.components['w0']!.components
  assert.deepEqual([store.status, store.reasons.map(({ code }) => code)], ['failing', ['cannot-store']])
  assert.deepEqual([delivery.status, delivery.reasons.map(({ code }) => code)], ['blocked', ['paused', 'circuit-open']])
  assert.equal(tree.reasons[0]!.message, 'w0: calls cannot be stored: OUTBOX_READ_ONLY')
})

test('a status that stays keeps the time since which it is so, in each part for itself', () => {
  const at = (wallMs: number, health: Health, before: ReturnType<typeof treeOf> | null) =>
    healthTreeOf('serving', new Map([['shop', health]]), wallMs, before)
  const first = at(1, ok, null)
  const second = at(2, ok, first)
  const third = at(3, open, second)
  const fourth = at(4, open, third)
  assert.deepEqual(
    [first, second, third, fourth].map(({ sinceMs }) => sinceMs),
    [1, 1, 3, 3],
  )
  const { store, delivery } = fourth.components['shop']!.components
  assert.equal(store.sinceMs, 1)
  assert.equal(delivery.sinceMs, 3)
})

test('a workspace may have any name', () => {
  const tree = healthTreeOf('serving', new Map([['__proto__', ok]]), 1)
  assert.deepEqual(Object.keys(tree.components), ['__proto__'])
})
