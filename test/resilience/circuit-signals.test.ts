/** What known circuit breakers get wrong with the signals of callers (pitfalls 15 to 19). */
import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { test } from 'node:test'

import { bad, circuit, countedSignal, down, ending, good, opened, pending, times } from './circuit.ts'

test('aborts (15, 17): a call ends at once for its own caller and for no other', async () => {
  const { breaker } = circuit()
  const first = new AbortController()
  const second = new AbortController()
  const signals: AbortSignal[] = []
  const operation = ({ signal }: { readonly signal: AbortSignal }): Promise<never> => {
    signals.push(signal)
    return new Promise(() => {})
  }
  const aborted = breaker.execute(operation, { signal: first.signal })
  const going = breaker.execute(operation, { signal: second.signal })
  first.abort(down)
  await assert.rejects(aborted, (error) => error === down)
  assert.deepEqual([signals[0]!.aborted, signals[0]!.reason, signals[1]!.aborted], [true, down, false])
  assert.equal(await ending(going), undefined)
  assert.deepEqual([breaker.inFlight, breaker.stats().totals.neutrals, breaker.stats().calls], [1, 1, 0])
})

test('aborts (16): no operation is called when the signal was aborted before', async () => {
  const { breaker } = circuit()
  const signal = AbortSignal.abort(down)
  let called = false
  const operation = (): boolean => (called = true)
  await assert.rejects(breaker.execute(operation, { signal }), (error) => error === down)
  assert.deepEqual(await breaker.tryExecute(operation, { signal }), { ok: false, reason: 'aborted', error: down })
  assert.deepEqual([called, breaker.stats().totals.admitted], [false, 0])
})

test('aborts: an operation that aborts its own caller, or reads its signal too late, meets an aborted signal', async () => {
  const { breaker } = circuit()
  const controller = new AbortController()
  const call = pending()
  let seen: boolean | undefined
  const running = breaker.tryExecute(
    async (made) => {
      controller.abort(down)
      await call.operation()
      seen = made.signal.aborted && made.signal.reason === down
    },
    { signal: controller.signal },
  )
  assert.deepEqual(await running, { ok: false, reason: 'aborted', error: down })
  call.resolve('late')
  await ending(call.operation())
  assert.equal(seen, true)
})

test('listeners on the signal (18): at most one a call, and none after it, however it ends', async () => {
  const { breaker, clock } = await opened()
  const { controller, listeners, most } = countedSignal()
  const { signal } = controller
  const calls = (operation: Parameters<typeof breaker.tryExecute>[0]) => breaker.tryExecute(operation, { signal })
  await calls(good)
  await clock.advance(5_000)
  const probe = pending()
  const probing = calls((call) => {
    call.signal.addEventListener('abort', () => {})
    return probe.operation()
  })
  assert.equal(listeners(), 1)
  await clock.advance(3_000)
  assert.ok(!(await probing).ok)
  assert.equal(listeners(), 0)
  await clock.advance(7_500)
  await times(3, () => calls(good))
  for (const operation of [good, bad, () => Promise.resolve(1), () => Promise.reject(down)]) {
    await times(20, () => calls(operation))
    assert.equal(listeners(), 0)
  }
  assert.equal(most(), 1)
  const last = new AbortController()
  const many = Array.from({ length: 5 }, () =>
    circuit().breaker.tryExecute(pending().operation, { signal: last.signal }),
  )
  assert.equal(getEventListeners(last.signal, 'abort').length, 5)
  last.abort(down)
  await Promise.all(many)
  assert.equal(getEventListeners(last.signal, 'abort').length, 0)
})

test('a timeout and an abort are told apart (19), and a good result is not thrown away for an abort after it', async () => {
  const { breaker } = circuit()
  const controller = new AbortController()
  const value = await breaker.execute(good, { signal: controller.signal })
  controller.abort(down)
  assert.equal(value, 'good')
  assert.equal(breaker.stats().totals.neutrals, 0)
})

test('a rejection that comes after its call has ended is handled', async () => {
  const unhandled: unknown[] = []
  const onUnhandled = (reason: unknown): void => void unhandled.push(reason)
  process.on('unhandledRejection', onUnhandled)
  try {
    const controller = new AbortController()
    const call = pending()
    const running = circuit().breaker.tryExecute(call.operation, { signal: controller.signal })
    controller.abort(down)
    await running
    call.reject(new Error('late'))
    await new Promise((resolve) => setTimeout(resolve, 5))
    assert.deepEqual(unhandled, [])
  } finally {
    process.off('unhandledRejection', onUnhandled)
  }
})
