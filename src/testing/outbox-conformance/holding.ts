/** The question whether a lane holds anything: for calls that may only go past the outbox when it does not. */
import assert from 'node:assert/strict'

import { crowd, entry, severalHandles, type SceneCase } from './scene.ts'

const delivered = { to: 'delivered' } as const

export const holdingCases: readonly SceneCase[] = [
  {
    name: 'a lane is held from the append to the end of each of its entries, whatever state they are in',
    async run(scene) {
      const holds = (lane: string): Promise<boolean> => scene.outbox.mayHold([lane])
      assert.equal(await holds('a'), false, 'nothing was appended')
      await scene.append(entry('1'), entry('2'))
      assert.equal(await holds('a'), true, 'waiting')
      assert.equal(await holds('b'), false, 'another lane')
      const claim = await scene.claim()
      assert.equal(await holds('a'), true, 'in flight')
      await scene.settle(claim, { to: 'waiting', delayMs: 300, countAttempt: true })
      assert.equal(await holds('a'), true, 'held back')
      await scene.reopen()
      assert.equal(await holds('a'), true, 'after a restart')
      await scene.store.advance(400)
      await scene.deliver()
      assert.equal(await holds('a'), true, 'the second one waits')
      await scene.deliver()
      assert.equal(await holds('a'), false, 'all are delivered')
    },
  },
  {
    name: 'an entry of several lanes holds each of them, and any of several lanes is found',
    async run(scene) {
      await scene.append(entry('ab', { lanes: ['a', 'b'] }), entry('c', { lanes: ['c'] }))
      for (const lanes of [['a'], ['b'], ['c'], ['x', 'b'], ['x', 'y', 'c']]) {
        assert.equal(await scene.outbox.mayHold(lanes), true, lanes.join(' '))
      }
      assert.equal(await scene.outbox.mayHold(['x', 'y']), false)
      const claim = await scene.claim()
      await scene.settle(claim, delivered, ({ id }) => id === 'ab')
      assert.equal(await scene.outbox.mayHold(['a', 'b']), false)
      assert.equal(await scene.outbox.mayHold(['b', 'c']), true)
    },
  },
  {
    name: 'a dead letter holds no lane; replayed it holds it again, and purged it does not',
    async run(scene) {
      await scene.append(entry('1'))
      await scene.settle(await scene.claim(), { to: 'dead', reason: 'rejected', status: 400 })
      assert.equal(await scene.outbox.mayHold(['a']), false)
      await scene.outbox.resolveDead({ all: true }, 'replay')
      assert.equal(await scene.outbox.mayHold(['a']), true)
      await scene.outbox.purge('a')
      assert.equal(await scene.outbox.mayHold(['a']), false)
    },
  },
  {
    name: 'a lane that was purged while a retry held it back holds nothing, also when the wait would be over',
    async run(scene) {
      await scene.append(entry('1'))
      await scene.settle(await scene.claim(), { to: 'waiting', delayMs: 20, countAttempt: true })
      await scene.outbox.purge('a')
      assert.equal(await scene.outbox.mayHold(['a']), false)
      await scene.store.advance(60)
      assert.deepEqual(await scene.claimIds(), [])
      assert.equal(await scene.outbox.mayHold(['a']), false)
    },
  },
  {
    name: 'a lane behind a backlog is found',
    async run(scene) {
      await scene.append(...crowd('c', 1_500))
      await scene.claim({ entriesMax: 10 })
      await scene.append(entry('last', { lanes: ['last'] }))
      assert.equal(await scene.outbox.mayHold(['last']), true)
      assert.equal(await scene.outbox.mayHold(['lane c1499']), true)
      await scene.drain()
      assert.equal(await scene.outbox.mayHold(['last']), false)
    },
  },
  {
    name: 'what one handle has appended holds its lane for every other one, whoever delivers',
    needs: severalHandles,
    async run(scene) {
      const { outbox: second } = await scene.open()
      await scene.append(entry('1', { lanes: ['first'] }))
      await second.append([entry('2', { lanes: ['second'] })])
      for (const outbox of [scene.outbox, second]) {
        assert.equal(await outbox.mayHold(['first']), true)
        assert.equal(await outbox.mayHold(['second']), true)
        assert.equal(await outbox.mayHold(['third']), false)
      }
      await scene.drain()
      for (const outbox of [scene.outbox, second]) assert.equal(await outbox.mayHold(['first', 'second']), false)
    },
  },
]
