import assert from 'node:assert/strict'
import { test } from 'node:test'

import { resolveOptions } from '../../src/client/options.ts'
import { resolveTimeouts, timeoutDefaults } from '../../src/client/timeouts.ts'
import { OptionsError } from '../../src/errors.ts'

const credentials = { siteId: 'site', apiKey: 'key' }

test('what is not given has its default, and what is given holds', () => {
  assert.deepEqual(resolveTimeouts(), {
    callMs: 10_000,
    batchMs: 30_000,
    probeMs: 3_000,
    deadlineMs: 15_000,
    closeMs: 10_000,
    leaseMs: 90_000,
  })
  const given = { callMs: 1, batchMs: 2, probeMs: 3, deadlineMs: 3_600_000, closeMs: 0, leaseMs: 4 }
  assert.deepEqual(resolveTimeouts(given), given)
  assert.deepEqual(resolveTimeouts({ callMs: 5, closeMs: undefined } as never), { ...timeoutDefaults, callMs: 5 })
  assert.equal(resolveTimeouts({ callMs: 40_000 }).leaseMs, 110_000)
})

test('each timeout reaches the part that it is for', () => {
  const settings = resolveOptions({ ...credentials, timeouts: { callMs: 1_000, batchMs: 2_000, probeMs: 300 } })
  assert.equal(settings.engine.callTimeoutMs, 1_000)
  assert.equal(settings.engine.batchTimeoutMs, 2_000)
  assert.equal(settings.engine.leaseMs, 34_000)
  const short = resolveOptions({ ...credentials, timeouts: { callMs: 1_000, batchMs: 2_000, leaseMs: 4_000 } })
  assert.equal(short.engine.leaseMs, 4_000)
  assert.deepEqual(settings.health, { intervalMs: 30_000, timeoutMs: 300, region: 'us' })
  assert.equal(settings.timeouts.deadlineMs, 15_000)
})

test('the region that is expected is that of the host, else the one that was said, else none', () => {
  const regionOf = (options: object) => resolveOptions({ ...credentials, ...options }).health.region
  assert.equal(regionOf({ region: 'eu' }), 'eu')
  assert.equal(regionOf({ baseUrl: 'https://track-eu.customer.io/api/v1' }), 'eu')
  assert.equal(regionOf({ baseUrl: 'http://127.0.0.1:8080' }), null)
  assert.equal(regionOf({ baseUrl: 'http://127.0.0.1:8080', region: 'us' }), 'us')
})

const wrong: readonly (readonly [unknown, string])[] = [
  [null, 'timeouts'],
  ['soon', 'timeouts'],
  [{ callMS: 1 }, 'timeouts.callMS'],
  [{ toString: 1 }, 'timeouts.toString'],
  [{ callMs: 0 }, 'timeouts.callMs'],
  [{ callMs: '10s' }, 'timeouts.callMs'],
  [{ batchMs: Number.NaN }, 'timeouts.batchMs'],
  [{ batchMs: Infinity }, 'timeouts.batchMs'],
  [{ probeMs: -1 }, 'timeouts.probeMs'],
  [{ deadlineMs: 3_600_001 }, 'timeouts.deadlineMs'],
  [{ closeMs: -1 }, 'timeouts.closeMs'],
  [{ closeMs: null }, 'timeouts.closeMs'],
  [{ leaseMs: 59_999 }, 'timeouts.leaseMs'],
  [{ callMs: 5_000, batchMs: 1_000, leaseMs: 9_999 }, 'timeouts.leaseMs'],
  [{ leaseMs: 3_600_001 }, 'timeouts.leaseMs'],
  [{ leaseMs: '90s' }, 'timeouts.leaseMs'],
]

for (const [timeouts, field] of wrong) {
  test(`a wrong timeout is an error that names it: ${JSON.stringify(timeouts)}`, () => {
    assert.throws(
      () => resolveOptions({ ...credentials, timeouts: timeouts as never }),
      (error) => error instanceof OptionsError && error.code === 'INVALID_OPTIONS' && error.field === field,
    )
  })
}

test('a wrong option of health is an error that names it', () => {
  const cases: readonly (readonly [unknown, string])[] = [
    [null, 'health'],
    [{ interval: 5 }, 'health.interval'],
    [{ intervalMs: 0 }, 'health.intervalMs'],
    [{ intervalMs: '30s' }, 'health.intervalMs'],
  ]
  for (const [health, field] of cases) {
    assert.throws(
      () => resolveOptions({ ...credentials, health: health as never }),
      (error) => error instanceof OptionsError && error.field === field,
      field,
    )
  }
})
