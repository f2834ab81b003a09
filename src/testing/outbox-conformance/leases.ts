/** Leases and waits: every write back proves its right, and every right and every wait ends by itself. */
import assert from 'node:assert/strict'

import { crowd, entry, idsOf, virtualTime, type SceneCase } from './scene.ts'

const delivered = { to: 'delivered' } as const

export const leaseCases: readonly SceneCase[] = [
  {
    name: 'a settlement answers for each entry, and a second one of the same entry is lapsed',
    async run(scene) {
      await scene.append(...crowd('c', 3))
      const claim = await scene.claim()
      const [first, second, third] = claim.entries
      const settlement = (position: string, lease = claim.lease) => ({ lease, position, verdict: delivered })
      assert.deepEqual(
        await scene.outbox.settle([
          settlement(first!.position),
          settlement(first!.position),
          settlement(second!.position, 'no lease of anyone'),
          settlement('999999'),
          settlement(third!.position),
        ]),
        ['held', 'lapsed', 'lapsed', 'lapsed', 'held'],
      )
      assert.deepEqual(await scene.outbox.settle([settlement(third!.position)]), ['lapsed'])
      const { totals, waiting, inFlight } = await scene.outbox.stats()
      assert.deepEqual({ delivered: totals.delivered, waiting, inFlight }, { delivered: 2, waiting: 1, inFlight: 1 })
      await scene.checkAccount()
    },
  },
  {
    name: 'a lease ends by itself: its entries come again in their place, and its settlement changes nothing',
    async run(scene) {
      await scene.append(entry('1'), entry('2'))
      const old = await scene.claim({ leaseMs: 20 })
      assert.deepEqual(idsOf(old), ['1'])
      assert.ok(old.nextInMs !== null && old.nextInMs <= 20, 'it says when to ask again')
      await scene.store.advance(60)
      assert.deepEqual(await scene.settle(old, delivered), ['lapsed'])
      const claim = await scene.claim()
      assert.deepEqual(idsOf(claim), ['1'])
      assert.equal(claim.entries[0]?.attempts, 0, 'a lapse is no attempt')
      assert.deepEqual(await scene.settle(old, delivered), ['lapsed'], 'the new lease is another one')
      assert.deepEqual(await scene.settle(claim, delivered), ['held'])
      assert.deepEqual(await scene.drain(), ['2'])
    },
  },
  {
    name: 'a lapsed lease that nobody took over cannot settle either',
    async run(scene) {
      await scene.append(entry('1'))
      const claim = await scene.claim({ leaseMs: 20 })
      await scene.store.advance(60)
      assert.deepEqual(await scene.settle(claim, { to: 'dead', reason: 'rejected' }), ['lapsed'])
      assert.deepEqual(await scene.outbox.renew([claim.lease], 60_000), ['lapsed'])
      assert.equal((await scene.outbox.stats()).waiting, 1)
    },
  },
  {
    name: 'a renewed lease holds for its new time',
    async run(scene) {
      await scene.append(entry('1'), entry('x', { lanes: ['x'] }))
      const claim = await scene.claim({ entriesMax: 1, leaseMs: 30_000 })
      const other = await scene.claim({ entriesMax: 1, leaseMs: 20 })
      assert.deepEqual(await scene.outbox.renew([claim.lease, 'unknown', other.lease], 40), ['held', 'lapsed', 'held'])
      await scene.store.advance(120)
      assert.deepEqual(await scene.settle(claim, delivered), ['lapsed'], 'renewing also shortens')
      assert.deepEqual(await scene.settle(other, delivered), ['lapsed'])
    },
  },
  {
    name: 'a lease lasts until its time and not a millisecond longer',
    needs: virtualTime,
    async run(scene) {
      await scene.append(entry('1'), entry('x', { lanes: ['x'] }))
      const claim = await scene.claim({ leaseMs: 1_000 })
      await scene.store.advance(999)
      assert.deepEqual(await scene.outbox.renew([claim.lease], 1_000), ['held'])
      await scene.store.advance(999)
      assert.deepEqual(await scene.settle(claim, delivered, ({ id }) => id === '1'), ['held'])
      await scene.store.advance(1)
      assert.deepEqual(await scene.settle(claim, delivered, ({ id }) => id === 'x'), ['lapsed'])
    },
  },
  {
    name: 'a lease is over once all its entries are settled',
    async run(scene) {
      await scene.append(entry('1'))
      const claim = await scene.claim()
      await scene.settle(claim, delivered)
      assert.deepEqual(await scene.outbox.renew([claim.lease], 1_000), ['lapsed'])
    },
  },
  {
    name: 'a retry holds back its own lanes and no others, until its time',
    async run(scene) {
      await scene.append(
        entry('ab', { lanes: ['a', 'b'] }),
        entry('a2', { lanes: ['a'] }),
        entry('b2', { lanes: ['b'] }),
        entry('c', { lanes: ['c'] }),
      )
      const claim = await scene.claim()
      await scene.settle(claim, { to: 'waiting', delayMs: 400, countAttempt: true }, ({ id }) => id === 'ab')
      await scene.settle(claim, delivered, ({ id }) => id === 'c')
      assert.equal((await scene.outbox.stats()).lanesHeld, 2)
      const { entries, nextInMs } = await scene.claim()
      assert.deepEqual(entries, [])
      assert.ok(nextInMs !== null && nextInMs > 0 && nextInMs <= 400, `asks again in ${nextInMs} ms`)
      await scene.store.advance(450)
      assert.deepEqual(await scene.claimIds(), ['ab'])
      assert.equal((await scene.outbox.stats()).lanesHeld, 0)
    },
  },
  {
    name: 'a wall clock that jumps by an hour neither ends nor prolongs a lease or a wait',
    needs: virtualTime,
    async run(scene) {
      for (const jumpMs of [3_600_000, -7_200_000]) {
        const held = `held ${jumpMs}`
        await scene.append(entry(held, { lanes: [held] }))
        await scene.settle(await scene.claim(), { to: 'waiting', delayMs: 1_000, countAttempt: true })
        await scene.append(entry(`leased ${jumpMs}`, { lanes: ['leased'] }))
        const leased = await scene.claim({ leaseMs: 2_000 })
        scene.store.jumpWallMs(jumpMs)
        assert.deepEqual(await scene.claimIds(), [])
        await scene.store.advance(1_000)
        assert.deepEqual(await scene.deliver(), [held])
        assert.deepEqual(await scene.settle(leased, delivered), ['held'])
      }
      await scene.checkAccount()
    },
  },
  {
    name: 'when nothing waits a claim is empty and promises nothing sooner than an append',
    async run(scene) {
      const { entries, nextInMs } = await scene.claim()
      assert.deepEqual(entries, [])
      assert.ok(nextInMs === null || nextInMs > 0)
    },
  },
  {
    name: 'a claim that left something that may go says so',
    async run(scene) {
      await scene.append(...crowd('c', 5))
      assert.equal((await scene.claim({ entriesMax: 2 })).nextInMs, 0)
    },
  },
]
