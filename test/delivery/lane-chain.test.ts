import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as fc from 'fast-check'

import { createLaneChain, type Link } from '../../src/delivery/lane-chain.ts'

/** Whether it is its turn, as far as promises have settled. */
async function hasTurn(link: Link): Promise<boolean> {
  if (link.turn === undefined) return true
  const waiting = Symbol('waiting')
  return (await Promise.race([link.turn, Promise.resolve(waiting)])) !== waiting
}

test('the first of a lane has its turn at once, the next when it leaves', async () => {
  const chain = createLaneChain(1_000_000)
  const [first, second, other] = [chain.join(['a'], 1), chain.join(['a'], 1), chain.join(['b'], 1)]
  assert.equal(first.turn, undefined)
  assert.equal(other.turn, undefined)
  assert.equal(await hasTurn(second), false)
  first.leave()
  assert.equal(await hasTurn(second), true)
  second.leave()
  assert.equal(chain.join(['a'], 1).turn, undefined, 'the lane is free again')
})

test('one that leaves before its turn lets nobody overtake the one before it', async () => {
  const chain = createLaneChain(1_000_000)
  const [first, second, third] = [chain.join(['a'], 1), chain.join(['a'], 1), chain.join(['a'], 1)]
  second.leave()
  assert.equal(await hasTurn(third), false)
  first.leave()
  assert.equal(await hasTurn(third), true)
})

test('the memory of calls under way is bounded; one alone always fits', () => {
  const chain = createLaneChain(10_000)
  const large = chain.join(['a'], 50_000)
  assert.throws(() => chain.join(['b'], 1), { code: 'OUTBOX_FULL', bound: 'pending', limit: 10_000, used: 51_000 })
  large.leave()
  const small = chain.join(['b'], 4_000)
  assert.equal(chain.join(['b'], 4_000).turn === undefined, false)
  assert.throws(() => chain.join(['c'], 1), { code: 'OUTBOX_FULL' })
  small.leave()
  assert.equal(chain.join(['c'], 1).turn, undefined)
})

test('any joins and leaves: a call has its turn exactly when nobody before it shares a lane, and everybody gets one', async () => {
  const lanes = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', 'e'), { minLength: 1, maxLength: 4 })
  const step = fc.oneof(
    lanes.map((names) => ({ do: 'join' as const, names })),
    fc.nat(20).map((which) => ({ do: 'leave' as const, which })),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60, size: 'max' }), async (steps) => {
      const chain = createLaneChain(1_000_000)
      const inside: { readonly names: readonly string[]; readonly link: Link }[] = []
      const check = async (): Promise<void> => {
        for (const [index, { names, link }] of inside.entries()) {
          const isFirst = !inside.slice(0, index).some((other) => other.names.some((name) => names.includes(name)))
          assert.equal(await hasTurn(link), isFirst)
        }
      }
      for (const each of steps) {
        if (each.do === 'join') inside.push({ names: each.names, link: chain.join(each.names, 1) })
        // Also of one whose turn has not come: its caller gave up.
        else if (inside.length > 0) inside.splice(each.which % inside.length, 1)[0]!.link.leave()
        await check()
      }
      while (inside.length > 0) {
        inside.shift()!.link.leave()
        await check()
      }
    }),
    { numRuns: 200, seed: 2_026 },
  )
})
