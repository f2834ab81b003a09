import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as fc from 'fast-check'

import { OptionsError, TimeoutError } from '../../src/errors.ts'
import { classify } from '../../src/resilience/classify.ts'
import { EARLIER_ERRORS_MAX, earlierErrorsOf } from '../../src/resilience/earlier-errors.ts'
import type { RetryEvent, RetryOptions } from '../../src/resilience/retry-options.ts'
import { withRetry } from '../../src/resilience/retry.ts'
import { createWorld, failing, never } from './retry-world.ts'

const HOUR_MS = 3_600_000

test('the plain recipe: three retries after 1, 2 and 4 seconds, and the last error itself', async () => {
  const { clock, call } = createWorld()
  const errors: Error[] = []
  const plain = call(() => {
    const error = new Error(String(errors.length))
    errors.push(error)
    throw error
  })
  await clock.advance(HOUR_MS)
  assert.deepEqual(plain.attemptsAtMs, [0, 1_000, 3_000, 7_000])
  assert.ok(plain.end !== undefined && 'error' in plain.end)
  assert.equal(plain.end.error, errors[3])
  assert.deepEqual(earlierErrorsOf(errors[3]), errors.slice(0, 3))
})

test('the options of the recipe mean what they say', async () => {
  const table: readonly (readonly [options: RetryOptions, attemptsAtMs: readonly number[]])[] = [
    [{ maxRetries: 0 }, [0]],
    [{ maxRetries: 1 }, [0, 1_000]],
    [{ maxRetries: 2, baseDelay: 100 }, [0, 100, 300]],
    [{ maxRetries: 4, baseDelay: 100, maxDelay: 250 }, [0, 100, 300, 550, 800]],
    [{ maxRetries: 2, baseDelay: 0 }, [0, 0, 0]],
    [{ maxRetries: 2, maxDelay: 0 }, [0, 0, 0]],
    [{ maxRetries: 2, jitter: 'none' }, [0, 1_000, 3_000]],
    [{ maxRetries: 2, jitter: true, random: () => 0.5 }, [0, 500, 1_500]],
    [{ maxRetries: 2, jitter: 'full', random: () => 0 }, [0, 0, 0]],
    [{ maxRetries: 2, jitter: 'equal', random: () => 0.5 }, [0, 750, 2_250]],
    [{ maxRetries: 2, jitter: 'full', random: () => 7 }, [0, 1_000, 3_000]],
    [{ maxRetries: 2, jitter: 'full', random: () => -7 }, [0, 0, 0]],
    [{ maxRetries: 2, jitter: 'full', random: () => Number.NaN }, [0, 1_000, 3_000]],
  ]
  for (const [options, attemptsAtMs] of table) {
    const { clock, call } = createWorld()
    const made = call(failing(), options)
    await clock.advance(HOUR_MS)
    assert.deepEqual(made.attemptsAtMs, attemptsAtMs, JSON.stringify(options))
    assert.ok(made.end !== undefined && 'error' in made.end)
  }
})

test('jitter true is full jitter, over the whole wait', async () => {
  const { clock, call } = createWorld()
  const delays: number[] = []
  const chances = [0, 0.25, 0.999]
  call(failing(), {
    jitter: true,
    random: () => chances.shift() ?? 0,
    onRetry: ({ delayMs }) => delays.push(delayMs),
  })
  await clock.advance(HOUR_MS)
  assert.deepEqual(delays, [0, 500, 3_996])
})

test('it stops at the first success, and tells each attempt its number', async () => {
  const { clock, call } = createWorld()
  const numbers: number[] = []
  const made = call(({ attempt }) => {
    numbers.push(attempt)
    if (attempt < 3) throw new Error('not yet')
    return 'good'
  })
  await clock.advance(HOUR_MS)
  assert.deepEqual(made.end, { value: 'good', atMs: 3_000 })
  assert.deepEqual(numbers, [1, 2, 3])
})

test('what is tried again, and what only when it is idempotent', async () => {
  const coded = (code: string): Error =>
    new TypeError('fetch failed', { cause: Object.assign(new Error(code), { code }) })
  const table: readonly (readonly [error: unknown, attempts: number, whenIdempotent: number])[] = [
    [Object.assign(new Error('x'), { status: 429 }), 4, 4],
    [Object.assign(new Error('x'), { status: 500 }), 4, 4],
    [Object.assign(new Error('x'), { statusCode: 503 }), 4, 4],
    [Object.assign(new Error('x'), { response: { status: 408 } }), 4, 4],
    [Object.assign(new Error('x'), { status: 400 }), 1, 1],
    [Object.assign(new Error('x'), { status: 401 }), 1, 1],
    [Object.assign(new Error('x'), { statusCode: 404 }), 1, 1],
    [Object.assign(new Error('x'), { status: 422 }), 1, 1],
    [coded('ECONNREFUSED'), 4, 4],
    [coded('ENOTFOUND'), 4, 4],
    [coded('UND_ERR_CONNECT_TIMEOUT'), 4, 4],
    [coded('CERT_HAS_EXPIRED'), 4, 4],
    [coded('ECONNRESET'), 1, 4],
    [coded('UND_ERR_SOCKET'), 1, 4],
    [coded('UND_ERR_HEADERS_TIMEOUT'), 1, 4],
    [new TypeError('fetch failed'), 1, 4],
    [new DOMException('late', 'TimeoutError'), 1, 4],
    [new TimeoutError(5), 1, 4],
    [new DOMException('ended', 'AbortError'), 1, 1],
    [new OptionsError('a', 'b'), 1, 1],
    // Pitfall 23: the official SDK takes each TypeError for the network.
    [new TypeError("Cannot read properties of undefined (reading 'x')"), 1, 1],
    [new Error('plain'), 4, 4],
    ['text', 4, 4],
    [undefined, 4, 4],
  ]
  for (const [error, attempts, whenIdempotent] of table) {
    for (const [idempotent, expected] of [[false, attempts] as const, [true, whenIdempotent] as const]) {
      const { clock, call } = createWorld()
      const made = call(() => Promise.reject(error), { idempotent })
      await clock.advance(HOUR_MS)
      assert.equal(made.attemptsAtMs.length, expected, `${String(error)} ${idempotent}`)
      assert.ok(made.end !== undefined && 'error' in made.end && made.end.error === error)
    }
  }
})

test('an answer that is returned is judged too, the last one is what the caller gets, the others are given up', async () => {
  const { clock, call } = createWorld()
  const answers: Response[] = []
  const made = call(({ attempt }) => {
    const answer = new Response(`body ${attempt}`, { status: attempt === 1 ? 429 : 503 })
    answers.push(answer)
    return answer
  })
  await clock.advance(HOUR_MS)
  assert.equal(made.attemptsAtMs.length, 4)
  assert.ok(made.end !== undefined && 'value' in made.end)
  assert.equal(made.end.value, answers[3])
  assert.deepEqual(
    answers.map(({ bodyUsed }) => bodyUsed),
    [true, true, true, false],
  )
  assert.equal(await answers[3]?.text(), 'body 4')
  const refused = call(() => new Response(null, { status: 404 }))
  const good = call(() => new Response(null, { status: 204 }))
  await clock.advance(0)
  assert.deepEqual([refused.attemptsAtMs.length, good.attemptsAtMs.length], [1, 1])
})

test('pitfall 28: Retry-After is waited for in full, in seconds and as a date, and 0 is not "do not retry"', async () => {
  const table: readonly (readonly [header: string, chance: number, atMs: number])[] = [
    ['7', 0, 7_000],
    ['7', 0.5, 7_350],
    ['60', 0, 60_000],
    ['60', 1, 66_000],
    ['0', 0, 1_000],
    ['-4', 0, 1_000],
    ['soon', 0, 1_000],
    // Longer than what is believed.
    ['3600', 0, 60_000],
    // Shorter than our own wait.
    ['0.5', 0, 1_000],
    // Seven seconds from the clock's start; long gone.
    ['Thu, 01 Jan 2026 00:00:07 GMT', 0, 7_000],
    ['Thu, 01 Jan 2026 00:00:07 GMT', 0.5, 7_350],
    ['Wed, 31 Dec 2025 00:00:00 GMT', 0, 1_000],
  ]
  for (const status of [429, 503]) {
    for (const [header, chance, atMs] of table) {
      const { clock, call } = createWorld()
      const made = call(failing({ status, headers: { 'retry-after': header } }), {
        maxRetries: 1,
        random: () => chance,
      })
      await clock.advance(HOUR_MS)
      assert.deepEqual(made.attemptsAtMs, [0, atMs], `${header} ${chance}`)
    }
  }
  const { clock, call } = createWorld()
  const believed = call(failing({ status: 429, headers: { 'retry-after': '200' } }), {
    maxRetries: 1,
    retryAfterCapMs: 300_000,
    random: () => 0,
  })
  await clock.advance(HOUR_MS)
  assert.deepEqual(believed.attemptsAtMs, [0, 200_000])
})

test('a classification of the caller decides, and can hand on to ours', async () => {
  const { clock, call } = createWorld()
  const mine: RetryOptions['classify'] = (outcome) =>
    'value' in outcome && outcome.value === 'pending' ? { verdict: 'failure', retryAfterMs: 50 } : classify(outcome)
  const polled = call(({ attempt }) => (attempt < 3 ? 'pending' : 'done'), {
    classify: mine,
    baseDelay: 1,
    random: () => 0,
  })
  const refused = call(failing({ status: 400 }), { classify: mine })
  const fussy = call(failing({ status: 500 }), { classify: () => ({ verdict: 'permanent' }) })
  await clock.advance(HOUR_MS)
  assert.deepEqual(polled.end, { value: 'done', atMs: 100 })
  assert.deepEqual([refused.attemptsAtMs, fussy.attemptsAtMs], [[0], [0]])
})

test('a classification that is none, or that throws, ends the call as the mistake it is', async () => {
  const own = new Error('mine')
  const world = createWorld()
  const none = world.call(failing(), { classify: () => ({ verdict: 'good' }) as unknown as { verdict: 'success' } })
  const throwing = world.call(failing(), {
    classify() {
      throw own
    },
  })
  await world.clock.advance(0)
  assert.ok(none.end !== undefined && 'error' in none.end && none.end.error instanceof OptionsError)
  assert.equal(none.end.error.field, 'classify')
  assert.ok(throwing.end !== undefined && 'error' in throwing.end && throwing.end.error === own)
})

test('pitfall 31: an operation may throw at once, reject with undefined, or return no promise', async () => {
  for (const thrown of [undefined, null, 'text', 0, new Error('x'), Object.freeze(new Error('frozen'))]) {
    const { clock, call } = createWorld()
    const sync = call(() => {
      throw thrown
    })
    const async = call(() => Promise.reject(thrown))
    await clock.advance(HOUR_MS)
    for (const { attemptsAtMs, end } of [sync, async]) {
      assert.equal(attemptsAtMs.length, 4)
      assert.ok(end !== undefined && 'error' in end && end.error === thrown)
    }
    const kept = typeof thrown === 'object' && thrown !== null ? [thrown, thrown, thrown] : []
    assert.deepEqual(earlierErrorsOf(thrown), kept)
  }
  assert.equal(await withRetry(() => undefined), undefined)
  assert.equal(await withRetry(() => 5), 5)
})

test('of a call that tries for ever the latest errors are kept, and a retry inside another keeps its own', async () => {
  const { clock, call } = createWorld()
  let count = 0
  const long = call(
    () => {
      throw Object.assign(new Error('x'), { number: ++count, status: count > 300 ? 400 : 500 })
    },
    { maxRetries: Infinity, maxDelay: 10 },
  )
  await clock.advance(HOUR_MS)
  assert.ok(long.end !== undefined && 'error' in long.end)
  const kept = earlierErrorsOf(long.end.error).map((error) => Reflect.get(Object(error), 'number') as unknown)
  assert.deepEqual(
    kept,
    Array.from({ length: EARLIER_ERRORS_MAX }, (_, index) => 300 - EARLIER_ERRORS_MAX + index + 1),
  )
  const nested = call(() => withRetry(failing(), { clock, jitter: false, maxRetries: 2 }), { maxRetries: 0 })
  await clock.advance(HOUR_MS)
  assert.ok(nested.end !== undefined && 'error' in nested.end)
  assert.equal(earlierErrorsOf(nested.end.error).length, 2)
})

test('pitfall 29: a listener that throws or rejects harms nothing, and hears of each wait', async () => {
  const unhandled: unknown[] = []
  const onUnhandled = (error: unknown): number => unhandled.push(error)
  process.on('unhandledRejection', onUnhandled)
  try {
    const { clock, call } = createWorld()
    const events: RetryEvent[] = []
    const error = Object.assign(new Error('x'), { status: 503 })
    const made = call(
      ({ attempt }) => {
        if (attempt === 1) throw error
        return attempt === 2 ? { status: 429, ok: false } : 'good'
      },
      {
        onRetry(event) {
          events.push(event)
          if (events.length === 1) throw new Error('listener')
          return Promise.reject(new Error('listener')) as unknown as void
        },
      },
    )
    await clock.advance(HOUR_MS)
    assert.deepEqual(made.end, { value: 'good', atMs: 3_000 })
    assert.deepEqual(events, [
      { attempt: 1, error, value: undefined, verdict: 'failure', delayMs: 1_000 },
      { attempt: 2, error: undefined, value: { status: 429, ok: false }, verdict: 'throttled', delayMs: 2_000 },
    ])
    assert.deepEqual(unhandled, [])
  } finally {
    process.off('unhandledRejection', onUnhandled)
  }
})

test('options that mean nothing are errors that name the field, and nothing is run', async () => {
  const bad = [Number.NaN, -1, '5', -Infinity]
  const table: readonly (readonly [field: string, values: readonly unknown[]])[] = [
    ['maxRetries', [...bad, 1.5]],
    ['baseDelay', [...bad, Infinity]],
    ['maxDelay', [...bad, Infinity]],
    ['retryAfterCapMs', [...bad, Infinity]],
    ['deadlineMs', [...bad, 0]],
    ['attemptTimeoutMs', [...bad, 0]],
    ['jitter', ['some', 1, 'toString']],
    ['signal', [{}, 'stop']],
    ['classify', ['x', {}]],
    ['onRetry', ['x', {}]],
    ['random', ['x', 0.5]],
    ['idempotent', ['yes', 1]],
    ['budget.tryTake', [{ tryTake: 5 }]],
  ]
  for (const [field, values] of table) {
    for (const value of values) {
      let ran = false
      const [name = ''] = field.split('.')
      await assert.rejects(
        withRetry(() => (ran = true), { [name]: value }),
        (error) => error instanceof OptionsError && error.field === field && error.code === 'INVALID_OPTIONS',
        `${field} ${String(value)}`,
      )
      assert.equal(ran, false)
    }
  }
  await assert.rejects(withRetry('x' as unknown as () => void), OptionsError)
})

const fraction = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })

test('every wait is within its bounds, Retry-After is never shortened, and the attempts are as many as may be', async () => {
  const options = fc.record({
    maxRetries: fc.nat(6),
    baseDelay: fc.double({ min: 0, max: 1e12, noNaN: true }),
    maxDelay: fc.double({ min: 0, max: 1e6, noNaN: true }),
    jitter: fc.constantFrom(true, false, 'full' as const, 'equal' as const, 'none' as const),
    retryAfterCapMs: fc.double({ min: 0, max: 1e5, noNaN: true }),
  })
  const seconds = fc.option(fc.integer({ min: 0, max: 400 }))
  await fc.assert(
    fc.asyncProperty(
      options,
      fc.array(seconds, { minLength: 7, maxLength: 7 }),
      fraction,
      async (given, waits, chance) => {
        const { clock, call } = createWorld()
        const events: RetryEvent[] = []
        const made = call(
          ({ attempt }) => {
            const named = waits[attempt - 1]
            const headers = typeof named === 'number' ? { 'retry-after': String(named) } : {}
            throw Object.assign(new Error('x'), { status: 429, headers })
          },
          { ...given, random: () => chance, onRetry: (event) => void events.push(event) },
        )
        await clock.advance(100 * HOUR_MS)
        assert.equal(made.attemptsAtMs.length, given.maxRetries + 1)
        assert.equal(events.length, given.maxRetries)
        for (const [index, { delayMs }] of events.entries()) {
          const grownMs = Math.min(given.maxDelay, given.baseDelay * 2 ** index)
          const askedMs = Math.min((waits[index] ?? 0) * 1_000, 300_000, given.retryAfterCapMs)
          assert.ok(delayMs >= askedMs, 'never shorter than the server asked')
          assert.ok(delayMs <= Math.max(grownMs, askedMs * 1.1) + 1, 'no longer than either allows')
          if (given.jitter === 'none' || given.jitter === false) assert.ok(delayMs >= grownMs)
          if (given.jitter === 'equal') assert.ok(delayMs >= grownMs / 2)
          const tookMs = (made.attemptsAtMs[index + 1] ?? 0) - (made.attemptsAtMs[index] ?? 0)
          assert.ok(Math.abs(tookMs - delayMs) < 1e-3)
        }
      },
    ),
    { seed: 28, numRuns: 200 },
  )
})

test('pitfall 13: no number of attempts and no length of waits makes a tight loop', async () => {
  const { clock, call } = createWorld()
  const made = call(failing(), { maxRetries: 1_100, baseDelay: Number.MAX_VALUE, maxDelay: 2 ** 33 })
  await clock.advance(2 ** 33 - 1)
  assert.equal(made.attemptsAtMs.length, 1)
  await clock.advance(1_100 * 2 ** 33)
  assert.equal(made.attemptsAtMs.length, 1_101)
  assert.equal(made.attemptsAtMs.at(-1), 1_100 * 2 ** 33)
  const hanging = call(never, { attemptTimeoutMs: 2 ** 40, deadlineMs: 2 ** 41 })
  await clock.advance(2 ** 40 - 1)
  assert.equal(hanging.end, undefined)
})
