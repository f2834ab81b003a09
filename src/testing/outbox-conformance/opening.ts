/** Opening, closing, and several handles on one outbox. */
import assert from 'node:assert/strict'

import { isHoldfastError } from '../../errors.ts'
import type { Outbox } from '../../outbox/outbox.ts'
import { crowd, entry, idsOf, oneDelivers, sameIds, severalHandles, virtualTime, type SceneCase } from './scene.ts'

const delivered = { to: 'delivered' } as const

const closed = (error: unknown): boolean => isHoldfastError(error) && error.code === 'OUTBOX_CLOSED'

export const openingCases: readonly SceneCase[] = [
  {
    name: 'after a restart all that was not settled comes again, in order, with its attempts, and no wait is left',
    needs: (subject) => subject.handles !== 'all-deliver',
    async run(scene) {
      await scene.append(entry('a1'), entry('a2'), entry('b1', { lanes: ['b'] }), entry('c1', { lanes: ['c'] }))
      const claim = await scene.claim()
      await scene.settle(claim, { to: 'waiting', delayMs: 600_000, countAttempt: true }, ({ id }) => id === 'a1')
      await scene.settle(claim, delivered, ({ id }) => id === 'c1')
      await scene.reopen()
      const again = await scene.claim()
      sameIds(
        again.entries.map(({ id, attempts }) => `${id} after ${attempts}`),
        ['a1 after 1', 'b1 after 0'],
      )
      assert.deepEqual(await scene.settle(claim, delivered), ['lapsed', 'lapsed', 'lapsed'], 'leases ended with it')
      await scene.settle(again, delivered)
      assert.deepEqual(await scene.drain(), ['a2'])
      await scene.checkAccount()
    },
  },
  {
    name: 'totals, dead letters and what became of entries outlive a restart',
    async run(scene) {
      const appended = await scene.append(...crowd('c', 3), entry('k', { keyed: true }))
      const claim = await scene.claim()
      await scene.settle(claim, { to: 'dead', reason: 'rejected', status: 400 }, ({ id }) => id === 'c0')
      await scene.settle(claim, delivered, ({ id }) => id === 'c1')
      await scene.outbox.purge('lane c2')
      const before = await scene.outbox.stats()
      await scene.reopen()
      const after = await scene.outbox.stats()
      assert.deepEqual(after.totals, before.totals)
      assert.deepEqual([after.waiting, after.deadLetters, after.lost], [1, 1, 0])
      assert.deepEqual(await scene.outbox.lookup(appended.map(({ position }) => position)), [
        { state: 'dead', reason: 'rejected', status: 400 },
        { state: 'delivered' },
        { state: 'purged' },
        { state: 'waiting' },
      ])
    },
  },
  {
    name: 'closing twice is allowed, and a closed outbox refuses every call',
    async run(scene) {
      await scene.append(entry('1'))
      await Promise.all([scene.outbox.close(), scene.outbox.close()])
      await scene.outbox.close()
      const calls: readonly ((outbox: Outbox) => Promise<unknown>)[] = [
        (outbox) => outbox.append([entry('2')]),
        (outbox) => outbox.executions.begin({ key: 'k', token: 't', leaseMs: 1_000 }),
        (outbox) => outbox.claim({ entriesMax: 1, bytesMax: 1, leaseMs: 1 }),
        (outbox) => outbox.renew(['x'], 1),
        (outbox) => outbox.settle([{ lease: 'x', position: '1', verdict: delivered }]),
        (outbox) => outbox.stats(),
        (outbox) => outbox.lookup(['1']),
        (outbox) => outbox.list({ from: 'waiting', limit: 1 }),
        (outbox) => outbox.resolveDead({ all: true }, 'drop'),
        (outbox) => outbox.purge('a'),
      ]
      for (const call of calls) await assert.rejects(call(scene.outbox), closed)
    },
  },
  {
    name: 'what is under way when it is closed finishes first',
    async run(scene) {
      const appends = Array.from({ length: 20 }, (_, index) => scene.append(entry(`${index}`)))
      await scene.outbox.close()
      for (const results of await Promise.all(appends)) assert.equal(results[0]?.state, 'stored')
      scene.handle = await scene.open()
      assert.equal((await scene.drain()).length, 20)
    },
  },
  {
    name: 'the first notice says which role the handle has',
    async run(scene) {
      assert.deepEqual(scene.handle.notices[0], { type: 'role', role: 'active' })
    },
  },
  {
    name: 'of two handles both append and one delivers, in the order of all appends',
    needs: oneDelivers,
    async run(scene) {
      const second = await scene.open()
      assert.deepEqual(second.notices[0], { type: 'role', role: 'standby' })
      await scene.append(entry('1'))
      await second.outbox.append([entry('2')])
      await scene.append(entry('3'), entry('other', { lanes: ['b'] }))
      await second.outbox.append([entry('4')])
      const refused = await second.outbox.claim({ entriesMax: 10, bytesMax: 10_000, leaseMs: 1_000 })
      assert.deepEqual([refused.role, refused.entries], ['standby', []])
      assert.ok(refused.nextInMs !== null && refused.nextInMs <= 1_000)
      assert.equal((await second.outbox.stats()).waiting, 5)
      assert.equal((await second.outbox.stats()).role, 'standby')
      assert.deepEqual(
        (await scene.drain()).filter((id) => id !== 'other'),
        ['1', '2', '3', '4'],
      )
    },
  },
  {
    name: 'a standby is told nothing of leases',
    needs: oneDelivers,
    async run(scene) {
      const second = (await scene.open()).outbox
      await scene.append(entry('1'))
      const claim = await scene.claim()
      const settlements = [{ lease: claim.lease, position: claim.entries[0]!.position, verdict: delivered }]
      assert.deepEqual(await second.settle(settlements), ['lapsed'])
      assert.deepEqual(await second.renew([claim.lease], 1_000), ['lapsed'])
      assert.deepEqual(await scene.outbox.settle(settlements), ['held'])
    },
  },
  {
    name: 'any handle can list, look up, purge and resolve what another delivers',
    needs: severalHandles,
    async run(scene) {
      const second = (await scene.open()).outbox
      const appended = await scene.append(
        entry('a1'),
        entry('a2'),
        entry('b1', { lanes: ['b'] }),
        entry('c', { lanes: ['c'] }),
      )
      const claim = await scene.claim()
      await scene.settle(claim, { to: 'dead', reason: 'rejected' }, ({ id }) => id === 'b1')
      assert.equal((await second.list({ from: 'waiting', limit: 10 })).entries.length, 3)
      assert.equal(await second.resolveDead({ all: true }, 'replay'), 1)
      assert.equal(await second.purge('a'), 2)
      assert.deepEqual(await second.lookup([appended[0]!.position]), [{ state: 'purged' }])
      const states = await scene.settle(claim, delivered, ({ id }) => id !== 'b1')
      assert.deepEqual([...states].sort(), ['held', 'lapsed'], 'a1 was purged in flight')
      assert.deepEqual(await scene.drain(), ['b1'])
      await scene.checkAccount()
    },
  },
  {
    name: 'when the delivering handle closes, another takes over at once and gets all that is unsettled',
    needs: oneDelivers,
    async run(scene) {
      const second = await scene.open()
      await scene.append(entry('a1'), entry('a2'))
      const claim = await scene.claim()
      await scene.outbox.close()
      scene.handle = second
      assert.deepEqual(await scene.drain(), ['a1', 'a2'])
      assert.equal(claim.entries.length, 1)
      assert.deepEqual(second.notices.at(-1), { type: 'role', role: 'active' })
    },
  },
  {
    name: 'an append through one handle tells the other, and does not tell itself',
    needs: (subject) => severalHandles(subject) && virtualTime(subject),
    async run(scene) {
      const second = await scene.open()
      await scene.claim()
      await second.outbox.append([entry('1')])
      await scene.store.advance(1_000)
      assert.ok(scene.handle.notices.some(({ type }) => type === 'appended'))
      await scene.append(entry('2'))
      await scene.store.advance(1_000)
      assert.equal(scene.handle.notices.filter(({ type }) => type === 'appended').length, 1)
    },
  },
  {
    name: 'when the delivering process dies, another takes over within seconds, and not before',
    needs: (subject) => oneDelivers(subject) && virtualTime(subject),
    async run(scene) {
      const first = scene.handle
      await scene.append(entry('a1'), entry('a2'))
      const claim = await scene.claim()
      first.kill()
      const second = await scene.open()
      scene.handle = second
      assert.deepEqual(await scene.claimIds(), [])
      await scene.store.advance(2_000)
      assert.deepEqual(await scene.claimIds(), [], 'it may only be slow')
      await scene.store.advance(6_000)
      assert.deepEqual(await scene.deliver(), ['a1'])
      assert.deepEqual(
        await first.outbox.settle([{ lease: claim.lease, position: claim.entries[0]!.position, verdict: delivered }]),
        ['lapsed'],
        'the dead one that comes back has no right any more',
      )
      assert.deepEqual(idsOf(await first.outbox.claim({ entriesMax: 1, bytesMax: 100, leaseMs: 1_000 })), [])
      assert.deepEqual(first.notices.at(-1), { type: 'role', role: 'standby' })
      assert.deepEqual(await scene.drain(), ['a2'])
      await scene.checkAccount()
    },
  },
  {
    name: 'an idle handle that lives keeps delivering, however long another one waits',
    needs: (subject) => oneDelivers(subject) && virtualTime(subject),
    async run(scene) {
      const second = await scene.open()
      for (let minute = 0; minute < 5; minute++) {
        await scene.claim()
        for (let second_ = 0; second_ < 60; second_++) {
          await scene.store.advance(1_000)
          await scene.claim()
          const { role } = await second.outbox.claim({ entriesMax: 1, bytesMax: 100, leaseMs: 1_000 })
          assert.equal(role, 'standby')
        }
      }
      await second.outbox.append([entry('1')])
      assert.deepEqual(await scene.claimIds(), ['1'])
    },
  },
]
