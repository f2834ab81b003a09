/**
 * What known circuit breakers get wrong, put to `CircuitBreaker` with real promises, signals and listeners. The core's
 * own part of it is in `breaker-pitfalls.test.ts`.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { TimeoutError } from '../../src/errors.ts'
import { CircuitBreaker } from '../../src/resilience/circuit-breaker.ts'
import type { CircuitBreakerOptions } from '../../src/resilience/circuit-breaker-options.ts'
import { seededRandom } from '../../src/testing/seeded-random.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'
import { bad, circuit, down, ending, good, opened, pending, times } from './circuit.ts'

const thresholds: readonly (readonly [string, CircuitBreakerOptions, calls: string, opens: boolean])[] = [
  ['four failures of five', { failureThreshold: 5 }, '----', false],
  ['five of five', { failureThreshold: 5 }, '-----', true],
  ['a success between them', { failureThreshold: 5 }, '----+----', false],
  ['one of one', { failureThreshold: 1 }, '-', true],
  ['nine of the default', {}, '---------', false],
  ['ten of the default', {}, '----------', true],
  ['half of 19', { consecutiveFailures: Infinity }, '-+-+-+-+-+-+-+-+-+-', false],
  ['half of 20, the last one bad', { consecutiveFailures: Infinity }, '+-+-+-+-+-+-+-+-+-+-', true],
  ['under half of 20', { consecutiveFailures: Infinity }, '+-+-+-+-+-+-+-+-+-++', false],
]

for (const [name, options, calls, opens] of thresholds) {
  test(`exact thresholds: ${name} ${opens ? 'opens' : 'does not open'}`, async () => {
    const { breaker } = circuit(options)
    for (const letter of calls) await breaker.tryExecute(letter === '+' ? good : bad)
    assert.equal(breaker.state, opens ? 'open' : 'closed')
  })
}

test('late results (1): what began while closed judges neither the half-open period nor the closed one after it', async () => {
  const { breaker, clock } = circuit({ consecutiveFailures: 3 })
  const old = [pending(), pending(), pending(), pending(), pending()]
  const calls = old.map(({ operation }) => breaker.tryExecute(operation))
  await times(3, () => breaker.tryExecute(bad))
  old[0]!.resolve('late')
  assert.deepEqual(await calls[0], { ok: true, value: 'late' }, 'its caller gets it all the same')
  assert.equal(breaker.state, 'open', 'no success of another period closes it')
  await clock.advance(5_000)
  const probe = pending()
  const probing = breaker.tryExecute(probe.operation)
  old[1]!.reject(down)
  await calls[1]
  assert.equal(breaker.stats().probesInFlight, 1, 'no late failure takes the place of the probe')
  probe.resolve('back')
  await probing
  await times(2, () => breaker.execute(good))
  for (const late of old.slice(2)) late.reject(down)
  await Promise.all(calls)
  assert.deepEqual([breaker.state, breaker.stats().consecutiveFailures, breaker.stats().totals.late], ['closed', 0, 5])
})

test('the herd (2): of a thousand callers at the end of the open time one passes, and the others wait for nothing', async () => {
  const { breaker, clock } = await opened()
  await clock.advance(5_000)
  const probe = pending()
  let called = 0
  const operation = (): Promise<string> => {
    called++
    return probe.operation()
  }
  const first = breaker.tryExecute(operation)
  const others = await Promise.all(Array.from({ length: 999 }, () => breaker.tryExecute(operation)))
  assert.equal(called, 1)
  assert.ok(others.every((result) => !result.ok && result.reason === 'probing'))
  probe.resolve('back')
  assert.ok((await first).ok)
})

test('stuck half open (3): a probe that never settles is a failure after its own time, though it heeds no signal', async () => {
  for (const call of ['execute', 'tryExecute'] as const) {
    const { breaker, clock } = await opened()
    await clock.advance(5_000)
    const seen: AbortSignal[] = []
    const probe = pending()
    const probing: Promise<unknown> = breaker[call](({ signal }) => {
      seen.push(signal)
      return probe.operation()
    })
    const end = ending(probing)
    await clock.advance(2_999)
    assert.equal(await end, undefined)
    await clock.advance(1)
    assert.equal(breaker.state, 'open')
    const error: unknown = seen[0]!.reason
    assert.ok(error instanceof TimeoutError && error.code === 'TIMEOUT' && error.timeoutMs === 3_000)
    if (call === 'execute') await assert.rejects(probing, error)
    else assert.deepEqual(await probing, { ok: false, reason: 'timed-out', error })
    probe.reject(new Error('nobody hears this'))
    await clock.advance(7_500)
    assert.equal(await breaker.execute(good), 'good')
    assert.equal(clock.pending, 0)
  }
})

test('stuck half open (3): a probe whose end comes after its lease judges nothing', async () => {
  const clock = new VirtualClock()
  // The host was held up: its timer has not fired when the lease is over.
  const held = { monotonicMs: () => clock.monotonicMs(), wallMs: () => clock.wallMs(), timer: () => () => {} }
  const { breaker } = await opened({ clock: held })
  await clock.advance(5_000)
  const probe = pending()
  const late = breaker.tryExecute(probe.operation)
  await clock.advance(4_000)
  const next = pending()
  const second = breaker.tryExecute(next.operation)
  probe.reject(down)
  await late
  assert.equal(breaker.stats().probesInFlight, 1)
  next.resolve('back')
  assert.ok((await second).ok)
  assert.deepEqual([breaker.state, breaker.stats().probeSuccesses], ['half-open', 1])
})

test('never half open (4): it takes no timer and no call to become half open, and opening twice delays nothing', async () => {
  const { breaker, clock } = await opened()
  assert.equal(clock.pending, 0)
  breaker.isolate('drill').release()
  await clock.advance(4_999)
  assert.equal(breaker.state, 'open')
  await clock.advance(1)
  assert.equal(breaker.state, 'half-open')
})

test('neutral outcomes (5): an aborted probe frees its place at once and neither closes nor opens', async () => {
  const { breaker, clock } = await opened()
  await clock.advance(5_000)
  for (let time = 0; time < 20; time++) {
    const controller = new AbortController()
    const probing = breaker.tryExecute(pending().operation, { signal: controller.signal })
    assert.equal(breaker.stats().probesInFlight, 1)
    controller.abort(down)
    assert.equal(breaker.stats().probesInFlight, 0, 'before anything else runs')
    assert.deepEqual(await probing, { ok: false, reason: 'aborted', error: down })
    assert.equal(breaker.state, 'half-open')
  }
  assert.equal(clock.pending, 0)
  await times(3, () => breaker.execute(good))
  assert.equal(breaker.state, 'closed')
})

test('refusals and limits (6): neither 4xx nor 429 opens it, and a 404 in a half-open circuit is a good probe', async () => {
  const answer = (status: number) => () => Promise.reject(Object.assign(new Error('answer'), { status }))
  const { breaker, clock } = circuit()
  for (const status of [400, 401, 403, 404, 429]) await times(50, () => breaker.tryExecute(answer(status)))
  assert.equal(breaker.state, 'closed')
  await times(10, () => breaker.tryExecute(answer(503)))
  await clock.advance(5_000)
  await breaker.tryExecute(answer(429))
  assert.deepEqual([breaker.state, breaker.stats().probeSuccesses], ['half-open', 0])
  await times(3, () => breaker.tryExecute(answer(404)))
  assert.equal(breaker.state, 'closed')
})

test('old statistics (7): after a recovery the window is empty', async () => {
  const { breaker, clock } = await opened({ windowMs: 3_600_000 })
  await clock.advance(5_000)
  await times(3, () => breaker.execute(good))
  await times(9, () => breaker.tryExecute(bad))
  assert.deepEqual([breaker.state, breaker.stats().failures], ['closed', 9])
})

test('wrong denominators (8): calls under way and calls refused hide no failure', async () => {
  const { breaker } = circuit({ consecutiveFailures: Infinity })
  const hanging = Array.from({ length: 500 }, () => pending())
  for (const { operation } of hanging) void breaker.tryExecute(operation)
  await times(20, () => breaker.tryExecute(bad))
  await times(100, () => breaker.tryExecute(good))
  assert.deepEqual([breaker.state, breaker.stats().calls, breaker.inFlight], ['open', 20, 500])
})

test('stale window (9): idle time empties the window, of failures and of successes', async () => {
  const forgotten = circuit({ callsMin: 10, consecutiveFailures: Infinity })
  await times(9, () => forgotten.breaker.tryExecute(bad))
  await forgotten.clock.advance(86_400_000)
  assert.equal(forgotten.breaker.stats().calls, 0)
  await forgotten.breaker.tryExecute(bad)
  assert.equal(forgotten.breaker.state, 'closed')
  const hidden = circuit({ callsMin: 10, consecutiveFailures: Infinity })
  await times(1_000, () => hidden.breaker.execute(good))
  await hidden.clock.advance(10_000)
  await times(10, () => hidden.breaker.tryExecute(bad))
  assert.equal(hidden.breaker.state, 'open')
})

test('small numbers (10): neither the first failure nor a brown-out of 30 percent opens it', async () => {
  const random = seededRandom(29)
  const { breaker, clock } = circuit({ random })
  await breaker.tryExecute(bad)
  assert.equal(breaker.state, 'closed')
  for (let time = 0; time < 2_000; time++) {
    await breaker.tryExecute(random() < 0.3 ? bad : good)
    if (time % 100 === 0) await clock.advance(1_000)
  }
  assert.equal(breaker.stats().totals.refused, 0)
})

test('growth too long (11): after an hour of outage the next probe is at most 18 seconds away', async () => {
  const { breaker, clock } = await opened({ random: seededRandom(31) })
  for (let probes = 0; probes < 240; probes++) {
    const { retryAfterMs } = breaker.stats()
    assert.ok(retryAfterMs! <= 18_000)
    await clock.advance(retryAfterMs!)
    await breaker.tryExecute(bad)
  }
})

test('wall clock (12): a jump of an hour in either direction changes nothing', async () => {
  for (const jumpMs of [-3_600_000, 3_600_000]) {
    const { breaker, clock } = await opened()
    clock.jumpWallMs(jumpMs)
    assert.equal(breaker.stats().retryAfterMs, 5_000)
    await clock.advance(4_999)
    assert.equal(breaker.state, 'open')
    await clock.advance(1)
    await times(3, () => breaker.execute(good))
    assert.equal(breaker.state, 'closed')
  }
})

test('timer overflow (13): times beyond 2^31 ms are as long as they say', async () => {
  const longMs = 2 ** 31 + 5_000
  const { breaker, clock } = circuit({ failureThreshold: 1, timeout: longMs, probeTimeoutMs: longMs })
  await breaker.tryExecute(bad)
  await clock.advance(longMs - 1)
  const refused = await breaker.tryExecute(good)
  assert.ok(!refused.ok)
  assert.equal(refused.retryAfterMs, 1)
  await clock.advance(1)
  const probe = pending()
  const probing = breaker.tryExecute(probe.operation)
  await clock.advance(longMs - 1)
  assert.equal(breaker.inFlight, 1)
  probe.resolve('back')
  assert.ok((await probing).ok)
  // On the host's own timers, whose limit it is.
  const real = new CircuitBreaker({ failureThreshold: 1, timeout: 1e-9, probeTimeoutMs: longMs })
  await real.tryExecute(bad)
  const waiting = pending()
  const call = real.tryExecute(({ probe }) => (probe ? waiting.operation() : 'no probe'))
  await new Promise((resolve) => setTimeout(resolve, 20))
  assert.equal(real.inFlight, 1)
  waiting.resolve('back')
  assert.deepEqual(await call, { ok: true, value: 'back' })
})

test('timers (14): idle breakers have none, nor do calls through a closed circuit', async () => {
  const { breaker, clock } = circuit()
  const call = pending()
  const running = breaker.execute(call.operation, { signal: new AbortController().signal })
  assert.equal(clock.pending, 0)
  call.resolve('done')
  await running
  const before = process.getActiveResourcesInfo().length
  const many = Array.from({ length: 1_000 }, () => new CircuitBreaker({ failureThreshold: 1 }))
  await Promise.all(many.map((one) => one.tryExecute(bad)))
  assert.equal(process.getActiveResourcesInfo().length, before)
})

test('listeners that throw (29) harm neither the call, nor the breaker, nor the listeners after them', async () => {
  const seen: string[] = []
  const unhandled: unknown[] = []
  const onUnhandled = (reason: unknown): void => void unhandled.push(reason)
  process.on('unhandledRejection', onUnhandled)
  try {
    const { breaker, clock } = circuit({ onTransition: bad, failureThreshold: 2, timeout: 1_000, successThreshold: 1 })
    breaker.subscribe(bad)
    breaker.subscribe(() => Promise.reject(down))
    const leave = breaker.subscribe(({ to }) => {
      seen.push(to)
      leave()
      breaker.subscribe(({ to: next }) => void seen.push(`second ${next}`))
    })
    await assert.rejects(
      times(2, () => breaker.execute(bad)),
      (error) => error === down,
    )
    await assert.rejects(breaker.execute(bad), (error) => error === down)
    assert.equal(breaker.state, 'open')
    await clock.advance(1_000)
    assert.equal(await breaker.execute(good), 'good')
    assert.deepEqual(seen, ['open', 'second half-open', 'second closed'])
    assert.deepEqual(unhandled, [])
  } finally {
    process.off('unhandledRejection', onUnhandled)
  }
})

test('many processes (32): one bad process opens no other, and a new one resets none', async () => {
  const bad1 = await opened()
  const fresh = circuit()
  assert.equal(fresh.breaker.restore(bad1.breaker.snapshot()), true)
  assert.equal(bad1.breaker.state, 'open')
  assert.equal(circuit().breaker.state, 'closed')
  const before = bad1.breaker.snapshot()
  fresh.breaker.isolate('drill')
  assert.equal(fresh.breaker.snapshot().openForMs, before.openForMs, 'an isolation is of one process')
})
