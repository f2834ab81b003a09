import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as fc from 'fast-check'

import { Parking, type Answer, type Judgement } from '../../src/delivery/parking.ts'
import { seededRandom } from '../../src/testing/seeded-random.ts'

const LEASE_MS = 4_000

const answers = {
  delivered: { kind: 'delivered' },
  refused: { kind: 'refused', status: 400 },
  rejected: { kind: 'rejected', status: 404 },
  unauthorized: { kind: 'unauthorized', status: 401 },
  retry: { kind: 'retry' },
  throttled: { kind: 'throttled' },
  aborted: { kind: 'aborted' },
} as const satisfies Readonly<Record<Answer['kind'], Answer>>

function parking(): Parking {
  return new Parking(LEASE_MS, () => 0.5)
}

function ask(parking: Parking, answer: Answer, nowMs: number): Judgement {
  assert.equal(parking.closedUntilMs(nowMs), null, `closed at ${nowMs}`)
  return parking.leave(parking.enter(nowMs), answer, nowMs)
}

/** Parked at 0 for the reason; the first probe may go at 5,000. */
function parked(reason: 'credentials' | 'mostly-rejected'): Parking {
  const one = parking()
  if (reason === 'credentials') ask(one, answers.unauthorized, 0)
  else for (let time = 0; time < 5; time++) ask(one, answers.rejected, 0)
  assert.equal(one.parked?.reason, reason)
  return one
}

test('one unauthorized answer parks, with its status', () => {
  const one = parking()
  assert.deepEqual(ask(one, { kind: 'unauthorized', status: 403 }, 70), { verdict: 'as-is', change: 'parked' })
  assert.deepEqual(one.parked, { sinceMs: 70, reason: 'credentials', status: 403 })
  assert.equal(one.closedUntilMs(70), 5_070)
})

/** One letter a request: `+` delivered, `b` a refused batch, `x` rejected, `f` failed, `t` throttled, `a` aborted. */
const kinds: Readonly<Record<string, Answer>> = {
  '+': answers.delivered,
  b: answers.refused,
  x: answers.rejected,
  f: answers.retry,
  t: answers.throttled,
  a: answers.aborted,
}

for (const [name, letters, parks] of [
  ['four rejected requests do not park', 'xxxx', false],
  ['the fifth does', 'xxxxx', true],
  ['half of the requests do not', '+x+x+x+x+x', false],
  ['over half do', '+x+x+x+xx', true],
  ['refused batches are requests that were not rejected', 'bbbxxx', false],
  ['failures, throttled and aborted requests were not answered', 'fffftttaaaxxxx', false],
] as const) {
  test(`mostly rejected: ${name}`, () => {
    const one = parking()
    let last: Judgement | undefined
    for (const letter of letters) last = ask(one, kinds[letter]!, 0)
    assert.deepEqual(last, parks ? { verdict: 'park', change: 'parked' } : { verdict: 'as-is', change: null })
  })
}

test('mostly rejected: only the last minute counts', () => {
  const one = parking()
  for (let time = 0; time < 4; time++) ask(one, answers.rejected, 0)
  assert.equal(ask(one, answers.rejected, 60_000).change, null)
})

test('what a probe is answered decides, by the reason it is parked for', () => {
  const table: readonly (readonly ['credentials' | 'mostly-rejected', Answer['kind'], Judgement['change'], string])[] =
    [
      // parked for, answer, change, verdict
      ['credentials', 'delivered', 'unparked', 'as-is'],
      ['credentials', 'refused', 'unparked', 'as-is'],
      ['credentials', 'rejected', 'unparked', 'as-is'],
      ['credentials', 'unauthorized', null, 'as-is'],
      ['credentials', 'retry', null, 'as-is'],
      ['credentials', 'throttled', null, 'as-is'],
      ['credentials', 'aborted', null, 'as-is'],
      ['mostly-rejected', 'delivered', 'unparked', 'as-is'],
      ['mostly-rejected', 'refused', 'unparked', 'as-is'],
      ['mostly-rejected', 'rejected', null, 'park'],
      ['mostly-rejected', 'unauthorized', 'parked', 'as-is'],
      ['mostly-rejected', 'retry', null, 'as-is'],
      ['mostly-rejected', 'throttled', null, 'as-is'],
      ['mostly-rejected', 'aborted', null, 'as-is'],
    ]
  for (const [reason, kind, change, verdict] of table) {
    const one = parked(reason)
    assert.deepEqual(ask(one, answers[kind], 5_000), { verdict, change }, `${reason} ${kind}`)
    assert.equal(one.parked === null, change === 'unparked', `${reason} ${kind}`)
  }
})

test('probes come at growing intervals up to a minute; what was no answer does not grow them', () => {
  const one = parked('credentials')
  let nowMs = 0
  for (const waitMs of [5_000, 7_500, 11_250, 16_875, 25_312.5, 37_968.75, 56_953.125, 60_000, 60_000]) {
    assert.equal(one.closedUntilMs(nowMs), nowMs + waitMs)
    nowMs += waitMs
    ask(one, answers.unauthorized, nowMs)
  }
  ask(one, answers.delivered, (nowMs += 60_000))
  ask(one, answers.unauthorized, nowMs)
  assert.equal(one.closedUntilMs(nowMs), nowMs + 5_000, 'a new parking begins anew')
  const again = parked('credentials')
  ask(again, answers.retry, 5_000)
  assert.equal(again.closedUntilMs(5_000), 10_000)
})

test('intervals are spread by a fifth to both sides', () => {
  const one = new Parking(LEASE_MS, () => 0)
  ask(one, answers.unauthorized, 0)
  assert.equal(one.closedUntilMs(0), 4_000)
})

test('one probe at a time; one that is lost frees its place when its lease ends', () => {
  const one = parked('credentials')
  const lost = one.enter(5_000)
  assert.ok(lost.probe)
  assert.equal(one.closedUntilMs(5_001), 9_000)
  const next = one.enter(9_000)
  assert.deepEqual(one.leave(lost, answers.delivered, 9_100), { verdict: 'as-is', change: null })
  assert.equal(one.leave(next, answers.delivered, 9_200).change, 'unparked')
})

test('a request from before the parking does not unpark, and one from before the unparking does not park', () => {
  const one = parking()
  const early = one.enter(0)
  const bad = one.enter(0)
  ask(one, answers.unauthorized, 0)
  assert.equal(one.leave(early, answers.delivered, 10).change, null)
  assert.ok(one.parked)
  assert.equal(ask(one, answers.delivered, 5_000).change, 'unparked')
  assert.equal(one.leave(bad, answers.unauthorized, 5_010).change, null)
  assert.equal(one.parked, null)
})

test('while parked as mostly rejected, what else comes back rejected is kept too', () => {
  const one = parking()
  const underWay = [one.enter(0), one.enter(0)]
  for (let time = 0; time < 5; time++) ask(one, answers.rejected, 0)
  for (const ticket of underWay) assert.equal(one.leave(ticket, answers.rejected, 10).verdict, 'park')
})

test('after an unparking the minute begins anew', () => {
  const one = parked('mostly-rejected')
  ask(one, answers.delivered, 5_000)
  for (let time = 0; time < 4; time++) assert.equal(ask(one, answers.rejected, 5_000).change, null)
})

test('a probe can be asked for at once', () => {
  const one = parked('credentials')
  one.probeSoon()
  assert.equal(one.closedUntilMs(1), null)
  one.enter(1)
  one.probeSoon()
  assert.equal(one.closedUntilMs(2), 4_001, 'still one at a time')
})

test('never more than one probe under a lease, and with time and a good answer it is never stuck', () => {
  const step = fc.record({
    byMs: fc.constantFrom(0, 0, 1, 3_000, 20_000),
    does: fc.constantFrom('enter', 'leave', 'leave', 'lose'),
    kind: fc.constantFrom(...(Object.keys(answers) as Answer['kind'][]), 'rejected', 'rejected'),
    which: fc.nat(10),
  })
  let parkings = 0
  fc.assert(
    fc.property(fc.integer(), fc.array(step, { maxLength: 100, size: 'max' }), (seed, steps) => {
      const one = new Parking(LEASE_MS, seededRandom(seed))
      const underWay: ReturnType<Parking['enter']>[] = []
      let nowMs = 0
      let changed: Judgement['change'] = null
      for (const { byMs, does, kind, which } of steps) {
        nowMs += byMs
        if (does === 'enter') {
          if (one.closedUntilMs(nowMs) !== null) continue
          underWay.push(one.enter(nowMs))
          const { period } = underWay.at(-1)!
          const live = underWay.filter((held) => held.probe && held.period === period && nowMs < held.leaseUntilMs)
          assert.ok(live.length <= 1)
          continue
        }
        const ticket = underWay.splice(which % Math.max(1, underWay.length), 1)[0]
        if (ticket === undefined || does === 'lose') continue
        const before = one.parked
        const { change } = one.leave(ticket, answers[kind], nowMs)
        assert.equal(change !== null, before !== one.parked, 'a change is told when there is one')
        if (change === 'unparked') assert.equal(changed, 'parked')
        if (change === 'parked') parkings++
        changed = change ?? changed
      }
      // The longest interval is 72 s.
      nowMs += 72_000
      if (one.parked !== null) assert.equal(ask(one, answers.delivered, nowMs).change, 'unparked', 'stuck')
    }),
    { seed: 6, numRuns: 300 },
  )
  assert.ok(parkings > 100, `the runs really parked: ${parkings}`)
})
