/** The breaker by tables: when it opens, for how long, what closes it. Its known pitfalls are in `breaker-pitfalls.test.ts`. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { OptionsError } from '../../src/errors.ts'
import type { Breaker, CallResult, Permit, ResultDetails } from '../../src/resilience/breaker-contract.ts'
import type { BreakerOptions, Transition } from '../../src/resilience/breaker-options.ts'
import { createBreaker } from '../../src/resilience/breaker.ts'

/** Chance in the middle: no jitter either way. */
const middle = (): number => 0.5

function take(breaker: Breaker, nowMs: number): Permit {
  const admission = breaker.admit(nowMs)
  assert.ok(admission.admitted, `refused at ${nowMs}`)
  return admission.permit
}

function call(breaker: Breaker, nowMs: number, result: CallResult, details?: ResultDetails): void {
  breaker.report(take(breaker, nowMs), result, nowMs, details)
}

/** One letter a call: `+` success, `-` failure, `0` neutral, `~` slow success, `=` slow failure. */
function run(breaker: Breaker, letters: string, nowMs: number = 0): void {
  for (const letter of letters) {
    const result = letter === '+' || letter === '~' ? 'success' : letter === '0' ? 'neutral' : 'failure'
    call(breaker, nowMs, result, { durationMs: letter === '~' || letter === '=' ? 8_001 : 8_000 })
  }
}

const nine = '-'.repeat(9)
const table: readonly (readonly [string, BreakerOptions, string, 'closed' | Transition['cause']])[] = [
  ['nine failures in a row are not ten', {}, nine, 'closed'],
  ['ten failures in a row are', {}, nine + '-', 'consecutive-failures'],
  ['a success begins the row anew', {}, nine + '+' + nine, 'closed'],
  ['a neutral result does not', {}, nine + '000-', 'consecutive-failures'],
  ['the row can be any length', { consecutiveFailures: 1 }, '-', 'consecutive-failures'],
  ['without a row only the ratio opens', { consecutiveFailures: Infinity }, '-'.repeat(19), 'closed'],
  ['half of twenty calls opens', {}, '+-'.repeat(10), 'failure-ratio'],
  ['half of eighteen calls does not', {}, '+-'.repeat(9), 'closed'],
  ['less than half never does', {}, '++-'.repeat(200), 'closed'],
  ['neutral results are no calls', {}, '+-0'.repeat(9) + '0000', 'closed'],
  ['a success does not open, even where it completes the minimum', { callsMin: 4 }, '---+', 'closed'],
  ['the failure after it does', { callsMin: 4 }, '---+-', 'failure-ratio'],
  ['the ratio can be switched off', { callsMin: Infinity }, '+-'.repeat(500), 'closed'],
  ['a ratio of 1 needs every call', { failureRatio: 1, consecutiveFailures: Infinity }, '+' + '-'.repeat(50), 'closed'],
  ['four fifths slow opens', {}, '++++' + '~'.repeat(16), 'slow-calls'],
  ['less than that does not', {}, '+++++' + '~'.repeat(19), 'closed'],
  ['a call of exactly the limit is not slow', { slowRatio: 0.1 }, '+'.repeat(100), 'closed'],
  ['slow calls can be switched off', { slowMs: Infinity }, '~'.repeat(100), 'closed'],
  ['a slow failure is both', { failureRatio: 1, consecutiveFailures: 100 }, '+' + '='.repeat(19), 'slow-calls'],
]

for (const [name, options, letters, expected] of table) {
  test(name, () => {
    const transitions: Transition[] = []
    const breaker = createBreaker({ ...options, onTransition: (transition) => transitions.push(transition) }, middle)
    run(breaker, letters)
    assert.deepEqual(
      transitions.map(({ from, to, cause }) => [from, to, cause]),
      expected === 'closed' ? [] : [['closed', 'open', expected]],
    )
    assert.equal(breaker.view(0).state, expected === 'closed' ? 'closed' : 'open')
  })
}

test('calls spread over more time than the window are not judged together', () => {
  const breaker = createBreaker({}, middle)
  for (let second = 0; second < 100; second++) run(breaker, second % 2 === 0 ? '-' : '+', second * 1_000)
  assert.equal(breaker.view(99_000).state, 'closed')
  assert.equal(breaker.view(99_000).calls, 10)
})

test('the open time grows with each failed probe up to its cap, and a recovery begins it anew', () => {
  const breaker = createBreaker({}, middle)
  let nowMs = 0
  run(breaker, nine + '-', nowMs)
  for (const openMs of [5_000, 7_500, 11_250, 15_000, 15_000]) {
    assert.deepEqual(breaker.peek(nowMs), { admitted: false, reason: 'open', retryAtMs: nowMs + openMs })
    assert.equal(breaker.admit(nowMs + openMs - 1).admitted, false)
    nowMs += openMs
    call(breaker, nowMs, 'failure')
  }
  nowMs += 15_000
  run(breaker, '+++', nowMs)
  run(breaker, nine + '-', nowMs)
  assert.equal(breaker.view(nowMs).untilMs, nowMs + 5_000)
})

test('the open time is spread by a fifth to both sides', () => {
  for (const [chance, openMs] of [
    [0, 4_000],
    [0.75, 5_500],
  ] as const) {
    const breaker = createBreaker({}, () => chance)
    run(breaker, nine + '-')
    assert.equal(breaker.view(0).untilMs, openMs)
  }
})

test('a Retry-After lengthens the open time, never shortens it, and is believed up to a minute', () => {
  const open: readonly (readonly [number | undefined, number])[] = [
    [undefined, 5_000],
    [0, 5_000],
    [1_000, 5_000],
    [20_000, 21_000],
    [3_600_000, 63_000],
  ]
  for (const [retryAfterMs, openMs] of open) {
    const breaker = createBreaker({ consecutiveFailures: 2 }, middle)
    // Said by the failure before the one that opens, which counts as well.
    call(breaker, 0, 'failure', retryAfterMs === undefined ? {} : { retryAfterMs })
    call(breaker, 0, 'failure')
    assert.equal(breaker.view(0).untilMs, openMs, `${retryAfterMs}`)
  }
  const answered = createBreaker({ consecutiveFailures: 2 }, middle)
  call(answered, 0, 'failure', { retryAfterMs: 50_000 })
  run(answered, '+--')
  assert.equal(answered.view(0).untilMs, 5_000, 'an answer since then has ended it')
})

test('three good probes close, one bad one opens, a slow one is a bad one', () => {
  const probes: readonly (readonly [string, 'closed' | 'half-open' | 'open'])[] = [
    ['++', 'half-open'],
    ['+++', 'closed'],
    ['++-', 'open'],
    ['++~', 'open'],
    ['+00+', 'half-open'],
    ['+00++', 'closed'],
  ]
  for (const [letters, state] of probes) {
    const breaker = createBreaker({}, middle)
    run(breaker, nine + '-')
    run(breaker, letters, 5_000)
    assert.equal(breaker.view(5_000).state, state, letters)
  }
})

test('the number of probes at once and of good probes can be set', () => {
  const breaker = createBreaker({ probesMax: 2, probeSuccesses: 1 }, middle)
  run(breaker, nine + '-')
  const first = take(breaker, 5_000)
  take(breaker, 5_500)
  assert.deepEqual(breaker.admit(6_000), { admitted: false, reason: 'probing', retryAtMs: 9_000 })
  breaker.report(first, 'success', 6_000)
  assert.equal(breaker.view(6_000).state, 'closed')
})

test('each transition is told once, with its cause and times', () => {
  const transitions: Transition[] = []
  const breaker = createBreaker({ onTransition: (transition) => transitions.push(transition) }, middle)
  run(breaker, nine + '-', 100)
  run(breaker, '+-', 5_100)
  run(breaker, '+++', 12_600)
  assert.deepEqual(transitions, [
    { from: 'closed', to: 'open', cause: 'consecutive-failures', atMs: 100, untilMs: 5_100 },
    { from: 'open', to: 'half-open', cause: 'probe', atMs: 5_100, untilMs: null },
    { from: 'half-open', to: 'open', cause: 'probe-failed', atMs: 5_100, untilMs: 12_600 },
    { from: 'open', to: 'half-open', cause: 'probe', atMs: 12_600, untilMs: null },
    { from: 'half-open', to: 'closed', cause: 'recovered', atMs: 12_600, untilMs: null },
  ])
})

test('the view counts what was', () => {
  const breaker = createBreaker({ slowMs: 100 }, middle)
  call(breaker, 0, 'success', { durationMs: 101 })
  run(breaker, '0--', 500)
  assert.deepEqual(breaker.view(700), {
    state: 'closed',
    sinceMs: null,
    untilMs: null,
    isolated: [],
    consecutiveFailures: 2,
    calls: 3,
    failures: 2,
    slow: 3,
    probesInFlight: 0,
    probeSuccesses: 0,
    totals: { admitted: 4, refused: 0, successes: 1, failures: 2, neutrals: 1, late: 0, opened: 0 },
  })
  run(breaker, '-'.repeat(8), 800)
  breaker.admit(900)
  assert.deepEqual(breaker.view(900).totals, {
    admitted: 12,
    refused: 1,
    successes: 1,
    failures: 10,
    neutrals: 1,
    late: 0,
    opened: 1,
  })
  call(breaker, 6_000, 'success')
  take(breaker, 6_100)
  const { state, sinceMs, probesInFlight, probeSuccesses } = breaker.view(6_200)
  assert.deepEqual([state, sinceMs, probesInFlight, probeSuccesses], ['half-open', 5_800, 1, 1])
})

test('peek takes no probe and counts nothing', () => {
  const breaker = createBreaker({}, middle)
  assert.deepEqual(breaker.peek(0), { admitted: true, probe: false })
  run(breaker, nine + '-')
  for (let time = 0; time < 3; time++) assert.deepEqual(breaker.peek(5_000), { admitted: true, probe: true })
  assert.equal(breaker.view(5_000).totals.refused, 0)
  assert.ok(take(breaker, 5_000).probe)
})

test('in mode observe it tells what it would do and refuses nothing', () => {
  const transitions: string[] = []
  const breaker = createBreaker({ mode: 'observe', onTransition: ({ to }) => transitions.push(to) }, middle)
  run(breaker, nine + '-')
  assert.equal(breaker.view(0).state, 'open')
  assert.equal(breaker.concurrencyShare(0), 1)
  run(breaker, '-'.repeat(5), 1_000)
  const probe = take(breaker, 5_000)
  assert.ok(!probe.probe, 'its probes get the time of any other call')
  assert.deepEqual(breaker.peek(5_000), { admitted: true, probe: false })
  run(breaker, '---', 5_000)
  breaker.report(probe, 'success', 5_000)
  run(breaker, '++', 5_000)
  assert.deepEqual(transitions, ['open', 'half-open', 'closed'])
  assert.equal(breaker.view(5_000).totals.refused, 0)
})

test('in mode off it does nothing', () => {
  const breaker = createBreaker({ mode: 'off' }, middle)
  run(breaker, '-'.repeat(100))
  assert.equal(breaker.view(0).state, 'closed')
  assert.equal(breaker.concurrencyShare(0), 1)
  assert.ok(!breaker.restore({ version: 1, wallMs: 0, openForMs: 5_000, reopenings: 0 }, 0, 0))
})

test('a wrong option is an error that names it', () => {
  const wrong: readonly (readonly [string, unknown])[] = [
    ['consecutiveFailures', 0],
    ['consecutiveFailures', 2.5],
    ['failureRatio', 0],
    ['failureRatio', 50],
    ['slowRatio', 1.1],
    ['slowMs', 0],
    ['callsMin', 0],
    ['windowMs', Infinity],
    ['openMs', 0],
    ['openMs', '5s'],
    ['openGrowth', 0.9],
    ['openCapMs', 4_999],
    ['openJitter', 1.1],
    ['retryAfterCapMs', NaN],
    ['probesMax', 0],
    ['probeTimeoutMs', 0],
    ['probeSuccesses', 0],
    ['rampShare', 0],
    ['rampStepMs', 0],
    ['mode', 'maybe'],
    ['onTransition', null],
  ]
  for (const [field, value] of wrong) {
    assert.throws(
      () => createBreaker({ [field]: value }, middle),
      (error: unknown) => error instanceof OptionsError && error.field === field,
      field,
    )
  }
  const long = createBreaker({ openMs: 30_000, consecutiveFailures: 1 }, middle)
  run(long, '-')
  assert.equal(long.view(0).untilMs, 30_000, 'a long open time alone lifts the cap')
})
