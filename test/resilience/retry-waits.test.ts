/** What ends a retry besides its attempts: the caller's abort, the deadline, the budget; and what the waits leave behind. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { promisify } from 'node:util'

import * as fc from 'fast-check'

import { TimeoutError } from '../../src/errors.ts'
import { earlierErrorsOf } from '../../src/resilience/earlier-errors.ts'
import { createRetryBudget } from '../../src/resilience/retry-budget.ts'
import type { RetryOptions } from '../../src/resilience/retry-options.ts'
import type { AttemptContext } from '../../src/resilience/retry.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'
import { createWorld, failing, listeners, never, type Call } from './retry-world.ts'

const HOUR_MS = 3_600_000

function errorOf(call: Call): unknown {
  assert.ok(call.end !== undefined && 'error' in call.end)
  return call.end.error
}

test('pitfall 15: an abort ends the wait at once, with its reason, and no attempt comes after it', async () => {
  for (const [abortAtMs, attempts] of [[500, 1] as const, [1_500, 2] as const, [6_999, 3] as const]) {
    const { clock, call } = createWorld()
    const caller = new AbortController()
    const reason = new Error('enough')
    const made = call(failing(), { signal: caller.signal })
    await clock.advance(abortAtMs)
    assert.equal(listeners(caller.signal), 1)
    caller.abort(reason)
    await clock.advance(0)
    assert.deepEqual(made.end, { error: reason, atMs: abortAtMs })
    assert.equal(earlierErrorsOf(reason).length, attempts)
    await clock.advance(HOUR_MS)
    assert.equal(made.attemptsAtMs.length, attempts)
    assert.deepEqual([listeners(caller.signal), clock.pending], [0, 0])
  }
})

test('pitfall 15: an abort ends an attempt at once, also one that does not listen, and none comes after it', async () => {
  const { clock, call } = createWorld()
  const caller = new AbortController()
  const made = call(never, { signal: caller.signal, attemptTimeoutMs: 5_000 })
  const good = call(() => new Promise((resolve) => clock.timer(200, () => resolve('late'))), { signal: caller.signal })
  await clock.advance(100)
  caller.abort('enough')
  await clock.advance(HOUR_MS)
  assert.deepEqual(made, { attemptsAtMs: [0], end: { error: 'enough', atMs: 100 } })
  assert.deepEqual(good, { attemptsAtMs: [0], end: { error: 'enough', atMs: 100 } })
  assert.deepEqual([listeners(caller.signal), clock.pending], [0, 0])
})

test("pitfall 16: an aborted signal runs nothing, and a timeout signal of the caller's is an abort, not a failure", async () => {
  const { clock, call } = createWorld()
  const before = call(() => 'never', { signal: AbortSignal.abort('before') })
  const caller = new AbortController()
  // One that was made outside the loop, as `AbortSignal.timeout()` makes it: it would kill every attempt.
  const late = new DOMException('late', 'TimeoutError')
  const made = call(
    ({ signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    {
      signal: caller.signal,
      idempotent: true,
    },
  )
  await clock.advance(10)
  caller.abort(late)
  await clock.advance(HOUR_MS)
  assert.deepEqual(before, { attemptsAtMs: [], end: { error: 'before', atMs: 0 } })
  assert.deepEqual(made, { attemptsAtMs: [0], end: { error: late, atMs: 10 } })
})

test('an abort in the middle of a listener or of the operation itself is an abort too', async () => {
  const { clock, call } = createWorld()
  const caller = new AbortController()
  const heard = call(failing(), { signal: caller.signal, onRetry: () => caller.abort('in the listener') })
  const other = new AbortController()
  const own = call(
    () => {
      other.abort('in the operation')
      throw new Error('x')
    },
    { signal: other.signal },
  )
  await clock.advance(HOUR_MS)
  assert.deepEqual(heard, { attemptsAtMs: [0], end: { error: 'in the listener', atMs: 0 } })
  assert.deepEqual(own, { attemptsAtMs: [0], end: { error: 'in the operation', atMs: 0 } })
})

test('pitfall 19: a result that came before the abort stays a result', async () => {
  const { clock, call } = createWorld()
  const caller = new AbortController()
  const made = call(({ attempt }) => (attempt === 1 ? failing()() : 'good'), { signal: caller.signal })
  await clock.advance(1_000)
  caller.abort()
  await clock.advance(HOUR_MS)
  assert.deepEqual(made.end, { value: 'good', atMs: 1_000 })
})

test('pitfall 17 and 20: each attempt has a signal of its own, which only its own end aborts', async () => {
  const { clock, call } = createWorld()
  const signals: AbortSignal[] = []
  const hangOnce = ({ attempt, signal }: AttemptContext): unknown => {
    signals.push(signal)
    return attempt === 1 ? never() : 'good'
  }
  const made = call(hangOnce, { attemptTimeoutMs: 100, idempotent: true })
  await clock.advance(HOUR_MS)
  assert.deepEqual(made.end, { value: 'good', atMs: 1_100 })
  assert.equal(new Set(signals).size, 2)
  assert.ok(signals[0]?.reason instanceof TimeoutError)
  assert.equal(signals[1]?.aborted, false)
})

test('an attempt that ran into its timeout is tried again only when that does no harm', async () => {
  for (const [idempotent, attempts] of [[false, 1] as const, [true, 3] as const]) {
    const { clock, call } = createWorld()
    const made = call(never, { attemptTimeoutMs: 100, idempotent, maxRetries: 2 })
    await clock.advance(HOUR_MS)
    assert.equal(made.attemptsAtMs.length, attempts)
    assert.ok(errorOf(made) instanceof TimeoutError)
  }
})

test('a wait that would reach the deadline is not begun: the last error is thrown at once', async () => {
  const table: readonly (readonly [deadlineMs: number, attemptsAtMs: readonly number[], endAtMs: number])[] = [
    [500, [0], 0],
    [1_000, [0], 0],
    [1_001, [0, 1_000], 1_000],
    [3_000, [0, 1_000], 1_000],
    [5_000, [0, 1_000, 3_000], 3_000],
    [7_001, [0, 1_000, 3_000, 7_000], 7_000],
    [Infinity, [0, 1_000, 3_000, 7_000], 7_000],
  ]
  for (const [deadlineMs, attemptsAtMs, endAtMs] of table) {
    const { clock, call } = createWorld()
    const error = new Error('x')
    const made = call(() => Promise.reject(error), { deadlineMs })
    await clock.advance(HOUR_MS)
    assert.deepEqual(made, { attemptsAtMs, end: { error, atMs: endAtMs } }, String(deadlineMs))
  }
  const { clock, call } = createWorld()
  const asked = call(failing({ status: 429, headers: { 'retry-after': '30' } }), { deadlineMs: 20_000 })
  await clock.advance(0)
  assert.equal(asked.end?.atMs, 0)
})

test('an attempt that reaches the deadline is ended, and knows how much time it has', async () => {
  const { clock, call } = createWorld()
  const left: number[] = []
  const made = call(
    ({ attempt, remainingMs }) => {
      left.push(remainingMs())
      return attempt < 3 ? failing()() : never()
    },
    { deadlineMs: 5_000, attemptTimeoutMs: 3_000 },
  )
  const free = call(({ remainingMs }) => remainingMs())
  await clock.advance(HOUR_MS)
  assert.deepEqual(left, [3_000, 3_000, 2_000])
  assert.equal(made.end?.atMs, 5_000)
  assert.ok(errorOf(made) instanceof TimeoutError)
  assert.equal(earlierErrorsOf(errorOf(made)).length, 2)
  assert.deepEqual(free.end, { value: Infinity, atMs: 0 })
})

/** Its timers come late, as after the sleep of a machine. */
class LateClock extends VirtualClock {
  override timer(delayMs: number, fire: () => void): () => void {
    return super.timer(delayMs + HOUR_MS, fire)
  }
}

test('a process that slept past the deadline in a wait makes no more attempts', async () => {
  const clock = new LateClock()
  const budget = createRetryBudget({ max: 5, perSecond: 0 })
  const error = new Error('x')
  const options: RetryOptions = { clock, deadlineMs: 5_000, budget }
  const { call } = createWorld()
  const thrown = call(() => Promise.reject(error), options)
  const answered = call(() => ({ status: 503, ok: false }), options)
  await clock.advance(3 * HOUR_MS)
  assert.equal(errorOf(thrown), error)
  assert.ok(errorOf(answered) instanceof TimeoutError)
  assert.deepEqual([thrown.attemptsAtMs.length, answered.attemptsAtMs.length], [1, 1])
  assert.equal(budget.view(0).tokens, 5)
})

test('pitfall 24: a retry takes its token before its wait, so a thousand that wait do not pass the budget', async () => {
  const { clock, call } = createWorld()
  const budget = createRetryBudget({ max: 20 })
  const calls = Array.from({ length: 1_000 }, () => call(failing({ status: 503 }), { budget }))
  await clock.advance(0)
  assert.equal(calls.filter(({ end }) => end === undefined).length, 20)
  assert.equal(budget.view(0).tokens, 0)
  // The real error, not one about the budget.
  assert.equal(Reflect.get(Object(errorOf(calls[999]!)), 'status'), 503)
  await clock.advance(HOUR_MS)
  const attempts = calls.reduce((sum, { attemptsAtMs }) => sum + attemptsAtMs.length, 0)
  assert.ok(attempts <= 1_000 + 20 + 7, `${attempts} attempts`)
})

test('pitfall 25: successes and time fill the budget, so no call is without a retry for ever', async () => {
  const { clock, call } = createWorld()
  const budget = createRetryBudget({ max: 2 })
  const spent = [call(failing(), { budget }), call(failing(), { budget }), call(failing(), { budget })]
  await clock.advance(0)
  assert.deepEqual(
    spent.map(({ end }) => end === undefined),
    [true, true, false],
  )
  call(() => 'good', { budget })
  call(() => 'good', { budget })
  await clock.advance(0)
  const after = call(({ attempt }) => (attempt === 1 ? failing()() : 'good'), { budget })
  await clock.advance(HOUR_MS)
  assert.ok(after.end !== undefined && 'value' in after.end)
  assert.equal(budget.view(clock.monotonicMs()).tokens, 2)
})

test('an aborted wait gives its token back; what is not tried again takes none', async () => {
  const { clock, call } = createWorld()
  const budget = createRetryBudget({ max: 3, perSecond: 0 })
  const caller = new AbortController()
  call(failing(), { budget, signal: caller.signal })
  call(failing({ status: 400 }), { budget })
  call(failing(), { budget, maxRetries: 0 })
  call(failing(), { budget, deadlineMs: 10 })
  call(() => Promise.reject(new TimeoutError(1)), { budget })
  await clock.advance(0)
  assert.equal(budget.view(0).tokens, 2)
  caller.abort()
  await clock.advance(0)
  assert.equal(budget.view(0).tokens, 3)
})

test('pitfall 18: however a call ends, one listener at most was on the signal, and none and no timer is left', async () => {
  const attempt = fc.record({ takesMs: fc.nat(20), ends: fc.constantFrom('good', 'bad', 'refused', 'never') })
  const limit = fc.option(fc.integer({ min: 1, max: 60 }))
  await fc.assert(
    fc.asyncProperty(
      fc.array(attempt, { minLength: 4, maxLength: 4 }),
      limit,
      limit,
      limit,
      async (script, abortAtMs, deadlineMs, attemptTimeoutMs) => {
        const { clock, call } = createWorld()
        const caller = new AbortController()
        const made = call(
          ({ attempt: number }) =>
            new Promise((resolve, reject) => {
              const { takesMs, ends } = script[number - 1]!
              const status = ends === 'refused' ? 400 : 503
              if (ends === 'never') return
              clock.timer(takesMs, () =>
                ends === 'good' ? resolve('good') : reject(Object.assign(new Error('x'), { status })),
              )
            }),
          {
            baseDelay: 10,
            signal: caller.signal,
            idempotent: true,
            deadlineMs: deadlineMs ?? Infinity,
            attemptTimeoutMs: attemptTimeoutMs ?? Infinity,
          },
        )
        for (let nowMs = 0; nowMs <= 400; nowMs++) {
          if (nowMs === abortAtMs) caller.abort('caller')
          assert.equal(listeners(caller.signal), made.end === undefined && !caller.signal.aborted ? 1 : 0)
          await clock.advance(1)
        }
        assert.ok(made.attemptsAtMs.length <= 4)
        const endsMs = [abortAtMs, deadlineMs].filter((at) => at !== null)
        const endAtMs = Math.min(...endsMs, Infinity)
        if (endAtMs !== Infinity) assert.ok(made.end !== undefined && made.end.atMs <= endAtMs)
        for (const atMs of made.attemptsAtMs) assert.ok(atMs <= endAtMs)
        if (made.end === undefined) {
          caller.abort('caller')
          await clock.advance(0)
        }
        await clock.advance(20)
        assert.deepEqual([listeners(caller.signal), clock.pending], [0, 0])
      },
    ),
    { seed: 18, numRuns: 60 },
  )
})

const run = promisify(execFile)

/** What a program of this text prints, which imports from `src/resilience`. */
async function printedBy(text: string): Promise<string> {
  const base = new URL('../../src/resilience/', import.meta.url).href
  const program = ['--input-type=module', '--eval', text.replaceAll('RESILIENCE/', base)]
  // A program that is held for ever is ended, and fails the test.
  const { stdout } = await run(process.execPath, program, { timeout: 20_000 })
  return stdout
}

test('a program that waits for nothing but a retry does not exit in the middle', async () => {
  const printed = await printedBy(`
    import { withRetry } from 'RESILIENCE/retry.ts'
    let attempts = 0
    await withRetry(() => { if (++attempts < 3) throw new Error('x') }, { baseDelay: 5 })
    console.log('attempts', attempts)
  `)
  assert.equal(printed, 'attempts 3\n')
})

test('a program that waits for nothing but a timeout does not exit before it', async () => {
  const printed = await printedBy(`
    import { withTimeout } from 'RESILIENCE/timeout.ts'
    await withTimeout(() => new Promise(() => {}), 5).catch((error) => console.log(error.code))
  `)
  assert.equal(printed, 'TIMEOUT\n')
})

test('an aborted wait, or a limit that was not needed, does not keep a program alive', async () => {
  const printed = await printedBy(`
    import { withRetry } from 'RESILIENCE/retry.ts'
    import { withTimeout } from 'RESILIENCE/timeout.ts'
    const caller = new AbortController()
    const hour = 3_600_000
    const waiting = withRetry(() => { throw new Error('x') }, { baseDelay: hour, maxDelay: hour, jitter: false, signal: caller.signal })
    await withTimeout(() => 'good', hour)
    await withRetry(() => 'good', { attemptTimeoutMs: hour, deadlineMs: hour })
    setImmediate(() => caller.abort('enough'))
    await waiting.catch((reason) => console.log(reason))
  `)
  assert.equal(printed, 'enough\n')
})
