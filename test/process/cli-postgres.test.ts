/** The program on an outbox in Postgres: its tables are made, a relay that waited for them delivers, and commands look. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { startPostgres } from '../servers/postgres.ts'
import { until } from '../until.ts'
import { type CliPlace, cliPlace, type Ran } from './cli-place.ts'
import { startConfigured } from './relay-process.ts'
import { TrackCaller } from './track-caller.ts'
import { asked } from './relay-scene.ts'

const NOBODY = 1

function config(url: string, simulatorUrl: string, ports: number): string {
  return [
    'dataDir: data',
    `listen: { port: ${ports} }`,
    `admin: { port: ${ports} }`,
    'ops: { port: 0 }',
    'workspaces:',
    '  shop:',
    '    siteId: site',
    '    apiKey: key',
    `    baseUrl: ${simulatorUrl}`,
    `    outbox: { kind: postgres, url: '${url}', schema: cio }`,
    '    inbound: [{ siteId: site, apiKey: secret-key }]',
    '',
  ].join('\n')
}

const json = ({ out }: Ran): Record<string, unknown> => JSON.parse(out) as Record<string, unknown>

async function errorOf(ran: Promise<Ran>): Promise<readonly [code: number | null, error: string, message: string]> {
  const { code, err } = await ran
  const { error } = JSON.parse(err) as { readonly error: { readonly code: string; readonly message: string } }
  return [code, error.code, error.message]
}

test(
  'a relay waits for the tables of its outbox, and delivers once holdfast migrate has made them',
  cliPlace(async ({ folder, write, run, use, simulatorUrl, arrived }: CliPlace) => {
    const postgres = await startPostgres()
    const caller = new TrackCaller()
    try {
      const url = await postgres.database()
      write('relay.yaml', config(url, simulatorUrl, 0))
      const relay = use(startConfigured('relay.yaml', folder))
      const { url: track, opsUrl } = await relay.ready()
      assert.match(String((await relay.saw('store-away'))['msg']), /run `?holdfast migrate/)
      assert.equal((await asked(`${opsUrl}/readyz`)).status, 503)
      assert.equal((await caller.track(track, 'p', 'refused')).status, 503)

      const by = (...args: readonly string[]): Promise<Ran> => run('--config', 'relay.yaml', ...args)
      const printed = await by('migrate', '--print')
      assert.match(printed.out, /CREATE TABLE/)
      assert.ok(printed.out.includes('cio'))
      assert.deepEqual(json(await by('migrate')), { schemas: [{ schema: 'cio', before: null }] })
      const [again, twice] = await Promise.all([by('migrate'), by('migrate')])
      for (const ran of [again, twice])
        assert.equal(typeof (json(ran)['schemas'] as readonly { readonly before: unknown }[])[0]?.before, 'number')

      await until(async () => (await asked(`${opsUrl}/readyz`)).status === 200)
      for (let n = 0; n < 5; n++) assert.equal((await caller.track(track, 'p', `event-${n}`)).status, 200)
      await until(async () => (await arrived()).filter(({ applied }) => applied).length === 5)
      relay.signal('SIGTERM')
      assert.equal((await relay.ended).code, 0)

      const status = await by('status', '--offline')
      const { workspaces } = json(status) as {
        readonly workspaces: readonly { readonly stats: { readonly totals: { readonly delivered: number } } }[]
      }
      assert.equal(workspaces[0]?.stats.totals.delivered, 5)
      assert.equal((await by('drain', '--offline', '--timeout', '5s')).code, 0)
      assert.equal((await by('pause', '--offline', '--yes')).code, 0)
      assert.match((await by('--no-json', 'status', '--offline')).out, /paused for all processes by offline/)
      assert.equal((await by('resume', '--offline', '--yes')).code, 0)
      const findings = json(await by('doctor'))['findings'] as readonly {
        readonly check: string
        readonly message: string
      }[]
      assert.match(
        findings.find(({ check }) => check === 'outbox shop')!.message,
        /^postgres [\d.]+ answers in .* 0 waiting/,
      )
    } finally {
      caller.close()
      await postgres.stop()
    }
  }),
)

test(
  'a Postgres that is away, a database and a user that it does not know: one sentence each, without the password',
  cliPlace(async ({ write, run }) => {
    const postgres = await startPostgres()
    try {
      const ask = (url: string): ReturnType<typeof errorOf> => {
        write('url', `${url}\n`)
        return errorOf(run('--json', 'migrate', '--url-file', 'url'))
      }
      const ends = [
        await ask(postgres.connectionString.replace('//postgres@', '//nobody:s3cret@')),
        await ask(postgres.connectionString.replace(/postgres$/, 'nothing')),
        await ask(`postgres://me:s3cret@127.0.0.1:${NOBODY}/app`),
      ]
      for (const [code, error, message] of ends) {
        assert.deepEqual([code, error], [74, 'OUTBOX_UNAVAILABLE'])
        assert.ok(!message.includes('s3cret') && !message.includes('\n'), message)
      }
      assert.equal(new Set(ends.map(([, , message]) => message)).size, 3)
      assert.deepEqual((await errorOf(run('--json', 'migrate', '--url-file', 'none'))).slice(0, 2), [
        1,
        'url-unreadable',
      ])
      assert.deepEqual((await errorOf(run('--json', 'migrate', '--schema', 'a'))).slice(0, 2), [2, 'schema-alone'])
      assert.deepEqual((await errorOf(run('--json', 'migrate'))).slice(0, 2), [2, 'no-postgres'])
    } finally {
      await postgres.stop()
    }
  }),
)
