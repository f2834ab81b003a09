/** Executions: one at a time holds a key, and its first result stands for its time. */
import assert from 'node:assert/strict'

import type { Begun, IdempotencyStore } from '../../idempotency/store.ts'
import { entry, severalHandles, virtualTime, type Scene, type SceneCase } from './scene.ts'

const LEASE_MS = 60_000

function begin(store: IdempotencyStore, key: string, token: string, leaseMs: number = LEASE_MS): Promise<Begun> {
  return store.begin({ key, token, leaseMs })
}

async function stateOf(store: IdempotencyStore, key: string): Promise<Begun['state']> {
  return (await begin(store, key, `asks for ${key}`)).state
}

/** Executes a key and remembers a result of it. */
async function done(scene: Scene, key: string, value: string, ttlMs?: number): Promise<void> {
  const { executions } = scene.outbox
  assert.deepEqual(await begin(executions, key, `t ${key}`), { state: 'held' })
  assert.deepEqual(await executions.complete({ key, token: `t ${key}`, value, ttlMs }), { value })
}

export const executionCases: readonly SceneCase[] = [
  {
    name: 'executions: one token gets a key, the others are told how long it is taken; other keys are free',
    async run(scene) {
      const { executions } = scene.outbox
      const begun = await Promise.all(['a', 'b', 'c'].map((token) => begin(executions, 'k', token)))
      assert.deepEqual(begun.map(({ state }) => state).sort(), ['held', 'running', 'running'])
      for (const each of begun) {
        if (each.state === 'running') assert.ok(each.leftMs > LEASE_MS - 10_000 && each.leftMs <= LEASE_MS)
      }
      assert.deepEqual(await begin(executions, 'K', 'd'), { state: 'held' }, 'upper and lower case are different')
    },
  },
  {
    name: 'executions: a result is told word for word to whoever begins the key, also after a restart',
    async run(scene) {
      const value = '["ünïcode 🎈 \\u0000 \n\' "]'
      const key = 'person:ünïcode 🎈/+?"\''
      await done(scene, key, value)
      assert.deepEqual(await begin(scene.outbox.executions, key, 'later'), { state: 'done', value })
      await scene.reopen()
      assert.deepEqual(await begin(scene.outbox.executions, key, 'restarted'), { state: 'done', value })
      assert.equal((await scene.outbox.stats()).totals.accepted, 0, 'it is no entry')
    },
  },
  {
    name: 'executions: an abandoned key is free at once; another token cannot abandon or renew it',
    async run(scene) {
      const { executions } = scene.outbox
      await begin(executions, 'k', 'a')
      await executions.abandon({ key: 'k', token: 'b' })
      assert.equal(await executions.renew({ key: 'k', token: 'b', leaseMs: LEASE_MS }), 'lapsed')
      assert.equal(await stateOf(executions, 'k'), 'running')
      await executions.abandon({ key: 'k', token: 'a' })
      assert.equal(await executions.renew({ key: 'k', token: 'a', leaseMs: LEASE_MS }), 'lapsed')
      assert.deepEqual(await begin(executions, 'k', 'c'), { state: 'held' })
    },
  },
  {
    name: 'executions: the first result stands, whoever comes with another one, and cannot be abandoned',
    async run(scene) {
      const { executions } = scene.outbox
      await done(scene, 'k', '[1]')
      assert.deepEqual(await executions.complete({ key: 'k', token: 'late', value: '[2]', ttlMs: undefined }), {
        value: '[1]',
      })
      await executions.abandon({ key: 'k', token: 't k' })
      assert.equal(await executions.renew({ key: 'k', token: 't k', leaseMs: LEASE_MS }), 'lapsed')
      assert.deepEqual(await begin(executions, 'k', 'b'), { state: 'done', value: '[1]' })
    },
  },
  {
    name: 'executions: a lease lasts as long as it is renewed, and then the key may be taken over',
    needs: virtualTime,
    async run(scene) {
      const { executions } = scene.outbox
      await begin(executions, 'k', 'a', 1_000)
      await scene.store.advance(999)
      assert.deepEqual(await begin(executions, 'k', 'b', 1_000), { state: 'running', leftMs: 1 })
      assert.equal(await executions.renew({ key: 'k', token: 'a', leaseMs: 1_000 }), 'held')
      await scene.store.advance(999)
      assert.equal(await stateOf(executions, 'k'), 'running')
      await scene.store.advance(1)
      assert.deepEqual(await begin(executions, 'k', 'c', 1_000), { state: 'held' })
      assert.equal(await executions.renew({ key: 'k', token: 'a', leaseMs: 1_000 }), 'lapsed')
      await executions.abandon({ key: 'k', token: 'a' })
      assert.equal(await stateOf(executions, 'k'), 'running', 'the one who lost it cannot free it')
    },
  },
  {
    name: 'executions: one that was finished is known to be, although its lease had lapsed or was taken over',
    needs: virtualTime,
    async run(scene) {
      const { executions } = scene.outbox
      await begin(executions, 'k', 'a', 1_000)
      await scene.store.advance(2_000)
      assert.deepEqual(await begin(executions, 'k', 'b', 60_000), { state: 'held' })
      await executions.complete({ key: 'k', token: 'a', value: '["a"]', ttlMs: undefined })
      assert.deepEqual(await begin(executions, 'k', 'c'), { state: 'done', value: '["a"]' })
      assert.equal(await executions.renew({ key: 'k', token: 'b', leaseMs: 1_000 }), 'lapsed')
      assert.deepEqual(await executions.complete({ key: 'k', token: 'b', value: '["b"]', ttlMs: undefined }), {
        value: '["a"]',
      })
    },
  },
  {
    name: 'executions: a result is forgotten at the end of its time, one hour where none is given',
    needs: virtualTime,
    async run(scene) {
      const { executions } = scene.outbox
      await done(scene, 'short', '[1]', 500)
      await done(scene, 'hour', '[2]')
      await scene.store.advance(499)
      assert.equal(await stateOf(executions, 'short'), 'done')
      await scene.store.advance(1)
      await done(scene, 'short', '["again"]', 500)
      await scene.store.advance(3_599_499)
      assert.equal(await stateOf(executions, 'hour'), 'done')
      await scene.store.advance(1)
      assert.equal(await stateOf(executions, 'hour'), 'held')
    },
  },
  {
    name: 'executions: a wall clock that is set back does not keep a key taken for longer than a lease',
    needs: virtualTime,
    async run(scene) {
      const { executions } = scene.outbox
      await begin(executions, 'k', 'a', 1_000)
      scene.store.jumpWallMs(-3_600_000)
      assert.equal(await stateOf(executions, 'k'), 'running')
      await scene.store.advance(1_000)
      assert.equal(await stateOf(executions, 'k'), 'held')
    },
  },
  {
    name: 'executions: beyond their number the oldest results are forgotten, and no lease',
    limits: { maxResults: 3 },
    async run(scene) {
      const { executions } = scene.outbox
      await begin(executions, 'leased', 'a')
      for (const key of ['1', '2', '3', '4', '5']) await done(scene, key, '[]')
      assert.equal(await stateOf(executions, 'leased'), 'running')
      assert.equal(await stateOf(executions, '5'), 'done')
      assert.equal(await stateOf(executions, '4'), 'done')
      assert.equal(await stateOf(executions, '1'), 'held')
    },
  },
  {
    name: 'executions: beyond their characters the oldest results are forgotten',
    limits: { maxResultChars: 10_000 },
    async run(scene) {
      const { executions } = scene.outbox
      const value = JSON.stringify(['x'.repeat(2_000)])
      for (const key of ['1', '2', '3', '4', '5', '6']) await done(scene, key, value)
      assert.equal(await stateOf(executions, '1'), 'held')
      assert.equal(await stateOf(executions, '4'), 'done')
      assert.equal(await stateOf(executions, '6'), 'done')
    },
  },
  {
    name: 'executions: all handles share the keys, whichever of them delivers',
    needs: severalHandles,
    async run(scene) {
      const first = scene.outbox.executions
      const second = (await scene.open()).outbox.executions
      assert.deepEqual(await begin(second, 'k', 'b'), { state: 'held' })
      assert.equal((await begin(first, 'k', 'a')).state, 'running')
      await second.complete({ key: 'k', token: 'b', value: '[7]', ttlMs: undefined })
      assert.deepEqual(await begin(first, 'k', 'a'), { state: 'done', value: '[7]' })
    },
  },
  {
    name: 'executions: work in a full outbox',
    limits: { maxOperations: 1 },
    async run(scene) {
      await scene.append(entry('x'))
      await assert.rejects(scene.append(entry('y')))
      await done(scene, 'k', '[1]')
    },
  },
]
