/** The pipeline by tables: what an outcome leads to, what is thrown, what is counted. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { TimeoutError } from '../../src/errors.ts'
import { CircuitOpenError } from '../../src/resilience/circuit-errors.ts'
import { earlierErrorsOf } from '../../src/resilience/earlier-errors.ts'
import { RateLimitedError } from '../../src/resilience/limit-errors.ts'
import type { CallOptions, EndReason } from '../../src/resilience/pipeline-contract.ts'
import type { PipelineOptions } from '../../src/resilience/pipeline-options.ts'
import { StatusError, world } from './pipeline-world.ts'

const reset = Object.assign(new TypeError('fetch failed'), {
  cause: Object.assign(new Error(), { code: 'ECONNRESET' }),
})
const refused = Object.assign(new TypeError('fetch failed'), {
  cause: Object.assign(new Error(), { code: 'ECONNREFUSED', syscall: 'connect' }),
})

type Expected = 'ok' | EndReason
const table: readonly (readonly [
  name: string,
  statuses: readonly (number | Error)[],
  expected: Expected,
  attempts: number,
  call?: CallOptions,
  pipeline?: Partial<PipelineOptions<'a' | 'b'>>,
])[] = [
  ['a success is a success', [200], 'ok', 1],
  ['a failure is tried again', [503, 200], 'ok', 2],
  ['so are 408 and 425', [408, 425, 200], 'ok', 3],
  ['five failures are enough', [503], 'failed', 5],
  ['or as many as the options say', [503], 'failed', 2, {}, { retry: { attempts: 2 } }],
  ['a refusal of its own sake is not', [422, 200], 'permanent', 1],
  ['nor is 401', [401, 200], 'permanent', 1],
  ['a 429 is tried again and counts as no attempt', [429, 503, 503, 503, 200], 'ok', 5],
  ['also six of them', [429, 429, 429, 429, 429, 429, 200], 'ok', 7, { deadlineMs: 60_000 }],
  ['but not beyond the deadline', [429], 'limited', 4, { deadlineMs: 15_000 }],
  ['without retry a 429 is an end', [429, 200], 'limited', 1, {}, { retry: false }],
  ['and so is a failure', [503, 200], 'failed', 1, {}, { retry: false }],
  ['an error that names nothing is tried again', [new Error('odd'), 200], 'ok', 2],
  ['an unknown fate is not', [reset, 200], 'failed', 1],
  ['an unknown fate is, where twice does no harm', [reset, 200], 'ok', 2, { idempotent: true }],
  ['or where there is a key', [reset, 200], 'ok', 2, { idempotencyKey: 'k' }],
  ['but not where the caller says no', [reset, 200], 'failed', 1, { idempotencyKey: 'k', idempotent: false }],
  ['a refused connection is, for it did nothing', [refused, 200], 'ok', 2],
  ['a mistake in the operation is not', [new ReferenceError('x is not defined'), 200], 'failed', 1],
  ['a backoff that passes the deadline is not begun', [503, 200], 'deadline', 1, { deadlineMs: 100 }],
  ['a Retry-After that passes it neither', [new StatusError(503, 20_000), 200], 'deadline', 1],
  ['a shorter one is kept', [new StatusError(503, 2_000), 200], 'ok', 2],
]

for (const [name, statuses, expected, attempts, call, pipeline] of table) {
  test(name, async () => {
    const { run, pipeline: made, clock } = world(pipeline)
    const result = await run(statuses, call)
    assert.equal(result.ok ? 'ok' : result.reason, expected)
    assert.equal(result.attempts, attempts)
    const stats = made.stats()
    assert.equal(stats.calls, 1)
    assert.equal(stats.attempts, attempts)
    assert.equal(stats.succeeded + Object.values(stats.ended).reduce((sum, count) => sum + count), 1)
    assert.equal(stats.limits.a.inFlight, 0)
    await clock.advance(25)
    assert.equal(clock.pending, 0)
  })
}

test('the waits between attempts double, and a Retry-After is never shortened', async () => {
  const { run, events } = world({ retry: { jitter: 'none' } })
  await run([503, new StatusError(503, 700), 503])
  assert.deepEqual(
    events.map((event) => (event.type === 'retry' ? [event.attempt, Math.round(event.waitMs)] : event.type)),
    [
      [1, 250],
      [2, 735],
      [3, 1_000],
      [4, 2_000],
    ],
  )
})

test('execute gives the value, or throws what the last attempt threw, with the earlier ones beside it', async () => {
  const { pipeline, clock } = world()
  assert.equal(await pipeline.execute('a', () => 7), 7)
  assert.equal(await pipeline.execute('a', async () => undefined), undefined)
  const errors = [500, 502, 503, 504, 522].map((status) => new StatusError(status))
  let attempt = 0
  const thrown = pipeline.execute('a', () => Promise.reject(errors[attempt++]!)).catch((error) => error)
  await clock.advance(10_000)
  assert.equal(await thrown, errors[4])
  assert.deepEqual(earlierErrorsOf(errors[4]), errors.slice(0, 4))
})

test('an answer that counts as no success is what execute gives, and its result names it', async () => {
  const { pipeline, clock, run } = world()
  const answers = [503, 503, 503, 503, 503].map((status) => new Response('later', { status }))
  let made = 0
  const executed = pipeline.execute('a', () => answers[made++]!)
  await clock.advance(10_000)
  assert.equal(await executed, answers[4])
  assert.deepEqual(
    answers.map(({ bodyUsed }) => bodyUsed),
    [true, true, true, true, false],
    'the answers that nobody gets have their bodies given up',
  )
  const result = await pipeline.tryExecute('a', () => new Response(null, { status: 404 }))
  assert.ok(!result.ok && result.reason === 'permanent' && result.error instanceof Response)
  assert.ok((await run([200])).ok)
})

test('a classification of one’s own decides; one that throws leaves a throw a failure and a value a success', async () => {
  const own = world({ classify: (outcome) => ({ verdict: 'error' in outcome ? 'permanent' : 'success' }) })
  const result = await own.run([503, 200])
  assert.ok(!result.ok && result.reason === 'permanent')
  const broken = world({
    classify: () => {
      throw new Error('broken')
    },
  })
  assert.ok((await broken.run([503, 200])).ok)
})

test('attempts are told their number, their time and the key, and share no signal', async () => {
  const { clock, started, call } = world()
  call('x', { idempotencyKey: 'key', timeoutMs: 4_000, deadlineMs: 9_000 })
  await clock.advance(1_000)
  const [first] = started
  assert.deepEqual(
    [first!.attempt.attempt, first!.attempt.probe, first!.attempt.idempotencyKey, first!.attempt.remainingMs()],
    [1, false, 'key', 3_000],
  )
  const { signal } = first!.attempt
  await clock.advance(3_000)
  assert.ok(signal.aborted && signal.reason instanceof TimeoutError)
  await clock.advance(1_000)
  const [, second] = started
  assert.equal(second!.attempt.attempt, 2)
  assert.ok(second!.attempt.signal !== signal && !second!.attempt.signal.aborted)
})

test('a good end aborts no signal', async () => {
  const { clock, started, results, call } = world()
  call('x')
  const { signal } = started[0]!.attempt
  started[0]!.resolve('done')
  await clock.advance(60_000)
  assert.ok(results.get('x')!.ok)
  assert.equal(signal.aborted, false)
})

test('a budget that is spent ends calls with what they failed of, and tells once', async () => {
  const { run, events, pipeline } = world({
    retry: { budget: { max: 2, perSecond: 0, perSuccess: 1 }, jitter: 'none', baseMs: 1 },
    breaker: { consecutiveFailures: 100, callsMin: 1_000 },
  })
  const first = await run([503])
  assert.deepEqual(first.ok ? null : [first.reason, first.attempts], ['budget', 3])
  const second = await run([503])
  assert.deepEqual(second.ok ? null : [second.reason, second.attempts], ['budget', 1])
  assert.ok(!second.ok && second.error instanceof StatusError)
  assert.equal(events.filter(({ type }) => type === 'budget-exhausted').length, 1)
  assert.deepEqual(pipeline.stats().budget, { tokens: 0, max: 2, refused: 2 })
  assert.ok((await run([200])).ok)
  assert.ok((await run([503, 200])).ok, 'a success has paid for a retry')
})

test('an open circuit refuses without an attempt and says when to come back', async () => {
  const { pipeline, open, clock, events } = world()
  await open()
  let called = 0
  const result = await pipeline.tryExecute('b', () => called++)
  assert.ok(!result.ok && result.reason === 'open' && result.error instanceof CircuitOpenError)
  assert.deepEqual([result.attempts, result.retryAfterMs, called], [0, 4_400, 0])
  await assert.rejects(
    pipeline.execute('a', () => called++),
    CircuitOpenError,
  )
  await clock.advance(4_400)
  assert.ok((await pipeline.tryExecute('a', () => called++)).ok)
  assert.deepEqual(
    events.filter(({ type }) => type === 'circuit').map((event) => event.type === 'circuit' && event.cause),
    ['consecutive-failures', 'probe'],
  )
})

test('a call whose own failure opens the circuit ends with that failure', async () => {
  const { pipeline, run } = world({ breaker: { consecutiveFailures: 2 } })
  const result = await run([503])
  assert.ok(!result.ok && result.reason === 'open' && result.error instanceof StatusError)
  assert.equal(result.attempts, 2)
  assert.equal(result.earlier.length, 1)
  assert.equal(pipeline.stats().ended.open, 1)
})

test('4xx, 429 and aborts never open the circuit', async () => {
  const { run, pipeline, clock } = world({ retry: false })
  for (let call = 0; call < 50; call++) {
    await run([404])
    await run([429])
    await clock.advance(20_000)
    await run([Object.assign(new Error(), { name: 'AbortError' })])
  }
  const { breaker } = pipeline.stats()
  assert.deepEqual([breaker.state, breaker.totals.opened, breaker.totals.neutrals], ['closed', 0, 100])
})

test('five answers of 401 or 403 in a row isolate for a minute, with an alarm', async () => {
  const { run, events, pipeline, clock } = world()
  await run([401])
  await run([200])
  for (const status of [401, 403, 401]) await run([status])
  assert.equal(pipeline.health().status, 'ok')
  await run([401])
  assert.equal(events.at(-1)?.type === 'unauthorized', false)
  await run([403])
  assert.deepEqual(
    events.filter(({ type }) => type === 'unauthorized'),
    [{ type: 'unauthorized', inARow: 5, isolatedForMs: 60_000 }],
  )
  assert.equal(pipeline.health().status, 'blocked')
  const result = await pipeline.tryExecute('a', () => 1)
  assert.ok(!result.ok && result.reason === 'isolated')
  assert.equal(result.retryAfterMs, 60_000)
  await clock.advance(60_000)
  assert.ok((await pipeline.tryExecute('a', () => 1)).ok)
  assert.equal(pipeline.health().status, 'ok')
})

test('isolations nest, name themselves, and end by call or disposal', async () => {
  const { pipeline } = world()
  const first = pipeline.isolate('deploy')
  const second = pipeline.isolate()
  first()
  first()
  assert.deepEqual(pipeline.stats().breaker.isolated, ['isolated by the application'])
  const result = await pipeline.tryExecute('a', () => 1)
  assert.ok(!result.ok && result.reason === 'isolated')
  second[Symbol.dispose]()
  assert.ok((await pipeline.tryExecute('a', () => 1)).ok)
})

test('a listener that throws or leaves harms nothing', async () => {
  const { pipeline, run, events } = world()
  const leave = pipeline.subscribe(() => {
    throw new Error('listener')
  })
  assert.ok((await run([429, 503, 200])).ok)
  leave()
  assert.deepEqual(
    events.map(({ type }) => type),
    ['throttled', 'retry'],
  )
})

test('health has one word for each state', async () => {
  const { pipeline, open, clock, run } = world({ retry: false })
  assert.equal(pipeline.health().status, 'ok')
  await run([429])
  assert.equal(pipeline.health().status, 'degraded')
  await clock.advance(2_000)
  assert.equal(pipeline.health().status, 'ok')
  await open()
  assert.equal(pipeline.health().status, 'failing')
  await clock.advance(5_000)
  assert.equal(pipeline.health().status, 'degraded', 'a probe may go')
  const release = pipeline.isolate()
  assert.equal(pipeline.health().status, 'blocked')
  release()
  for (let probe = 0; probe < 3; probe++) await run([200])
  assert.equal(pipeline.health().status, 'degraded', 'the ramp')
  await clock.advance(2_000)
  assert.equal(pipeline.health().status, 'ok')
})

test('a snapshot carries the circuit to another pipeline; what is none changes nothing', async () => {
  const { pipeline, open } = world()
  await open()
  const copy = world()
  assert.ok(copy.pipeline.restore(JSON.parse(JSON.stringify(pipeline.snapshot()))))
  const result = await copy.pipeline.tryExecute('a', () => 1)
  assert.ok(!result.ok && result.reason === 'open')
  const third = world()
  for (const wrong of [null, 'x', {}, { version: 2, breaker: {} }, { version: 1, breaker: 7 }]) {
    assert.equal(third.pipeline.restore(wrong), false)
  }
  assert.ok((await third.pipeline.tryExecute('a', () => 1)).ok)
})

test('a time-out or a deadline beyond what a timer can hold does not fire at once', async () => {
  const { clock, started, results, call } = world()
  call('x', { timeoutMs: 2 ** 33, deadlineMs: 2 ** 34 })
  call('y', { timeoutMs: Infinity, deadlineMs: Infinity })
  await clock.advance(100_000)
  assert.equal(results.size, 0)
  for (const { resolve } of started) resolve()
  await clock.advance(25)
  assert.deepEqual([results.get('x')?.ok, results.get('y')?.ok, clock.pending], [true, true, 0])
})

test('a rate that is refused is told at once, with the time to come back', async () => {
  const { pipeline, clock } = world({ limits: { a: { perSecond: 1, burst: 1 }, b: { perSecond: 1 } } })
  assert.ok((await pipeline.tryExecute('a', () => 1)).ok)
  const result = await pipeline.tryExecute('a', () => 1, { deadlineMs: 500 })
  assert.ok(!result.ok && result.reason === 'limited' && result.error instanceof RateLimitedError)
  assert.equal(result.retryAfterMs, 1_000)
  assert.ok((await pipeline.tryExecute('b', () => 1)).ok, 'each limit has its own rate')
  await clock.advance(25)
  assert.equal(clock.pending, 0)
})
