/** Bounds: what does not fit is refused whole, and settling never is. */
import assert from 'node:assert/strict'

import { OutboxFullError } from '../../errors.ts'
import { crowd, entry, type SceneCase } from './scene.ts'

function full(bound: string, limit: number, used: number): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof OutboxFullError, String(error))
    assert.deepEqual({ bound: error.bound, limit: error.limit, used: error.used }, { bound, limit, used })
    assert.ok(error.retryAfterMs > 0)
    return true
  }
}

export const boundCases: readonly SceneCase[] = [
  {
    name: 'a call that would go over the bound of operations stores nothing of itself',
    limits: { maxOperations: 3 },
    async run(scene) {
      await scene.append(...crowd('c', 2))
      await assert.rejects(scene.append(...crowd('d', 2)), full('operations', 3, 2))
      assert.equal((await scene.outbox.stats()).waiting, 2)
      await scene.append(entry('last'))
      await assert.rejects(scene.append(entry('one more')), full('operations', 3, 3))
      const stats = await scene.outbox.stats()
      assert.deepEqual({ waiting: stats.waiting, accepted: stats.totals.accepted }, { waiting: 3, accepted: 3 })
      assert.equal(stats.operationsMax, 3)
      await scene.checkAccount()
    },
  },
  {
    name: 'a call that would go over the bound of bytes stores nothing of itself',
    limits: { maxBytes: 1_000 },
    async run(scene) {
      await scene.append(entry('x', { body: 'é'.repeat(300) }))
      await assert.rejects(scene.append(entry('y', { body: 'é'.repeat(201) })), full('bytes', 1_000, 600))
      await scene.append(entry('z', { body: 'é'.repeat(200) }))
      const { waitingBytes, bytesMax } = await scene.outbox.stats()
      assert.deepEqual({ waitingBytes, bytesMax }, { waitingBytes: 1_000, bytesMax: 1_000 })
    },
  },
  {
    name: 'calls under way at once are refused one by one',
    limits: { maxOperations: 3 },
    async run(scene) {
      const results = await Promise.allSettled([
        scene.append(...crowd('c', 2)),
        scene.append(...crowd('d', 2)),
        scene.append(entry('e')),
        scene.append(entry('f')),
      ])
      assert.deepEqual(
        results.map(({ status }) => status),
        ['fulfilled', 'rejected', 'fulfilled', 'rejected'],
      )
    },
  },
  {
    name: 'a duplicate takes no room',
    limits: { maxOperations: 1 },
    async run(scene) {
      const keyed = entry('k', { keyed: true })
      await scene.append(keyed)
      assert.equal((await scene.append(keyed, keyed))[0]?.state, 'duplicate')
      await assert.rejects(scene.append(keyed, entry('x')), full('operations', 1, 1))
    },
  },
  {
    name: 'a key of a refused call is not remembered',
    limits: { maxOperations: 1 },
    async run(scene) {
      await assert.rejects(scene.append(entry('k', { keyed: true }), entry('x')))
      assert.equal((await scene.append(entry('k', { keyed: true })))[0]?.state, 'stored')
    },
  },
  {
    name: 'dead letters count towards the bounds, and leave room when they are dropped',
    limits: { maxOperations: 2 },
    async run(scene) {
      await scene.append(entry('x'))
      await scene.settle(await scene.claim(), { to: 'dead', reason: 'rejected' })
      await scene.append(entry('y'))
      await assert.rejects(scene.append(entry('z')), full('operations', 2, 2))
      await scene.outbox.resolveDead({ all: true }, 'drop')
      await scene.append(entry('z'))
    },
  },
  {
    name: 'in a full outbox everything but append works: claim, settle each way, list, replay, purge',
    limits: { maxOperations: 4, maxBytes: 10_000 },
    async run(scene) {
      await scene.append(...crowd('c', 4))
      await assert.rejects(scene.append(entry('x')))
      const claim = await scene.claim()
      const [first, second, third] = claim.entries
      assert.deepEqual(
        await scene.outbox.settle([
          { lease: claim.lease, position: first!.position, verdict: { to: 'dead', reason: 'rejected' } },
          {
            lease: claim.lease,
            position: second!.position,
            verdict: { to: 'waiting', delayMs: 0, countAttempt: true },
          },
        ]),
        ['held', 'held'],
      )
      await assert.rejects(scene.append(entry('x')), full('operations', 4, 4))
      assert.equal((await scene.outbox.list({ from: 'dead', limit: 10 })).entries.length, 1)
      assert.equal(await scene.outbox.resolveDead({ all: true }, 'replay'), 1)
      assert.equal(await scene.outbox.purge(second!.lanes[0]!), 1)
      await scene.append(entry('x'))
      await scene.settle(claim, { to: 'delivered' }, (each) => each === third)
      await scene.append(entry('y'))
      await scene.checkAccount()
    },
  },
]
