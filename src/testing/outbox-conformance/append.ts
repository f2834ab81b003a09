/** Append: what comes back out is what went in, once, in order. */
import assert from 'node:assert/strict'

import { allDeliver, crowd, entry, sameIds, virtualTime, type SceneCase } from './scene.ts'

export const appendCases: readonly SceneCase[] = [
  {
    name: 'an appended entry is claimed as it was given, with no attempt counted',
    async run(scene) {
      const given = entry('x', {
        lanes: ['person:ünïcode 🎈/+?"\'', 'person:\u0000'],
        type: 'identify',
        priority: 'bulk',
        acceptedAtMs: 1_767_225_600_123,
        expiresAtMs: 1_767_225_700_000,
        campaignAtMs: 1_767_225_600_000,
        body: JSON.stringify({ v: 1, call: 'a "quoted" \u0000 body\n🎈' }),
      })
      const [result] = await scene.append(given)
      assert.equal(result?.state, 'stored')
      const claim = await scene.claim()
      assert.deepEqual(claim.entries, [{ ...given, position: result.position, attempts: 0 }])
      assert.equal(claim.role, 'active')
    },
  },
  {
    name: 'appending nothing is allowed and stores nothing',
    async run(scene) {
      assert.deepEqual(await scene.append(), [])
      assert.equal((await scene.outbox.stats()).waiting, 0)
    },
  },
  {
    name: 'entries of one lane come out in the order of append, within one call and over several under way at once',
    async run(scene) {
      const ids = Array.from({ length: 40 }, (_, index) => `e${index}`)
      await Promise.all([
        scene.append(...ids.slice(0, 15).map((id) => entry(id))),
        scene.append(...ids.slice(15, 16).map((id) => entry(id))),
        scene.append(...ids.slice(16).map((id) => entry(id))),
      ])
      assert.deepEqual(await scene.drain(), ids)
    },
  },
  {
    name: 'positions are different for each entry, also after everything was delivered',
    async run(scene) {
      const first = await scene.append(entry('x'), entry('y'))
      await scene.drain()
      const second = await scene.append(entry('z'))
      const positions = [...first, ...second].map(({ position }) => position)
      assert.equal(new Set(positions).size, 3)
    },
  },
  {
    name: 'two entries with one id are two entries when they have no key',
    needs: (subject) => !allDeliver(subject),
    async run(scene) {
      const results = await scene.append(entry('same'), entry('same'))
      assert.deepEqual(
        results.map(({ state }) => state),
        ['stored', 'stored'],
      )
      assert.deepEqual(await scene.drain(), ['same', 'same'])
    },
  },
  {
    name: 'a keyed entry is stored once: in one call, in a later one, after delivery, after a restart',
    async run(scene) {
      const keyed = entry('k', { keyed: true })
      const [first, second] = await scene.append(keyed, keyed)
      assert.equal(first?.state, 'stored')
      const duplicate = { state: 'duplicate', position: first.position }
      assert.deepEqual(second, duplicate)
      assert.deepEqual(await scene.append(keyed), [duplicate])
      assert.deepEqual(await scene.drain(), ['k'])
      assert.deepEqual(await scene.append(keyed, entry('other')), [
        duplicate,
        { state: 'stored', position: (await scene.outbox.list({ from: 'waiting', limit: 1 })).entries[0]?.position },
      ])
      await scene.reopen()
      assert.deepEqual(await scene.append(keyed), [duplicate])
      const { totals } = await scene.outbox.stats()
      assert.equal(totals.accepted, 2)
      assert.equal(totals.duplicates, 4)
      await scene.checkAccount()
    },
  },
  {
    name: 'a key is forgotten after its time, but not while its entry still waits',
    limits: { rememberKeysMs: 1_000 },
    needs: virtualTime,
    async run(scene) {
      const keyed = entry('k', { keyed: true })
      await scene.append(keyed)
      await scene.store.advance(5_000)
      assert.equal((await scene.append(keyed))[0]?.state, 'duplicate', 'it still waits')
      await scene.drain()
      assert.equal((await scene.append(keyed))[0]?.state, 'stored', 'delivered, and older than its time')
      await scene.drain()
      await scene.store.advance(999)
      assert.equal((await scene.append(keyed))[0]?.state, 'duplicate', 'within its time, counted anew')
      await scene.store.advance(1)
      assert.equal((await scene.append(keyed))[0]?.state, 'stored', 'at the end of its time')
    },
  },
  {
    name: 'one thousand entries of one thousand lanes come in one claim',
    async run(scene) {
      const entries = crowd('c', 1_000)
      await scene.append(...entries)
      sameIds(
        await scene.claimIds(),
        entries.map(({ id }) => id),
      )
    },
  },
]
