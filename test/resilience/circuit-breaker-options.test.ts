import assert from 'node:assert/strict'
import { test } from 'node:test'

import { OptionsError } from '../../src/errors.ts'
import type { CircuitBreakerOptions } from '../../src/resilience/circuit-breaker-options.ts'
import { CircuitBreaker } from '../../src/resilience/circuit-breaker.ts'
import { bad, circuit, good, times } from './circuit.ts'

test('the words of the recipe mean exactly what they say', async () => {
  for (const options of [{ failureThreshold: 5, successThreshold: 3, timeout: 30_000 }, { timeout: 30_000 }]) {
    const { breaker, clock } = circuit({ ...options, random: () => 0.999 })
    // Neither half of many calls nor a slow server is five failures in a row.
    for (let time = 0; time < 50; time++) {
      await times(4, () => breaker.tryExecute(bad))
      await breaker.execute(good)
    }
    assert.equal(breaker.getState(), 'CLOSED')
    await times(4, () => breaker.tryExecute(bad))
    assert.equal(breaker.getState(), 'CLOSED')
    await breaker.tryExecute(() =>
      Promise.reject(Object.assign(new Error('busy'), { status: 503, retryAfterMs: 60_000 })),
    )
    for (let time = 0; time < 5; time++) {
      assert.equal(breaker.getState(), 'OPEN')
      await clock.advance(29_999)
      assert.equal(breaker.getState(), 'OPEN')
      await clock.advance(1)
      assert.equal(breaker.getState(), 'HALF_OPEN')
      await times(2, () => breaker.execute(good))
      await breaker.tryExecute(bad)
    }
    await clock.advance(30_000)
    await times(2, () => breaker.execute(good))
    assert.equal(breaker.getState(), 'HALF_OPEN')
    await breaker.execute(good)
    assert.equal(breaker.getState(), 'CLOSED')
  }
})

test('options of the full set add to the recipe one by one', async () => {
  const growing = circuit({ timeout: 1_000, openGrowth: 2 })
  await times(5, () => growing.breaker.tryExecute(bad))
  await growing.clock.advance(1_000)
  await growing.breaker.tryExecute(bad)
  assert.equal(growing.breaker.stats().retryAfterMs, 2_000)
  const ratio = circuit({ failureThreshold: 5, failureRatio: 0.6 })
  for (let time = 0; time < 5; time++) {
    await ratio.breaker.execute(good)
    await times(3, () => ratio.breaker.tryExecute(bad))
  }
  assert.equal(ratio.breaker.state, 'open')
  assert.equal(ratio.breaker.stats().consecutiveFailures, 3)
})

test('without them the defaults of the full set hold', async () => {
  const { breaker } = circuit()
  await times(9, () => breaker.tryExecute(bad))
  assert.equal(breaker.state, 'closed')
  await breaker.tryExecute(bad)
  assert.deepEqual([breaker.state, breaker.stats().retryAfterMs], ['open', 5_000])
})

const wrongOptions: readonly (readonly [field: string, value: unknown])[] = [
  ...[
    'failureThreshold',
    'successThreshold',
    'timeout',
    'consecutiveFailures',
    'openMs',
    'windowMs',
    'probesMax',
  ].flatMap((field) => [0, NaN, -1, '5', null, true, -Infinity].map((value) => [field, value] as const)),
  ['failureThreshold', 2.5],
  ['failureThreshold', Infinity],
  ['timeout', Infinity],
  ['failureRatio', 1.1],
  ['failureRatio', 0],
  ['slowRatio', NaN],
  ['openGrowth', 0.5],
  ['openJitter', -0.1],
  ['retryAfterCapMs', -1],
  ['probeTimeoutMs', 0],
  ['mode', 'dry'],
  ['classify', 'all'],
  ['clock', {}],
  ['clock', null],
  ['random', 0.5],
  ['onTransition', {}],
  ['failureTreshold', 5],
  ['resetTimeout', 5],
  ['__proto', 5],
]

test('a wrong or unknown option is an OptionsError that names the field', () => {
  for (const [field, value] of wrongOptions) {
    assert.throws(
      () => new CircuitBreaker({ [field]: value }),
      (error) => error instanceof OptionsError && error.field === field && error.code === 'INVALID_OPTIONS',
      `${field}: ${String(value)}`,
    )
  }
  for (const options of [null, 5, 'on']) {
    assert.throws(() => new CircuitBreaker(options as unknown as CircuitBreakerOptions), OptionsError)
  }
  assert.throws(
    () => new CircuitBreaker({ timeout: 1_000, openMs: 1_000 }),
    (error) => error instanceof OptionsError && error.field === 'timeout',
  )
  const undefinedOptions: object = { failureThreshold: undefined, mode: undefined, clock: undefined }
  assert.equal(new CircuitBreaker(undefinedOptions).state, 'closed')
})
