/** The link to three nodes of a cluster, and behind sentinels. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Cluster } from 'ioredis'

import { until } from '../../until.ts'
import { startSentinel } from '../../servers/redis-sentinel.ts'
import { count, failureOf, FOREVER_MS, scene, succeeds, TIMEOUT_MS } from './scene.ts'

const KEYS = Array.from({ length: 12 }, (_, index) => `{p${index}}counter`)

test(
  'a cluster: scripts go to the node of their keys, channels are heard from each, and a lost node fails for its keys alone',
  scene(async ({ use, cluster: startCluster, link: openOn }) => {
    const servers = await startCluster()
    const mine = new Cluster([...servers.startupNodes])
    use({ [Symbol.asyncDispose]: async () => mine.disconnect() })
    mine.on('error', () => {})
    const link = await openOn(mine, TIMEOUT_MS)
    for (const key of KEYS) assert.equal(await link.run(count, [key], [1]), 1)
    assert.equal(
      (await link.everywhere('dbsize', [])).reduce<number>((sum, size) => sum + Number(size), 0),
      KEYS.length,
    )

    const heard: string[] = []
    await link.subscribe('news', (message) => heard.push(message))
    await link.command('publish', ['news', 'hello'])
    await until(() => heard.includes('hello'))

    const node = await servers.nodeOf(KEYS[0]!)
    const elsewhere = await keyElsewhere(KEYS[0]!, (key) => servers.nodeOf(key))
    node.freeze()
    const silent = await failureOf(link.run(count, [KEYS[0]!], [1]))
    assert.equal(silent.mayBeStored, true)
    node.thaw()
    await until(() => succeeds(link.run(count, [KEYS[0]!], [0])))
    assert.equal(await link.command('get', [KEYS[0]!]), '2')

    await node.kill()
    const dead = await failureOf(link.run(count, [KEYS[0]!], [1]))
    assert.equal(dead.code, 'OUTBOX_UNAVAILABLE')
    await until(() => succeeds(link.run(count, [elsewhere], [0])))
    await node.restart()
    await until(() => succeeds(link.run(count, [KEYS[0]!], [0])))
    await until(() => succeeds(link.command('publish', ['news', 'again'])).then(() => heard.includes('again')))
    assert.equal(mine.status, 'ready')
  }),
)

async function keyElsewhere(key: string, nodeOf: (key: string) => Promise<unknown>): Promise<string> {
  const here = await nodeOf(key)
  for (const other of KEYS) if ((await nodeOf(other)) !== here) return other
  return assert.fail('all keys lie on one node')
}

test(
  'a plain connection to a node of a cluster says what is wrong',
  scene(async ({ cluster: startCluster, link: openOn }) => {
    const { nodes } = await startCluster()
    const link = await openOn(nodes[0]!.url, FOREVER_MS)
    const failures = await Promise.all(
      KEYS.map((key) =>
        link.run(count, [key], [1]).then(
          () => null,
          (error: unknown) => error,
        ),
      ),
    )
    const [moved] = failures.filter((error) => error instanceof Error)
    assert.match(moved?.message ?? '', /belongs to a cluster.*Cluster instance.*\(MOVED\)/)
  }),
)

test(
  'sentinels: when the master is gone, the link goes on with the one that they name',
  scene(async ({ use, redis, link: openOn }) => {
    const master = await redis()
    const replica = await redis({ replicaof: `127.0.0.1 ${master.port}` })
    const sentinel = await startSentinel(master.port)
    use({ [Symbol.asyncDispose]: () => sentinel.stop() })
    const sentinels = [{ host: '127.0.0.1', port: sentinel.port }]
    const link = await openOn({ sentinels, name: sentinel.name, sentinelRetryStrategy: () => 50 }, TIMEOUT_MS)
    assert.equal(await link.run(count, [KEYS[0]!], [1]), 1)
    await until(async () => String(await link.command('info', ['replication'])).includes('state=online'))
    assert.equal(await link.command('wait', [1, 5_000]), 1)
    await sentinel.knowsReplica()
    await master.kill()
    await until(() => succeeds(link.run(count, [KEYS[0]!], [0])))
    assert.equal(await link.command('get', [KEYS[0]!]), '1')
    assert.match(String(await link.command('info', ['server'])), new RegExp(`tcp_port:${replica.port}`))
  }),
)
