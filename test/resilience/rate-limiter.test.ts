import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as fc from 'fast-check'

import { OptionsError } from '../../src/errors.ts'
import { createRateLimiter, type RateLimiter } from '../../src/resilience/rate-limiter.ts'
import { seededRandom } from '../../src/testing/seeded-random.ts'

const noJitter = (): number => 0

function takesAt(limiter: RateLimiter, nowMs: number): number {
  let takes = 0
  while (takes < 10_000 && limiter.take(nowMs).taken) takes++
  return takes
}

test('a full bucket gives its burst and then one token an interval', () => {
  const table: readonly (readonly [{ perSecond?: number; burst?: number }, number, number])[] = [
    // options, burst, interval
    [{}, 10, 10],
    [{ perSecond: 10 }, 1, 100],
    [{ perSecond: 0.1 }, 1, 10_000],
    [{ perSecond: 1_000 }, 100, 1],
    [{ perSecond: 10, burst: 5 }, 5, 100],
  ]
  for (const [options, burst, intervalMs] of table) {
    const limiter = createRateLimiter(options, noJitter)
    assert.equal(takesAt(limiter, 1_000_000), burst)
    const refused = limiter.take(1_000_000)
    assert.ok(!refused.taken)
    assert.equal(refused.reason, 'rate')
    assert.ok(Math.abs(refused.waitMs - intervalMs) < 1e-6, `${refused.waitMs}`)
    assert.equal(takesAt(limiter, 1_000_000 + intervalMs + 1e-6), 1)
    assert.equal(takesAt(limiter, 9_000_000), burst)
  }
})

test('peek takes nothing and says what take will do', () => {
  const limiter = createRateLimiter({ perSecond: 10 }, noJitter)
  for (let time = 0; time < 5; time++) assert.deepEqual(limiter.peek(0), { waitMs: 0, reason: null })
  assert.ok(limiter.take(0).taken)
  assert.deepEqual(limiter.peek(40), { waitMs: 60, reason: 'rate' })
  assert.deepEqual(limiter.take(40), { taken: false, waitMs: 60, reason: 'rate' })
})

test('a 429 cuts the rate once a second, however many answers say the same, and never below the floor', () => {
  const limiter = createRateLimiter({ perSecond: 100, floorPerSecond: 40 }, noJitter)
  assert.ok(limiter.throttled(0))
  for (let answer = 0; answer < 50; answer++) assert.ok(!limiter.throttled(answer * 19))
  assert.equal(limiter.view(0).perSecond, 70)
  assert.ok(limiter.throttled(1_000))
  assert.ok(limiter.throttled(2_000))
  assert.ok(limiter.throttled(3_000))
  assert.deepEqual([limiter.view(0).perSecond, limiter.view(0).cuts], [40, 4])
})

test('below the ceiling the burst is smaller too', () => {
  const limiter = createRateLimiter({ perSecond: 100, burst: 10 }, noJitter)
  limiter.throttled(0)
  assert.ok(takesAt(limiter, 60_000) < 10)
  for (let time = 1; time < 20; time++) limiter.throttled(60_000 + time * 1_000)
  assert.equal(limiter.view(0).perSecond, 1)
  assert.equal(takesAt(limiter, 900_000), 1)
})

test('a cooldown without Retry-After doubles up to its cap, and the first success begins it anew', () => {
  const limiter = createRateLimiter({}, noJitter)
  let nowMs = 0
  for (const cooldownMs of [1_000, 2_000, 4_000, 8_000, 15_000, 15_000]) {
    limiter.throttled(nowMs)
    assert.equal(limiter.view(nowMs).cooldownMs, cooldownMs)
    assert.equal(limiter.peek(nowMs).reason, 'cooldown')
    nowMs += cooldownMs
    assert.equal(limiter.peek(nowMs).reason, null)
  }
  limiter.succeeded(nowMs)
  limiter.throttled(nowMs)
  assert.equal(limiter.view(nowMs).cooldownMs, 1_000)
})

test('a cooldown with Retry-After is at least that and at most ten percent more, up to what is believed', () => {
  const table: readonly (readonly [number, number, number])[] = [
    // header, chance, cooldown
    [500, 0, 500],
    [7_000, 0.5, 7_350],
    [60_000, 0, 60_000],
    [86_400_000, 0, 60_000],
    // Not a time: as without one.
    [0, 0, 1_000],
    [-1, 0, 1_000],
    [NaN, 0, 1_000],
  ]
  for (const [retryAfterMs, chance, cooldownMs] of table) {
    const limiter = createRateLimiter({}, () => chance)
    limiter.throttled(0, retryAfterMs)
    assert.ok(Math.abs(limiter.view(0).cooldownMs - cooldownMs) < 1e-6, `${retryAfterMs}`)
    assert.ok(!limiter.take(cooldownMs - 1).taken)
  }
})

test('a Retry-After that comes late lengthens the one cooldown, a shorter one does not shorten it', () => {
  const limiter = createRateLimiter({}, noJitter)
  limiter.throttled(0)
  assert.ok(limiter.throttled(100, 30_000), 'a much longer cooldown is news')
  assert.equal(limiter.view(100).cooldownMs, 30_000)
  assert.ok(!limiter.throttled(200, 5_000))
  assert.equal(limiter.view(200).cooldownMs, 29_900)
  assert.ok(!limiter.throttled(300, 30_000), 'the same once more is none')
})

test('a second of success adds one to the rate, idle time adds nothing, and the ceiling holds', () => {
  const limiter = createRateLimiter({ perSecond: 100 }, noJitter)
  limiter.throttled(0)
  assert.equal(limiter.view(0).perSecond, 70)
  for (let nowMs = 50; nowMs <= 10_000; nowMs += 50) limiter.succeeded(nowMs)
  assert.ok(Math.abs(limiter.view(0).perSecond - 80) < 1e-6)
  limiter.succeeded(3_600_000)
  assert.ok(Math.abs(limiter.view(0).perSecond - 81) < 1e-6)
  for (let nowMs = 3_600_000; nowMs <= 3_700_000; nowMs += 500) limiter.succeeded(nowMs)
  assert.equal(limiter.view(0).perSecond, 100)
})

test('a lifted rate never waits but for a cooldown', () => {
  const limiter = createRateLimiter({ perSecond: Infinity }, noJitter)
  assert.equal(takesAt(limiter, 5), 10_000)
  limiter.throttled(5)
  assert.deepEqual(limiter.take(6), { taken: false, waitMs: 999, reason: 'cooldown' })
  assert.equal(takesAt(limiter, 1_005), 10_000)
  limiter.succeeded(1_006)
  assert.equal(limiter.view(1_006).perSecond, Infinity)
})

type Step =
  | { readonly kind: 'pass'; readonly byMs: number }
  | { readonly kind: 'throttled'; readonly byMs: number }
  | { readonly kind: 'take'; readonly times: number }
  | { readonly kind: 'succeeded' }

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant('pass' as const),
    byMs: fc.oneof(fc.constantFrom(1, 10, 99, 100, 3_000), fc.double({ min: 0, max: 500, noNaN: true })),
  }),
  fc.record({ kind: fc.constant('throttled' as const), byMs: fc.integer({ min: -1, max: 5_000 }) }),
  fc.record({ kind: fc.constant('take' as const), times: fc.integer({ min: 1, max: 40 }) }),
  fc.constant({ kind: 'succeeded' as const }),
)

test('over any span at most the burst and the share of the ceiling is taken, never in a cooldown', () => {
  fc.assert(
    fc.property(
      fc.record({ perSecond: fc.constantFrom(0.5, 3, 90, 1_000), burst: fc.constantFrom(1, 4, 25) }),
      fc.integer(),
      fc.array(step, { maxLength: 60 }),
      (options, seed, steps) => {
        const limiter = createRateLimiter(options, seededRandom(seed))
        const takenAtMs: number[] = []
        let nowMs = 0
        let quietUntilMs = 0
        for (const one of steps) {
          if (one.kind === 'pass') nowMs += one.byMs
          else if (one.kind === 'succeeded') limiter.succeeded(nowMs)
          else if (one.kind === 'throttled') {
            limiter.throttled(nowMs, one.byMs < 0 ? undefined : one.byMs)
            quietUntilMs = Math.max(quietUntilMs, nowMs + one.byMs)
          } else {
            for (let time = 0; time < one.times && limiter.take(nowMs).taken; time++) {
              assert.ok(nowMs >= quietUntilMs, 'taken in a cooldown')
              takenAtMs.push(nowMs)
            }
          }
          const { perSecond } = limiter.view(nowMs)
          assert.ok(perSecond <= options.perSecond && perSecond >= Math.min(1, options.perSecond))
          const { waitMs } = limiter.peek(nowMs)
          assert.deepEqual(limiter.peek(nowMs + waitMs + 1e-6).reason, null, 'the wait that is named is enough')
        }
        for (const [from, startMs] of takenAtMs.entries()) {
          for (let to = from; to < takenAtMs.length; to++) {
            const allowed = options.burst + ((takenAtMs[to]! - startMs) * options.perSecond) / 1_000
            assert.ok(to - from + 1 <= allowed + 1e-6, `${to - from + 1} taken, ${allowed} allowed`)
          }
        }
      },
    ),
    { seed: 3, numRuns: 300 },
  )
})

test('a 429 cuts the rate in use, by at most half before the factor; a late one cuts what is allowed', () => {
  const table: readonly (readonly [takes: number, afterMs: number, perSecond: number])[] = [
    // Takes within the last tenth of a second, the time of the 429, the rate after it.
    [100, 0, 70],
    [80, 0, 56],
    [20, 0, 35],
    [80, 250, 42],
    [80, 1_000, 70],
    [0, 0, 70],
  ]
  for (const [takes, afterMs, perSecond] of table) {
    const limiter = createRateLimiter({ perSecond: 100, burst: 100 }, noJitter)
    for (let take = 0; take < takes; take++) assert.ok(limiter.take(0).taken)
    limiter.throttled(afterMs)
    assert.ok(Math.abs(limiter.view(0).perSecond - perSecond) < 1e-6, `${takes} takes, ${afterMs} ms`)
  }
})

test('near the rate that was refused last, the rate creeps; beyond it, it rises as before', () => {
  const limiter = createRateLimiter({ perSecond: 200, burst: 1 }, noJitter)
  // 100 takes in the last second: 70 are left.
  for (let nowMs = 0; nowMs < 2_000; nowMs += 10) limiter.take(nowMs)
  limiter.throttled(2_000)
  const refused = limiter.view(0).perSecond / 0.7
  assert.ok(Math.abs(refused - 100) < 2, `${refused}`)
  const rises: number[] = []
  let before = limiter.view(0).perSecond
  for (let second = 3; second < 200; second++) {
    limiter.succeeded(second * 1_000)
    const { perSecond } = limiter.view(0)
    if (perSecond < 200) rises.push(Number((perSecond - before).toFixed(6)))
    before = perSecond
  }
  assert.ok(rises.slice(0, 14).every((rise) => rise === 1))
  assert.ok(rises.slice(17, 130).every((rise) => rise === 0.25))
  assert.ok(rises.slice(140).length > 20 && rises.slice(140).every((rise) => rise === 1))
})

test('the forecast is when the takes really come, where nothing is raised or cut', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(1, 7, 90, Infinity),
      fc.integer({ min: 1, max: 20 }),
      fc.nat(30),
      fc.nat(2_000),
      fc.integer({ min: 1, max: 40 }),
      (perSecond, burst, before, nowMs, position) => {
        const limiter = createRateLimiter({ perSecond, burst }, noJitter)
        for (let take = 0; take < before; take++) limiter.take(0)
        const forecastMs = limiter.forecastMs(nowMs, position)
        let atMs = nowMs
        for (let take = 1; take <= position; take++) {
          atMs += limiter.peek(atMs).waitMs
          while (!limiter.take(atMs).taken) atMs += 1e-9
        }
        assert.ok(Math.abs(atMs - nowMs - forecastMs) < 1e-3, `${atMs - nowMs} and ${forecastMs}`)
      },
    ),
    { seed: 8, numRuns: 300 },
  )
})

test('the forecast counts in the cooldown and the rise of a rate that was cut', () => {
  const limiter = createRateLimiter({ perSecond: 100, burst: 1 }, noJitter)
  limiter.throttled(0, 5_000)
  assert.equal(limiter.forecastMs(0, 1), 5_000)
  // 70 a second and one more each second: 600 takes after 8.1025 s, as 70 t + t² / 2 says.
  assert.ok(Math.abs(limiter.forecastMs(0, 601) - 13_102.5) < 0.1, `${limiter.forecastMs(0, 601)}`)
  const flat = createRateLimiter({ perSecond: 100, burst: 1 }, noJitter)
  flat.throttled(0, 5_000)
  // 30 s to the ceiling give 2550; the rest come at 100 a second.
  assert.ok(Math.abs(flat.forecastMs(0, 2_651) - 36_000) < 1, `${flat.forecastMs(0, 2_651)}`)
})

test('ten clients at one limit come to share it with few 429s', () => {
  // A server of 100 a second over a sliding second, ten clients that each want 15 a second for two minutes.
  const random = seededRandom(5)
  const clients = Array.from({ length: 10 }, () => createRateLimiter({ perSecond: 90 }, random))
  const acceptedAtMs: number[] = []
  let sent = 0
  let refused = 0
  for (let nowMs = 0; nowMs < 120_000; nowMs += 1) {
    for (const client of clients) {
      if (random() >= 0.015 || !client.take(nowMs).taken) continue
      sent++
      while (acceptedAtMs.length > 0 && acceptedAtMs[0]! <= nowMs - 1_000) acceptedAtMs.shift()
      if (acceptedAtMs.length < 100) {
        acceptedAtMs.push(nowMs)
        client.succeeded(nowMs)
      } else {
        refused++
        client.throttled(nowMs)
      }
    }
  }
  assert.ok(sent - refused > 120 * 75, `${sent - refused} accepted`)
  assert.ok(refused / sent < 0.03, `${refused} of ${sent} refused`)
})

test('a wrong option is an error that names it', () => {
  const wrong: readonly (readonly [string, unknown])[] = [
    ['perSecond', 0],
    ['perSecond', 'fast'],
    ['burst', 0.5],
    ['floorPerSecond', 0],
    ['raisePerSecond', -1],
    ['cutFactor', 1.5],
    ['cooldownMs', NaN],
    ['cooldownCapMs', -1],
    ['retryAfterCapMs', Infinity],
  ]
  for (const [field, value] of wrong) {
    assert.throws(
      () => createRateLimiter({ [field]: value }, noJitter),
      (error: unknown) => error instanceof OptionsError && error.field === field,
      field,
    )
  }
})
