import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { AdminStatus } from '../../src/admin/contract.ts'
import { CHECK, type CheckLevel, type CheckLimits, checkOf } from '../../src/cli/check-verdict.ts'
import type { Health, HealthStatus } from '../../src/observe/health.ts'

const LIMITS: CheckLimits = {
  warnAgeMs: 300_000,
  critAgeMs: 900_000,
  warnDead: null,
  critDead: null,
  warnWindowMs: 86_400_000,
  critWindowMs: 21_600_000,
}

interface Given {
  readonly status?: HealthStatus
  readonly code?: string
  readonly health?: Partial<Health>
  readonly limits?: Partial<CheckLimits>
  readonly offline?: boolean
}

function statusOf({ status = 'ok', code = 'ok', health = {}, offline = false }: Given): AdminStatus {
  const verdict = { code, status, text: 'The sentence' }
  const whole: Health = {
    healthy: true,
    status,
    reasons: [],
    latency: null,
    circuitState: 'closed',
    queueDepth: 0,
    oldestAgeMs: null,
    campaignWindowLeftMs: null,
    lastSuccess: null,
    lastFailure: null,
    deadLetters: 0,
    parked: false,
    paused: false,
    pausedForAll: null,
    handles: null,
    store: null,
    rate: 100,
    role: 'active',
    probe: null,
    ...health,
  }
  const since = { circuitAtMs: null, parkedAtMs: null, pausedAtMs: null }
  return {
    verdict,
    offline: offline ? { dataDir: 'holdfast-data', openElsewhere: [], shared: [] } : null,
    version: '1.2.3',
    phase: 'serving',
    startedAtMs: 0,
    uptimeMs: 0,
    atMs: 0,
    workspaces: [
      { name: 'shop', verdict, health: whole, stats: null, pause: null, since, traffic: null, lastError: null },
    ],
  }
}

const table: readonly (readonly [CheckLevel, Given, RegExp])[] = [
  ['ok', {}, /^OK - The sentence \| /],
  ['warning', { status: 'degraded', code: 'unreachable' }, /^WARNING - The sentence \| /],
  ['warning', { status: 'starting', code: 'starting' }, /^WARNING/],
  ['warning', { status: 'stopping', code: 'stopping' }, /^WARNING/],
  ['warning', { status: 'blocked', code: 'paused' }, /^WARNING/],
  ['critical', { status: 'blocked', code: 'credentials' }, /^CRITICAL/],
  ['critical', { status: 'failing', code: 'lost' }, /^CRITICAL/],
  ['critical', { status: 'stopping', offline: true }, /^CRITICAL/],
  ['ok', { health: { oldestAgeMs: 299_999 } }, /oldest_age=300s;300;900;0/],
  ['warning', { health: { oldestAgeMs: 300_000 } }, /; the oldest waits for 5 min \|/],
  ['critical', { health: { oldestAgeMs: 900_000 } }, /; the oldest waits for 15 min \|/],
  ['critical', { status: 'degraded', health: { oldestAgeMs: 900_000 } }, /^CRITICAL/],
  ['ok', { health: { deadLetters: 5_000 } }, / dead=5000;;;0 /],
  [
    'warning',
    { health: { deadLetters: 10 }, limits: { warnDead: 10, critDead: 20 } },
    /; 10 dead letters \|.* dead=10;10;20;0 /,
  ],
  ['critical', { health: { deadLetters: 20 }, limits: { warnDead: 10, critDead: 20 } }, /^CRITICAL/],
  [
    'warning',
    { health: { campaignWindowLeftMs: 86_400_000 } },
    /; 1 d left of the campaign window \|.*campaign_window=86400s;86400:;21600:$/,
  ],
  ['critical', { health: { campaignWindowLeftMs: -5 } }, /; events that wait are too old for campaigns \|/],
]

for (const [level, given, line] of table) {
  test(`check: ${level} for ${JSON.stringify(given)}`, () => {
    const result = checkOf(statusOf(given), { ...LIMITS, ...given.limits })
    assert.equal(result.level, level)
    assert.match(result.line, line)
    assert.equal(result.line.split('\n').length, 1)
  })
}

test('the numbers are those of monitoring plugins', () => {
  assert.deepEqual(CHECK, { ok: 0, warning: 1, critical: 2, unknown: 3 })
})
