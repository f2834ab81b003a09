import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { test } from 'node:test'

import * as fc from 'fast-check'

import { isHoldfastError, OptionsError, TimeoutError } from '../../src/errors.ts'
import type { OperationContext } from '../../src/resilience/attempt.ts'
import { withTimeout } from '../../src/resilience/timeout.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'

type End = { readonly value: unknown } | { readonly error: unknown }

/** What a promise ends as; undefined while it has not. */
function watch(promise: Promise<unknown>): () => End | undefined {
  let end: End | undefined
  promise.then(
    (value) => (end = { value }),
    (error: unknown) => (end = { error }),
  )
  return () => end
}

const never = (): Promise<never> => new Promise(() => {})

function listeners(signal: AbortSignal): number {
  return getEventListeners(signal, 'abort').length
}

test('an operation that takes too long ends as a typed error, on time, and its signal says the same', async () => {
  const clock = new VirtualClock()
  let context: OperationContext | undefined
  const end = watch(
    withTimeout(
      (given) => {
        context = given
        assert.equal(given.signal.aborted, false)
        return never()
      },
      100,
      { clock },
    ),
  )
  await clock.advance(99)
  assert.equal(end(), undefined)
  assert.equal(context?.remainingMs(), 1)
  await clock.advance(1)
  const ended = end()
  assert.ok(ended !== undefined && 'error' in ended && ended.error instanceof TimeoutError)
  assert.ok(isHoldfastError(ended.error))
  assert.deepEqual(
    [ended.error.code, ended.error.name, ended.error.timeoutMs, ended.error.message],
    ['TIMEOUT', 'TimeoutError', 100, 'the operation took longer than its 100 ms'],
  )
  assert.equal(context.signal.reason, ended.error)
  assert.equal(context.remainingMs(), 0)
  assert.equal(clock.pending, 0)
})

test('a signal that is first read after the end is aborted already', async () => {
  const clock = new VirtualClock()
  let late: OperationContext | undefined
  const end = watch(withTimeout((context) => ((late = context), never()), 5, { clock }))
  await clock.advance(5)
  const ended = end()
  assert.ok(ended !== undefined && 'error' in ended)
  assert.equal(late?.signal.aborted, true)
  assert.equal(late.signal.reason, ended.error)
})

test('pitfall 19: the result wins when it comes first, also in the same moment, and a late abort takes nothing away', async () => {
  const clock = new VirtualClock()
  const caller = new AbortController()
  const inTime = watch(
    withTimeout(() => new Promise((resolve) => clock.timer(10, () => resolve('good'))), 10.001, {
      clock,
      signal: caller.signal,
    }),
  )
  await clock.advance(10)
  caller.abort(new Error('late'))
  await clock.advance(100)
  assert.deepEqual(inTime(), { value: 'good' })
  assert.equal(listeners(caller.signal), 0)
})

test("pitfall 19: the caller's abort is told from the timeout", async () => {
  const reasons: readonly unknown[] = [new Error('mine'), 'a word', new DOMException('theirs', 'TimeoutError'), 0]
  for (const reason of reasons) {
    const clock = new VirtualClock()
    const caller = new AbortController()
    let inner: AbortSignal | undefined
    const end = watch(withTimeout(({ signal }) => ((inner = signal), never()), 100, { clock, signal: caller.signal }))
    await clock.advance(50)
    assert.equal(listeners(caller.signal), 1)
    caller.abort(reason)
    await clock.advance(0)
    assert.deepEqual(end(), { error: reason })
    assert.equal(inner?.reason, reason)
    assert.equal(clock.pending, 0)
    assert.equal(listeners(caller.signal), 0)
  }
})

test('pitfall 16: on an aborted signal the operation is never run', async () => {
  const reason = new Error('before')
  let ran = 0
  const run = withTimeout(() => ran++, 100, { signal: AbortSignal.abort(reason) })
  await assert.rejects(run, (error) => error === reason)
  assert.equal(ran, 0)
})

test('pitfall 20: the signal is not aborted after a success, nor after a failure of the operation', async () => {
  const clock = new VirtualClock()
  const caller = new AbortController()
  for (const operation of [() => 'value', async () => 'value', () => Promise.reject(new Error('no'))]) {
    let inner: AbortSignal | undefined
    const end = watch(
      withTimeout(({ signal }) => ((inner = signal), operation()), 100, { clock, signal: caller.signal }),
    )
    await clock.advance(1_000)
    assert.notEqual(end(), undefined)
    assert.equal(inner?.aborted, false)
    assert.equal(clock.pending, 0)
  }
})

test('pitfall 17: each call has a signal of its own', async () => {
  const clock = new VirtualClock()
  const signals: AbortSignal[] = []
  const hang = ({ signal }: OperationContext): Promise<never> => (signals.push(signal), never())
  const ends = [withTimeout(hang, 10, { clock }), withTimeout(hang, 1_000, { clock })].map(watch)
  await clock.advance(10)
  assert.deepEqual(
    signals.map((signal) => signal.aborted),
    [true, false],
  )
  assert.equal(ends[1]?.(), undefined)
})

test('pitfall 13: a limit of any length is one, and Infinity is none', async () => {
  for (const timeoutMs of [2 ** 31 - 1, 2 ** 31, 2 ** 40, Number.MAX_VALUE]) {
    const clock = new VirtualClock()
    const end = watch(withTimeout(never, timeoutMs, { clock }))
    await clock.advance(2 ** 31 - 2)
    assert.equal(end(), undefined, String(timeoutMs))
    await clock.advance(timeoutMs)
    assert.notEqual(end(), undefined, String(timeoutMs))
  }
  const clock = new VirtualClock()
  const caller = new AbortController()
  let context: OperationContext | undefined
  const end = watch(withTimeout((given) => ((context = given), never()), Infinity, { clock, signal: caller.signal }))
  await clock.advance(2 ** 50)
  assert.deepEqual([end(), clock.pending, context?.remainingMs()], [undefined, 0, Infinity])
  assert.equal(context?.signal, caller.signal)
  caller.abort('enough')
  await clock.advance(0)
  assert.deepEqual(end(), { error: 'enough' })
  assert.equal(await withTimeout(({ signal }) => signal.aborted, Infinity), false)
})

test('pitfall 13: on the real clock a limit beyond 2^31 ms does not fire at once', async () => {
  const value = await withTimeout(
    () => new Promise((resolve) => setImmediate(() => setImmediate(resolve, 'good'))),
    2 ** 32,
  )
  assert.equal(value, 'good')
})

test('pitfall 31: an operation may return a plain value, nothing, a foreign thenable, or throw at once', async () => {
  const clock = new VirtualClock()
  assert.equal(await withTimeout(() => undefined, 5, { clock }), undefined)
  assert.equal(await withTimeout(() => 5, 5, { clock }), 5)
  const then = (resolve: (value: string) => void): void => resolve('foreign')
  // oxlint-disable-next-line unicorn/no-thenable -- a promise of another library is what this is about
  const thenable = { then } as PromiseLike<string>
  assert.equal(await withTimeout(() => thenable, 5, { clock }), 'foreign')
  for (const thrown of [new Error('at once'), undefined, 'text']) {
    const end = watch(
      withTimeout(
        () => {
          throw thrown
        },
        5,
        { clock },
      ),
    )
    await clock.advance(0)
    assert.deepEqual(end(), { error: thrown })
  }
  assert.equal(clock.pending, 0)
})

test('what an operation rejects with after its end is never an unhandled rejection', async () => {
  const unhandled: unknown[] = []
  const onUnhandled = (error: unknown): number => unhandled.push(error)
  process.on('unhandledRejection', onUnhandled)
  try {
    const clock = new VirtualClock()
    const caller = new AbortController()
    const late = (): Promise<never> => new Promise((_, reject) => clock.timer(50, () => reject(new Error('late'))))
    const ends = [withTimeout(late, 10, { clock }), withTimeout(late, 100, { clock, signal: caller.signal })].map(watch)
    await clock.advance(20)
    caller.abort()
    await clock.advance(100)
    await new Promise((resolve) => setImmediate(resolve))
    assert.ok(ends.every((end) => end() !== undefined))
    assert.deepEqual(unhandled, [])
  } finally {
    process.off('unhandledRejection', onUnhandled)
  }
})

test('options that mean nothing are errors that name the field', async () => {
  const table: readonly (readonly [timeoutMs: unknown, options: object, field: string])[] = [
    [0, {}, 'timeoutMs'],
    [-1, {}, 'timeoutMs'],
    [Number.NaN, {}, 'timeoutMs'],
    [-Infinity, {}, 'timeoutMs'],
    ['100', {}, 'timeoutMs'],
    [undefined, {}, 'timeoutMs'],
    [5, { signal: {} }, 'signal'],
    [5, { signal: 'stop' }, 'signal'],
  ]
  for (const [timeoutMs, options, field] of table) {
    let ran = false
    await assert.rejects(
      withTimeout(() => (ran = true), timeoutMs as number, options),
      (error) => error instanceof OptionsError && error.field === field,
      `${String(timeoutMs)} ${field}`,
    )
    assert.equal(ran, false)
  }
  await assert.rejects(withTimeout('x' as unknown as () => void, 5), OptionsError)
})

test('whatever comes first decides, and leaves no timer and no listener behind', async () => {
  const time = fc.option(fc.integer({ min: 1, max: 20 }))
  await fc.assert(
    fc.asyncProperty(time, time, time, fc.boolean(), async (endMs, abortMs, timeoutMs, fails) => {
      const clock = new VirtualClock()
      const caller = new AbortController()
      if (abortMs !== null) clock.timer(abortMs, () => caller.abort('caller'))
      const operation = (): Promise<string> =>
        new Promise((resolve, reject) => {
          if (endMs !== null) clock.timer(endMs, () => (fails ? reject(new Error('own')) : resolve('own')))
        })
      const end = watch(withTimeout(operation, timeoutMs ?? Infinity, { clock, signal: caller.signal }))
      let most = 0
      for (let tick = 0; tick <= 20; tick++) {
        most = Math.max(most, listeners(caller.signal))
        await clock.advance(1)
      }
      assert.equal(most, 1)
      const [first] = [...new Set([endMs, abortMs, timeoutMs])].filter((at) => at !== null).sort((a, b) => a - b)
      const ended = end()
      if (first === undefined) return assert.equal(ended, undefined)
      assert.ok(ended !== undefined)
      const source =
        'value' in ended || (ended.error instanceof Error && ended.error.message === 'own')
          ? endMs
          : ended.error === 'caller'
            ? abortMs
            : timeoutMs
      assert.equal(source, first)
      assert.equal(clock.pending, 0)
      assert.equal(listeners(caller.signal), 0)
    }),
    { seed: 19, numRuns: 200 },
  )
})
