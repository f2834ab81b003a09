/** What the crash runs count: an account that finds nothing where something is wrong would make them worthless. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { type Account, accountOf, type Arrival, isClean } from '../../bench/outbox/crash/account.ts'
import { blowsOf, isRefused, personOf } from '../../bench/outbox/crash/plan.ts'
import { seededRandom } from '../../src/testing/seeded-random.ts'

const size = { operations: 400, people: 40 }
const numbers = Array.from({ length: size.operations }, (_, number) => number)
const refused = numbers.filter(isRefused)

function arrival(number: number): Arrival {
  return { number, identity: `id-${number}` }
}

function account(arrivals: readonly Arrival[], more: Partial<Parameters<typeof accountOf>[0]> = {}): Account {
  return accountOf({ size, arrivals, dead: refused, finals: [], accepted: size.operations, ...more })
}

const inOrder = numbers.map(arrival)
/** The first and the second operation of one person. */
const [first, second] = numbers.filter((number) => personOf(number, size) === personOf(0, size)) as [number, number]

test('all in order, each once, is clean', () => {
  const clean = account(inOrder)
  assert.ok(isClean(clean))
  assert.equal(clean.duplicates, 0)
  assert.equal(clean.dead, refused.length)
})

test('an operation that never arrived is lost, and a dead letter does not make up for it', () => {
  const without = inOrder.filter(({ number }) => number !== 5)
  assert.equal(account(without).lost, 1)
  assert.equal(account(without, { dead: [...refused, 5] }).lost, 1)
  assert.ok(!isClean(account(without)))
})

test('an operation that Customer.io refused is lost where it is no dead letter', () => {
  assert.equal(account(inOrder, { dead: refused.slice(1) }).lost, 1)
})

test('an operation that arrives before an earlier one of its person overtakes it; of another person it does not', () => {
  const rest = numbers.filter((number) => number !== first).map(arrival)
  const at = rest.findIndex(({ number }) => number === second)
  const found = account([...rest.slice(0, at + 1), arrival(first), ...rest.slice(at + 1)])
  assert.equal(found.overtakes, 1)
  assert.ok(!isClean(found))
  const person = (number: number): number => personOf(number, size)
  assert.notEqual(person(0), person(1))
  assert.equal(account([arrival(1), arrival(0), ...inOrder.slice(2)]).overtakes, 0)
})

test('a repeat with the same id is a duplicate and clean, also late; one with another id is not', () => {
  const again = account([...inOrder, arrival(first)])
  assert.deepEqual([again.duplicates, again.late, again.strangers], [1, 1, 0])
  assert.ok(isClean(again))
  const stranger = account([...inOrder, { number: first, identity: 'another' }])
  assert.equal(stranger.strangers, 1)
  assert.ok(!isClean(stranger))
})

test('a final state that is not the newest, and an operation that was stored twice, are counted', () => {
  assert.equal(account(inOrder, { finals: [{ wanted: 9, found: 3 }] }).wrongFinals, 1)
  assert.equal(account(inOrder, { finals: [{ wanted: undefined, found: undefined }] }).wrongFinals, 0)
  const byLate = account([...inOrder, arrival(first)], { finals: [{ wanted: second, found: first }] })
  assert.deepEqual([byLate.wrongFinals, byLate.lateFinals], [0, 1])
  assert.equal(account(inOrder, { accepted: size.operations + 2 }).storedTwice, 2)
})

test('each person has as many operations as any other, some of them close together', () => {
  const counts = new Map<number, number>()
  for (const number of numbers) counts.set(personOf(number, size), (counts.get(personOf(number, size)) ?? 0) + 1)
  assert.equal(counts.size, size.people)
  assert.deepEqual([...new Set(counts.values())], [size.operations / size.people])
  assert.ok(second - first < size.people)
})

test('a seed gives the same blows in the same order, and all that were asked for', () => {
  const counts = { kills: 8, freezes: 3, serverKills: 2 }
  const blows = blowsOf(counts, seededRandom(4))
  assert.deepEqual(blows, blowsOf(counts, seededRandom(4)))
  assert.notDeepEqual(blows, blowsOf(counts, seededRandom(5)))
  const number = (to: string, how: string): number => blows.filter((one) => one.to === to && one.how === how).length
  assert.deepEqual([number('consumer', 'kill'), number('consumer', 'freeze'), number('server', 'kill')], [8, 3, 2])
})
