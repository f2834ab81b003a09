/** The waits of a pipeline: what ends each, what is given back when, in which order, and what is left behind. */
import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { test } from 'node:test'

import { TimeoutError } from '../../src/errors.ts'
import { DeadlineError, QueueFullError, RateLimitedError } from '../../src/resilience/limit-errors.ts'
import { StatusError, world, type World } from './pipeline-world.ts'

const ONE_SLOT = { limits: { a: { perSecond: Infinity, concurrency: 1 }, b: { perSecond: Infinity } } }
const SLOW_RATE = { limits: { a: { perSecond: 1, burst: 1 }, b: { perSecond: Infinity } } }

/** Brings a call named `x` into each kind of wait. */
const waits: readonly (readonly [name: string, into: (signal: AbortSignal) => Promise<World>])[] = [
  [
    'for the rate',
    async (signal) => {
      const made = world(SLOW_RATE)
      made.call('first')
      made.call('x', { signal })
      return made
    },
  ],
  [
    'for a slot',
    async (signal) => {
      const made = world(ONE_SLOT)
      made.call('first')
      made.call('x', { signal })
      return made
    },
  ],
  [
    'in a backoff',
    async (signal) => {
      const made = world()
      made.call('x', { signal })
      made.started[0]!.reject(new StatusError(503, 5_000))
      return made
    },
  ],
  [
    'for an open circuit',
    async (signal) => {
      const made = world({ onOpen: 'wait' })
      await made.open()
      made.call('x', { signal })
      return made
    },
  ],
  [
    'for the probe of a half-open circuit',
    async (signal) => {
      const made = world({ onOpen: 'wait' })
      await made.open()
      await made.clock.advance(4_400)
      made.call('probe')
      made.call('x', { signal })
      return made
    },
  ],
  [
    'for an isolation',
    async (signal) => {
      const made = world({ onOpen: 'wait' })
      made.pipeline.isolate()
      made.call('x', { signal })
      return made
    },
  ],
  [
    'for its operation',
    async (signal) => {
      const made = world()
      made.call('x', { signal })
      return made
    },
  ],
]

for (const [name, into] of waits) {
  test(`an abort ends a wait ${name} at once, with its reason, and leaves nothing behind`, async () => {
    const controller = new AbortController()
    const { signal } = controller
    const { clock, results, started, pipeline } = await into(signal)
    await clock.advance(0)
    const attempts = started.filter((one) => one.name === 'x').length
    assert.equal(results.has('x'), false)
    assert.equal(getEventListeners(signal, 'abort').length, 1)
    const reason = new Error('enough')
    const abortedAtMs = clock.monotonicMs()
    controller.abort(reason)
    await clock.advance(0)
    const result = results.get('x')!
    assert.ok(!result.ok && result.reason === 'aborted' && result.error === reason)
    assert.equal(result.atMs, abortedAtMs)
    assert.equal(getEventListeners(signal, 'abort').length, 0)
    assert.equal(pipeline.stats().budget!.tokens, 100)
    for (const { resolve } of started) resolve()
    await clock.advance(60_000)
    assert.equal(started.filter((one) => one.name === 'x').length, attempts, 'no attempt after the abort')
    const { limits, waitingForCircuit } = pipeline.stats()
    assert.deepEqual(
      [limits.a.inFlight, limits.a.waiting, limits.a.waitingForSlot, limits.a.abandoned, waitingForCircuit],
      [0, 0, 0, 0, 0],
    )
    assert.equal(clock.pending, 0)
  })

  test(`the deadline ends a wait ${name} if nothing else does`, async () => {
    const { clock, results, started, pipeline } = await into(new AbortController().signal)
    await clock.advance(0)
    const fromMs = clock.monotonicMs()
    await clock.advance(60_000)
    const result = results.get('x')!
    assert.ok(result.atMs - fromMs <= 15_000, `${result.atMs - fromMs}`)
    for (const { resolve } of started) resolve()
    await clock.advance(60_000)
    assert.equal(pipeline.stats().limits.a.inFlight, 0)
    assert.equal(clock.pending, 0)
  })
}

test('an aborted signal before the call: no attempt, no listener, no count against anybody', async () => {
  const { clock, results, started, call, pipeline } = world()
  const signal = AbortSignal.abort('why')
  call('x', { signal })
  await clock.advance(0)
  const result = results.get('x')!
  assert.ok(!result.ok && result.reason === 'aborted' && result.error === 'why')
  assert.equal(started.length, 0)
  assert.equal(getEventListeners(signal, 'abort').length, 0)
  assert.equal(pipeline.stats().breaker.totals.admitted, 0)
})

test('one listener at most on a signal through all waits of a call', async () => {
  const { clock, started, call, results } = world(SLOW_RATE)
  const { signal } = new AbortController()
  call('first')
  call('x', { signal })
  let most = 0
  for (let second = 0; second < 20; second++) {
    await clock.advance(500)
    most = Math.max(most, getEventListeners(signal, 'abort').length)
    for (const { reject, name } of started) if (name === 'x') reject(new StatusError(503))
    most = Math.max(most, getEventListeners(signal, 'abort').length)
  }
  assert.equal(results.get('x')!.attempts, 5)
  assert.equal(most, 1)
  assert.equal(getEventListeners(signal, 'abort').length, 0)
})

test('an operation that outlives its abort or time-out keeps its slot until it has ended', async () => {
  for (const end of ['abort', 'timeout'] as const) {
    const { clock, results, started, call, pipeline } = world({ ...ONE_SLOT, timeoutMs: 1_000, retry: false })
    const controller = new AbortController()
    call('x', { signal: controller.signal })
    call('next', { deadlineMs: 60_000 })
    if (end === 'abort') controller.abort()
    await clock.advance(1_000)
    const result = results.get('x')!
    assert.equal(result.ok ? '' : result.reason, end === 'abort' ? 'aborted' : 'failed')
    assert.deepEqual(
      [started.length, pipeline.stats().limits.a.abandoned, pipeline.stats().limits.a.inFlight],
      [1, 1, 1],
    )
    assert.ok(started[0]!.attempt.signal.aborted, 'it is asked to stop, also when it looks only now')
    started[0]!.reject(new Error('stopped'))
    await clock.advance(0)
    assert.deepEqual([started.length, started[1]!.name], [2, 'next'])
    assert.deepEqual([pipeline.stats().limits.a.abandoned, pipeline.stats().limits.a.inFlight], [0, 1])
    assert.equal(pipeline.stats().attempts, 2)
  }
})

test('a time-out is a failure to the circuit at once, and what the operation gives later changes nothing', async () => {
  const { clock, results, started, call, pipeline, events } = world({ timeoutMs: 1_000, retry: false })
  call('x')
  await clock.advance(1_000)
  const result = results.get('x')!
  assert.ok(!result.ok && result.reason === 'failed' && result.error instanceof TimeoutError)
  assert.equal(result.error.timeoutMs, 1_000)
  assert.equal(pipeline.stats().breaker.failures, 1)
  started[0]!.resolve('late')
  await clock.advance(0)
  assert.deepEqual([pipeline.stats().breaker.failures, pipeline.stats().breaker.calls], [1, 1])
  assert.deepEqual(events, [{ type: 'timeout', limit: 'a', attempt: 1, timeoutMs: 1_000 }])
})

test('a deadline that cuts an attempt short says nothing of the server; one that gave it a second does', async () => {
  const { clock, results, call, pipeline } = world()
  call('short', { deadlineMs: 900 })
  await clock.advance(900)
  assert.equal(pipeline.stats().breaker.failures, 0)
  call('long', { deadlineMs: 1_000 })
  await clock.advance(1_000)
  assert.equal(pipeline.stats().breaker.failures, 1)
  for (const name of ['short', 'long']) {
    const result = results.get(name)!
    assert.ok(!result.ok && result.reason === 'deadline' && result.error instanceof TimeoutError, name)
  }
})

test('a probe gets its own, shorter time and needs no slot, so that hanging calls keep nobody from finding out', async () => {
  const limits = { a: { perSecond: Infinity, concurrency: 12 }, b: { perSecond: 1 } }
  const { clock, call, started, pipeline } = world({ retry: false, limits })
  for (let index = 0; index < 12; index++) call(`hangs ${index}`)
  await clock.advance(10_000)
  assert.equal(pipeline.stats().breaker.state, 'open')
  assert.equal(pipeline.stats().limits.a.inFlight, 12)
  await clock.advance(5_000)
  call('probe')
  const probe = started.at(-1)!
  assert.deepEqual([probe.name, probe.attempt.probe, probe.attempt.remainingMs()], ['probe', true, 3_000])
  assert.equal(pipeline.stats().limits.a.inFlight, 13)
})

test('what an attempt took is given back in the order circuit, slot, rate, budget', async () => {
  const { pipeline, clock, started, call } = world({
    limits: { a: { perSecond: 1_000, concurrency: 1 }, b: { perSecond: 1 } },
    breaker: { consecutiveFailures: 1 },
    retry: { attempts: 1 },
  })
  const seen: string[] = []
  pipeline.subscribe((event) => {
    if (event.type !== 'circuit') return
    const { limits, breaker } = pipeline.stats()
    seen.push(`${breaker.state} with ${limits.a.inFlight} in flight`)
  })
  call('x')
  call('waiting')
  started[0]!.reject(new StatusError(503))
  await clock.advance(0)
  // The circuit knew before the slot was free, so the waiting call could not slip through.
  assert.deepEqual(seen, ['open with 1 in flight'])
  assert.equal(started.length, 1)
  assert.equal(pipeline.stats().ended.open, 1)
})

test('a result of the time before the circuit opened changes nothing after it', async () => {
  const { clock, call, started, pipeline, run } = world({ retry: false, breaker: { consecutiveFailures: 2 } })
  call('slow success')
  call('slow failure')
  for (let failure = 0; failure < 2; failure++) await run([503])
  assert.equal(pipeline.stats().breaker.state, 'open')
  await clock.advance(4_400)
  call('probe')
  started[0]!.resolve()
  started[1]!.reject(new StatusError(503))
  await clock.advance(0)
  const { state, totals } = pipeline.stats().breaker
  assert.deepEqual([state, totals.late], ['half-open', 2])
  assert.equal(pipeline.stats().limits.a.inFlight, 1)
})

test('an open circuit turns away at once whoever waits for the rate or a slot', async () => {
  const made = world({ limits: { a: { perSecond: 1, burst: 1 }, b: { perSecond: Infinity, concurrency: 1 } } })
  const { clock, call, results, started, pipeline } = made
  call('slot taken', {}, 'b')
  for (let index = 0; index < 5; index++) call(`rate ${index}`)
  for (let index = 0; index < 5; index++) call(`slot ${index}`, {}, 'b')
  const release = pipeline.isolate('stop')
  await clock.advance(0)
  assert.equal(results.size, 9)
  for (const [name, result] of results) assert.ok(!result.ok && result.reason === 'isolated', name)
  assert.deepEqual(
    started.map(({ name }) => name),
    ['slot taken', 'rate 0'],
  )
  release()
  started[0]!.resolve()
  await clock.advance(0)
  assert.ok(results.get('slot taken')!.ok, 'what is under way goes on')
})

test('calls that wait for the circuit probe one at a time, in order, and come back as no herd', async () => {
  const made = world({ onOpen: 'wait', limits: { a: { perSecond: Infinity, concurrency: 8 }, b: { perSecond: 1 } } })
  const { clock, call, started, open, pipeline } = made
  await open()
  for (let index = 0; index < 20; index++) call(`${index}`, { deadlineMs: 60_000 })
  assert.equal(pipeline.stats().waitingForCircuit, 20)
  await clock.advance(4_399)
  assert.equal(started.length, 0)
  await clock.advance(1)
  for (const probe of [0, 1, 2]) {
    assert.deepEqual(
      started.map(({ name }) => name),
      ['0', '1', '2'].slice(0, probe + 1),
    )
    await clock.advance(100)
    started[probe]!.resolve()
    await clock.advance(0)
  }
  assert.equal(pipeline.stats().breaker.state, 'closed')
  // A quarter of eight slots, then half, then all.
  assert.equal(started.length - 3, 2)
  await clock.advance(1_000)
  assert.equal(started.length - 3, 4)
  await clock.advance(1_000)
  assert.equal(started.length - 3, 8)
  for (let round = 0; round < 20; round++) {
    for (const { resolve } of started) resolve()
    await clock.advance(0)
  }
  assert.deepEqual(
    started.map(({ name }) => Number(name)),
    Array.from({ length: 20 }, (_, index) => index),
  )
})

test('a candidate for the probe that gives up lets the next one go', async () => {
  const made = world({ onOpen: 'wait', limits: { a: { perSecond: 10, burst: 1 }, b: { perSecond: Infinity } } })
  const { clock, call, started, pipeline } = made
  for (let failure = 0; failure < 10; failure++) {
    await pipeline.tryExecute('b', () => Promise.reject(new StatusError(503)), { deadlineMs: 1 })
  }
  const controller = new AbortController()
  call('gives up', { signal: controller.signal })
  call('next')
  await clock.advance(4_300)
  await clock.advance(100)
  assert.equal(started.length, 1)
  controller.abort()
  await clock.advance(200)
  assert.deepEqual(
    started.map(({ name }) => name),
    ['gives up', 'next'],
  )
  assert.ok(started[1]!.attempt.probe)
})

test('a probe that fails keeps the others waiting, and they go on when the circuit lets them', async () => {
  const { clock, call, started, open, results } = world({ onOpen: 'wait', retry: false })
  await open()
  for (const name of ['a', 'b', 'c']) call(name, { deadlineMs: 60_000 })
  await clock.advance(4_400)
  started[0]!.reject(new StatusError(503))
  await clock.advance(4_399)
  assert.deepEqual([started.length, results.has('a')], [1, true])
  await clock.advance(1)
  assert.deepEqual(
    started.map(({ name }) => name),
    ['a', 'b'],
  )
})

test('a call that could only wait beyond its deadline for the circuit is refused at once', async () => {
  const { clock, call, open, results } = world({ onOpen: 'wait' })
  await open()
  call('short', { deadlineMs: 4_000 })
  await clock.advance(0)
  const result = results.get('short')!
  assert.ok(!result.ok && result.reason === 'open')
  assert.equal(result.retryAfterMs, 4_400)
})

test('the errors of the waits say what was waited for', async () => {
  const slot = world({ limits: { a: { perSecond: Infinity, concurrency: 1, queue: 1 }, b: { perSecond: 1 } } })
  slot.call('holds')
  slot.call('waits', { deadlineMs: 50 })
  slot.call('full')
  await slot.clock.advance(50)
  const [waits, full] = [slot.results.get('waits')!, slot.results.get('full')!]
  assert.ok(!waits.ok && waits.reason === 'deadline' && waits.error instanceof DeadlineError)
  assert.equal(waits.error.phase, 'slot')
  assert.ok(!full.ok && full.reason === 'limited' && full.error instanceof QueueFullError)
  const circuit = world({ onOpen: 'wait' })
  circuit.pipeline.isolate()
  circuit.call('waits', { deadlineMs: 50 })
  await circuit.clock.advance(50)
  const isolated = circuit.results.get('waits')!
  assert.ok(!isolated.ok && isolated.error instanceof DeadlineError && isolated.error.phase === 'circuit')
  const rate = world(SLOW_RATE)
  rate.call('first')
  rate.call('late', { deadlineMs: 50 })
  await rate.clock.advance(0)
  const late = rate.results.get('late')!
  assert.ok(!late.ok && late.reason === 'limited' && late.error instanceof RateLimitedError)
})

test('ten thousand calls that end at once pass one slot without deep recursion', async () => {
  const { pipeline, clock } = world(ONE_SLOT)
  let release!: () => void
  const first = pipeline.tryExecute('a', () => new Promise<void>((resolve) => (release = resolve)))
  const rest = Array.from({ length: 9_999 }, (_, index) => pipeline.tryExecute('a', () => index))
  release()
  await clock.advance(0)
  assert.ok((await Promise.all([first, ...rest])).every(({ ok }) => ok))
})
