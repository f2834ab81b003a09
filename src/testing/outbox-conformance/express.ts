/** Express: live entries of idle lanes and the backlog are served side by side, and order inside a lane goes first. */
import assert from 'node:assert/strict'

import { crowd, entry, idsOf, type SceneCase } from './scene.ts'

const small = { entriesMax: 8 } as const

export const expressCases: readonly SceneCase[] = [
  {
    name: 'a live entry of an idle lane does not wait behind a backlog, and the backlog goes on beside it',
    async run(scene) {
      await scene.append(...crowd('old', 2_000, { priority: 'bulk' }))
      await scene.deliver(small)
      await scene.append(...crowd('live', 100))
      const served: string[] = []
      for (let round = 0; round < 20; round++) served.push(...(await scene.deliver(small)))
      const live = served.filter((id) => id.startsWith('live')).length
      assert.equal(served.length, 160)
      assert.ok(live >= 90, `${live} of 100 live entries came in 20 claims`)
      assert.ok(served.length - live >= 40, 'the backlog had a quarter of each claim')
      assert.equal((await scene.drain()).length, 2_100 - 168)
      await scene.checkAccount()
    },
  },
  {
    name: 'claims of one entry serve live entries and the backlog too',
    async run(scene) {
      await scene.append(...crowd('old', 2_000, { priority: 'bulk' }))
      await scene.append(...crowd('live', 12))
      const served: string[] = []
      for (let round = 0; round < 16; round++) served.push(...(await scene.deliver({ entriesMax: 1 })))
      const live = served.filter((id) => id.startsWith('live')).length
      assert.ok(live >= 10, `${live} of 12 live entries came in 16 claims`)
      assert.ok(served.length - live >= 4, 'the backlog had every fourth')
    },
  },
  {
    name: 'live entries that keep coming do not starve the backlog',
    async run(scene) {
      await scene.append(...crowd('old', 200, { priority: 'bulk' }))
      let backlog = 0
      for (let round = 0; round < 100; round++) {
        await scene.append(...crowd(`live ${round} `, 8))
        backlog += (await scene.deliver(small)).filter((id) => id.startsWith('old')).length
      }
      assert.equal(backlog, 200)
    },
  },
  {
    name: 'a live entry of a lane with a backlog waits for it',
    async run(scene) {
      await scene.append(...crowd('old', 1_000, { priority: 'bulk' }))
      await scene.append(entry('first', { lanes: ['a'], priority: 'bulk' }), entry('second', { lanes: ['a'] }))
      const order: string[] = []
      for (let round = 0; round < 1_000 && order.length < 2; round++) {
        order.push(...(await scene.deliver(small)).filter((id) => id === 'first' || id === 'second'))
      }
      assert.deepEqual(order, ['first', 'second'])
    },
  },
  {
    name: 'live entries that follow a live one of an idle lane follow it past the backlog, one at a time',
    async run(scene) {
      await scene.append(...crowd('old', 2_000, { priority: 'bulk' }))
      await scene.deliver(small)
      await scene.append(entry('1'), entry('2'), entry('3', { lanes: ['a', 'b'] }))
      const order: string[] = []
      for (let round = 0; round < 20; round++) {
        const claim = await scene.claim(small)
        const ours = idsOf(claim).filter((id) => ['1', '2', '3', '4'].includes(id))
        assert.ok(ours.length <= 1, 'one of the lane at a time')
        order.push(...ours)
        if (ours[0] === '2') await scene.append(entry('4', { lanes: ['b'] }))
        await scene.settle(claim, { to: 'delivered' })
      }
      assert.deepEqual(order, ['1', '2', '3', '4'])
    },
  },
  {
    name: 'a bulk entry between live ones of a lane keeps its place',
    async run(scene) {
      await scene.append(...crowd('old', 300, { priority: 'bulk' }))
      await scene.append(entry('1'), entry('2', { priority: 'bulk' }), entry('3'))
      const order = (await scene.drain(small)).filter((id) => ['1', '2', '3'].includes(id))
      assert.deepEqual(order, ['1', '2', '3'])
    },
  },
  {
    name: 'a live entry that joins a busy lane with an idle one waits for the busy one',
    async run(scene) {
      await scene.append(...crowd('old', 300, { priority: 'bulk' }))
      await scene.append(
        entry('busy', { lanes: ['busy'], priority: 'bulk' }),
        entry('idle', { lanes: ['idle'] }),
        entry('both', { lanes: ['idle', 'busy'] }),
        entry('after', { lanes: ['idle'] }),
      )
      const order = (await scene.drain(small)).filter((id) => ['busy', 'idle', 'both', 'after'].includes(id))
      assert.deepEqual(
        order.filter((id) => id !== 'busy'),
        ['idle', 'both', 'after'],
      )
      assert.ok(order.indexOf('busy') < order.indexOf('both'))
    },
  },
  {
    name: 'retries of live entries beside a backlog keep the order of their lanes',
    async run(scene) {
      await scene.append(...crowd('old', 500, { priority: 'bulk' }))
      await scene.append(...Array.from({ length: 30 }, (_, index) => entry(`${index}`, { lanes: [`l${index % 3}`] })))
      const done: string[] = []
      for (let round = 0; (await scene.outbox.stats()).waiting > 0; round++) {
        assert.ok(round < 2_000, 'it ends')
        const claim = await scene.claim(small)
        const fails = (id: string): boolean => !id.startsWith('old') && (Number(id) + round) % 2 === 0
        await scene.settle(claim, { to: 'waiting', delayMs: 0, countAttempt: true }, ({ id }) => fails(id))
        await scene.settle(claim, { to: 'delivered' }, ({ id }) => !fails(id))
        done.push(...idsOf(claim).filter((id) => !id.startsWith('old') && !fails(id)))
      }
      for (const lane of [0, 1, 2]) {
        const ids = done.map(Number).filter((id) => id % 3 === lane)
        assert.deepEqual(
          ids,
          Array.from({ length: 10 }, (_, index) => lane + 3 * index),
        )
      }
    },
  },
]
