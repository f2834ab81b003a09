/** What known circuit breakers get wrong, each as a test of what is right. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { Breaker, CallResult, Permit } from '../../src/resilience/breaker-contract.ts'
import { createBreaker } from '../../src/resilience/breaker.ts'
import { seededRandom } from '../../src/testing/seeded-random.ts'

const middle = (): number => 0.5

function take(breaker: Breaker, nowMs: number): Permit {
  const admission = breaker.admit(nowMs)
  assert.ok(admission.admitted, `refused at ${nowMs}`)
  return admission.permit
}

function calls(breaker: Breaker, times: number, result: CallResult, nowMs: number): void {
  for (let time = 0; time < times; time++) breaker.report(take(breaker, nowMs), result, nowMs)
}

/** Opened at 0; due for a probe at 5,000. */
function opened(): Breaker {
  const breaker = createBreaker({}, middle)
  calls(breaker, 10, 'failure', 0)
  return breaker
}

test('late results: a failure of the closed time neither opens a half-open circuit nor spoils its probe', () => {
  const breaker = createBreaker({}, middle)
  const old = take(breaker, 0)
  calls(breaker, 10, 'failure', 0)
  const probe = take(breaker, 5_000)
  breaker.report(old, 'failure', 5_100)
  assert.equal(breaker.view(5_100).state, 'half-open')
  breaker.report(probe, 'success', 5_200)
  assert.equal(breaker.view(5_200).probeSuccesses, 1)
  assert.equal(breaker.view(5_200).totals.late, 1)
})

test('late results: a success of the closed time does not close an open circuit', () => {
  const breaker = createBreaker({}, middle)
  const old = take(breaker, 0)
  calls(breaker, 10, 'failure', 0)
  breaker.report(old, 'success', 100)
  assert.equal(breaker.view(100).state, 'open')
})

test('late results: what began two periods ago does not count in a closed circuit that looks the same', () => {
  const breaker = createBreaker({ consecutiveFailures: 3 }, middle)
  const old = [take(breaker, 0), take(breaker, 0), take(breaker, 0)]
  calls(breaker, 3, 'failure', 0)
  calls(breaker, 3, 'success', 5_000)
  for (const permit of old) breaker.report(permit, 'failure', 5_100)
  assert.equal(breaker.view(5_100).state, 'closed')
  assert.equal(breaker.view(5_100).calls, 0)
})

test('late results: a probe of an earlier half-open period does not count in this one', () => {
  const breaker = createBreaker({ probesMax: 2 }, middle)
  calls(breaker, 10, 'failure', 0)
  const late = take(breaker, 5_000)
  calls(breaker, 1, 'failure', 5_000)
  const probe = take(breaker, 12_500)
  breaker.report(late, 'failure', 12_600)
  assert.equal(breaker.view(12_600).state, 'half-open')
  breaker.report(probe, 'success', 12_600)
  assert.equal(breaker.view(12_600).probeSuccesses, 1)
})

test('the herd: of a thousand callers when the open time ends, one passes and the others are told when to come back', () => {
  const breaker = opened()
  const admissions = Array.from({ length: 1_000 }, () => breaker.admit(5_000))
  assert.equal(admissions.filter((admission) => admission.admitted).length, 1)
  assert.deepEqual(admissions[999], { admitted: false, reason: 'probing', retryAtMs: 9_000 })
})

test('the herd: after the recovery the load comes back by steps', () => {
  const breaker = opened()
  assert.equal(breaker.concurrencyShare(4_000), 0)
  calls(breaker, 2, 'success', 5_000)
  assert.equal(breaker.concurrencyShare(5_000), 0)
  calls(breaker, 1, 'success', 5_000)
  const shares = [5_000, 5_999, 6_000, 6_999, 7_000, 3_600_000].map((nowMs) => breaker.concurrencyShare(nowMs))
  assert.deepEqual(shares, [0.25, 0.25, 0.5, 0.5, 1, 1])
  assert.equal(createBreaker({}, middle).concurrencyShare(0), 1, 'a circuit that never opened has nothing to fear')
})

test('stuck half open: a probe that never reports loses its place when its lease ends', () => {
  const breaker = opened()
  const lost = take(breaker, 5_000)
  assert.ok(!breaker.admit(8_999).admitted)
  const next = take(breaker, 9_000)
  assert.ok(next.probe)
  // The lost one comes back: it neither judges nor frees the place of the next one.
  breaker.report(lost, 'failure', 9_100)
  assert.equal(breaker.view(9_100).state, 'half-open')
  assert.ok(!breaker.admit(9_100).admitted)
  breaker.report(next, 'success', 9_200)
  calls(breaker, 2, 'success', 9_300)
  assert.equal(breaker.view(9_300).state, 'closed')
})

test('stuck half open: a neutral probe frees its place at once and says nothing', () => {
  const breaker = opened()
  for (let time = 0; time < 50; time++) calls(breaker, 1, 'neutral', 5_000)
  assert.equal(breaker.view(5_000).state, 'half-open')
  calls(breaker, 3, 'success', 5_000)
  assert.equal(breaker.view(5_000).state, 'closed')
})

test('never half open: the state read without a call is right, and no timer is needed for it', () => {
  const breaker = opened()
  assert.deepEqual([breaker.view(4_999).state, breaker.view(4_999).untilMs], ['open', 5_000])
  assert.deepEqual([breaker.view(5_000).state, breaker.view(5_000).sinceMs], ['half-open', 5_000])
  calls(breaker, 3, 'success', 9_000_000)
  assert.equal(breaker.view(9_000_000).state, 'closed')
})

test('neutral outcomes: aborts are no failures and no successes, however many', () => {
  const breaker = createBreaker({}, middle)
  calls(breaker, 1_000, 'neutral', 0)
  calls(breaker, 9, 'failure', 0)
  calls(breaker, 1_000, 'neutral', 0)
  assert.equal(breaker.view(0).state, 'closed')
  assert.equal(breaker.view(0).calls, 9)
  calls(breaker, 1, 'failure', 0)
  assert.equal(breaker.view(0).state, 'open')
})

test('old statistics: one failure after a recovery opens nothing', () => {
  const breaker = createBreaker({ openMs: 1_000 }, middle)
  for (let time = 0; time < 10; time++) {
    calls(breaker, 1, 'success', 0)
    calls(breaker, 1, 'failure', 0)
  }
  assert.equal(breaker.view(0).state, 'open')
  calls(breaker, 3, 'success', 1_000)
  calls(breaker, 9, 'failure', 1_000)
  assert.equal(breaker.view(1_000).state, 'closed')
  assert.equal(breaker.view(1_000).failures, 9)
})

test('wrong denominators: calls that still run and calls that were refused hide no failure', () => {
  const breaker = createBreaker({ consecutiveFailures: Infinity }, middle)
  for (let time = 0; time < 500; time++) take(breaker, 0)
  calls(breaker, 20, 'failure', 0)
  assert.equal(breaker.view(0).state, 'open')
  for (let time = 0; time < 500; time++) assert.ok(!breaker.admit(1).admitted)
  assert.equal(breaker.view(1).calls, 20)
})

test('stale window: what failed a day ago does not count today, nor do old successes hide an outage', () => {
  const old = createBreaker({ callsMin: 10, consecutiveFailures: Infinity }, middle)
  calls(old, 9, 'failure', 0)
  calls(old, 1, 'failure', 86_400_000)
  assert.equal(old.view(86_400_000).state, 'closed')
  const hidden = createBreaker({ callsMin: 10, consecutiveFailures: Infinity }, middle)
  calls(hidden, 1_000, 'success', 0)
  calls(hidden, 10, 'failure', 60_000)
  assert.equal(hidden.view(60_000).state, 'open')
})

test('small numbers: the first failures of a quiet service open nothing', () => {
  const breaker = createBreaker({}, middle)
  calls(breaker, 9, 'failure', 0)
  assert.equal(breaker.view(0).state, 'closed')
})

test('small numbers: a brown-out of 30 percent does not open it', () => {
  const random = seededRandom(11)
  const breaker = createBreaker({}, random)
  let refused = 0
  for (let time = 0; time < 6_000; time++) {
    const admission = breaker.admit(time * 10)
    if (!admission.admitted) refused++
    else breaker.report(admission.permit, random() < 0.3 ? 'failure' : 'success', time * 10)
  }
  assert.equal(refused, 0)
})

test('growth too long: however long the outage, the next probe is at most 18 seconds away', () => {
  const random = seededRandom(13)
  const breaker = createBreaker({}, random)
  calls(breaker, 10, 'failure', 0)
  let nowMs = 0
  let probes = 0
  while (nowMs < 3_600_000) {
    const untilMs: number = breaker.view(nowMs).untilMs!
    assert.ok(untilMs - nowMs <= 18_000)
    nowMs = untilMs
    calls(breaker, 1, 'failure', nowMs)
    probes++
  }
  assert.ok(probes < 300, 'and an outage of an hour costs few calls')
})

test('wall clock: a snapshot read after the clock was set back is open for what was left and no longer', () => {
  const snapshot = opened().snapshot(2_000, 1_700_000_000_000)
  assert.deepEqual(snapshot, { version: 1, wallMs: 1_700_000_000_000, openForMs: 3_000, reopenings: 0 })
  const table: readonly (readonly [number, number])[] = [
    // wall time since the snapshot, what is left
    [-3_600_000, 3_000],
    [0, 3_000],
    [1_000, 2_000],
    [86_400_000, 0],
  ]
  for (const [sinceMs, leftMs] of table) {
    const breaker = createBreaker({}, middle)
    assert.ok(breaker.restore(snapshot, 70, snapshot.wallMs + sinceMs))
    const { state, untilMs } = breaker.view(70)
    assert.deepEqual([state, untilMs], leftMs === 0 ? ['half-open', null] : ['open', 70 + leftMs])
  }
})

test('a snapshot goes through JSON, and keeps how often the circuit had opened again', () => {
  const before = opened()
  calls(before, 1, 'failure', 5_000)
  const after = createBreaker({}, middle)
  assert.ok(after.restore(JSON.parse(JSON.stringify(before.snapshot(6_000, 0))), 0, 0))
  assert.equal(after.view(0).untilMs, 6_500)
  calls(after, 1, 'failure', 6_500)
  assert.equal(after.view(6_500).untilMs, 6_500 + 11_250)
})

test('a snapshot of a half-open or closed circuit, and a restore over one that has opened', () => {
  const halfOpen = opened()
  take(halfOpen, 5_000)
  assert.equal(halfOpen.snapshot(5_000, 0).openForMs, 0)
  const breaker = opened()
  const late = take(breaker, 5_000)
  const closed = createBreaker({}, middle).snapshot(0, 0)
  assert.equal(closed.openForMs, null)
  assert.ok(breaker.restore(closed, 5_000, 0))
  assert.equal(breaker.view(5_000).state, 'closed')
  breaker.report(late, 'failure', 5_000)
  assert.equal(breaker.view(5_000).calls, 0, 'a restore is a new period')
})

test('what is no snapshot changes nothing, and one that lies is held to the longest open time', () => {
  const wrong = [
    undefined,
    null,
    'open',
    {},
    { version: 2, wallMs: 0, openForMs: 1, reopenings: 0 },
    { version: 1, wallMs: NaN, openForMs: 1, reopenings: 0 },
    { version: 1, wallMs: 0, openForMs: Infinity, reopenings: 0 },
    { version: 1, wallMs: 0, openForMs: 1, reopenings: '3' },
  ]
  const breaker = createBreaker({}, middle)
  for (const snapshot of wrong) assert.ok(!breaker.restore(snapshot, 0, 0))
  assert.equal(breaker.view(0).state, 'closed')
  assert.ok(breaker.restore({ version: 1, wallMs: 0, openForMs: 1e12, reopenings: -4.5 }, 0, 0))
  assert.ok(Math.abs(breaker.view(0).untilMs! - 66_000) < 1e-6)
  calls(breaker, 1, 'failure', 66_001)
  assert.equal(breaker.view(66_001).untilMs, 66_001 + 7_500)
})

test('a listener that throws harms nothing', () => {
  const breaker = createBreaker(
    {
      onTransition: () => {
        throw new Error('the listener is broken')
      },
    },
    middle,
  )
  calls(breaker, 10, 'failure', 0)
  calls(breaker, 3, 'success', 5_000)
  assert.equal(breaker.view(5_000).state, 'closed')
})

test('a listener sees the final state, and may call the breaker', () => {
  const seen: unknown[] = []
  const breaker = createBreaker(
    {
      onTransition: ({ to, atMs }) => {
        seen.push([to, breaker.view(atMs).state, breaker.view(atMs).probesInFlight, breaker.admit(atMs).admitted])
      },
    },
    middle,
  )
  calls(breaker, 10, 'failure', 0)
  calls(breaker, 3, 'success', 5_000)
  assert.deepEqual(seen, [
    ['open', 'open', 0, false],
    // The probe holds its place already: the listener gets no second one.
    ['half-open', 'half-open', 1, false],
    ['closed', 'closed', 0, true],
  ])
})

test('isolation nests, holds in every mode, and each is undone by its own hand alone', () => {
  for (const mode of ['on', 'observe', 'off'] as const) {
    const transitions: unknown[] = []
    const breaker = createBreaker(
      { mode, onTransition: ({ from, to, cause }) => transitions.push([from, to, cause]) },
      middle,
    )
    const first = breaker.isolate('migration', 10)
    const second = breaker.isolate('drill', 20)
    assert.deepEqual(breaker.admit(30), { admitted: false, reason: 'isolated', retryAtMs: null })
    assert.deepEqual(breaker.peek(30), { admitted: false, reason: 'isolated', retryAtMs: null })
    assert.equal(breaker.concurrencyShare(30), 0)
    const { state, sinceMs, untilMs, isolated } = breaker.view(1e9)
    assert.deepEqual([state, sinceMs, untilMs, isolated], ['open', 10, null, ['migration', 'drill']])
    first(40)
    first(50)
    assert.ok(!breaker.admit(50).admitted)
    second(60)
    assert.ok(breaker.admit(60).admitted)
    assert.deepEqual(transitions, [
      ['closed', 'open', 'isolated'],
      ['open', 'closed', 'released'],
    ])
  }
})

test('below an isolation the circuit goes on: it opens, its time runs, and it is probed after the release', () => {
  const transitions: unknown[] = []
  const breaker = createBreaker({ onTransition: ({ from, to, cause }) => transitions.push([from, to, cause]) }, middle)
  const running = Array.from({ length: 10 }, () => take(breaker, 0))
  const release = breaker.isolate('drill', 0)
  for (const permit of running) breaker.report(permit, 'failure', 100)
  release(200)
  assert.deepEqual([breaker.view(200).state, breaker.view(200).untilMs], ['open', 5_100])
  assert.ok(take(breaker, 5_100).probe)
  assert.deepEqual(transitions, [
    ['closed', 'open', 'isolated'],
    ['open', 'half-open', 'probe'],
  ])
})
