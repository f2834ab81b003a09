/** Lanes: one entry of a lane in flight at most, oldest first, whatever happens to it; entries of several lanes. */
import assert from 'node:assert/strict'

import { crowd, entry, idsOf, sameIds, type SceneCase } from './scene.ts'

const again = { to: 'waiting', delayMs: 0, countAttempt: true } as const
const delivered = { to: 'delivered' } as const

export const laneCases: readonly SceneCase[] = [
  {
    name: 'of one lane one entry is in flight at a time, the oldest',
    async run(scene) {
      await scene.append(entry('1'), entry('2'), entry('3'))
      const claim = await scene.claim()
      assert.deepEqual(idsOf(claim), ['1'])
      assert.deepEqual(await scene.claimIds(), [], 'the lane is busy')
      await scene.settle(claim, delivered)
      assert.deepEqual(await scene.claimIds(), ['2'])
      assert.deepEqual(await scene.claimIds(), [])
    },
  },
  {
    name: 'an entry appended while its lane is in flight waits for it',
    async run(scene) {
      await scene.append(entry('1'))
      const claim = await scene.claim()
      await scene.append(entry('2'))
      assert.deepEqual(await scene.claimIds(), [])
      await scene.settle(claim, delivered)
      assert.deepEqual(await scene.claimIds(), ['2'])
    },
  },
  {
    name: 'lanes do not wait for each other',
    async run(scene) {
      await scene.append(entry('a1'), entry('a2'), entry('b1', { lanes: ['b'] }), entry('c1', { lanes: ['c'] }))
      const claim = await scene.claim()
      sameIds(idsOf(claim), ['a1', 'b1', 'c1'])
      await scene.settle(claim, delivered, ({ id }) => id === 'a1')
      assert.deepEqual(await scene.claimIds(), ['a2'])
    },
  },
  {
    name: 'a claim gives no more entries and bytes than it was asked for, but one entry even if it is larger',
    async run(scene) {
      await scene.append(...crowd('c', 9, { body: 'x'.repeat(100) }), entry('big', { body: 'y'.repeat(5_000) }))
      assert.equal((await scene.claimIds({ entriesMax: 4 })).length, 4)
      assert.equal((await scene.claimIds({ bytesMax: 250 })).length, 2)
      assert.equal((await scene.claimIds({ bytesMax: 1 })).length, 1)
      assert.equal((await scene.claimIds({ bytesMax: 200 })).length, 2)
      assert.deepEqual(await scene.claimIds({ bytesMax: 200 }), ['big'])
      assert.deepEqual(await scene.claimIds(), [])
    },
  },
  {
    name: 'bytes are counted as UTF-8',
    async run(scene) {
      await scene.append(...crowd('c', 2, { body: '🎈'.repeat(25) }))
      assert.equal((await scene.outbox.stats()).waitingBytes, 200)
      assert.equal((await scene.claimIds({ bytesMax: 199 })).length, 1)
    },
  },
  {
    name: 'an entry that goes back to waiting keeps its place before the later ones of its lane',
    async run(scene) {
      await scene.append(entry('1'), entry('2'))
      await scene.settle(await scene.claim(), again)
      const claim = await scene.claim()
      assert.deepEqual(idsOf(claim), ['1'])
      assert.equal(claim.entries[0]?.attempts, 1)
      await scene.settle(claim, { to: 'waiting', delayMs: 0, countAttempt: false })
      const third = await scene.claim()
      assert.equal(third.entries[0]?.attempts, 1, 'that attempt was not counted')
      await scene.settle(third, delivered)
      assert.deepEqual(await scene.drain(), ['2'])
    },
  },
  {
    name: 'an entry of two lanes waits until it is the oldest of each, and holds both while it is on its way',
    async run(scene) {
      await scene.append(
        entry('a1', { lanes: ['a'] }),
        entry('ab', { lanes: ['a', 'b'] }),
        entry('b1', { lanes: ['b'] }),
        entry('a2', { lanes: ['a'] }),
      )
      const first = await scene.claim()
      assert.deepEqual(idsOf(first), ['a1'], 'b1 waits behind ab, which waits behind a1')
      await scene.settle(first, delivered)
      const merge = await scene.claim()
      assert.deepEqual(idsOf(merge), ['ab'])
      assert.deepEqual(await scene.claimIds(), [], 'both lanes are held')
      await scene.settle(merge, again)
      const retried = await scene.claim()
      assert.deepEqual(idsOf(retried), ['ab'], 'it keeps both places')
      await scene.settle(retried, delivered)
      sameIds(await scene.claimIds(), ['b1', 'a2'])
    },
  },
  {
    name: 'entries that cross lanes do not lock each other out',
    async run(scene) {
      await scene.append(
        entry('ab', { lanes: ['a', 'b'] }),
        entry('ba', { lanes: ['b', 'a'] }),
        entry('bc', { lanes: ['b', 'c'] }),
        entry('ca', { lanes: ['c', 'a'] }),
        entry('c', { lanes: ['c'] }),
      )
      assert.deepEqual(await scene.drain(), ['ab', 'ba', 'bc', 'ca', 'c'])
    },
  },
  {
    name: 'a lane stays blocked when only one of the lanes that an entry waits for is free',
    async run(scene) {
      await scene.append(entry('a', { lanes: ['a'] }), entry('b', { lanes: ['b'] }), entry('ab', { lanes: ['a', 'b'] }))
      await scene.append(entry('b2', { lanes: ['b'] }))
      const claim = await scene.claim()
      sameIds(idsOf(claim), ['a', 'b'])
      await scene.settle(claim, delivered, ({ id }) => id === 'b')
      assert.deepEqual(await scene.claimIds(), [])
      await scene.settle(claim, delivered, ({ id }) => id === 'a')
      assert.deepEqual(await scene.claimIds(), ['ab'])
    },
  },
  {
    name: 'an entry of a thousand lanes waits for all of them and then holds all of them',
    async run(scene) {
      const people = Array.from({ length: 1_000 }, (_, index) => `p${index}`)
      await scene.append(...people.map((id) => entry(id, { lanes: [id] })))
      await scene.append(entry('segment', { lanes: people, type: 'segment' }))
      await scene.append(...people.map((id) => entry(`${id} later`, { lanes: [id] })))
      const claim = await scene.claim()
      assert.equal(claim.entries.length, 1_000)
      await scene.settle(claim, delivered, ({ id }) => id !== 'p500')
      assert.deepEqual(await scene.claimIds(), [], 'p500 is still on its way')
      await scene.settle(claim, delivered, ({ id }) => id === 'p500')
      const segment = await scene.claim()
      assert.deepEqual(idsOf(segment), ['segment'])
      await scene.settle(segment, delivered)
      assert.equal((await scene.claimIds()).length, 1_000)
    },
  },
  {
    name: 'a hundred entries of ten lanes, settled in every way, keep the order of each lane',
    async run(scene) {
      const entries = Array.from({ length: 100 }, (_, index) => entry(`${index}`, { lanes: [`l${index % 10}`] }))
      await scene.append(...entries)
      const order = new Map<string, number[]>()
      for (let round = 0; (await scene.outbox.stats()).waiting > 0; round++) {
        assert.ok(round < 1_000, 'it ends')
        const claim = await scene.claim({ entriesMax: 3 + (round % 5) })
        await scene.settle(claim, again, ({ id }) => (Number(id) + round) % 3 === 0)
        const done = claim.entries.filter(({ id }) => (Number(id) + round) % 3 !== 0)
        await scene.settle(claim, delivered, (each) => done.includes(each))
        for (const { id, lanes } of done) order.set(lanes[0]!, [...(order.get(lanes[0]!) ?? []), Number(id)])
      }
      for (const ids of order.values()) {
        assert.equal(ids.length, 10)
        assert.deepEqual(
          ids,
          [...ids].sort((a, b) => a - b),
        )
      }
      await scene.checkAccount()
    },
  },
]
