import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { applyPauses } from '../../src/admin/pauses.ts'
import { using } from '../using.ts'
import { type AdminWorld, type AskInit, bury, createAdminWorld, ROOT, TOKEN } from './world.ts'

interface Answered {
  readonly status: number
  readonly body: { readonly error?: { readonly code: string; readonly field?: string } } & Readonly<
    Record<string, unknown>
  >
}

async function answered(world: AdminWorld, path: string, init?: AskInit): Promise<Answered> {
  const response = await world.soon(world.ask(path, init))
  assert.equal(response.headers.get('cache-control'), 'no-store')
  assert.match(response.headers.get('content-type') ?? '', /^application\/json/)
  return { status: response.status, body: (await response.json()) as Answered['body'] }
}

const post = (body: unknown): AskInit => ({
  method: 'POST',
  body: typeof body === 'string' ? body : JSON.stringify(body),
})

const refusals: readonly (readonly [string, string, AskInit, number, string, string?])[] = [
  ['no token', '/status', { headers: { authorization: '' } }, 401, 'unauthorized'],
  ['another scheme', '/status', { headers: { authorization: `Basic ${TOKEN}` } }, 401, 'unauthorized'],
  ['a wrong token', '/status', { headers: { authorization: 'Bearer a-token-for-tests-onlx' } }, 401, 'unauthorized'],
  ['a longer token', '/status', { headers: { authorization: `Bearer ${TOKEN}x` } }, 401, 'unauthorized'],
  ['a browser', '/status', { headers: { origin: 'http://127.0.0.1:8485' } }, 403, 'foreign-origin'],
  ['a sandboxed page', '/status', { headers: { origin: 'null' } }, 403, 'foreign-origin'],
  ['a name that points here', '/status', { headers: { host: 'evil.example' } }, 403, 'foreign-host'],
  ['a name that begins like loopback', '/status', { headers: { host: '127.0.0.1.evil.example' } }, 403, 'foreign-host'],
  ['no such route', '/nothing', {}, 404, 'unknown-route'],
  ['no such workspace', '/workspaces/other/queue', {}, 404, 'unknown-workspace', 'workspace'],
  ['another method', '/status', { method: 'DELETE' }, 405, 'method-not-allowed'],
  ['a GET that would act', '/workspaces/shop/pause', {}, 405, 'method-not-allowed'],
  ['an unknown parameter', '/workspaces/shop/queue?persn=1', {}, 400, 'invalid-request', 'persn'],
  ['a parameter twice', '/workspaces/shop/queue?id=1&id=2', {}, 400, 'invalid-request', 'id'],
  ['a limit of 0', '/workspaces/shop/queue?limit=0', {}, 400, 'invalid-request', 'limit'],
  ['a limit above the most', '/workspaces/shop/queue?limit=1001', {}, 400, 'invalid-request', 'limit'],
  ['an unknown order', '/workspaces/shop/queue?order=random', {}, 400, 'invalid-request', 'order'],
  ['an unknown reason of death', '/workspaces/shop/dead?reason=bad', {}, 400, 'invalid-request', 'reason'],
  ['a body that is no JSON', '/workspaces/shop/pause', post('{'), 400, 'invalid-request', 'body'],
  ['a body that is no object', '/workspaces/shop/pause', post([]), 400, 'invalid-request', 'body'],
  [
    'a reason that is too long',
    '/workspaces/shop/pause',
    post({ reason: 'x'.repeat(501) }),
    400,
    'invalid-request',
    'reason',
  ],
  ['a body that is too long', '/workspaces/shop/pause', post(' '.repeat(300_000)), 413, 'body-too-large'],
  ['neither positions nor all', '/workspaces/shop/dead/drop', post({}), 400, 'invalid-request', 'positions'],
  ['both', '/workspaces/shop/dead/drop', post({ all: true, positions: ['1'] }), 400, 'invalid-request', 'positions'],
  [
    'a filter beside positions',
    '/workspaces/shop/dead/drop',
    post({ positions: ['1'], filter: {} }),
    400,
    'invalid-request',
    'filter',
  ],
  [
    'an unknown filter',
    '/workspaces/shop/dead/drop',
    post({ all: true, filter: { typ: 'event' } }),
    400,
    'invalid-request',
    'typ',
  ],
  [
    'positions that are no texts',
    '/workspaces/shop/dead/drop',
    post({ positions: [1] }),
    400,
    'invalid-request',
    'positions',
  ],
  [
    'a drain that is too long',
    '/workspaces/shop/drain',
    post({ timeoutMs: 30_001 }),
    400,
    'invalid-request',
    'timeoutMs',
  ],
  ['a configuration that is not there', '/config', {}, 501, 'not-supported'],
]

test(
  'what breaks inside is told to the log, with nothing of it in the answer',
  using(async (use) => {
    const failures: unknown[] = []
    const config = (): never => {
      throw new Error('the secret is s3cret')
    }
    const world = use(createAdminWorld({ context: { config, failed: (error) => void failures.push(error) } }))
    const answer = await answered(world, '/config')
    assert.deepEqual([answer.status, answer.body.error?.code], [500, 'failed'])
    assert.equal(JSON.stringify(answer.body).includes('s3cret'), false)
    assert.equal(failures.length, 1)
  }),
)

test(
  'what is wrong is refused with its status, its code and its field',
  using(async (use) => {
    const world = use(createAdminWorld())
    await bury(world, 1)
    for (const [name, path, init, status, code, field] of refusals) {
      const answer = await answered(world, path, init)
      assert.deepEqual([answer.status, answer.body.error?.code, answer.body.error?.field], [status, code, field], name)
    }
    assert.deepEqual(world.audited, [], 'nothing was done')
    assert.equal((await world.soon(world.client.status())).workspaces[0]?.stats?.deadLetters, 1)
  }),
)

test(
  'loopback names are let in, by whatever way they are written',
  using(async (use) => {
    const world = use(createAdminWorld())
    for (const root of [ROOT, 'http://localhost:8485', 'http://[::1]:8485', 'http://127.9.9.9']) {
      const request = new Request(`${root}/admin/v1/about`, { headers: { authorization: `bearer ${TOKEN}` } })
      assert.equal((await world.admin.fetch(request)).status, 200, root)
    }
    for (const root of ['http://10.0.0.1', 'http://relay.internal:8485', 'http://0.0.0.0']) {
      const request = new Request(`${root}/admin/v1/about`, { headers: { authorization: `Bearer ${TOKEN}` } })
      assert.equal((await world.admin.fetch(request)).status, 403, root)
    }
  }),
)

test(
  'status has the verdict, and for each workspace health, numbers and what was seen',
  using(async (use) => {
    const world = use(createAdminWorld({ names: ['shop', 'blog'] }))
    const { client, soon, runtime, simulator, workspaces } = world
    await soon(workspaces.get('shop')!.track('1', 'a'))
    await runtime.clock.advance(10_000)
    const good = await soon(client.status())
    assert.equal(good.verdict.text, 'Delivering normally')
    assert.deepEqual(
      good.workspaces.map(({ name, verdict }) => [name, verdict.status]),
      [
        ['shop', 'ok'],
        ['blog', 'ok'],
      ],
    )
    assert.equal(good.uptimeMs, good.atMs - good.startedAtMs!)
    assert.ok((good.workspaces[0]?.traffic?.deliveredPerSecond ?? 0) > 0)
    simulator.down('refused')
    for (let person = 0; person < 20; person++) await soon(workspaces.get('shop')!.track(`${person}`, 'a'))
    await runtime.clock.advance(60_000)
    const bad = await soon(client.status())
    assert.match(
      bad.verdict.text,
      /^Customer\.io unreachable for workspace shop since 00:00 UTC \(1 min\): accepting and storing; 0 lost$/,
    )
    const [shop] = bad.workspaces
    assert.equal(shop?.lastError?.reason, 'refused')
    assert.equal(shop?.stats?.waiting, 20)
    assert.ok(shop?.since.circuitAtMs)
  }),
)

test(
  'what waits and what died is shown masked; revealing it is audited',
  using(async (use) => {
    const world = use(createAdminWorld())
    await bury(world, 1)
    world.workspaces.get('shop')!.pause()
    await world.soon(
      world.workspaces.get('shop')!.identify('7', { email: 'ada@example.com', address: { city: 'Paris' } }),
    )
    const queue = await world.soon(world.client.queue('shop'))
    assert.deepEqual(queue.operations[0]?.request, {
      method: 'PUT',
      path: '/api/v1/customers/7',
      body: {
        email: '***',
        address: { city: '***' },
        _timestamp: Math.floor(queue.operations[0]!.acceptedAtMs / 1_000),
      },
    })
    assert.equal(queue.operations[0]?.person, '7')
    const dead = await world.soon(world.client.dead('shop'))
    assert.equal(JSON.stringify(dead).includes('s3cret'), false)
    assert.deepEqual([dead.deadLetters[0]?.reason, dead.deadLetters[0]?.name], ['rejected', 'order'])
    assert.deepEqual(world.audited, [])
    const open = await world.soon(world.client.dead('shop', { reveal: true }))
    assert.equal(JSON.stringify(open).includes('s3cret'), true)
    assert.deepEqual(world.audited, [
      { type: 'audit', act: 'reveal', workspace: 'shop', who: 'admin', reason: null, count: 1 },
    ])
  }),
)

test(
  'pages follow each other, filtered by person and id, in both orders',
  using(async (use) => {
    const world = use(createAdminWorld())
    const cio = world.workspaces.get('shop')!
    cio.pause()
    for (let index = 0; index < 7; index++) await world.soon(cio.track(`p${index % 2}`, `e${index}`))
    const names: (string | null)[] = []
    let after: string | null = null
    do {
      const page: Awaited<ReturnType<typeof world.client.queue>> = await world.soon(
        world.client.queue('shop', { limit: 3, order: 'newest-first', ...(after === null ? {} : { after }) }),
      )
      names.push(...page.operations.map(({ name }) => name))
      after = page.after
    } while (after !== null)
    assert.deepEqual(names, ['e6', 'e5', 'e4', 'e3', 'e2', 'e1', 'e0'])
    const mine = await world.soon(world.client.queue('shop', { person: 'p1' }))
    assert.deepEqual(
      mine.operations.map(({ name }) => name),
      ['e1', 'e3', 'e5'],
    )
    const one = await world.soon(world.client.queue('shop', { id: mine.operations[1]!.id }))
    assert.deepEqual(
      one.operations.map(({ name }) => name),
      ['e3'],
    )
  }),
)

test(
  'dead letters are grouped by what they died of',
  using(async (use) => {
    const world = use(createAdminWorld())
    await bury(world, 3)
    const { groups, scanned, complete } = await world.soon(world.client.deadGroups('shop'))
    assert.deepEqual([scanned, complete, groups.length], [3, true, 1])
    const [group] = groups
    assert.deepEqual([group?.type, group?.reason, group?.status, group?.count], ['event', 'rejected', 400, 3])
    assert.ok(group!.firstAtMs <= group!.lastAtMs)
    const sample = await world.soon(world.client.dead('shop', { id: group!.sampleId }))
    assert.equal(sample.deadLetters.length, 1)
  }),
)

test(
  'a replay does what its preview said, or nothing',
  using(async (use) => {
    const world = use(createAdminWorld())
    const { client, soon, audited } = world
    await bury(world, 3)
    const choice = { all: true, filter: { type: 'event', reason: 'rejected' } } as const
    const preview = await soon(client.resolveDead('shop', 'replay', { choice, dryRun: true }))
    assert.deepEqual(preview, { matched: 3, done: 0, dryRun: true })
    await bury(world, 1)
    await assert.rejects(soon(client.resolveDead('shop', 'replay', { choice, expectedCount: 3 })), {
      name: 'AdminError',
      code: 'count-changed',
    })
    assert.equal((await soon(client.dead('shop'))).deadLetters.length, 4)
    assert.deepEqual(audited, [])
    const report = await soon(client.resolveDead('shop', 'replay', { choice, expectedCount: 4, reason: 'mended' }))
    assert.deepEqual(report, { matched: 4, done: 4, dryRun: false })
    await world.runtime.clock.advance(5_000)
    assert.equal(world.simulator.ledger.all().filter(({ applied }) => applied).length, 4)
    assert.deepEqual(audited, [
      { type: 'audit', act: 'replay', workspace: 'shop', who: 'admin', reason: 'mended', count: 4 },
    ])
  }),
)

test(
  'a drop takes the named ones, or all, or those of a filter',
  using(async (use) => {
    const world = use(createAdminWorld())
    const { client, soon } = world
    await bury(world, 4)
    const [first] = (await soon(client.dead('shop'))).deadLetters
    const drop = (choice: Parameters<typeof client.resolveDead>[2]['choice']) =>
      soon(client.resolveDead('shop', 'drop', { choice }))
    assert.deepEqual(await drop({ positions: [first!.position, 'nowhere', first!.position] }), {
      matched: 2,
      done: 1,
      dryRun: false,
    })
    assert.equal((await drop({ all: true, filter: { type: 'identify' } })).done, 0)
    assert.equal((await drop({ all: true, filter: { person: 'person-2' } })).done, 1)
    assert.equal((await drop({ all: true })).done, 2)
    assert.equal((await soon(client.dead('shop'))).deadLetters.length, 0)
  }),
)

test(
  'a pause is on the disk, holds across a restart and a new configuration, and ends with resume',
  using(async (use) => {
    const world = use(createAdminWorld({ names: ['shop', 'blog'] }))
    const { client, soon, dataDir, workspaces, runtime } = world
    const report = await soon(client.pause('shop', 'Customer.io asked us to'))
    assert.deepEqual([report.changed, report.pause?.who, report.pause?.why], [true, 'admin', 'Customer.io asked us to'])
    assert.deepEqual(JSON.parse(readFileSync(join(dataDir, 'shop.paused'), 'utf8')), report.pause)
    assert.equal((await soon(client.pause('shop', 'again'))).changed, false)
    const status = await soon(client.status())
    assert.match(
      status.verdict.text,
      /^Paused for workspace shop since 00:00 UTC \(\d+ s\) \(“Customer\.io asked us to”\): storing; resume to deliver$/,
    )
    // After a restart.
    workspaces.get('shop')!.resume()
    assert.deepEqual(applyPauses(dataDir, workspaces), ['shop'])
    assert.equal((await soon(workspaces.get('shop')!.stats())).paused, true)
    assert.equal((await soon(workspaces.get('blog')!.stats())).paused, false)
    // After a reload that brought another client.
    workspaces.get('shop')!.resume()
    world.relay.emit({ type: 'workspaces', added: 0, changed: 1, removed: 0 })
    assert.equal((await soon(workspaces.get('shop')!.stats())).paused, true)
    assert.equal((await soon(client.resume('shop', null))).changed, true)
    assert.deepEqual(readdirSync(dataDir), [])
    await runtime.clock.advance(100)
    assert.equal((await soon(client.status())).verdict.code, 'ok')
    assert.deepEqual(
      world.audited.map(({ act, workspace }) => [act, workspace]),
      [
        ['pause', 'shop'],
        ['pause', 'shop'],
        ['resume', 'shop'],
      ],
    )
  }),
)

test(
  'a drain tells whether nothing waits any more, a probe what Customer.io says',
  using(async (use) => {
    const world = use(createAdminWorld())
    const { client, soon, workspaces } = world
    const cio = workspaces.get('shop')!
    cio.pause()
    await soon(cio.track('1', 'a'))
    assert.deepEqual(await soon(client.drain('shop', 200)), { drained: false, waiting: 1 })
    assert.deepEqual(await soon(client.probe('shop')), { asked: false, reason: 'paused' })
    cio.resume()
    assert.deepEqual(await soon(client.drain('shop', 5_000)), { drained: true, waiting: 0 })
    const probe = await soon(client.probe('shop'))
    assert.ok(probe?.asked)
    assert.equal(probe.region, 'us')
  }),
)

test(
  'a reload is passed on and audited, and its refusal keeps its own words',
  using(async (use) => {
    let refuse = false
    const reload = async (): Promise<unknown> => {
      if (refuse) throw new Error('workspaces.shop.siteId: is missing')
      return { applied: ['log.level'] }
    }
    const world = use(createAdminWorld({ context: { reload, config: () => ({ listen: { port: 8484 } }) } }))
    assert.deepEqual(await world.soon(world.client.reload('new key')), { applied: ['log.level'] })
    assert.deepEqual(await world.soon(world.client.config()), { listen: { port: 8484 } })
    refuse = true
    const answer = await answered(world, '/reload', { method: 'POST' })
    assert.deepEqual([answer.status, answer.body.error?.code], [422, 'reload-refused'])
    assert.deepEqual(
      world.audited.map(({ act, reason }) => [act, reason]),
      [['reload', 'new key']],
    )
  }),
)

test(
  'an outbox that does not answer is 503 with its code',
  using(async (use) => {
    const world = use(createAdminWorld())
    await world.soon(world.workspaces.get('shop')!.close({ timeoutMs: 0 }))
    const closed = await answered(world, '/workspaces/shop/queue')
    assert.deepEqual([closed.status, closed.body.error?.code], [503, 'unavailable'])
  }),
)
