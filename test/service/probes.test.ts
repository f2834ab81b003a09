import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { Health } from '../../src/observe/health.ts'
import type { RelayPhase } from '../../src/observe/relay-events.ts'
import { watchHealth } from '../../src/service/health-watch.ts'
import { createProbes } from '../../src/service/probes.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'
import { healthWith } from '../observe/health-of.ts'

interface Body {
  readonly status?: string
  readonly reasons?: readonly { readonly code: string }[]
  readonly components?: Readonly<
    Record<string, { readonly components: Readonly<Record<string, { readonly status: string }>> }>
  >
}

function world(health: (probe: string | undefined) => Health | Promise<Health> = () => healthWith()) {
  const clock = new VirtualClock()
  const relay = {
    phase: 'serving' as RelayPhase,
    asked: 0,
    workspaces: new Map([
      [
        'shop',
        {
          health: async (options?: { readonly probe?: string }) => {
            relay.asked++
            return health(options?.probe)
          },
        },
      ],
    ]),
  }
  const probes = createProbes(watchHealth(relay, clock))
  const ask = async (path: string, method = 'GET') => {
    const answer = await probes(new Request(`http://relay${path}`, { method }))
    assert.ok(answer)
    const text = await answer.text()
    return { answer, status: answer.status, text, body: text === '' ? {} : (JSON.parse(text) as Body) }
  }
  return { clock, relay, probes, ask }
}

test('a relay that serves is alive, started, ready and ok', async () => {
  const { ask } = world()
  for (const path of ['/livez', '/startupz', '/readyz', '/healthz']) {
    const { status, body, answer } = await ask(path)
    assert.equal(status, 200, path)
    assert.equal(body.status, 'ok')
    assert.equal(answer.headers.get('cache-control'), 'no-store')
    assert.match(answer.headers.get('content-type')!, /^application\/json/)
  }
})

test('while Customer.io is down it is ready, and says degraded with the reasons', async () => {
  const { ask } = world(() => healthWith({ circuitState: 'open' }))
  const { status, body } = await ask('/readyz')
  assert.equal(status, 200)
  assert.equal(body.status, 'degraded')
  assert.equal(body.reasons?.[0]?.code, 'circuit-open')
})

test('while it starts, drains or cannot store it is not ready, and alive all the same', async () => {
  const { ask, relay, clock } = world()
  relay.phase = 'starting'
  assert.deepEqual(
    [(await ask('/readyz')).status, (await ask('/startupz')).status, (await ask('/livez')).status],
    [503, 503, 200],
  )
  // A phase is seen at once, whatever was looked at a moment ago.
  relay.phase = 'serving'
  assert.deepEqual([(await ask('/readyz')).status, (await ask('/startupz')).status], [200, 200])
  relay.phase = 'draining'
  const drained = await ask('/readyz')
  assert.deepEqual([drained.status, drained.body.status], [503, 'stopping'])
  assert.equal((await ask('/livez')).status, 200)
  await clock.advance(2_000)
  const broken = world(() => healthWith({ storeErrorCode: 'OUTBOX_DISK_FULL' }))
  const { status, body } = await broken.ask('/readyz')
  assert.deepEqual([status, body.status, body.reasons?.[0]?.code], [503, 'failing', 'cannot-store'])
  assert.equal((await broken.ask('/livez')).status, 200)
})

test('a thousand questions in a second ask the outbox once', async () => {
  const { ask, relay, clock } = world()
  await Promise.all(Array.from({ length: 1_000 }, () => ask('/readyz')))
  assert.equal(relay.asked, 1)
  await clock.advance(1_000)
  await ask('/readyz')
  assert.equal(relay.asked, 2)
})

test('an outbox that stands still: not ready after 2 s, asked once, and after a minute no longer alive', async () => {
  const { ask, relay, clock } = world(() => new Promise<Health>(() => {}))
  const ready = ask('/readyz')
  await clock.advance(2_000)
  const { status, body } = await ready
  assert.deepEqual([status, body.reasons?.[0]?.code], [503, 'no-answer'])
  assert.equal((await ask('/livez')).status, 200)
  await clock.advance(60_000)
  const dead = await ask('/livez')
  assert.deepEqual([dead.status, dead.body.status], [503, 'failing'])
  assert.equal(relay.asked, 1)
})

test('healthz gives the word, with verbose the tree, and asks Customer.io only when told to', async () => {
  const asked: (string | undefined)[] = []
  const { ask } = world((probe) => {
    asked.push(probe)
    return healthWith({ parked: { reason: 'credentials', status: 401 } })
  })
  const brief = await ask('/healthz')
  assert.deepEqual([brief.status, brief.body.status], [503, 'blocked'])
  assert.ok(!('components' in brief.body))
  const verbose = await ask('/healthz?verbose')
  assert.equal(verbose.body.components?.['shop']?.components['delivery']?.status, 'blocked')
  assert.equal(verbose.body.components?.['shop']?.components['store']?.status, 'ok')
  await ask('/healthz?probe=active')
  assert.deepEqual(asked, [undefined, 'active'])
})

test('HEAD has no body, other methods are refused, other paths are not for the probes', async () => {
  const { ask, probes } = world()
  const head = await ask('/readyz', 'HEAD')
  assert.deepEqual([head.status, head.text], [200, ''])
  const post = await ask('/readyz', 'POST')
  assert.deepEqual([post.status, post.answer.headers.get('allow')], [405, 'GET, HEAD'])
  assert.equal(probes(new Request('http://relay/api/v1/customers/1')), undefined)
  assert.equal(probes(new Request('http://relay/toString')), undefined)
})
