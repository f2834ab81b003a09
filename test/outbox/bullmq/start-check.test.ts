/** What is said of a server at the start, and what `requireDurability` refuses. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Cluster } from 'ioredis'

import { OptionsError } from '../../../src/errors.ts'
import type { RedisLink } from '../../../src/outbox/bullmq/link.ts'
import { failureOf as unavailable } from '../../../src/outbox/bullmq/redis-failure.ts'
import { checkServer, risksOf, type ServerFacts } from '../../../src/outbox/bullmq/start-check.ts'
import { failureOf, scene } from './scene.ts'

const safe: ServerFacts = {
  product: 'redis',
  version: '7.0.15',
  appendOnly: true,
  appendFsync: 'always',
  canWriteFile: true,
  evictionPolicy: 'noeviction',
  isReplica: false,
  replicas: 0,
  isCluster: false,
}

const sentences: readonly (readonly [Partial<ServerFacts>, RegExp])[] = [
  [{ appendOnly: false }, /^appendonly is no: a restart of Redis loses/],
  [{ appendOnly: null }, /^appendonly could not be checked/],
  [
    { appendFsync: 'everysec' },
    /power loss can lose the last second, and so can a kill -9 of Redis, up to two seconds/,
  ],
  [{ appendFsync: 'no' }, /^appendfsync is no: a power loss/],
  [{ appendFsync: null }, /^appendfsync could not be checked/],
  [{ canWriteFile: false }, /could not write its append-only file/],
  [{ evictionPolicy: 'volatile-lru' }, /^maxmemory-policy is volatile-lru: .*set noeviction/],
  [{ evictionPolicy: 'allkeys-lru' }, /^maxmemory-policy is allkeys-lru/],
  [{ evictionPolicy: null }, /^maxmemory-policy could not be checked/],
  [{ isReplica: true }, /read-only replica/],
  [{ replicas: 2 }, /replication is asynchronous: a failover loses/],
  [{ product: 'dragonfly' }, /not tested/],
]

for (const [facts, sentence] of sentences) {
  test(`a risk is named: ${Object.entries(facts).join()}`, () => {
    const risks = risksOf([{ ...safe, ...facts }], null)
    assert.equal(risks.length, 1)
    assert.match(risks[0]!, sentence)
  })
}

test('a safe server has no risks, two with the same one say it once, and missing slots are counted', () => {
  assert.deepEqual(risksOf([safe], { slotsServed: 16_384 }), [])
  const lesser = { ...safe, appendFsync: 'everysec' }
  assert.equal(risksOf([lesser, lesser, safe], null).length, 1)
  assert.match(risksOf([safe], { slotsServed: 10_923 })[0]!, /serves 10923 of 16384 slots/)
})

test(
  'a real server: as it is, then evicting, then without its file',
  scene(async ({ redis, link: openOn }) => {
    const server = await redis({ appendfsync: 'always' })
    const link = await openOn(server.url)
    const report = await checkServer(link, { requireDurability: true })
    assert.match(report.server, /^redis \d+\.\d+\.\d+$/)
    assert.deepEqual(report.risks, [])

    await link.command('config', ['set', 'maxmemory-policy', 'allkeys-lru'])
    assert.match((await checkServer(link)).risks.join(), /maxmemory-policy is allkeys-lru/)
    const evicting = await failureOf(checkServer(link, { requireDurability: true }))
    assert.equal(evicting.code, 'OUTBOX_NOT_DURABLE')
    assert.match(evicting.message, /^requireDurability: maxmemory-policy is allkeys-lru/)

    await link.command('config', ['set', 'maxmemory-policy', 'noeviction'])
    await link.command('config', ['set', 'appendonly', 'no'])
    assert.match((await checkServer(link)).risks.join(), /appendonly is no/)
    assert.equal((await failureOf(checkServer(link, { requireDurability: true }))).code, 'OUTBOX_NOT_DURABLE')
  }),
)

test(
  'where CONFIG is forbidden, INFO tells what it can; where that is forbidden too, nothing is taken for granted',
  scene(async ({ redis, link: openOn }) => {
    const server = await redis()
    const link = await openOn(server.url)
    await link.command('acl', ['setuser', 'default', '-config'])
    assert.deepEqual((await checkServer(link, { requireDurability: true })).risks, [
      'appendfsync could not be checked: a power loss may lose the operations of the last seconds',
    ])
    const mute = await checkServer(standIn({ info: '' }))
    assert.equal(mute.server, 'redis unknown')
    assert.match(mute.risks.join(), /appendonly could not be checked.*maxmemory-policy could not be checked/)
    const refused = await failureOf(checkServer(standIn({ info: '' }), { requireDurability: true }))
    assert.match(refused.message, /appendonly could not be checked/)
  }),
)

test('an old Redis is refused, Valkey goes by its own name', async () => {
  await assert.rejects(checkServer(standIn({ info: 'redis_version:6.0.16\r\n' })), (error: unknown) => {
    assert.ok(error instanceof OptionsError)
    assert.match(error.message, /must be Redis 6\.2 or later, or Valkey; this is 6\.0\.16/)
    return true
  })
  const info =
    'server_name:valkey\r\nredis_version:7.2.4\r\nvalkey_version:8.1.1\r\naof_enabled:1\r\nmaxmemory_policy:noeviction\r\n'
  assert.equal((await checkServer(standIn({ info }))).server, 'valkey 8.1.1')
})

test('a server that goes away meanwhile is an error, not a risk', async () => {
  const away = standIn({ info: 'redis_version:7.0.15\r\n', config: () => unavailable(new Error('closed'), true) })
  assert.equal((await failureOf(checkServer(away))).code, 'OUTBOX_UNAVAILABLE')
})

test(
  'of a cluster all masters count',
  scene(async ({ use, cluster: startCluster, link: openOn }) => {
    const servers = await startCluster()
    const mine = new Cluster([...servers.startupNodes])
    use({ [Symbol.asyncDispose]: async () => mine.disconnect() })
    const link = await openOn(mine)
    const risks = async (): Promise<string> => (await checkServer(link)).risks.join()
    assert.match(await risks(), /^appendfsync is everysec[^;]*$/)
    const last = await openOn(servers.nodes[2]!.url)
    await last.command('config', ['set', 'maxmemory-policy', 'volatile-ttl'])
    assert.match(await risks(), /maxmemory-policy is volatile-ttl/)
    await last.command('cluster', ['delslots', 16_383])
    await (await openOn(servers.nodes[0]!.url)).command('cluster', ['delslots', 16_383])
    await (await openOn(servers.nodes[1]!.url)).command('cluster', ['delslots', 16_383])
    assert.match(await risks(), /serves 16383 of 16384 slots/)
  }),
)

/** A link to a server that says this, and refuses everything else. */
function standIn(says: { readonly info: string; readonly config?: () => Error }): RedisLink {
  const refuse = async (): Promise<never> => {
    const noPermission = new Error('NOPERM no permission')
    noPermission.name = 'ReplyError'
    throw unavailable(noPermission, true)
  }
  return {
    available: true,
    run: refuse,
    command: refuse,
    everywhere: async (name) => {
      if (name === 'info') return [says.info]
      if (says.config !== undefined) throw says.config()
      return refuse()
    },
    subscribe: refuse,
    watch: () => () => {},
    close: async () => {},
  }
}
