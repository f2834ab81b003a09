/** What a running `holdfast relay` takes over from a new configuration, and what it tells. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { until } from '../until.ts'
import { asked, scene } from './relay-scene.ts'

const EMPTY = { HOLDFAST_SITE_ID: '', HOLDFAST_API_KEY: '', HOLDFAST_BASE_URL: '' }

interface Written {
  readonly workspaces: readonly string[]
  readonly extra?: string
}

/** Each workspace has the key `<name>-secret`, and delivers as `site`. */
function configText(baseUrl: string, { workspaces, extra = '' }: Written): string {
  const each = workspaces.map(
    (name) => `  ${name}:
    siteId: site
    apiKey: secret-key
    baseUrl: ${baseUrl}
    inbound: [{ siteId: ${name}, apiKey: ${name}-secret }]
`,
  )
  return `${extra}workspaces:\n${each.join('')}`
}

async function track(url: string, workspace: string, name: string): Promise<number> {
  const answer = await fetch(`${url}/api/v1/customers/1/events`, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa(`${workspace}:${workspace}-secret`)}`, 'content-type': 'application/json' },
    body: JSON.stringify({ name }),
  })
  await answer.text()
  return answer.status
}

test(
  'SIGHUP takes workspaces and the log level over without a restart, and keeps what it has when the new one is wrong',
  scene(async ({ folder, baseUrl, start, simulator }) => {
    const file = join(folder, 'relay.yaml')
    const write = (written: Written): void => writeFileSync(file, configText(baseUrl, written))
    write({ workspaces: ['one'] })
    const relay = start({ env: { ...EMPTY, HOLDFAST_CONFIG: file } })
    const { url, opsUrl } = await relay.ready()
    assert.deepEqual([await track(url, 'one', 'a'), await track(url, 'two', 'b')], [200, 401])

    write({ workspaces: ['one', 'two'], extra: 'log: { level: debug }\n' })
    relay.signal('SIGHUP')
    const { changed } = await relay.saw('reloaded')
    assert.deepEqual([...(changed as string[])].sort(), ['log.level', 'workspaces.two'])
    assert.deepEqual([await track(url, 'one', 'c'), await track(url, 'two', 'd')], [200, 200])
    await relay.saw('answered')

    writeFileSync(file, `${configText(baseUrl, { workspaces: ['one'] })}shutdownTimout: 5s\n`)
    relay.signal('SIGHUP')
    const refused = await relay.saw('reload-refused')
    assert.match(JSON.stringify(refused['problems']), /shutdownTimout/)
    assert.equal(await track(url, 'two', 'e'), 200)
    const metrics = await (await fetch(`${opsUrl}/metrics`)).text()
    assert.match(metrics, /^holdfast_config_last_reload_successful 0$/m)

    write({ workspaces: ['one', 'two'], extra: 'listen: { port: 1 }\nlimits: { inFlightMax: 5 }\n' })
    const before = relay.lines.length
    relay.signal('SIGHUP')
    const restart = await relay.saw('restart-needed', before)
    assert.ok((restart['changed'] as string[]).includes('limits.inFlightMax'))
    assert.equal(await track(url, 'one', 'f'), 200)
    await until(() => simulator.ledger.count({ type: 'event', applied: true }) === 5)
    const text = JSON.stringify(relay.lines)
    for (const secret of ['one-secret', 'two-secret', 'secret-key']) assert.ok(!text.includes(secret), secret)
  }),
)

test(
  'the admin API reloads, and answers what was applied or why not; its acts are in the log',
  scene(async ({ folder, baseUrl, start }) => {
    const file = join(folder, 'relay.yaml')
    writeFileSync(file, configText(baseUrl, { workspaces: ['one'] }))
    const relay = start({ env: { ...EMPTY, HOLDFAST_CONFIG: file } })
    const { adminUrl } = await relay.ready()
    const token = readFileSync(join(folder, 'data', 'admin-token'), 'utf8').trim()
    const reload = (): Promise<Response> =>
      fetch(`${adminUrl}/admin/v1/reload`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: '{}',
      })
    writeFileSync(file, configText(baseUrl, { workspaces: ['one'], extra: 'shutdownTimeout: 20s\n' }))
    const good = await reload()
    assert.equal(good.status, 200)
    assert.match(await good.text(), /shutdownTimeout/)
    await relay.saw('admin')
    writeFileSync(file, 'nonsense: 1\n')
    const bad = await reload()
    assert.ok(bad.status >= 400 && bad.status < 500, String(bad.status))
    assert.match(await bad.text(), /nonsense/)
    assert.ok(!JSON.stringify(relay.lines).includes(token))
  }),
)

test(
  'SIGUSR2 writes how everything is in one line',
  scene(async ({ start, caller, simulator }) => {
    simulator.down('unavailable')
    const relay = start()
    const { url } = await relay.ready()
    await caller.track(url, 'ada@example.com', 'called')
    relay.signal('SIGUSR2')
    const line = await relay.saw('dump')
    assert.equal(line['phase'], 'serving')
    const { default: numbers } = line['workspaces'] as Readonly<Record<string, { readonly waiting: number }>>
    assert.equal(numbers?.waiting, 1)
    assert.ok(!JSON.stringify(line).includes('ada@'))
  }),
)

test(
  'a second relay on the same folder is let in and told of the first; it takes over when the first one stops',
  scene(async ({ start, caller, simulator }) => {
    const first = start()
    await first.ready()
    const second = start()
    const { url } = await second.ready()
    const shared = await second.saw('data-dir-shared')
    assert.equal(shared['otherPid'], first.pid)
    assert.equal((await caller.track(url, '1', 'stored by the second')).status, 200)
    first.signal('SIGTERM')
    assert.equal((await first.ended).code, 0)
    await until(() => simulator.ledger.count({ type: 'event', applied: true }) === 1)
    await until(() => second.lines.some((line) => line.event === 'role' && line['role'] === 'active'))
    assert.equal((await asked(`${url}/readyz`)).status, 200)
  }),
)
