/** Dead letters: kept with their reason, counted, replayed at the end of their lanes, dropped. */
import assert from 'node:assert/strict'

import type { DeadDetail, ListedEntry } from '../../outbox/outbox.ts'
import { crowd, entry, idsOf, sameIds, type Scene, type SceneCase } from './scene.ts'

/** Appends these ids, each in a lane of its name, and makes dead letters of them. Gives their positions by id. */
async function bury(scene: Scene, ids: readonly string[], detail: DeadDetail): Promise<ReadonlyMap<string, string>> {
  await scene.append(...ids.map((id) => entry(id, { lanes: [id] })))
  const claim = await scene.claim()
  await scene.settle(claim, { to: 'dead', ...detail }, (each) => ids.includes(each.id))
  return new Map(claim.entries.map(({ id, position }) => [id, position]))
}

async function deadOf(scene: Scene): Promise<readonly ListedEntry[]> {
  return (await scene.outbox.list({ from: 'dead', limit: 1_000 })).entries
}

export const deadCases: readonly SceneCase[] = [
  {
    name: 'a dead letter keeps its entry and the reason, and frees its lane',
    async run(scene) {
      const dying = entry('1', { lanes: ['a', 'b'], keyed: true, expiresAtMs: 5, campaignAtMs: 7 })
      await scene.append(dying, entry('2'))
      const claim = await scene.claim()
      const detail = { reason: 'rejected', status: 400, field: 'data.plan', message: 'is not a plan' } as const
      const beforeMs = scene.store.wallMs()
      assert.deepEqual(await scene.settle(claim, { to: 'dead', ...detail }), ['held'])
      const [letter] = await deadOf(scene)
      assert.ok(letter?.dead !== undefined && letter.dead.atMs >= beforeMs)
      const { dead, ...listed } = letter
      assert.deepEqual(listed, { ...dying, position: claim.entries[0]?.position, attempts: 0 })
      assert.deepEqual(dead, { ...detail, atMs: dead.atMs })
      assert.deepEqual(await scene.outbox.lookup([letter.position]), [{ state: 'dead', ...detail }])
      assert.deepEqual(await scene.drain(), ['2'])
      await scene.checkAccount()
    },
  },
  {
    name: 'expired entries are counted apart from the other dead letters',
    async run(scene) {
      await bury(scene, ['x'], { reason: 'expired' })
      await bury(scene, ['y', 'z'], { reason: 'campaign-window' })
      const { totals, deadLetters, deadBytes } = await scene.outbox.stats()
      assert.deepEqual(
        { expired: totals.expired, dead: totals.dead, deadLetters },
        { expired: 1, dead: 2, deadLetters: 3 },
      )
      assert.equal(deadBytes, entry('x').body.length * 3)
      await scene.checkAccount()
    },
  },
  {
    name: 'a replayed dead letter goes to the end of its lanes, as it was, and its old position tells what became of it',
    async run(scene) {
      const old = entry('old', { lanes: ['a', 'b'], acceptedAtMs: 1_000, campaignAtMs: 2_000 })
      await scene.append(old)
      const claim = await scene.claim()
      const position = claim.entries[0]!.position
      await scene.settle(claim, { to: 'waiting', delayMs: 0, countAttempt: true })
      await scene.settle(await scene.claim(), { to: 'dead', reason: 'rejected' })
      await scene.append(entry('new', { lanes: ['b'] }))
      assert.equal(await scene.outbox.resolveDead({ positions: [position, position, '4711'] }, 'replay'), 1)
      assert.equal(await scene.outbox.resolveDead({ positions: [position] }, 'replay'), 0, 'it is not dead any more')
      assert.deepEqual(await scene.outbox.lookup([position]), [{ state: 'waiting' }])
      assert.deepEqual(await scene.deliver(), ['new'])
      const again = await scene.claim()
      assert.deepEqual(again.entries, [{ ...old, position: again.entries[0]?.position, attempts: 0 }])
      await scene.settle(again, { to: 'dead', reason: 'unknown-fate' })
      assert.deepEqual(await scene.outbox.lookup([position]), [{ state: 'dead', reason: 'unknown-fate' }])
      assert.equal(await scene.outbox.resolveDead({ all: true }, 'replay'), 1)
      await scene.drain()
      assert.deepEqual(await scene.outbox.lookup([position]), [{ state: 'delivered' }])
      const { totals } = await scene.outbox.stats()
      assert.deepEqual(
        { dead: totals.dead, accepted: totals.accepted, delivered: totals.delivered },
        { dead: 0, accepted: 2, delivered: 2 },
      )
      await scene.checkAccount()
    },
  },
  {
    name: 'replayed dead letters of one lane keep their order',
    async run(scene) {
      const ids = ['1', '2', '3', '4', '5']
      await scene.append(...ids.map((id) => entry(id)))
      for (const _ of ids) await scene.settle(await scene.claim(), { to: 'dead', reason: 'rejected' })
      assert.equal(await scene.outbox.resolveDead({ all: true }, 'replay'), 5)
      assert.deepEqual(await scene.drain(), ids)
    },
  },
  {
    name: 'a dropped dead letter is gone, and is known to have been dropped',
    async run(scene) {
      const positions = await bury(scene, ['x', 'y'], { reason: 'rejected' })
      assert.equal(await scene.outbox.resolveDead({ positions: [positions.get('x')!] }, 'drop'), 1)
      assert.deepEqual(await scene.outbox.lookup([positions.get('x')!, positions.get('y')!]), [
        { state: 'dropped' },
        { state: 'dead', reason: 'rejected' },
      ])
      const { totals, deadLetters, deadBytes } = await scene.outbox.stats()
      assert.deepEqual(
        { dropped: totals.dropped, dead: totals.dead, deadLetters },
        { dropped: 1, dead: 1, deadLetters: 1 },
      )
      assert.equal(deadBytes, entry('y').body.length)
      assert.deepEqual(await scene.drain(), [])
      await scene.checkAccount()
    },
  },
  {
    name: 'dead letters are chosen by reason and by lane',
    async run(scene) {
      await bury(scene, ['a', 'b', 'c'], { reason: 'rejected' })
      await bury(scene, ['d', 'e'], { reason: 'expired' })
      assert.equal(await scene.outbox.resolveDead({ all: true, reason: 'rejected', lane: 'b' }, 'drop'), 1)
      assert.equal(await scene.outbox.resolveDead({ all: true, reason: 'expired' }, 'replay'), 2)
      sameIds(await scene.drain(), ['d', 'e'])
      assert.equal(await scene.outbox.resolveDead({ all: true, lane: 'd' }, 'drop'), 0)
      sameIds(
        (await deadOf(scene)).map(({ id }) => id),
        ['a', 'c'],
      )
      await scene.checkAccount()
    },
  },
  {
    name: 'many dead letters are replayed in one go',
    async run(scene) {
      const ids = crowd('c', 900).map(({ id }) => id)
      await bury(scene, ids, { reason: 'rejected' })
      assert.equal(await scene.outbox.resolveDead({ all: true, reason: 'rejected' }, 'replay'), 900)
      const claim = await scene.claim()
      sameIds(idsOf(claim), ids)
      await scene.checkAccount()
    },
  },
  {
    name: 'dead letters do not hold their lane back, and purging the lane removes them too',
    async run(scene) {
      const positions = await bury(scene, ['x', 'y'], { reason: 'rejected' })
      await scene.append(entry('x2', { lanes: ['x'] }))
      assert.equal(await scene.outbox.purge('x'), 2)
      assert.deepEqual(await scene.outbox.lookup([positions.get('x')!]), [{ state: 'purged' }])
      assert.equal((await scene.outbox.stats()).totals.purged, 2)
      sameIds(
        (await deadOf(scene)).map(({ id }) => id),
        ['y'],
      )
      await scene.checkAccount()
    },
  },
]
