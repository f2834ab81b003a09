import assert from 'node:assert/strict'
import { test } from 'node:test'

import { type HealthFacts, healthOf } from '../../src/observe/health.ts'
import type { AskedProbe, HealthProbe } from '../../src/observe/probe.ts'
import type { OutboxStats } from '../../src/outbox/outbox.ts'

const WALL_MS = 1_767_225_600_000
const HOUR_MS = 3_600_000

const quiet: OutboxStats = {
  role: 'active',
  waiting: 0,
  waitingBytes: 0,
  inFlight: 0,
  lanesHeld: 0,
  deadLetters: 0,
  deadBytes: 0,
  operationsMax: 100,
  bytesMax: 1_000,
  oldestAcceptedAtMs: null,
  oldestCampaignAtMs: null,
  totals: { accepted: 0, delivered: 0, dead: 0, expired: 0, purged: 0, dropped: 0, duplicates: 0 },
  spilled: 0,
  lost: 0,
}

const fine: HealthFacts = {
  phase: 'open',
  storeErrorCode: null,
  outbox: quiet,
  circuitState: 'closed',
  cooldownMs: 0,
  paused: false,
  pausedForAll: null,
  handles: null,
  store: null,
  spilling: null,
  parked: null,
  rate: 100,
  latency: 20,
  lastSuccess: WALL_MS,
  lastFailure: null,
  wallMs: WALL_MS,
  probe: null,
}

const asked: AskedProbe = {
  asked: true,
  atMs: WALL_MS,
  outcome: 'ok',
  status: 200,
  latency: 30,
  region: 'us',
  reason: null,
}

const table: readonly (readonly [string, Partial<HealthFacts>, string, readonly string[]])[] = [
  ['nothing is wrong', {}, 'ok', []],
  ['the outbox is still opening', { phase: 'starting', outbox: null }, 'starting', []],
  [
    'the outbox cannot be opened',
    { phase: 'starting', outbox: null, storeErrorCode: 'OUTBOX_READ_ONLY' },
    'failing',
    ['cannot-store'],
  ],
  ['the disk is full', { storeErrorCode: 'OUTBOX_DISK_FULL' }, 'failing', ['cannot-store']],
  ['something is missing', { outbox: { ...quiet, lost: 2 } }, 'failing', ['lost']],
  ['the circuit is open', { circuitState: 'open' }, 'degraded', ['circuit-open']],
  ['the circuit is half open', { circuitState: 'half-open' }, 'degraded', ['circuit-half-open']],
  ['Customer.io throttles', { cooldownMs: 500 }, 'degraded', ['throttled']],
  [
    'the oldest waits for five minutes',
    { outbox: { ...quiet, oldestAcceptedAtMs: WALL_MS - 300_001 } },
    'degraded',
    ['late'],
  ],
  ['the oldest waits for less', { outbox: { ...quiet, oldestAcceptedAtMs: WALL_MS - 300_000 } }, 'ok', []],
  [
    'the campaign window closes in 23 hours',
    { outbox: { ...quiet, oldestCampaignAtMs: WALL_MS - 49 * HOUR_MS } },
    'degraded',
    ['campaign-window'],
  ],
  [
    'the campaign window closes in 25 hours',
    { outbox: { ...quiet, oldestCampaignAtMs: WALL_MS - 47 * HOUR_MS } },
    'ok',
    [],
  ],
  ['the outbox is four fifths full', { outbox: { ...quiet, waiting: 80 } }, 'degraded', ['filling']],
  ['dead letters fill it too', { outbox: { ...quiet, deadBytes: 800 } }, 'degraded', ['filling']],
  [
    'credentials are refused',
    { parked: { reason: 'credentials', status: 401 }, circuitState: 'open' },
    'blocked',
    ['parked', 'circuit-open'],
  ],
  ['an operator paused', { paused: true }, 'blocked', ['paused']],
  [
    'the outbox is away, and calls are stored beside it',
    { spilling: { code: 'OUTBOX_UNAVAILABLE' } },
    'degraded',
    ['spilling'],
  ],
  ['what was stored beside the outbox goes into it', { outbox: { ...quiet, spilled: 3 } }, 'degraded', ['spilling']],
  [
    'a server that may lose operations, as whoever runs it wants it',
    { store: { server: 'redis 7.0.15', risks: ['up to a second of writes'] } },
    'ok',
    [],
  ],
  [
    'closing covers everything',
    { phase: 'closing', parked: { reason: 'credentials', status: 401 } },
    'stopping',
    ['parked'],
  ],
]

for (const [name, facts, status, reasons] of table) {
  test(`health: ${name}`, () => {
    const health = healthOf({ ...fine, ...facts })
    assert.equal(health.status, status)
    assert.deepEqual(
      health.reasons.map((reason) => reason.code),
      reasons,
    )
    assert.equal(health.healthy, status === 'ok' || status === 'degraded')
  })
}

const probes: readonly (readonly [string, HealthProbe, Partial<HealthFacts>, string, readonly string[]])[] = [
  ['Customer.io answered well', asked, {}, 'ok', []],
  [
    'the account lives elsewhere',
    { ...asked, outcome: 'region-mismatch', region: 'eu' },
    {},
    'degraded',
    ['region-mismatch'],
  ],
  ['the credentials are refused', { ...asked, outcome: 'credentials', status: 401 }, {}, 'blocked', ['credentials']],
  ['it was too fast', { ...asked, outcome: 'throttled', status: 429 }, {}, 'degraded', ['throttled']],
  ['it was too fast, as traffic is', { ...asked, outcome: 'throttled' }, { cooldownMs: 1 }, 'degraded', ['throttled']],
  [
    'it got no answer',
    { ...asked, outcome: 'failed', reason: 'timeout', status: null },
    {},
    'degraded',
    ['unreachable'],
  ],
  ['it was not asked', { asked: false, reason: 'circuit' }, { circuitState: 'open' }, 'degraded', ['circuit-open']],
  ['it was not asked for want of a token', { asked: false, reason: 'rate' }, {}, 'ok', []],
]

for (const [name, probe, facts, status, reasons] of probes) {
  test(`health with a probe: ${name}`, () => {
    const health = healthOf({ ...fine, ...facts, probe })
    assert.equal(health.status, status)
    assert.deepEqual(
      health.reasons.map((reason) => reason.code),
      reasons,
    )
    assert.equal(health.probe, probe)
  })
}

test('the latency is that of traffic, and that of the probe only where there was no traffic yet', () => {
  assert.equal(healthOf({ ...fine, probe: asked }).latency, 20)
  assert.equal(healthOf({ ...fine, probe: asked, latency: null }).latency, 30)
  assert.equal(healthOf({ ...fine, latency: null, probe: { asked: false, reason: 'paused' } }).latency, null)
})

test('ages are told against the wall clock, and one that was set back makes none negative', () => {
  const outbox = { ...quiet, oldestAcceptedAtMs: WALL_MS + HOUR_MS, oldestCampaignAtMs: WALL_MS - HOUR_MS }
  const health = healthOf({ ...fine, outbox })
  assert.equal(health.oldestAgeMs, 0)
  assert.equal(health.campaignWindowLeftMs, 71 * HOUR_MS)
})

test('who paused delivery for all, and why, is in the reason', () => {
  const pausedForAll = { who: 'ada', why: 'an import runs', atMs: WALL_MS }
  const health = healthOf({ ...fine, paused: true, pausedForAll })
  assert.deepEqual(health.reasons, [
    { code: 'paused', message: 'delivery is paused for all by ada (an import runs); calls are stored' },
  ])
  assert.deepEqual(health.pausedForAll, pausedForAll)
  const [silent] = healthOf({ ...fine, paused: true, pausedForAll: { ...pausedForAll, why: '' } }).reasons
  assert.equal(silent?.message, 'delivery is paused for all by ada; calls are stored')
})
