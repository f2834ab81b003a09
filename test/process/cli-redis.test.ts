/** The program on an outbox in Redis whose relay does not run: every command looks, and nobody's deliveries are touched. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { ResilientCustomerIO } from '../../src/index.ts'
import { bullmqOutbox } from '../../src/outbox/bullmq.ts'
import { startRedis } from '../servers/redis.ts'
import { type CliPlace, cliPlace, type Ran } from './cli-place.ts'

function config(url: string, port: number): string {
  return [
    'dataDir: data',
    `admin: { port: ${port} }`,
    'workspaces:',
    '  shop:',
    '    siteId: site',
    '    apiKey: key',
    `    baseUrl: http://127.0.0.1:${port}`,
    `    outbox: { kind: bullmq, url: '${url}' }`,
    '',
  ].join('\n')
}

const json = ({ out }: Ran): Record<string, unknown> => JSON.parse(out) as Record<string, unknown>

async function endOf(ran: Promise<Ran>): Promise<readonly [code: number | null, error: string, message: string]> {
  const { code, err } = await ran
  const { error } = JSON.parse(err.slice(err.indexOf('{'))) as {
    readonly error: { readonly code: string; readonly message: string }
  }
  return [code, error.code, error.message]
}

/** A port at which nobody listens. */
const NOBODY = 1

test(
  'commands look into Redis where no relay answers, and a client that delivers keeps its whole share',
  cliPlace(async ({ write, run }: CliPlace) => {
    const redis = await startRedis()
    const outbox = bullmqOutbox({ connection: redis.url, spill: false })
    const cio = new ResilientCustomerIO({
      siteId: 'site',
      apiKey: 'key',
      baseUrl: `http://127.0.0.1:${NOBODY}`,
      outbox,
    })
    const counts: number[] = []
    cio.on((event) => void (event.type === 'handles' && counts.push(event.count)))
    try {
      write('relay.yaml', config(redis.url, NOBODY))
      const by = (...args: readonly string[]): Promise<Ran> => run('--config', 'relay.yaml', ...args)
      await cio.pauseAll({ who: 'ada', why: 'the import of May' })
      for (let n = 0; n < 3; n++) await cio.track(`p${n}`, { name: 'order', data: { card: 'hidden' } })

      const status = await by('status')
      assert.equal(status.code, 0)
      const { verdict, offline, workspaces } = json(status) as {
        readonly verdict: { readonly text: string }
        readonly offline: { readonly shared: readonly string[] }
        readonly workspaces: readonly {
          readonly pause: object
          readonly health: { readonly store: { readonly server: string } }
        }[]
      }
      assert.match(verdict.text, /^No relay answers here: 3 waiting, kept on a server/)
      assert.deepEqual(offline.shared, ['shop'])
      assert.match(workspaces[0]!.health.store.server, /^redis \d/)
      assert.equal(Reflect.get(workspaces[0]!.pause, 'who'), 'ada')
      const shown = await by('--no-json', 'status')
      assert.match(shown.out, /paused for all processes by ada/)
      assert.match(shown.err, /this is from Redis\n/)

      const waiting = await by('queue', 'ls')
      assert.equal(
        (json(waiting)['pages'] as readonly { readonly operations: readonly object[] }[])[0]?.operations.length,
        3,
      )
      assert.ok(!waiting.out.includes('hidden'))
      assert.equal((await by('export', '--out', 'waiting.ndjson')).code, 0)
      assert.equal((await by('dead', 'groups')).code, 0)
      assert.equal((await by('drain', '--timeout', '600ms')).code, 10)
      const purged = json(await by('purge', '--person', 'p1', '--yes'))
      assert.deepEqual(purged, { workspaces: [{ workspace: 'shop', matched: 1, done: 1, dryRun: false }] })
      assert.equal((await by('resume', '--yes')).code, 0)
      assert.equal((await cio.stats()).pausedForAll, null)
      assert.equal((await by('pause', '--yes', '--reason', 'deploy')).code, 0)
      assert.deepEqual((await by('tail')).code, 6, 'this needs a relay')
      const intoFile = await endOf(by('import', 'waiting.ndjson', '--data-dir', 'data'))
      assert.deepEqual(intoFile.slice(0, 2), [2, 'outbox-on-server'])
      const doctor = await by('doctor')
      const found = (json(doctor)['findings'] as readonly { readonly check: string; readonly message: string }[]).find(
        ({ check }) => check === 'outbox shop',
      )
      assert.match(found!.message, /^redis [\d.]+ answers in [\d.]+ ms; 2 waiting, 0 dead letters/)
      assert.deepEqual(counts, [1], 'an operator is no consumer')
    } finally {
      await cio.close()
      await redis.stop()
    }
  }),
)

test(
  'a Redis that is away, a user that it does not know and another scheme: one sentence each, without the password',
  cliPlace(async ({ write, run }) => {
    const redis = await startRedis()
    try {
      const ask = (url: string): ReturnType<typeof endOf> => {
        write('relay.yaml', config(url, NOBODY))
        return endOf(run('--config', 'relay.yaml', '--json', 'queue', 'ls', '--offline'))
      }
      const ends = [
        await ask(redis.url.replace('//', '//nobody:s3cret@')),
        await ask(`redis://:s3cret@127.0.0.1:${NOBODY}`),
        await ask('http://:s3cret@127.0.0.1'),
      ]
      assert.deepEqual(
        ends.map(([code, error]) => [code, error]),
        [
          [74, 'OUTBOX_UNAVAILABLE'],
          [74, 'OUTBOX_UNAVAILABLE'],
          [78, 'INVALID_CONFIG'],
        ],
      )
      for (const [, , message] of ends) assert.ok(!message.includes('s3cret'), message)
      assert.notEqual(ends[0]![2], ends[1]![2])
    } finally {
      await redis.stop()
    }
  }),
)
