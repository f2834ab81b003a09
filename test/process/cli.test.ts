/** The program as an operator has it: one configuration file, a relay that is killed under an import, every command. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import type { ArrivedOperation } from '../../src/simulator/control.ts'
import { type CliPlace, cliPlace, type Ran } from './cli-place.ts'
import { type RelayProcess, startConfigured } from './relay-process.ts'
import { until } from '../until.ts'

const LINES = 600
const PEOPLE = 17
/** Fewer than the lines: as long as nothing is delivered, the import cannot end. */
const OPERATIONS_MAX = 400
const KILLED_AT = 200

function lines(count: number): string {
  const line = (n: number): string =>
    JSON.stringify({
      method: 'POST',
      path: `/api/v1/customers/p${n % PEOPLE}/events`,
      body: { name: 'order', data: { n } },
    })
  return Array.from({ length: count }, (_, n) => `${line(n)}\n`).join('')
}

/** The relay shows one pair of credentials to Customer.io, and applications show it another. */
function config(simulatorUrl: string, port: number, adminPort: number): string {
  return [
    'dataDir: data',
    `listen: { port: ${port} }`,
    `admin: { port: ${adminPort} }`,
    'workspaces:',
    '  shop:',
    '    siteId: site',
    '    apiKey: key',
    `    baseUrl: ${simulatorUrl}`,
    `    outbox: { maxOperations: ${OPERATIONS_MAX} }`,
    '    inbound: [{ siteId: app, apiKey: app-key }]',
    '',
  ].join('\n')
}

/** Starts with any free ports, and writes down those that it got, for all that follows. */
async function firstRelay(place: CliPlace): Promise<{ readonly relay: RelayProcess; readonly url: string }> {
  const { write, use, folder, simulatorUrl } = place
  write('relay.yaml', config(simulatorUrl, 0, 0))
  const relay = use(startConfigured('relay.yaml', folder))
  const { url, adminUrl } = await relay.ready()
  write('relay.yaml', config(simulatorUrl, Number(new URL(url).port), Number(new URL(adminUrl).port)))
  return { relay, url }
}

async function storedAt(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text()
  return Number(/^holdfast_ops_accepted_total\{workspace="shop"\} (\d+)/m.exec(text)?.[1] ?? 0)
}

const json = ({ out }: Ran): Record<string, unknown> => JSON.parse(out) as Record<string, unknown>

function inEffect(arrived: readonly ArrivedOperation[]): readonly ArrivedOperation[] {
  return arrived.filter(({ applied, duplicate }) => applied && !duplicate)
}

async function codeOf(ran: Promise<Ran>): Promise<string> {
  const { code, err } = await ran
  return `${code} ${(JSON.parse(err) as { readonly error: { readonly code: string } }).error.code}`
}

test(
  'an import goes on when its relay is killed and started again, and every command finds that relay by its configuration',
  cliPlace(async (place) => {
    const { folder, use, run, start, write, arrived, simulatorUrl } = place
    const by = (...args: readonly string[]): Promise<Ran> => run('--config', 'relay.yaml', ...args)
    const { relay: killed, url } = await firstRelay(place)
    await fetch(`${simulatorUrl}/__simulator/down`, { method: 'POST', body: '{}' })
    write('orders.ndjson', lines(LINES))
    const importing = start('--config', 'relay.yaml', 'import', 'orders.ndjson', '--batch', '10')
    await until(async () => (await storedAt(url)) >= KILLED_AT)
    killed.signal('SIGKILL')
    assert.equal((await killed.ended).signal, 'SIGKILL')
    assert.equal(importing.isRunning(), true, 'the import waits for the relay')
    await fetch(`${simulatorUrl}/__simulator/up`, { method: 'POST' })
    assert.deepEqual(inEffect(await arrived()), [])

    const relay = use(startConfigured('relay.yaml', folder))
    await relay.ready()
    const imported = await importing.ended
    assert.equal(imported.code, 0, imported.err)
    assert.deepEqual([json(imported)['state'], json(imported)['stored']], ['done', LINES])
    const drained = await by('drain')
    assert.equal(drained.code, 0, drained.err)
    assert.equal(json(drained)['drained'], true)
    const each = inEffect(await arrived())
    assert.deepEqual(
      each.map(({ value }) => Number(value)).toSorted((a, b) => a - b),
      Array.from({ length: LINES }, (_, n) => n),
    )
    for (let person = 0; person < PEOPLE; person++) {
      const theirs = each.filter((one) => one.person === `p${person}`).map(({ value }) => Number(value))
      assert.deepEqual(
        theirs,
        theirs.toSorted((a, b) => a - b),
      )
    }
    const again = await by('import', 'orders.ndjson', '--batch', '10')
    assert.deepEqual([again.code, inEffect(await arrived()).length], [0, LINES])

    await operate(place, by)

    relay.signal('SIGTERM')
    assert.equal((await relay.ended).code, 0)
    const offline = await by('status', '--json')
    assert.equal(offline.code, 0, offline.err)
    assert.match(offline.err, /this is from the files in .*data/)
    const doctor = await by('doctor', '--no-json')
    assert.equal(doctor.code, 0, doctor.out)
    assert.match(doctor.out, /relay\.yaml, one workspace: shop[^]*ok {7}outbox shop[^]*ok {7}credentials shop/)
    assert.equal(await codeOf(run('--config', 'relay.yaml', '--data-dir', 'nowhere', 'status')), '2 unknownOption')
    assert.equal(await codeOf(by('status', '--data-dir', 'nowhere')), '6 unreachable')
  }),
)

/** Every command for operators, on a relay that runs. */
async function operate({ folder, simulatorUrl, write }: CliPlace, by: (...args: readonly string[]) => Promise<Ran>) {
  const status = await by('status', '--json')
  assert.equal(status.code, 0, status.err)
  assert.equal((json(status)['verdict'] as { readonly code: string }).code, 'ok')
  const check = await by('check')
  assert.deepEqual([check.code, check.out.slice(0, 3)], [0, 'OK '])
  assert.deepEqual(pageOf(await by('queue', 'ls')), [])
  assert.deepEqual(pageOf(await by('dead', 'ls'), 'deadLetters'), [])

  assert.equal(await codeOf(by('pause')), '7 needs-yes')
  const paused = await by('pause', '--yes', '--reason', 'a test')
  assert.equal(paused.code, 0, paused.err)
  assert.match((await by('check')).out, /^WARNING - Paused .*“a test”/)
  write('late.ndjson', lines(3))
  assert.equal((await by('import', 'late.ndjson', '--batch', '1')).code, 0)
  assert.equal(pageOf(await by('queue', 'ls')).length, 3)
  assert.equal((await by('drain', '--timeout', '1ms')).code, 10)
  const exported = await by('export', '--out', 'waiting.ndjson')
  assert.equal(exported.code, 0, exported.err)
  const waiting = readFileSync(join(folder, 'waiting.ndjson'), 'utf8').trimEnd().split('\n')
  const people = waiting.map((line) => /"id":"(p\d+)"/.exec(line)?.[1])
  assert.deepEqual(people, ['p0', 'p1', 'p2'])
  const readBack = await by('import', 'waiting.ndjson', '--dry-run')
  assert.deepEqual([readBack.code, json(readBack)['good']], [0, 3])
  assert.equal(await codeOf(by('export', '--out', 'waiting.ndjson')), '7 file-exists')
  assert.equal((await by('resume', '--yes')).code, 0)
  assert.equal((await by('drain')).code, 0)

  const load = await by('load', '--count', '200', '--connections', '4', '--simulator', simulatorUrl)
  assert.equal(load.code, 0, load.err)
  assert.deepEqual([json(load)['accepted'], json(load)['verified']], [200, true])

  assert.equal(await codeOf(by('status', '--workspace', 'shoq')), '2 unknown-workspace')
  write('wrong-token', 'a-token-of-somebody-else\n')
  assert.equal(await codeOf(by('status', '--token-file', 'wrong-token')), '3 unauthorized')
  write('wrong-key', 'wrong\n')
  const refused = await by('import', 'late.ndjson', '--restart', '--api-key-file', 'wrong-key')
  assert.equal(refused.code, 3, refused.out + refused.err)
}

function pageOf(ran: Ran, what: 'operations' | 'deadLetters' = 'operations'): readonly unknown[] {
  assert.equal(ran.code, 0, ran.err)
  return (json(ran)['pages'] as readonly Readonly<Record<string, readonly unknown[]>>[]).flatMap((page) => page[what]!)
}
