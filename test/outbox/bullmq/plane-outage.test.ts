/** The control plane while Redis is away: it harms nobody, closes, and comes back by itself. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Cluster } from 'ioredis'

import { until } from '../../until.ts'
import { NAME, openPlane, openQueue } from './plane-scene.ts'
import { failureOf, scene, succeeds } from './scene.ts'

const letter = { id: '01J00000000000000000000001', type: 'track', reason: 'rejected', atMs: 1_700_000_000_000 } as const

test(
  'it opens while no server is there, and works from when one comes',
  scene(async ({ use, redis }) => {
    const server = await redis()
    await server.kill()
    const { plane, heard } = await openPlane(use, server.url)
    plane.ring()
    plane.mirror([letter])
    const error = await failureOf(plane.setPaused(true))
    assert.deepEqual([error.code, error.mayBeStored], ['OUTBOX_UNAVAILABLE', false])
    await until(() => heard.failures.length > 0)
    await server.restart()
    await until(() => heard.sweeps > 0)
    const dead = openQueue(use, { host: '127.0.0.1', port: server.port }, `${NAME}-dead`)
    await until(async () => (await dead.getFailedCount()) === 1)
  }),
)

test(
  'it opens and closes while no server is there',
  scene(async ({ use, redis }) => {
    const server = await redis()
    await server.kill()
    const { plane } = await openPlane(use, server.url)
    plane.ring()
    plane.mirror([letter])
    await plane.close()
    plane.ring()
    plane.unmirror([letter.id])
    assert.equal((await failureOf(plane.setPaused(true))).code, 'OUTBOX_CLOSED')
  }),
)

test(
  'after a restart of the server bells, sweeps and pauses come again',
  scene(async ({ use, redis }) => {
    const server = await redis()
    const { plane, heard } = await openPlane(use, server.url)
    await until(() => heard.sweeps > 0)
    for (let restart = 0; restart < 2; restart++) {
      await server.kill()
      plane.ring()
      await server.restart()
      const { sweeps, woken } = heard
      await until(() => {
        plane.ring()
        return heard.sweeps > sweeps && heard.woken > woken + 1
      })
    }
    await until(() => succeeds(plane.setPaused(true)))
    assert.deepEqual(heard.pauses, [])
    await openQueue(use, { host: '127.0.0.1', port: server.port }).resume()
    await until(() => heard.pauses.length === 1)
  }),
)

test(
  'a server that has lost everything is given the sweep and the dead letters again',
  scene(async ({ use, redis, link: openOn }) => {
    const server = await redis({ appendonly: 'no' })
    const { plane, heard } = await openPlane(use, server.url, {
      sweep: async () => {
        heard.sweeps++
        plane.mirror([letter])
      },
    })
    const dead = openQueue(use, { host: '127.0.0.1', port: server.port }, `${NAME}-dead`)
    await until(async () => heard.sweeps > 0 && (await dead.getFailedCount()) === 1)
    await server.kill()
    await server.restart()
    const { sweeps } = heard
    await until(async () => heard.sweeps > sweeps && (await dead.getFailedCount()) === 1)

    // Also while it stays there.
    await (await openOn(server.url)).command('flushall', [])
    const later = heard.sweeps
    await until(() => heard.sweeps > later + 1)
  }),
)

test(
  'a frozen server holds nobody up: neither a bell, nor a close',
  scene(async ({ use, redis }) => {
    const server = await redis()
    const thawed = await openPlane(use, server.url)
    const { plane, heard } = await openPlane(use, server.url)
    await until(() => heard.woken + thawed.heard.woken > 0)
    plane.mirror([letter])
    server.freeze()
    for (let ring = 0; ring < 1_000; ring++) plane.ring()
    plane.unmirror([letter.id])
    await plane.close()
    server.thaw()
    const { sweeps } = thawed.heard
    await until(() => thawed.heard.sweeps > sweeps)
  }),
)

test(
  'a cluster: bell, sweep, pause and dead letters, with the hash tag of the prefix',
  scene(async ({ use, cluster: startCluster }) => {
    const servers = await startCluster()
    const mine = new Cluster([...servers.startupNodes])
    use({ [Symbol.asyncDispose]: async () => mine.disconnect() })
    const here = await openPlane(use, mine)
    const there = await openPlane(use, mine)
    await until(() => here.heard.sweeps + there.heard.sweeps > 1)
    const { woken } = there.heard
    await until(() => {
      here.plane.ring()
      return there.heard.woken > woken
    })
    here.plane.mirror([letter])
    const dead = openQueue(use, mine, `${NAME}-dead`)
    await until(async () => (await dead.getFailedCount()) === 1)
    await here.plane.setPaused(true)
    await until(() => there.heard.pauses.length === 1)
    await there.plane.setPaused(false)
    await until(() => here.heard.pauses.length === 1)
    assert.deepEqual([here.heard.pauses, there.heard.pauses], [[false], [true]])

    const node = await servers.nodeOf('{holdfast-test}')
    await node.kill()
    await node.restart()
    const sweeps = (): number => here.heard.sweeps + there.heard.sweeps
    const before = sweeps()
    await until(() => sweeps() > before + 1)
  }),
)
