/** Opening, hearing and closing a link, and what its errors do not tell. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { test } from 'node:test'
import { inspect } from 'node:util'

import { Redis } from 'ioredis'

import { OptionsError } from '../../../src/errors.ts'
import { openLink } from '../../../src/outbox/bullmq/link.ts'
import { until } from '../../until.ts'
import { clock, count, failureOf, FOREVER_MS, fastClock, scene, succeeds } from './scene.ts'

const KEY = '{a}counter'
const open = { commandTimeoutMs: FOREVER_MS, clock }

test(
  'where no server is, opening fails at once, and succeeds when there is one',
  scene(async ({ redis, link }) => {
    const server = await redis()
    await server.kill()
    const error = await failureOf(openLink({ connection: server.url, ...open }))
    assert.equal(error.code, 'OUTBOX_UNAVAILABLE')
    assert.equal(error.mayBeStored, false)
    assert.match(error.message, /^Redis cannot be reached$/)
    assert.equal(Reflect.get(error.cause as Error, 'code'), 'ECONNREFUSED')
    await server.restart()
    const late = await link(server.url)
    assert.equal(await late.run(count, [KEY], [1]), 1)
  }),
)

test('a server that accepts and says nothing is given up', async () => {
  let sockets = 0
  const silent = createServer((socket) => {
    sockets++
    socket.on('error', () => {})
    socket.on('close', () => sockets--)
    socket.resume()
  }).listen(0, '127.0.0.1')
  await once(silent, 'listening')
  try {
    const { port } = silent.address() as AddressInfo
    const error = await failureOf(
      openLink({ connection: { host: '127.0.0.1', port }, commandTimeoutMs: FOREVER_MS, clock: fastClock }),
    )
    assert.equal(error.code, 'OUTBOX_UNAVAILABLE')
    assert.match(error.message, /was not ready within 5000 ms/)
    // Nothing is left open.
    await until(() => sockets === 0)
  } finally {
    silent.close()
  }
})

test(
  'a wrong password is an error that does not tell the password',
  scene(async ({ redis, link }) => {
    const server = await redis()
    await (await link(server.url)).command('config', ['set', 'requirepass', 'right'])
    const connection = `redis://:very-secret@127.0.0.1:${server.port}`
    const error = await failureOf(openLink({ connection, ...open }))
    assert.equal(error.code, 'OUTBOX_UNAVAILABLE')
    assert.match(error.message, /refuses the user name or password \(WRONGPASS\)/)
    assert.doesNotMatch(told(error), /very-secret/)
    const unnamed = await failureOf(openLink({ connection: server.url, ...open }))
    assert.match(unnamed.message, /asks for a password \(NOAUTH\)/)
    const allowed = await link(`redis://:right@127.0.0.1:${server.port}`)
    assert.equal(await allowed.run(count, [KEY], [1]), 1)
  }),
)

test(
  'what a command held is not in its error',
  scene(async ({ redis, link: openOn }) => {
    const server = await redis()
    const link = await openOn(server.url)
    await link.command('set', ['text', 'x'])
    for (const call of [
      () =>
        link.run({ name: 'wrong', source: "return redis.call('hset', KEYS[1], 'a', ARGV[1])" }, ['text'], ['a-person']),
      () => link.command('no-such-command', ['a-person']),
      () => link.run(count, ['text'], ['a-person']),
    ]) {
      const error = await failureOf(call())
      assert.equal(error.code, 'OUTBOX_UNAVAILABLE')
      // A script may have done something before it failed.
      assert.equal(error.mayBeStored, true)
      assert.doesNotMatch(told(error), /a-person/)
    }
  }),
)

function told(error: unknown): string {
  return inspect(error, { depth: 10, showHidden: true })
}

test('a connection that cannot be one is refused by name, and not repeated', async () => {
  const wrong: readonly unknown[] = [
    'http://user:very-secret@localhost',
    'redis://user:very-secret@localhost:port',
    'very-secret',
    7,
    null,
    [],
    { duplicate: () => ({}) },
    { host: 'localhost', keyPrefix: 'a:' },
  ]
  for (const connection of wrong) {
    await assert.rejects(openLink({ connection: connection as string, ...open }), (error: unknown) => {
      assert.ok(error instanceof OptionsError)
      assert.equal(error.field, 'connection')
      assert.doesNotMatch(told(error), /very-secret/)
      return true
    })
  }
  await assert.rejects(openLink({ connection: 'redis://localhost', commandTimeoutMs: 0, clock }), {
    name: 'OptionsError',
    field: 'commandTimeoutMs',
  })
})

test(
  'an instance lends its options, whatever they are, and is left alone',
  scene(async ({ redis, link: openOn }) => {
    const server = await redis()
    const mine = new Redis({ host: '127.0.0.1', port: server.port, db: 3, maxRetriesPerRequest: 20 })
    try {
      const link = await openOn(mine)
      await link.run(count, [KEY], [5])
      await link.subscribe('news', () => {})
      await link.close()
      assert.equal(mine.status, 'ready')
      assert.equal(await mine.get(KEY), '5')
    } finally {
      mine.disconnect()
    }
  }),
)

test(
  'what is in a URL does not undo that a call fails at once',
  scene(async ({ redis, link: openOn }) => {
    const server = await redis()
    const link = await openOn(`${server.url}/2?maxRetriesPerRequest=20&enableOfflineQueue=true`)
    await link.run(count, [KEY], [1])
    await server.kill()
    await until(() => !link.available)
    assert.match((await failureOf(link.run(count, [KEY], [1]))).message, /cannot be reached/)
  }),
)

test(
  'a channel is heard again after its server has been away',
  scene(async ({ redis, link: openOn }) => {
    const server = await redis()
    const link = await openOn(server.url)
    const heard: string[] = []
    await link.subscribe('news', (message) => heard.push(`a ${message}`))
    await link.subscribe('news', (message) => heard.push(`b ${message}`))
    await link.subscribe('other', (message) => heard.push(`c ${message}`))
    await link.command('publish', ['news', '1'])
    await link.command('publish', ['other', '2'])
    await until(() => heard.length === 3)
    assert.deepEqual(heard, ['a 1', 'b 1', 'c 2'])
    await server.restart()
    await until(() => succeeds(link.command('publish', ['news', 'back'])).then(() => heard.includes('b back')))
    assert.ok(heard.includes('a back'))
  }),
)

test(
  'a channel that cannot be heard is an error, and can be asked for again',
  scene(async ({ redis, link: openOn }) => {
    const server = await redis()
    const link = await openOn(server.url)
    await server.kill()
    assert.equal((await failureOf(link.subscribe('news', () => {}))).code, 'OUTBOX_UNAVAILABLE')
    await server.restart()
    const heard: string[] = []
    await until(() => succeeds(link.subscribe('news', (message) => heard.push(message))))
    await until(() => link.available)
    await link.command('publish', ['news', '1'])
    await until(() => heard.length > 0)
    assert.deepEqual(heard, ['1'])
  }),
)

test(
  'closing waits for what is under way, and nothing goes afterwards',
  scene(async ({ redis, link: openOn }) => {
    const server = await redis()
    const link = await openOn(server.url)
    const changes: boolean[] = []
    link.watch((available) => changes.push(available))
    const last = link.run(count, [KEY], [1])
    await Promise.all([link.close(), link.close()])
    assert.equal(await last, 1)
    assert.deepEqual(changes, [false])
    for (const call of [
      () => link.run(count, [KEY], [1]),
      () => link.command('ping', []),
      () => link.subscribe('news', () => {}),
    ]) {
      assert.equal((await failureOf(call())).code, 'OUTBOX_CLOSED')
    }
  }),
)

test(
  'a link to a frozen server closes, after the time of the calls under way',
  scene(async ({ redis, link: openOn }) => {
    const server = await redis()
    const link = await openOn(server.url, 300)
    await link.subscribe('news', () => {})
    server.freeze()
    const call = failureOf(link.run(count, [KEY], [1]))
    await link.close()
    assert.equal((await call).mayBeStored, true)
  }),
)

test(
  'a change of mind ends a watch',
  scene(async ({ redis, link: openOn }) => {
    const server = await redis()
    const link = await openOn(server.url)
    const changes: string[] = []
    const unwatch = link.watch((available) => changes.push(`a ${available}`))
    link.watch((available) => changes.push(`b ${available}`))
    unwatch()
    await server.kill()
    await until(() => !link.available)
    await until(() => changes.length > 0)
    assert.deepEqual(changes, ['b false'])
  }),
)
