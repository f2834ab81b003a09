/** `CircuitBreaker` as its callers see it. What known breakers get wrong is in `breaker-scenarios.test.ts`. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { isHoldfastError, OptionsError, TimeoutError } from '../../src/errors.ts'
import type { Transition } from '../../src/resilience/breaker-options.ts'
import { CircuitBreaker } from '../../src/resilience/circuit-breaker.ts'
import type { CircuitCall } from '../../src/resilience/circuit-call.ts'
import { CircuitOpenError } from '../../src/resilience/circuit-errors.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'
import { bad, circuit, down, ending, good, opened, pending, times } from './circuit.ts'

test('execute gives the value of the operation and throws its own error', async () => {
  const { breaker } = circuit()
  assert.equal(await breaker.execute(() => Promise.resolve(7)), 7)
  await assert.rejects(breaker.execute(bad), (error) => error === down)
  const { successes, failures, admitted } = breaker.stats().totals
  assert.deepEqual([successes, failures, admitted], [1, 1, 2])
})

test('tryExecute gives the same as a value', async () => {
  const { breaker } = circuit()
  assert.deepEqual(await breaker.tryExecute(() => Promise.resolve(7)), { ok: true, value: 7 })
  assert.deepEqual(await breaker.tryExecute(bad), { ok: false, reason: 'failed', error: down })
})

test('an open circuit throws CircuitOpenError without calling the operation', async () => {
  const { breaker, clock } = await opened()
  await clock.advance(1_000.5)
  let called = false
  const error: unknown = await breaker.execute(() => (called = true)).catch((thrown: unknown) => thrown)
  assert.ok(error instanceof CircuitOpenError && isHoldfastError(error))
  assert.deepEqual(
    [error.name, error.code, error.reason, error.retryAfterMs, error.message],
    ['CircuitOpenError', 'CIRCUIT_OPEN', 'open', 4_000, 'the circuit is open; try again in 4000 ms'],
  )
  assert.ok(!error.stack?.includes('\n    at '), 'it has no stack')
  assert.equal(called, false)
  const own = new Error('of somebody else')
  assert.ok(own.stack?.includes('\n    at '), 'other errors have theirs')
})

test('a refusal as a value says why and when to come back', async () => {
  const { breaker, clock } = await opened()
  const open = await breaker.tryExecute(good)
  assert.ok(!open.ok && open.error instanceof CircuitOpenError)
  assert.deepEqual([open.reason, open.retryAfterMs, open.error.retryAfterMs], ['open', 5_000, 5_000])
  await clock.advance(5_000)
  const probe = pending()
  const probing = breaker.tryExecute(probe.operation)
  const refused = await breaker.tryExecute(good)
  assert.ok(!refused.ok && refused.error instanceof CircuitOpenError)
  assert.deepEqual([refused.reason, refused.retryAfterMs], ['probing', 4_000])
  assert.equal(refused.error.message, 'the circuit is half open and its probes are under way; try again in 4000 ms')
  const isolation = breaker.isolate('drill')
  const isolated = await breaker.tryExecute(good)
  assert.ok(!isolated.ok && isolated.error instanceof CircuitOpenError)
  assert.deepEqual([isolated.reason, isolated.retryAfterMs], ['isolated', undefined])
  assert.equal(isolated.error.message, 'the circuit is isolated: drill')
  isolation.release()
  probe.resolve('back')
  assert.deepEqual(await probing, { ok: true, value: 'back' })
})

test('the same refusal is not made twice, and is new when it says something else', async () => {
  const { breaker, clock } = await opened()
  const [first, second] = await Promise.all([breaker.tryExecute(good), breaker.tryExecute(good)])
  assert.equal(first, second)
  assert.ok(Object.isFrozen(first))
  await clock.advance(1)
  const third = await breaker.tryExecute(good)
  assert.ok(!third.ok)
  assert.equal(third.retryAfterMs, 4_999)
  // What execute throws is for one caller alone, who may write on it.
  const thrown = await times(2, () => breaker.execute(good).catch((error: unknown) => error))
  assert.notEqual(thrown[0], thrown[1])
  assert.ok(!Object.isFrozen(thrown[0]))
})

test('state and getState need no call to be right', async () => {
  const { breaker, clock } = await opened()
  const seen: string[] = []
  const look = (): void => void seen.push(`${breaker.state} ${breaker.getState()} ${breaker.stats().state}`)
  look()
  await clock.advance(5_000)
  look()
  await times(3, () => breaker.execute(good))
  look()
  const isolation = breaker.isolate()
  look()
  isolation.release()
  look()
  assert.deepEqual(seen, [
    'open OPEN open',
    'half-open HALF_OPEN half-open',
    'closed CLOSED closed',
    'open OPEN open',
    'closed CLOSED closed',
  ])
})

test('stats counts what is under way, in the window, and since creation', async () => {
  const { breaker, clock } = circuit({ consecutiveFailures: 3 })
  const slow = pending()
  const call = breaker.execute(slow.operation)
  await times(2, () => breaker.tryExecute(bad))
  await clock.advance(8_001)
  assert.equal(breaker.inFlight, 1)
  slow.resolve('late')
  await call
  const { calls, failures, slow: slowCalls, consecutiveFailures, inFlight, stateForMs } = breaker.stats()
  assert.deepEqual([calls, failures, slowCalls, consecutiveFailures, inFlight, stateForMs], [3, 2, 1, 0, 0, null])
  await times(3, () => breaker.tryExecute(bad))
  await clock.advance(1_000)
  await breaker.tryExecute(good)
  const open = breaker.stats()
  assert.deepEqual([open.state, open.stateForMs, open.retryAfterMs], ['open', 1_000, 4_000])
  assert.deepEqual(open.totals, {
    admitted: 6,
    refused: 1,
    successes: 1,
    failures: 5,
    neutrals: 0,
    late: 0,
    opened: 1,
  })
})

test('isolations nest, are disposable, and can be released in any order and twice', async () => {
  const { breaker } = circuit()
  const first = breaker.isolate('migration')
  const alone = await breaker.tryExecute(good)
  assert.ok(!alone.ok && alone.error instanceof CircuitOpenError)
  assert.equal(alone.error.message, 'the circuit is isolated: migration')
  const second = breaker.isolate()
  const both = await breaker.tryExecute(good)
  assert.ok(!both.ok && both.error instanceof CircuitOpenError)
  assert.equal(both.error.message, 'the circuit is isolated: migration, by hand')
  assert.deepEqual(breaker.stats().isolated, ['migration', 'by hand'])
  await assert.rejects(breaker.execute(good), /the circuit is isolated: migration, by hand/)
  first[Symbol.dispose]()
  first.release()
  const held = await breaker.tryExecute(good)
  assert.ok(!held.ok && held.error instanceof CircuitOpenError)
  assert.equal(held.error.message, 'the circuit is isolated: by hand')
  second.release()
  assert.equal(await breaker.execute(good), 'good')
})

test('the operation learns whether it probes and how long it has; its signal is made when it is read', async () => {
  const { breaker, clock } = await opened()
  await clock.advance(5_000)
  const calls: CircuitCall[] = []
  const probe = pending()
  const probing = breaker.execute((call) => {
    calls.push(call)
    return probe.operation()
  })
  await clock.advance(1_000)
  assert.deepEqual([calls[0]!.probe, calls[0]!.remainingMs(), calls[0]!.signal.aborted], [true, 2_000, false])
  assert.equal(calls[0]!.signal, calls[0]!.signal)
  probe.resolve('back')
  await probing
  assert.equal(calls[0]!.signal.aborted, false, 'not aborted because it went well')
  await times(2, () => breaker.execute(good))
  await breaker.execute((call) => calls.push(call))
  assert.deepEqual([calls[1]!.probe, calls[1]!.remainingMs(), calls[1]!.signal.aborted], [false, Infinity, false])
  assert.equal(calls[1]!.signal, calls[1]!.signal)
  assert.notEqual(calls[0]!.signal, calls[1]!.signal)
})

test('subscribers see each change once, in its final state, until they leave', async () => {
  const seen: string[] = []
  const { breaker, clock } = circuit({ onTransition: ({ to }) => seen.push(`option ${to}`) })
  const leave = breaker.subscribe(({ from, to, cause }) => seen.push(`${from} ${to} ${cause} ${breaker.state}`))
  const other = breaker.subscribe(({ to }) => seen.push(`other ${to}`))
  await times(10, () => breaker.tryExecute(bad))
  leave()
  leave()
  await clock.advance(5_000)
  await breaker.execute(good)
  other[Symbol.dispose]()
  await times(2, () => breaker.execute(good))
  assert.deepEqual(seen, [
    'option open',
    'closed open consecutive-failures open',
    'other open',
    'option half-open',
    'other half-open',
    'option closed',
  ])
})

test('a wrong argument is the caller’s mistake: an OptionsError that counts nowhere', async () => {
  const { breaker } = circuit({ failureThreshold: 1 })
  const wrong = 'fetch' as unknown as () => void
  const noSignal = { signal: {} as AbortSignal }
  await assert.rejects(breaker.execute(wrong), (error) => error instanceof OptionsError && error.field === 'operation')
  await assert.rejects(
    breaker.execute(good, noSignal),
    (error) => error instanceof OptionsError && error.field === 'signal',
  )
  const tried = await breaker.tryExecute(wrong)
  assert.ok(!tried.ok && tried.reason === 'failed' && tried.error instanceof OptionsError)
  assert.throws(() => breaker.subscribe('log' as unknown as () => void), OptionsError)
  assert.throws(() => breaker.isolate(5 as unknown as string), OptionsError)
  assert.deepEqual([breaker.state, breaker.stats().totals.admitted], ['closed', 0])
  assert.equal(await breaker.execute(good, { signal: null }), 'good')
})

const errorOf = (fields: object): Error => Object.assign(new Error('answer'), fields)
const endings: readonly (readonly [string, () => unknown, 'success' | 'failure' | 'neutral'])[] = [
  ...[400, 401, 403, 404, 409, 413, 422, 499].map(
    (status) => [`an error with ${status}`, () => Promise.reject(errorOf({ status })), 'success'] as const,
  ),
  ...[408, 425, 500, 502, 503, 504, 522].map(
    (status) => [`an error with ${status}`, () => Promise.reject(errorOf({ status })), 'failure'] as const,
  ),
  ['an error with 429', () => Promise.reject(errorOf({ statusCode: 429 })), 'neutral'],
  ['an error with a response of 404', () => Promise.reject(errorOf({ response: { status: 404 } })), 'success'],
  ['an error with a response of 500', () => Promise.reject(errorOf({ response: { status: 500 } })), 'failure'],
  ['an error without a status', () => Promise.reject(new Error('reset')), 'failure'],
  ['an AbortError', () => Promise.reject(new DOMException('gone', 'AbortError')), 'neutral'],
  ['a TimeoutError', () => Promise.reject(new DOMException('slow', 'TimeoutError')), 'failure'],
  ['the refusal of a breaker inside', () => Promise.reject(new CircuitOpenError('open', 5)), 'neutral'],
  ['the timeout of a probe inside', () => Promise.reject(new TimeoutError(5)), 'failure'],
  [
    'an error that throws when it is read',
    () => Promise.reject(Object.defineProperty({}, 'status', { get: bad })),
    'failure',
  ],
  ['an answer of 200', () => new Response(null, { status: 200 }), 'success'],
  ['an answer of 404', () => new Response(null, { status: 404 }), 'success'],
  ['an answer of 503', () => new Response(null, { status: 503 }), 'failure'],
  ['an answer of 429', () => new Response(null, { status: 429 }), 'neutral'],
  ['a value with a status of its own', () => ({ status: 500 }), 'success'],
]

for (const [name, operation, expected] of endings) {
  test(`${name} is a ${expected}`, async () => {
    const { breaker } = circuit()
    await breaker.tryExecute(operation)
    const { successes, failures, neutrals } = breaker.stats().totals
    assert.deepEqual(
      { successes, failures, neutrals },
      {
        successes: expected === 'success' ? 1 : 0,
        failures: expected === 'failure' ? 1 : 0,
        neutrals: expected === 'neutral' ? 1 : 0,
      },
    )
  })
}

test('classify judges in one word or with a Retry-After, and one that throws or says nonsense is not asked', async () => {
  const seen: unknown[] = []
  const { breaker } = circuit({
    consecutiveFailures: 2,
    classify: (outcome) => {
      seen.push(outcome)
      if ('value' in outcome)
        return outcome.value === 'stale' ? { verdict: 'failure', retryAfterMs: 20_000 } : 'success'
      return outcome.error === down ? bad() : ('nonsense' as 'neutral')
    },
  })
  assert.equal(await breaker.execute(() => 'stale'), 'stale')
  assert.deepEqual(seen, [{ value: 'stale' }])
  await breaker.tryExecute(bad)
  assert.deepEqual([breaker.state, breaker.stats().retryAfterMs], ['open', 21_000])
  const second = circuit({ classify: () => null as unknown as 'neutral' }).breaker
  await second.execute(good)
  await second.tryExecute(bad)
  assert.deepEqual([second.stats().totals.successes, second.stats().totals.failures], [1, 1])
})

test('observe counts and announces and refuses nothing; off does nothing but isolate', async () => {
  const seen: Transition['to'][] = []
  const observing = circuit({ mode: 'observe', onTransition: ({ to }) => seen.push(to) })
  await times(30, () => observing.breaker.tryExecute(bad))
  assert.deepEqual([observing.breaker.state, observing.breaker.stats().totals.refused], ['open', 0])
  await observing.clock.advance(5_000)
  assert.equal(await observing.breaker.execute(({ probe }) => probe), false)
  assert.deepEqual(seen, ['open', 'half-open'])
  const off = circuit({ mode: 'off' }).breaker
  await times(30, () => off.tryExecute(bad))
  assert.equal(off.state, 'closed')
  isolateForABlock(off)
  assert.equal(await off.execute(good), 'good')
})

/** What `using` does, which Node 22 cannot read yet. */
function isolateForABlock(breaker: CircuitBreaker): void {
  const isolation = breaker.isolate('drill')
  assert.equal(breaker.state, 'open')
  isolation[Symbol.dispose]()
}

test('a snapshot takes an open time to another process, whatever the wall clock did', async () => {
  const { breaker, clock } = await opened()
  await clock.advance(2_000)
  const snapshot: unknown = JSON.parse(JSON.stringify(breaker.snapshot()))
  for (const [wallMs, leftMs] of [
    [clock.wallMs(), 3_000],
    [clock.wallMs() + 1_000, 2_000],
    [clock.wallMs() - 3_600_000, 3_000],
  ] as const) {
    const next = new CircuitBreaker({ clock: new VirtualClock(wallMs), random: () => 0.5 })
    assert.equal(next.restore(snapshot), true)
    assert.deepEqual([next.state, next.stats().retryAfterMs], ['open', leftMs])
  }
  const late = new CircuitBreaker({ clock: new VirtualClock(clock.wallMs() + 3_600_000) })
  assert.equal(late.restore(snapshot), true)
  assert.equal(late.state, 'half-open')
  const lying = circuit().breaker
  assert.equal(lying.restore({ version: 1, wallMs: 0, openForMs: 1e15, reopenings: 0 }), true)
  assert.ok(lying.stats().retryAfterMs! <= 66_000)
  assert.equal(lying.restore('no snapshot'), false)
})

test('a call that nothing ends is not settled', async () => {
  const { breaker } = circuit()
  assert.equal(await ending(breaker.execute(pending().operation)), undefined)
  assert.equal(breaker.inFlight, 1)
})
