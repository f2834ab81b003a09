/** `import`, `load`, `simulate` and `doctor` as a user runs them: what they print, and the number they end with. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'

import { createSimulator, type Simulator } from '../../src/simulator/index.ts'
import { type Use, using } from '../using.ts'
import { runCli, start } from './fake-io.ts'

interface Place {
  readonly cwd: string
  readonly url: string
  readonly simulator: Simulator
  readonly env: Readonly<Record<string, string>>
}

function inPlace(act: (place: Place, use: Use) => Promise<void>): () => Promise<void> {
  return async () => {
    const cwd = mkdtempSync(join(tmpdir(), 'holdfast-cli-'))
    try {
      await using(async (use) => {
        const simulator = createSimulator({ siteId: 'site', apiKey: 'key' })
        const { url } = use(await simulator.listen(0, '127.0.0.1', { control: true }))
        await act({ cwd, url, simulator, env: { HOLDFAST_SITE_ID: 'site', HOLDFAST_API_KEY: 'key' } }, use)
      })()
    } finally {
      rmSync(cwd, { recursive: true, force: true })
    }
  }
}

const json = (text: string): Record<string, unknown> => JSON.parse(text) as Record<string, unknown>
const codeOf = (err: string): unknown => (json(err)['error'] as { readonly code: string }).code

test(
  'import of a CSV file: dry run, run, again; in JSON and for people',
  inPlace(async ({ cwd, url, simulator, env }) => {
    writeFileSync(
      join(cwd, 'orders.csv'),
      'customer_id,event,total,at\n1,order,12.5,2026-01-01T00:00:00Z\n2,order,much,\n',
    )
    const args = ['import', 'orders.csv', '--url', url, '--as', 'event', '--column', 'id=customer_id']
    args.push('--column', 'name=event', '--column', 'timestamp=at', '--data', 'total:number')
    const dry = await runCli([...args, '--dry-run'], { cwd, env })
    assert.equal(dry.exit, 8)
    assert.deepEqual([json(dry.out)['good'], json(dry.out)['bad'], simulator.ledger.count()], [1, 1, 0])
    const text = await runCli([...args, '--dry-run', '--no-json'], { cwd, env })
    assert.match(text.out, /1 good, 1 bad; nothing was sent\n {2}1 × total: type\n {2}line 3: total: is no number/)

    const first = await runCli(args, { cwd, env })
    assert.equal(first.exit, 8)
    const { state, stored, rejected, rejectedFile } = json(first.out)
    assert.deepEqual([state, stored, rejected, rejectedFile], ['done', 1, 1, join(cwd, 'orders.csv.rejected.ndjson')])
    const [order] = simulator.ledger.events('1')
    assert.deepEqual(
      [order?.timestamp, order?.call?.type === 'event' && order.call.data],
      [1_767_225_600, { total: 12.5 }],
    )

    const again = await runCli([...args, '--no-json'], { cwd, env })
    assert.match(again.out, /was imported already; nothing was sent/)
    assert.equal(simulator.ledger.count(), 1)
  }),
)

test(
  'import with a mapping file, and with a bar where somebody looks',
  inPlace(async ({ cwd, url, simulator, env }) => {
    writeFileSync(join(cwd, 'people.csv'), 'ID;Mail;Plan\n1;a@example.com;pro\n2;b@example.com;\n')
    writeFileSync(
      join(cwd, 'map.json'),
      '{"as":"identify","columns":{"id":"ID"},"data":{"email":"Mail","plan":"Plan"}}',
    )
    const ran = await runCli(['import', 'people.csv', '--map', 'map.json', '--url', url], {
      cwd,
      env,
      isTerminal: true,
    })
    assert.equal(ran.exit, 0, ran.err)
    assert.match(ran.out, /people\.csv is imported: 2 operations in/)
    assert.match(ran.err, /%/)
    assert.deepEqual(simulator.workspace.person('1')?.attributes, { email: 'a@example.com', plan: 'pro' })
  }),
)

test(
  'import: what cannot be is told with its code and number, and nothing is sent',
  inPlace(async ({ cwd, url, simulator, env }) => {
    writeFileSync(join(cwd, 'a.ndjson'), '{"type":"person","action":"delete","identifiers":{"id":"1"}}\n')
    writeFileSync(join(cwd, 'a.csv'), 'id\n1\n')
    writeFileSync(join(cwd, 'a.txt'), '')
    writeFileSync(join(cwd, 'key'), 'wrong\n')
    const cases: readonly (readonly [readonly string[], number, string])[] = [
      [['nowhere.ndjson', '--url', url], 2, 'FILE_UNREADABLE'],
      [['a.txt', '--url', url], 2, 'FORMAT_UNKNOWN'],
      [['a.csv', '--url', url], 2, 'MAPPING'],
      [['a.csv', '--url', url, '--as', 'delete', '--column', 'id'], 2, 'COLUMN'],
      [['a.ndjson', '--url', url, '--as', 'delete'], 2, 'NOT_CSV'],
      [['a.ndjson', '--url', 'nowhere'], 2, 'INVALID_OPTIONS'],
      [['a.ndjson', '--data-dir', 'x', '--workspace', '../etc'], 2, 'WORKSPACE'],
      [['a.ndjson', '--url', url, '--api-key-file', 'none'], 2, 'API_KEY_FILE'],
    ]
    for (const [args, exit, code] of cases) {
      const ran = await runCli(['import', ...args], { cwd, env })
      assert.deepEqual([ran.exit, codeOf(ran.err)], [exit, code], args.join(' '))
    }
    assert.equal((await runCli(['import', 'a.ndjson', '--rate', 'fast'], { cwd, env })).exit, 2)
    assert.equal(codeOf((await runCli(['import', 'a.ndjson', '--url', url], { cwd })).err), 'SITE_ID_MISSING')
    const missing = await runCli(['import', 'a.ndjson', '--url', url], { cwd, env: { HOLDFAST_SITE_ID: 'site' } })
    assert.equal(codeOf(missing.err), 'API_KEY_MISSING')
    const wrong = await runCli(['import', 'a.ndjson', '--url', url, '--api-key-file', 'key'], { cwd, env })
    assert.deepEqual([wrong.exit, json(wrong.out)['state']], [3, 'refused'])
    const gone = await simulator.listen()
    await gone.close()
    const down = await runCli(['import', 'a.ndjson', '--url', gone.url, '--patience', '1ms'], { cwd, env })
    assert.deepEqual([down.exit, json(down.out)['reason']], [6, 'the relay refuses connections'])
    assert.equal(simulator.ledger.count({ applied: true }), 0)
    for (const text of [wrong.out, wrong.err, down.out]) assert.doesNotMatch(text, /wrong|"key"/)
  }),
)

test(
  'import: a signal ends it cleanly, and the next run ends the rest',
  inPlace(async ({ cwd, url, simulator, env }) => {
    const lines = Array.from({ length: 50 }, (_, n) =>
      JSON.stringify({ method: 'POST', path: '/api/v1/customers/1/events', body: { name: 'called', data: { n } } }),
    )
    writeFileSync(join(cwd, 'calls.ndjson'), lines.join('\n'))
    const args = ['import', 'calls.ndjson', '--url', url, '--batch', '5']
    const running = start([...args, '--rate', '20'], { cwd, env })
    while (simulator.ledger.count() === 0) await new Promise((resolve) => setImmediate(resolve))
    running.signal('SIGINT')
    const ended = await running.ended
    assert.deepEqual([ended.exit, json(ended.out)['state']], [8, 'interrupted'])
    assert.ok(simulator.ledger.count() < 50)
    assert.equal((await runCli(args, { cwd, env })).exit, 0)
    const numbers = simulator.ledger.applied().map(({ call }) => call?.type === 'event' && call.data['n'])
    assert.deepEqual(
      numbers,
      Array.from({ length: 50 }, (_, n) => n),
    )
  }),
)

test(
  'load against a simulator verifies, and a simulator that cannot be asked is said so',
  inPlace(async ({ cwd, url, simulator, env }) => {
    const args = ['load', '--url', url, '--simulator', url, '--count', '60', '--people', '8', '--connections', '4']
    const good = await runCli(args, { cwd, env })
    assert.deepEqual([good.exit, json(good.out)['verified'], json(good.out)['accepted']], [0, true, 60])
    // An answer that promises what was not done.
    simulator.faults.add({ kind: 'status', status: 200, times: 5 })
    const bad = await runCli([...args, '--settle', '1ms', '--no-json'], { cwd, env })
    assert.equal(bad.exit, 8)
    assert.match(bad.out, /arrived {3}55; 5 lost, 0 out of order, 0 twice in effect; 0 harmless repeats\nNOT verified/)
    const blind = await runCli(['load', '--url', url, '--simulator', 'http://127.0.0.1:1'], { cwd, env })
    assert.deepEqual([blind.exit, codeOf(blind.err)], [6, 'SIMULATOR'])
    const alone = await runCli(['load', '--url', 'http://127.0.0.1:1', '--simulator', 'none', '--count', '3'], {
      cwd,
      env,
    })
    assert.deepEqual([alone.exit, json(alone.out)['verified']], [6, null])
    const stranger = await runCli([...args, '--site-id', 'other'], { cwd, env })
    assert.equal(stranger.exit, 3)
  }),
)

test(
  'simulate says where it listens, and at its end what it saw',
  inPlace(async ({ cwd, env }) => {
    const running = start(['simulate', '--port', '0', '--no-json', '--scenario', 'throttled', '--latency', '1..5'], {
      cwd,
      env,
    })
    const [, url] = await running.said(/listens on (http:\S+) \(scenario throttled\)/)
    assert.equal((await fetch(`${url}/__simulator/`)).status, 200)
    running.signal('SIGINT')
    const { exit, out } = await running.ended
    assert.equal(exit, 0)
    assert.match(out, /base URL http:\/\/127\.0\.0\.1:\d+\/api\/v1/)
    assert.match(out, /stopped: 0 requests with 0 operations/)
    await assert.rejects(fetch(`${url}/__simulator/`))
    assert.equal((await runCli(['simulate', '--latency', 'long'], { cwd })).exit, 2)
    assert.equal((await runCli(['simulate', '--scenario', 'rain'], { cwd })).exit, 2)
  }),
)

test(
  'doctor: what is well, what is not, what a repair would do, and the repair',
  inPlace(async ({ cwd, url, env }) => {
    const args = ['doctor', '--data-dir', 'data', '--base-url', url]
    const first = await runCli(args, { cwd, env })
    assert.equal(first.exit, 0, first.out)
    const findings = json(first.out)['findings'] as { readonly check: string; readonly status: string }[]
    assert.deepEqual(
      findings
        .filter(({ check }) => ['data-dir', 'credentials default', 'configuration'].includes(check))
        .map(({ status }) => status),
      ['ok', 'warn', 'ok'],
    )
    const asked = await runCli([...args, '--repair'], { cwd, env })
    assert.deepEqual([asked.exit, codeOf(asked.err)], [7, 'NEEDS_YES'])
    const repaired = await runCli([...args, '--repair', '--yes', '--no-json'], { cwd, env })
    assert.match(repaired.out, /repaired: made .*data\n\nand once more:\n/)
    assert.equal(repaired.exit, 0)
    const refused = await runCli([...args, '--no-json'], { cwd, env: { ...env, HOLDFAST_API_KEY: 'wrong' } })
    assert.equal(refused.exit, 3)
    assert.match(refused.out, /FAILED {3}credentials default {11}Customer\.io refuses the credentials \(status 401\)/)
    assert.doesNotMatch(refused.out, /wrong/)
    mkdirSync(join(cwd, 'bad'))
    writeFileSync(join(cwd, 'bad', 'default.db'), 'x'.repeat(10_000))
    assert.equal((await runCli(['doctor', '--data-dir', 'bad', '--base-url', url], { cwd, env })).exit, 9)
  }),
)

test(
  'doctor looks at every workspace of a configuration, or at the named one; flags win',
  inPlace(async ({ cwd, url }) => {
    const shop = { siteId: 'site', apiKey: 'key', baseUrl: url }
    const blog = { ...shop, inbound: [{ siteId: 'b', apiKey: 'c' }] }
    writeFileSync(join(cwd, 'relay.json'), JSON.stringify({ dataDir: 'in-file', workspaces: { shop, blog } }))
    const look = async (...args: string[]): Promise<string> => {
      const ran = await runCli(['doctor', '--no-json', '--config', 'relay.json', ...args], { cwd })
      return `${ran.exit} ${ran.out}${ran.err}`
    }
    const both = await look()
    assert.match(both, /^0 [^]*relay\.json[^]*in-file[^]*credentials shop[^]*credentials blog/)
    const one = await look('--workspace', 'blog', '--data-dir', 'by-flag')
    assert.match(one, /^0 [^]*by-flag[^]*credentials blog/)
    assert.doesNotMatch(one, /credentials shop|in-file/)
    assert.match(await look('-w', 'shoq'), /^2 .*no workspace "shoq" in the configuration; there is shop, blog/)
    assert.match(await look('--site-id', 'x'), /^78 .*the configuration has 1 problem/)
    const missing = await runCli(['doctor', '--config', 'x.yaml'], { cwd })
    assert.deepEqual([missing.exit, codeOf(missing.err)], [78, 'INVALID_CONFIG'])
  }),
)

test(
  'import into the outbox of a stopped relay needs no key, and says where it stored',
  inPlace(async ({ cwd }) => {
    writeFileSync(join(cwd, 'a.ndjson'), '{"type":"person","action":"suppress","identifiers":{"id":"1"}}\n')
    const args = ['import', 'a.ndjson', '--data-dir', 'data', '--workspace', 'shop']
    const ran = await runCli(args, { cwd, env: { HOLDFAST_SITE_ID: 'site' } })
    assert.deepEqual([ran.exit, json(ran.out)['target']], [0, join(cwd, 'data', 'shop.db')])
    const again = await runCli([...args, '--restart'], { cwd, env: { HOLDFAST_SITE_ID: 'site' } })
    assert.equal(json(again.out)['duplicates'], 1)
    const other = await runCli([...args, '--restart'], { cwd, env: { HOLDFAST_SITE_ID: 'other' } })
    assert.deepEqual([other.exit, codeOf(other.err)], [74, 'OUTBOX_UNAVAILABLE'])
  }),
)
