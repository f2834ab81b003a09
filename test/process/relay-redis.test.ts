/** Relays on one Redis: all store and deliver, one pause is for all, and a Redis that is away holds up nobody. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { startRedis } from '../servers/redis.ts'
import { until } from '../until.ts'
import { type RelayInput, startConfigured } from './relay-process.ts'
import { asked, type Scene, scene } from './relay-scene.ts'

function onRedis(
  folder: string,
  name: string,
  url: string,
  env: Readonly<Record<string, string>> = {},
): Partial<RelayInput> {
  return {
    dataDir: join(folder, name),
    env: {
      HOLDFAST_DEFAULTS_OUTBOX_KIND: 'bullmq',
      HOLDFAST_DEFAULTS_OUTBOX_URL: url,
      HOLDFAST_ADMIN_TOKEN: 'a-token-for-tests-only',
      ...env,
    },
  }
}

/** With a Redis of its own. */
function redisScene(
  run: (scene: Scene, redis: Awaited<ReturnType<typeof startRedis>>) => Promise<void>,
): () => Promise<void> {
  return scene(async (parts) => {
    const redis = await startRedis()
    try {
      await run(parts, redis)
    } finally {
      await redis.stop()
    }
  })
}

async function act(adminUrl: string, act: 'pause' | 'resume'): Promise<{ readonly changed: boolean }> {
  const answer = await fetch(`${adminUrl}/admin/v1/workspaces/default/${act}`, {
    method: 'POST',
    headers: { authorization: 'Bearer a-token-for-tests-only', 'content-type': 'application/json' },
    body: '{"reason":"deploy"}',
  })
  assert.equal(answer.status, 200, await answer.clone().text())
  return (await answer.json()) as { readonly changed: boolean }
}

async function reasons(opsUrl: string): Promise<string> {
  const { body } = await asked(`${opsUrl}/healthz`)
  return (body['reasons'] as readonly { readonly code: string }[]).map(({ code }) => code).join()
}

test(
  'a pause at one relay stops all that share its Redis, also one that starts later, and its end lets all deliver in order',
  redisScene(async ({ folder, start, simulator, caller }, redis) => {
    const [one, two] = [start(onRedis(folder, 'one', redis.url)), start(onRedis(folder, 'two', redis.url))]
    const [first, second] = [await one.ready(), await two.ready()]
    await until(async () => (await reasons(first.opsUrl)) === '')
    assert.equal((await act(first.adminUrl, 'pause')).changed, true)
    assert.equal((await act(second.adminUrl, 'pause')).changed, false)
    await until(async () => (await reasons(second.opsUrl)) === 'paused')
    const late = await start(onRedis(folder, 'late', redis.url)).ready()
    await until(async () => (await reasons(late.opsUrl)) === 'paused')
    for (let n = 0; n < 30; n++) {
      const { url } = [first, second, late][n % 3]!
      assert.equal((await caller.track(url, `p${n % 5}`, `event-${n}`)).status, 200)
    }
    assert.equal(simulator.ledger.count({ type: 'event' }), 0)
    assert.equal((await act(late.adminUrl, 'resume')).changed, true)
    await until(() => simulator.ledger.count({ type: 'event', applied: true }) === 30)
    for (let person = 0; person < 5; person++) {
      const names = simulator.ledger.find({ person: `p${person}`, applied: true }).map(({ name }) => name)
      assert.deepEqual(
        names,
        [0, 5, 10, 15, 20, 25].map((n) => `event-${n + person}`),
      )
    }
  }),
)

test(
  'the same Idempotency-Key at two relays on one Redis is one operation',
  redisScene(async ({ folder, start, simulator }, redis) => {
    const relays = ['one', 'two'].map((name) => start(onRedis(folder, name, redis.url)))
    const places = await Promise.all(relays.map((relay) => relay.ready()))
    const call = async (url: string, key: string): Promise<string | null> => {
      const answer = await fetch(`${url}/api/v1/customers/p/events`, {
        method: 'POST',
        headers: {
          authorization: `Basic ${btoa('site:secret-key')}`,
          'content-type': 'application/json',
          'idempotency-key': key,
        },
        body: '{"name":"called"}',
      })
      assert.equal(answer.status, 200)
      return answer.headers.get('x-holdfast-id')
    }
    const ids = await Promise.all([...places, ...places].map(({ url }) => call(url, 'a')))
    assert.equal(new Set(ids).size, 1)
    await call(places[0]!.url, 'b')
    await until(() => simulator.ledger.count({ name: 'called', applied: true }) === 2)
    assert.equal(simulator.ledger.count({ name: 'called' }), 2)
  }),
)

test(
  'a relay whose Redis is away starts, says that it cannot store, and stores when it is back',
  redisScene(async ({ folder, start, simulator, caller }, redis) => {
    await redis.kill()
    const relay = start(onRedis(folder, 'one', redis.url, { HOLDFAST_DEFAULTS_OUTBOX_SPILL_ENABLED: 'false' }))
    const { url, opsUrl } = await relay.ready()
    assert.equal((await relay.saw('store-away'))['code'], 'OUTBOX_UNAVAILABLE')
    assert.equal((await asked(`${opsUrl}/startupz`)).status, 200)
    assert.equal((await asked(`${opsUrl}/readyz`)).status, 503)
    assert.equal((await caller.track(url, 'p', 'refused')).status, 503)
    await redis.restart()
    await until(async () => (await asked(`${opsUrl}/readyz`)).status === 200)
    assert.equal((await caller.track(url, 'p', 'taken')).status, 200)
    await until(() => simulator.ledger.count({ name: 'taken', applied: true }) === 1)
    await redis.kill()
    await until(async () => (await asked(`${opsUrl}/readyz`)).status === 503)
    await redis.restart()
    await until(async () => (await asked(`${opsUrl}/readyz`)).status === 200)
    relay.signal('SIGTERM')
    assert.equal((await relay.ended).code, 0)
  }),
)

test(
  'with a spill a relay stores while its Redis is away, says so, and all of it arrives in order',
  redisScene(async ({ folder, start, simulator, caller }, redis) => {
    const relay = start(onRedis(folder, 'one', redis.url))
    const { url, opsUrl } = await relay.ready()
    await redis.kill()
    for (let n = 0; n < 10; n++) assert.equal((await caller.track(url, 'p', `event-${n}`)).status, 200)
    await relay.saw('spilling')
    assert.equal((await asked(`${opsUrl}/readyz`)).status, 200)
    await redis.restart()
    await relay.saw('spill-ended')
    await until(() => simulator.ledger.count({ type: 'event', applied: true }) === 10)
    const names = simulator.ledger.find({ person: 'p', applied: true }).map(({ name }) => name)
    assert.deepEqual(
      names,
      Array.from({ length: 10 }, (_, n) => `event-${n}`),
    )
  }),
)

test(
  'no line of the log shows the password of the server',
  redisScene(async ({ folder, start, caller }, redis) => {
    const url = redis.url.replace('//', '//nobody:s3cr%40t-word@')
    const relay = start(onRedis(folder, 'one', url, { HOLDFAST_LOG_LEVEL: 'debug' }))
    const { url: track } = await relay.ready()
    // This Redis knows no such user.
    assert.equal((await caller.track(track, 'p', 'called')).status, 200)
    await relay.saw('spilling')
    relay.signal('SIGTERM')
    const { errors } = await relay.ended
    assert.ok(!(JSON.stringify(relay.lines) + errors).includes('s3cr'), JSON.stringify(relay.lines))
  }),
)

test(
  'a reload takes over another limit on the same Redis while requests come, and loses none of them',
  redisScene(async ({ folder, baseUrl, use, simulator, caller }, redis) => {
    const write = (rate: number): void =>
      writeFileSync(
        join(folder, 'relay.yaml'),
        [
          'listen: { port: 0 }',
          'admin: { port: 0 }',
          'ops: { port: 0 }',
          'workspaces:',
          '  default:',
          '    siteId: site',
          '    apiKey: secret-key',
          `    baseUrl: ${baseUrl}`,
          `    rateLimitPerSecond: ${rate}`,
          `    outbox: { kind: bullmq, url: '${redis.url}' }`,
        ].join('\n'),
      )
    write(100)
    const relay = use(startConfigured('relay.yaml', folder))
    const { url } = await relay.ready()
    let count = 0
    const over = new AbortController()
    const calling = (async () => {
      while (!over.signal.aborted)
        assert.equal((await caller.track(url, `p${count % 3}`, `event-${count++}`)).status, 200)
    })()
    await until(() => count > 10)
    write(50)
    relay.signal('SIGHUP')
    assert.deepEqual((await relay.saw('reloaded'))['changed'], ['workspaces.default.rateLimitPerSecond'])
    const before = count
    await until(() => count > before + 10)
    over.abort()
    await calling
    await until(() => simulator.ledger.count({ type: 'event', applied: true }) === count)
    for (let person = 0; person < 3; person++) {
      const numbers = simulator.ledger
        .find({ person: `p${person}`, applied: true })
        .map(({ name }) => Number(name?.slice('event-'.length)))
      assert.deepEqual(
        numbers,
        numbers.toSorted((a, b) => a - b),
      )
    }
  }),
)
