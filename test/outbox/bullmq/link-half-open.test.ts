/** A connection whose other end has gone without a word is found out and made anew. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { openLink } from '../../../src/outbox/bullmq/link.ts'
import { startTcpProxy } from '../../servers/tcp-proxy.ts'
import { until } from '../../until.ts'
import { count, failureOf, fastClock, scene, succeeds } from './scene.ts'

const KEY = '{a}counter'

test(
  'commands and channels go over new connections when the old ones are forgotten by the network',
  scene(async ({ use, redis, link: openOn }) => {
    const server = await redis()
    const direct = await openOn(server.url)
    const proxy = await startTcpProxy(server.port)
    use({ [Symbol.asyncDispose]: () => proxy.stop() })
    const connection = `redis://127.0.0.1:${proxy.port}`
    const link = await openLink({ connection, commandTimeoutMs: 10_000, clock: fastClock })
    use({ [Symbol.asyncDispose]: () => link.close() })
    const heard: string[] = []
    await link.subscribe('news', (message) => heard.push(message))
    assert.equal(await link.run(count, [KEY], [1]), 1)
    proxy.forget()
    const lost = await failureOf(link.run(count, [KEY], [1]))
    assert.equal(lost.mayBeStored, true)
    assert.equal((await failureOf(link.run(count, [KEY], [1]))).mayBeStored, false)
    await until(() => succeeds(link.run(count, [KEY], [0])))
    assert.equal(await link.command('get', [KEY]), '1')
    await until(async () => {
      await direct.command('publish', ['news', 'again'])
      return heard.includes('again')
    })
    // None of the old ones is left.
    await until(() => proxy.open === 2)
  }),
)
