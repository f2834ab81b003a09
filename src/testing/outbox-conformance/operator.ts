/** What operators and health ask for: stats, lookup, list, purge. */
import assert from 'node:assert/strict'

import { crowd, entry, idsOf, sameIds, type SceneCase } from './scene.ts'

const HOUR_MS = 3_600_000

export const operatorCases: readonly SceneCase[] = [
  {
    name: 'stats tell what waits, what is in flight, what is held, and from when it is',
    async run(scene) {
      const nowMs = scene.store.wallMs()
      await scene.append(
        entry('1', { lanes: ['a'], acceptedAtMs: nowMs - 3_000, campaignAtMs: nowMs - 80 * HOUR_MS, body: '123' }),
        entry('2', { lanes: ['b'], acceptedAtMs: nowMs - 2_000, campaignAtMs: nowMs - 50 * HOUR_MS, body: '4567' }),
        entry('3', { lanes: ['c'], acceptedAtMs: nowMs - 1_000, campaignAtMs: nowMs - 60 * HOUR_MS, body: '89' }),
        entry('4', { lanes: ['a'], acceptedAtMs: nowMs }),
      )
      const claim = await scene.claim({ entriesMax: 2 })
      await scene.settle(claim, { to: 'waiting', delayMs: 60_000, countAttempt: true }, ({ id }) => id === '2')
      const stats = await scene.outbox.stats()
      assert.deepEqual(
        { waiting: stats.waiting, inFlight: stats.inFlight, lanesHeld: stats.lanesHeld, role: stats.role },
        { waiting: 4, inFlight: 1, lanesHeld: 1, role: 'active' },
      )
      assert.equal(stats.waitingBytes, 9 + entry('4').body.length)
      assert.equal(stats.oldestAcceptedAtMs, nowMs - 3_000)
      assert.equal(stats.oldestCampaignAtMs, nowMs - 60 * HOUR_MS, 'the first one is closed already')
    },
  },
  {
    name: 'stats of an empty outbox have no oldest',
    async run(scene) {
      await scene.append(entry('1', { campaignAtMs: scene.store.wallMs() }))
      await scene.drain()
      const stats = await scene.outbox.stats()
      assert.deepEqual(
        [stats.waiting, stats.waitingBytes, stats.oldestAcceptedAtMs, stats.oldestCampaignAtMs, stats.lost],
        [0, 0, null, null, 0],
      )
      assert.equal(stats.totals.delivered, 1)
    },
  },
  {
    name: 'lookup tells waiting, in flight, delivered, and what it never heard of',
    async run(scene) {
      const [first, second] = await scene.append(entry('1'), entry('2'))
      const positions = [first!.position, second!.position, '4711', 'no position', '-1', '0']
      const unknown = { state: 'unknown' }
      const waiting = { state: 'waiting' }
      const others = [unknown, unknown, unknown, unknown]
      const claim = await scene.claim()
      assert.deepEqual(await scene.outbox.lookup(positions), [waiting, waiting, ...others])
      await scene.settle(claim, { to: 'delivered' })
      assert.deepEqual(await scene.outbox.lookup(positions), [{ state: 'delivered' }, waiting, ...others])
      assert.deepEqual(await scene.outbox.lookup([]), [])
    },
  },
  {
    name: 'what waits is listed in order, page by page',
    async run(scene) {
      const entries = crowd('c', 25)
      await scene.append(...entries)
      await scene.claim({ entriesMax: 3 })
      const seen: string[] = []
      let after: string | undefined
      for (let page = 0; page < 3; page++) {
        const listed = await scene.outbox.list({
          from: 'waiting',
          limit: 10,
          ...(after === undefined ? {} : { after }),
        })
        seen.push(...listed.entries.map(({ id }) => id))
        assert.equal(listed.after === null, page === 2)
        after = listed.after ?? undefined
      }
      assert.deepEqual(
        seen,
        entries.map(({ id }) => id),
      )
      const { entries: none, after: end } = await scene.outbox.list({ from: 'dead', limit: 10 })
      assert.deepEqual([none, end], [[], null])
    },
  },
  {
    name: 'a full last page has nothing after it',
    async run(scene) {
      await scene.append(...crowd('c', 10))
      assert.equal((await scene.outbox.list({ from: 'waiting', limit: 10 })).after, null)
    },
  },
  {
    name: 'a list may begin at its newest end, page by page',
    async run(scene) {
      const entries = crowd('c', 25)
      await scene.append(...entries)
      const claim = await scene.claim({ entriesMax: 3 })
      await scene.settle(claim, { to: 'dead', reason: 'expired' })
      const seen: string[] = []
      for (const from of ['waiting', 'dead'] as const) {
        let after: string | null | undefined
        while (after !== null) {
          const query = { from, order: 'newest-first', limit: 10 } as const
          const page = await scene.outbox.list(after === undefined ? query : { ...query, after })
          seen.push(...page.entries.map(({ id }) => id))
          after = page.after
        }
      }
      const newestFirst = entries.map(({ id }) => id).reverse()
      assert.deepEqual(seen, newestFirst)
    },
  },
  {
    name: 'an operation is found by its id',
    async run(scene) {
      await scene.append(...crowd('c', 20), entry('x'), entry('y'))
      const found = async (from: 'waiting' | 'dead', id: string): Promise<readonly string[]> =>
        (await scene.outbox.list({ from, id, limit: 5 })).entries.map((listed) => listed.id)
      assert.deepEqual(await found('waiting', 'x'), ['x'])
      assert.deepEqual(await found('dead', 'x'), [])
      assert.deepEqual(await found('waiting', 'z'), [])
      const claim = await scene.claim()
      await scene.settle(claim, { to: 'dead', reason: 'expired' }, ({ id }) => id === 'x')
      assert.deepEqual([await found('waiting', 'x'), await found('dead', 'x')], [[], ['x']])
    },
  },
  {
    name: 'lists can be narrowed to a lane and to a reason',
    async run(scene) {
      await scene.append(entry('x', { lanes: ['a', 'b'] }), entry('y', { lanes: ['b'] }), ...crowd('c', 50))
      const inLane = await scene.outbox.list({ from: 'waiting', lane: 'b', limit: 10 })
      assert.deepEqual(
        inLane.entries.map(({ id }) => id),
        ['x', 'y'],
      )
      assert.equal(inLane.after, null)
      const claim = await scene.claim()
      await scene.settle(claim, { to: 'dead', reason: 'expired' }, ({ id }) => id === 'x')
      await scene.settle(claim, { to: 'dead', reason: 'rejected' }, ({ id }) => id.startsWith('c'))
      const page = async (reason: 'expired' | 'rejected', lane?: string): Promise<readonly string[]> =>
        (
          await scene.outbox.list({ from: 'dead', reason, limit: 1_000, ...(lane === undefined ? {} : { lane }) })
        ).entries.map(({ id }) => id)
      assert.deepEqual(await page('expired'), ['x'])
      assert.equal((await page('rejected')).length, 50)
      assert.deepEqual(await page('expired', 'a'), ['x'])
      assert.deepEqual(await page('rejected', 'a'), [])
    },
  },
  {
    name: 'purging a lane removes what waits and what is in flight, whose lease lapses, and nothing else',
    async run(scene) {
      const appended = await scene.append(
        entry('a1'),
        entry('b1', { lanes: ['b'] }),
        entry('a2'),
        entry('b2', { lanes: ['b'] }),
      )
      const claim = await scene.claim()
      sameIds(idsOf(claim), ['a1', 'b1'])
      assert.equal(await scene.outbox.purge('a'), 2)
      const states = await scene.settle(claim, { to: 'delivered' })
      sameIds(
        claim.entries.map(({ id }, index) => `${id} ${states[index]}`),
        ['a1 lapsed', 'b1 held'],
      )
      assert.deepEqual(await scene.outbox.lookup(appended.map(({ position }) => position)), [
        { state: 'purged' },
        { state: 'delivered' },
        { state: 'purged' },
        { state: 'waiting' },
      ])
      assert.equal(await scene.outbox.purge('a'), 0)
      const { totals } = await scene.outbox.stats()
      assert.deepEqual({ purged: totals.purged, delivered: totals.delivered }, { purged: 2, delivered: 1 })
      assert.deepEqual(await scene.drain(), ['b2'])
      await scene.checkAccount()
    },
  },
  {
    name: 'purging one lane of an entry with several frees the others',
    async run(scene) {
      await scene.append(
        entry('ab', { lanes: ['a', 'b'] }),
        entry('b2', { lanes: ['b'] }),
        entry('bc', { lanes: ['b', 'c'] }),
        entry('c2', { lanes: ['c'] }),
      )
      const claim = await scene.claim()
      assert.deepEqual(idsOf(claim), ['ab'])
      assert.equal(await scene.outbox.purge('a'), 1)
      assert.deepEqual(await scene.settle(claim, { to: 'delivered' }), ['lapsed'])
      assert.deepEqual(await scene.claimIds(), ['b2'])
      assert.equal(await scene.outbox.purge('c'), 2)
      assert.deepEqual(await scene.claimIds(), [])
      await scene.checkAccount()
    },
  },
  {
    name: 'purging a lane that is held back by a retry lets later entries go at once',
    async run(scene) {
      await scene.append(entry('1'))
      await scene.settle(await scene.claim(), { to: 'waiting', delayMs: 600_000, countAttempt: true })
      assert.equal(await scene.outbox.purge('a'), 1)
      await scene.append(entry('2'))
      assert.deepEqual(await scene.drain(), ['2'])
      assert.equal((await scene.outbox.stats()).lanesHeld, 0)
    },
  },
  {
    name: 'a thousand entries of one lane are purged in one go',
    async run(scene) {
      await scene.append(...Array.from({ length: 1_000 }, (_, index) => entry(`${index}`)), ...crowd('c', 10))
      await scene.claim({ entriesMax: 4 })
      assert.equal(await scene.outbox.purge('a'), 1_000)
      assert.equal((await scene.outbox.stats()).waiting, 10)
      await scene.checkAccount()
    },
  },
]
