/** Several handles that all deliver: what a lane, a lease and a wait mean between them. */
import assert from 'node:assert/strict'

import { isHoldfastError } from '../../errors.ts'
import type { OutboxNotice } from '../../outbox/outbox.ts'
import {
  allDeliver,
  crowd,
  entry,
  idsOf,
  type OutboxHandle,
  type Scene,
  sameIds,
  severalHandles,
  virtualTime,
  type SceneCase,
} from './scene.ts'

const delivered = { to: 'delivered' } as const
const everything = { entriesMax: 1_000, bytesMax: 100_000_000, leaseMs: 600_000 }

export const sharingCases: readonly SceneCase[] = [
  {
    name: 'every handle is active from its start, and says so',
    needs: allDeliver,
    async run(scene) {
      const second = await scene.open()
      assert.deepEqual(second.notices[0], { type: 'role', role: 'active' })
      assert.equal((await second.outbox.claim(everything)).role, 'active')
      assert.equal((await scene.claim()).role, 'active')
      assert.equal((await second.outbox.stats()).role, 'active')
    },
  },
  {
    name: 'two handles share what waits: no lane is with both, and each lane keeps the order of all appends',
    needs: allDeliver,
    async run(scene) {
      const second = (await scene.open()).outbox
      for (let round = 0; round < 3; round++) {
        const [mine, other] = round % 2 === 0 ? [scene.outbox, second] : [second, scene.outbox]
        await mine.append(crowd(`r${round} `, 10).map((each, index) => ({ ...each, lanes: [`lane ${index}`] })))
        await other.append([entry(`last of ${round}`, { lanes: ['lane 0'] })])
      }
      const seen: string[] = []
      for (let turn = 0; turn < 30; turn++) {
        const [first, next] = [scene.outbox, second]
        const claims = [await first.claim({ ...everything, entriesMax: 4 }), await next.claim(everything)]
        const lanes = claims.flatMap(({ entries }) => entries.flatMap((each) => each.lanes))
        assert.equal(new Set(lanes).size, lanes.length, 'a lane is with one of them')
        for (const [index, { lease, entries }] of claims.entries()) {
          const settlements = entries.map(({ position }) => ({ lease, position, verdict: delivered }))
          await [first, next][index]!.settle(settlements)
          seen.push(...entries.map(({ id, lanes: [lane] }) => `${lane}: ${id}`))
        }
      }
      const ofLane = (lane: string): readonly string[] =>
        seen.filter((each) => each.startsWith(`${lane}: `)).map((each) => each.slice(lane.length + 2))
      assert.deepEqual(ofLane('lane 0'), ['r0 0', 'last of 0', 'r1 0', 'last of 1', 'r2 0', 'last of 2'])
      for (let lane = 1; lane < 10; lane++) {
        assert.deepEqual(ofLane(`lane ${lane}`), [`r0 ${lane}`, `r1 ${lane}`, `r2 ${lane}`])
      }
      await scene.checkAccount()
    },
  },
  {
    name: 'an entry of two lanes waits for what another handle has in flight of either of them',
    needs: allDeliver,
    async run(scene) {
      const second = (await scene.open()).outbox
      await scene.append(entry('a1'), entry('b1', { lanes: ['b'] }), entry('both', { lanes: ['a', 'b'] }), entry('a2'))
      const first = await scene.claim({ entriesMax: 1 })
      const other = await second.claim(everything)
      sameIds([...idsOf(first), ...idsOf(other)], ['a1', 'b1'])
      await scene.settle(first, delivered)
      assert.deepEqual(await scene.claimIds(), [])
      assert.deepEqual(
        await second.settle(
          other.entries.map(({ position }) => ({ lease: other.lease, position, verdict: delivered })),
        ),
        ['held'],
      )
      const both = await second.claim(everything)
      assert.deepEqual(idsOf(both), ['both'])
      assert.deepEqual(await scene.claimIds(), [], 'a2 waits for it')
      await second.settle([{ lease: both.lease, position: both.entries[0]!.position, verdict: delivered }])
      assert.deepEqual(await scene.claimIds(), ['a2'])
    },
  },
  {
    name: 'a lease of one handle is none of another: settling and renewing with it is lapsed only once it is',
    needs: allDeliver,
    async run(scene) {
      const second = (await scene.open()).outbox
      await scene.append(entry('1'), entry('2'))
      const old = await scene.claim({ leaseMs: 20 })
      await scene.store.advance(60)
      const next = await second.claim(everything)
      assert.deepEqual(idsOf(next), ['1'], 'another gets what has lapsed')
      assert.deepEqual(await scene.settle(old, { to: 'dead', reason: 'rejected' }), ['lapsed'])
      assert.deepEqual(await scene.outbox.renew([old.lease], 60_000), ['lapsed'])
      assert.deepEqual(await second.renew([next.lease], 60_000), ['held'])
      assert.deepEqual(
        await second.settle([{ lease: next.lease, position: next.entries[0]!.position, verdict: delivered }]),
        ['held'],
      )
      assert.deepEqual(await scene.drain(), ['2'])
      await scene.checkAccount()
    },
  },
  {
    name: 'a handle that closes gives back what it had in flight, and nothing of others',
    needs: allDeliver,
    async run(scene) {
      const first = scene.handle
      const second = await scene.open()
      await scene.append(...crowd('c', 6))
      const mine = await scene.claim({ entriesMax: 3 })
      const others = await second.outbox.claim(everything)
      await first.outbox.close()
      scene.handle = second
      sameIds(await scene.claimIds(), idsOf(mine))
      assert.deepEqual(
        await second.outbox.settle(
          others.entries.map(({ position }) => ({ lease: others.lease, position, verdict: delivered })),
        ),
        ['held', 'held', 'held'],
      )
    },
  },
  {
    name: 'the leases of a process that dies end by themselves, and not before; what it says later changes nothing',
    needs: (subject) => allDeliver(subject) && virtualTime(subject),
    async run(scene) {
      const first = scene.handle
      await scene.append(entry('a1'), entry('a2'), entry('b', { lanes: ['b'] }))
      const claim = await scene.claim({ leaseMs: 10_000 })
      first.kill()
      scene.handle = await scene.open()
      await scene.store.advance(9_999)
      assert.deepEqual(await scene.claimIds(), [], 'it may only be slow')
      await scene.store.advance(1)
      sameIds(await scene.deliver(), ['a1', 'b'])
      const late = claim.entries.map(({ position }) => ({ lease: claim.lease, position, verdict: delivered }))
      assert.deepEqual(await first.outbox.settle(late), ['lapsed', 'lapsed'])
      assert.deepEqual(await scene.drain(), ['a2'])
      await scene.checkAccount()
    },
  },
  {
    name: 'a call of append can be made again through any handle: nothing of it is stored twice, also after delivery',
    needs: allDeliver,
    async run(scene) {
      const second = (await scene.open()).outbox
      const call = [entry('1'), entry('2', { lanes: ['b'] }), entry('k', { keyed: true })]
      const first = await scene.append(...call)
      const duplicates = first.map(({ position }) => ({ state: 'duplicate', position }))
      assert.deepEqual(await second.append(call), duplicates)
      assert.deepEqual([...(await scene.drain())].sort(), ['1', '2', 'k'])
      assert.deepEqual(await second.append(call), duplicates)
      assert.deepEqual(await scene.drain(), [])
      await scene.checkAccount()
    },
  },
  {
    name: 'a pause is told to every handle and to later ones, and so is its end',
    async run(scene) {
      const pausesOf = ({ notices }: OutboxHandle): readonly unknown[] =>
        notices.filter((notice) => notice.type === 'paused').map(({ pause }) => pause)
      const pause = { who: 'ada', why: 'an import runs', atMs: scene.store.wallMs() }
      await scene.outbox.setPaused(null)
      assert.deepEqual(pausesOf(scene.handle), [], 'it was not paused')
      await scene.outbox.setPaused(pause)
      await scene.store.advance(3_000)
      assert.deepEqual(pausesOf(scene.handle), [pause])
      await scene.append(entry('1'))
      assert.deepEqual(await scene.claimIds(), ['1'], 'whoever sends keeps to it')
      await scene.reopen()
      await scene.store.advance(3_000)
      assert.deepEqual(pausesOf(scene.handle), [pause])
      await scene.outbox.setPaused(null)
      await scene.store.advance(3_000)
      assert.deepEqual(pausesOf(scene.handle), [pause, null])
    },
  },
  {
    name: 'a pause and its end are told to the other handles within seconds',
    needs: severalHandles,
    async run(scene) {
      const second = await scene.open()
      const heard = (): readonly unknown[] =>
        second.notices.filter((notice) => notice.type === 'paused').map(({ pause }) => pause)
      const pause = { who: 'ada', why: '', atMs: scene.store.wallMs() }
      await scene.outbox.setPaused(pause)
      await scene.store.advance(3_000)
      assert.deepEqual(heard(), [pause])
      await scene.outbox.setPaused(null)
      await scene.store.advance(3_000)
      assert.deepEqual(heard(), [pause, null])
    },
  },
  {
    name: 'an append that shall be part of a transaction is refused where there is none to be part of',
    needs: ({ transactions }) => !transactions,
    async run(scene) {
      await assert.rejects(
        scene.outbox.append([entry('1')], async () => []),
        (error) => isHoldfastError(error) && error.code === 'INVALID_OPTIONS',
      )
      assert.equal((await scene.outbox.stats()).waiting, 0)
    },
  },
  {
    name: 'a wait holds for all handles, and outlives the one that asked for it',
    needs: allDeliver,
    async run(scene) {
      const second = await scene.open()
      await scene.append(entry('a1'), entry('a2'))
      await scene.settle(await scene.claim(), { to: 'waiting', delayMs: 800, countAttempt: true })
      assert.deepEqual(idsOf(await second.outbox.claim(everything)), [])
      assert.equal((await second.outbox.stats()).lanesHeld, 1)
      await scene.outbox.close()
      scene.handle = second
      assert.deepEqual(await scene.claimIds(), [])
      await scene.store.advance(1_000)
      const [again] = (await scene.claim()).entries
      assert.deepEqual([again?.id, again?.attempts], ['a1', 1])
    },
  },
  {
    name: 'each handle hears how many there are, and what another has learned of the provider, but not itself',
    needs: allDeliver,
    async run(scene) {
      const heard = (handle: typeof scene.handle, type: 'hint' | 'handles'): readonly OutboxNotice[] =>
        handle.notices.filter((notice) => notice.type === type)
      const second = await scene.open()
      await until(scene, () => heard(scene.handle, 'handles').length > 0 && heard(second, 'handles').length > 0)
      await until(scene, () => [scene.handle, second].every((each) => countOf(heard(each, 'handles').at(-1)) === 2))
      second.outbox.tell({ kind: 'limited', forMs: 700 })
      await until(scene, () => heard(scene.handle, 'hint').length > 0)
      assert.deepEqual(heard(scene.handle, 'hint'), [{ type: 'hint', hint: { kind: 'limited', forMs: 700 } }])
      assert.deepEqual(heard(second, 'hint'), [])
      await second.outbox.close()
      second.outbox.tell({ kind: 'well' })
      await until(scene, () => countOf(heard(scene.handle, 'handles').at(-1)) === 1)
    },
  },
]

/** A hint and a count take their time, at most some seconds. */
async function until(scene: Scene, isSo: () => boolean): Promise<void> {
  for (let look = 0; !isSo(); look++) {
    assert.ok(look < 500, 'nothing was heard in ten seconds')
    await scene.store.advance(20)
  }
}

function countOf(notice: OutboxNotice | undefined): number | undefined {
  return notice?.type === 'handles' ? notice.count : undefined
}
