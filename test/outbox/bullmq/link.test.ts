/** What a caller gets of each way in which Redis can be away, and that it comes back by itself. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'

import type { RedisLink } from '../../../src/outbox/bullmq/link.ts'
import type { RedisServer } from '../../servers/redis.ts'
import { until } from '../../until.ts'
import { count, failureOf, FOREVER_MS, scene, type Scene, succeeds, TIMEOUT_MS } from './scene.ts'

interface Trouble {
  readonly name: string
  readonly settings?: Readonly<Record<string, string>>
  /** A call that waits for as long as it may would outlast the test. */
  readonly commandTimeoutMs: number
  /** Brings it about; resolves to how it ends. */
  readonly begin: (server: RedisServer, link: RedisLink, scene: Scene) => Promise<() => Promise<void>>
  /** What the first call after it gets, and the second one. */
  readonly first: RegExp
  readonly mayBeStored: boolean
  readonly second: RegExp
  /** The counter after all: 1 before, and what took effect meanwhile. */
  readonly counted: number
}

const KEY = '{a}counter'
const AWAY = /^Redis cannot be reached$/

const troubles: readonly Trouble[] = [
  {
    name: 'killed',
    commandTimeoutMs: FOREVER_MS,
    begin: async (server, link) => {
      await server.kill()
      await until(() => !link.available)
      return () => server.restart()
    },
    first: AWAY,
    mayBeStored: false,
    second: AWAY,
    counted: 1,
  },
  {
    name: 'killed while the call is under way',
    commandTimeoutMs: FOREVER_MS,
    begin: async (server) => {
      server.freeze()
      setImmediate(() => void server.kill())
      return () => server.restart()
    },
    first: /ended before its answer came/,
    mayBeStored: true,
    second: AWAY,
    counted: 1,
  },
  {
    name: 'frozen',
    commandTimeoutMs: TIMEOUT_MS,
    begin: async (server) => {
      server.freeze()
      return async () => server.thaw()
    },
    first: /did not answer within 1000 ms/,
    mayBeStored: true,
    second: AWAY,
    counted: 2,
  },
  {
    name: 'out of memory',
    settings: { maxmemory: '3mb' },
    commandTimeoutMs: FOREVER_MS,
    begin: async (_server, link) => {
      await until(async () => !(await succeeds(link.command('append', ['ballast', 'x'.repeat(100_000)]))))
      return async () => void (await link.command('config', ['set', 'maxmemory', 0]))
    },
    first: /no memory left \(maxmemory\) \(OOM\)/,
    mayBeStored: false,
    second: /\(OOM\)/,
    counted: 1,
  },
  {
    name: 'made a replica of another one',
    commandTimeoutMs: FOREVER_MS,
    begin: async (_server, link, { redis }) => {
      const master = await redis({ 'repl-diskless-sync-delay': '0' })
      await link.command('replicaof', ['127.0.0.1', master.port])
      await until(async () => String(await link.command('info', ['replication'])).includes('master_link_status:up'))
      return async () => {
        await until(() => succeeds(link.command('replicaof', ['no', 'one'])))
      }
    },
    first: /read-only replica: it may be failing over \(READONLY\)/,
    mayBeStored: false,
    // It is left, and asked for anew: another one may be behind the same name by now.
    second: AWAY,
    // It has taken over the nothing that the other one had.
    counted: 0,
  },
  {
    name: 'without the right to run scripts',
    commandTimeoutMs: FOREVER_MS,
    begin: async (_server, link) => {
      await link.command('acl', ['setuser', 'default', '-evalsha', '-eval'])
      return async () => void (await link.command('acl', ['setuser', 'default', '+evalsha', '+eval']))
    },
    first: /may not run this command.* \(NOPERM\)/,
    mayBeStored: false,
    second: /\(NOPERM\)/,
    counted: 1,
  },
]

for (const trouble of troubles) {
  test(
    `${trouble.name}: a call fails at once or after its time, says whether it may be stored, and later ones succeed again`,
    scene(async (scene) => {
      const server = await scene.redis(trouble.settings)
      const link = await scene.link(server.url, trouble.commandTimeoutMs)
      const changes: boolean[] = []
      link.watch((available) => changes.push(available))
      assert.equal(await link.run(count, [KEY], [1]), 1)
      const end = await trouble.begin(server, link, scene)

      const first = await failureOf(link.run(count, [KEY], [1]))
      assert.equal(first.code, 'OUTBOX_UNAVAILABLE')
      assert.match(first.message, trouble.first)
      assert.equal(first.mayBeStored, trouble.mayBeStored)
      const second = await failureOf(link.run(count, [KEY], [1]))
      assert.match(second.message, trouble.second)
      assert.equal(second.mayBeStored, false)

      await end()
      await until(() => succeeds(link.run(count, [KEY], [0])))
      assert.equal(Number(await link.command('get', [KEY])), trouble.counted)
      assert.equal(link.available, true)
      assert.deepEqual(changes.slice(-2), trouble.second === AWAY ? [false, true] : [])
    }),
  )
}

test(
  'a server that freezes while nobody calls is found out, so that the first call fails at once',
  scene(async ({ redis, link: open }) => {
    const server = await redis()
    const link = await open(server.url, TIMEOUT_MS)
    server.freeze()
    await until(() => !link.available)
    const { message, mayBeStored } = await failureOf(link.run(count, [KEY], [1]))
    assert.match(message, AWAY)
    assert.equal(mayBeStored, false)
    server.thaw()
    await until(() => succeeds(link.run(count, [KEY], [1])))
  }),
)

test(
  'an answer that lies in the socket while the process is busy is not taken for silence',
  scene(async ({ redis, link: open }) => {
    const server = await redis()
    const link = await open(server.url, TIMEOUT_MS)
    await link.run(count, [KEY], [1])
    const answer = link.run(count, [KEY], [1])
    const startMs = performance.now()
    while (performance.now() - startMs < 2 * TIMEOUT_MS);
    assert.equal(await answer, 2)
    assert.equal(link.available, true)
  }),
)

test(
  'a server that has lost the scripts is given them again',
  scene(async ({ redis, link: open }) => {
    const server = await redis()
    const link = await open(server.url)
    assert.equal(await link.run(count, [KEY], [2]), 2)
    await link.command('script', ['flush'])
    assert.equal(await link.run(count, [KEY], [2]), 4)
    assert.deepEqual(await link.command('script', ['exists', shaOf(count.source)]), [1])
  }),
)

function shaOf(source: string): string {
  return createHash('sha1').update(source).digest('hex')
}
