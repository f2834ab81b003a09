/** Each verdict of the doctor from what its probes say, and the probes of the real world once. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'

import type { HealthCheck } from '../../src/client/health-checker.ts'
import { examine } from '../../src/doctor/doctor.ts'
import type { DoctorFacts } from '../../src/doctor/facts.ts'
import type { PathFacts, Probes } from '../../src/doctor/probes.ts'
import { memoryOf, openFilesOf, systemProbes } from '../../src/doctor/system-probes.ts'
import { ResilientCustomerIO, sqliteOutbox } from '../../src/index.ts'
import { checkOutboxFile } from '../../src/outbox/sqlite/check-file.ts'
import { systemRuntime } from '../../src/runtime/system.ts'
import { createSimulator } from '../../src/simulator/index.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'
import { type Use, using } from '../using.ts'

const FACTS: DoctorFacts = {
  configFile: '/etc/holdfast.yaml',
  dataDir: '/data',
  workspaces: [{ name: 'shop', siteId: 'site', apiKey: 'key', region: 'eu', baseUrl: null, store: null }],
}

const FOLDER: PathFacts = { kind: 'folder', mode: 0o40700, uid: 7, bytes: 0, modifiedAtMs: 0 }
const FILE: PathFacts = { ...FOLDER, kind: 'file', mode: 0o100600 }
const WHOLE = {
  state: 'whole',
  owner: 'nobody',
  workspace: 'site',
  waiting: 3,
  deadLetters: 1,
  bytes: 8_192,
  checked: true,
} as const

const HEALTHY: HealthCheck = {
  healthy: true,
  status: 'ok',
  reasons: [],
  latency: 12,
  httpStatus: 200,
  region: 'eu',
  checkedAtMs: 0,
  lastSuccess: 0,
  lastFailure: null,
}

/** As of the virtual clock's own beginning. */
function httpDate(ms: number): string {
  return new Date(ms).toUTCString()
}

function probesWith(clock: VirtualClock, changed: Partial<Probes> = {}): Probes {
  return {
    clock,
    nodeVersion: '24.1.0',
    uid: 7,
    stat: (path) => (path.endsWith('.db') ? FILE : FOLDER),
    mayUse: () => true,
    list: () => ['shop.db'],
    disk: () => ({ freeBytes: 10 * 2 ** 30, type: 0xef53 }),
    syncTimesMs: (_folder, times) => Array.from({ length: times }, () => 2),
    look: () => Promise.reject(new TypeError('the outbox of these facts is a file')),
    inspect: () => Promise.resolve(WHOLE),
    lookup: () => Promise.resolve(['203.0.113.7']),
    handshake: () => Promise.resolve({ protocol: 'TLSv1.3', validTo: 'Nov 24 16:00:00 2099 GMT' }),
    dateOf: () => Promise.resolve(httpDate(clock.wallMs())),
    health: () => Promise.resolve(HEALTHY),
    openFilesMax: () => 65_536,
    memoryMaxBytes: () => null,
    makeFolder: () => {},
    changeMode: () => {},
    remove: () => {},
    reopen: () => Promise.resolve('reopened'),
    ...changed,
  }
}

/** Everything that is not ok, as `check: status message`. */
async function complaints(change: (clock: VirtualClock) => Partial<Probes>): Promise<readonly string[]> {
  const clock = new VirtualClock()
  const state = { isDone: false }
  const done = examine(FACTS, probesWith(clock, change(clock))).finally(() => (state.isDone = true))
  while (!state.isDone) await clock.advance(20)
  return (await done)
    .filter(({ status }) => status !== 'ok')
    .map(({ check, status, message, repair }) => `${check}: ${status}: ${message}${repair ? ` [${repair.what}]` : ''}`)
}

const rejects = (code: string) => (): Promise<never> => Promise.reject(Object.assign(new Error(code), { code }))
const unhealthy = (code: string, message: string) => (): Promise<HealthCheck> =>
  Promise.resolve({ ...HEALTHY, healthy: false, status: 'failing', reasons: [{ code, message }] })

const CASES: readonly (readonly [name: string, (clock: VirtualClock) => Partial<Probes>, readonly string[]])[] = [
  ['all is well', () => ({}), []],
  ['an old Node', () => ({ nodeVersion: '22.17.1' }), ['node: fail: Node 22.17.1 is too old']],
  ['few files', () => ({ openFilesMax: () => 1_024 }), ['open-files: warn: 1024 files and connections may be open']],
  ['very few files', () => ({ openFilesMax: () => 64 }), ['open-files: fail: 64 files and connections may be open']],
  ['little memory', () => ({ memoryMaxBytes: () => 200 * 2 ** 20 }), ['memory: warn: the container has 200 MiB']],
  ['too little memory', () => ({ memoryMaxBytes: () => 2 ** 26 }), ['memory: fail: the container has 64 MiB']],
  [
    'no folder yet',
    () => ({
      stat: (path) => (path === '/' ? FOLDER : undefined),
      inspect: () => Promise.resolve({ state: 'absent' }),
    }),
    [
      'data-dir: warn: /data does not exist yet [make the folder /data]',
      'disk-speed: skipped: there is no data folder yet',
      'leftovers: skipped: the data folder cannot be listed',
    ],
  ],
  [
    'a file for a folder',
    () => ({ stat: () => FILE, list: () => [] }),
    ['data-dir: fail: /data is no folder', 'leftovers: skipped: the data folder cannot be listed'],
  ],
  [
    'no permission',
    () => ({ mayUse: (path) => path !== '/data' }),
    [
      'data-dir: fail: /data cannot be written by this user [chmod 700 /data]',
      'leftovers: skipped: the data folder cannot be listed',
    ],
  ],
  [
    'others may write',
    () => ({ stat: (path) => (path.endsWith('.db') ? FILE : { ...FOLDER, mode: 0o40777 }) }),
    ['data-dir: warn: /data can be written by other users [chmod 755 /data]'],
  ],
  [
    'others may read',
    () => ({ stat: (path) => (path.endsWith('.db') ? FILE : { ...FOLDER, mode: 0o40755 }) }),
    ['data-dir: warn: /data can be read by other users [chmod 700 /data]'],
  ],
  ["somebody else's", () => ({ uid: 8 }), ['data-dir: warn: /data belongs to another user (7)']],
  ['little space', () => ({ disk: () => ({ freeBytes: 500 * 2 ** 20, type: 1 }) }), ['free-space: warn: 500 MiB free']],
  ['no space', () => ({ disk: () => ({ freeBytes: 2 ** 20, type: 1 }) }), ['free-space: fail: 1 MiB free']],
  [
    'a network file system',
    () => ({ disk: () => ({ freeBytes: 2 ** 40, type: 0x6969 }) }),
    ['file-system: warn: /data is on NFS, a network file system: its locks and syncs do not keep their word'],
  ],
  [
    'the layer of a container',
    () => ({ disk: () => ({ freeBytes: 2 ** 40, type: 0x794c7630 }) }),
    ['file-system: warn: /data is on overlay, the writable layer of a container: it is gone with the container'],
  ],
  [
    'a slow disk',
    () => ({ syncTimesMs: () => [1, 30, 31] }),
    ['disk-speed: warn: a sync takes 30.00 ms (median of 3)'],
  ],
  [
    'a disk that fails',
    () => ({
      syncTimesMs: () => {
        throw Object.assign(new Error(), { code: 'ENOSPC' })
      },
    }),
    ['disk-speed: fail: a file cannot be written there (ENOSPC)'],
  ],
  [
    'a damaged outbox',
    () => ({ inspect: () => Promise.resolve({ state: 'damaged', message: 'a page is gone' }) }),
    [
      'outbox shop: fail: /data/shop.db is damaged: a page is gone [open /data/shop.db, which saves what can be read of it]',
    ],
  ],
  [
    "another workspace's outbox",
    () => ({ inspect: () => Promise.resolve({ ...WHOLE, workspace: 'other' }) }),
    ['outbox shop: fail: /data/shop.db belongs to another site id'],
  ],
  ['an outbox in use', () => ({ inspect: () => Promise.resolve({ ...WHOLE, owner: 'alive', checked: false }) }), []],
  ['a look that fails', () => ({ inspect: rejects('EIO') }), ['outbox shop: fail: could not be looked at (EIO)']],
  [
    'what an interrupted rescue left',
    (clock) => ({
      list: () => ['shop.db', 'shop.db.rescue', 'shop.db.mended-wal', 'shop.db.rescued'],
      stat: (path) => (path === '/data' ? FOLDER : { ...FILE, modifiedAtMs: clock.wallMs() - 7_200_000 }),
    }),
    ['leftovers: warn: 2 files of a rescue that was interrupted [remove shop.db.rescue, shop.db.mended-wal in /data]'],
  ],
  [
    'what was set aside',
    () => ({ list: () => ['shop.db.damaged-1'] }),
    ['leftovers: warn: set aside as damaged: shop.db.damaged-1'],
  ],
  [
    'no names',
    () => ({ lookup: rejects('ENOTFOUND') }),
    ['dns track-eu.customer.io: fail: track-eu.customer.io is not found (ENOTFOUND)'],
  ],
  [
    'no TLS',
    () => ({ handshake: rejects('SELF_SIGNED_CERT_IN_CHAIN') }),
    ['tls track-eu.customer.io: fail: no TLS connection to track-eu.customer.io (SELF_SIGNED_CERT_IN_CHAIN)'],
  ],
  [
    'a clock that is off',
    (clock) => ({ dateOf: () => Promise.resolve(httpDate(clock.wallMs() - 90_000)) }),
    ['clock track-eu.customer.io: warn: the clock is 90 s off that of track-eu.customer.io'],
  ],
  [
    'a clock that is far off',
    (clock) => ({ dateOf: () => Promise.resolve(httpDate(clock.wallMs() + 3_600_000)) }),
    ['clock track-eu.customer.io: fail: the clock is 3600 s off that of track-eu.customer.io'],
  ],
  [
    'nobody to compare the clock with',
    () => ({ dateOf: rejects('ETIMEDOUT') }),
    [
      'clock track-eu.customer.io: skipped: track-eu.customer.io does not answer, so the clock was compared with nothing',
    ],
  ],
  ['wrong credentials', () => ({ health: unhealthy('credentials', 'refused') }), ['credentials shop: fail: refused']],
  ['the wrong region', () => ({ health: unhealthy('region-mismatch', 'us') }), ['credentials shop: fail: us']],
  ['throttled', () => ({ health: unhealthy('throttled', 'slow down') }), ['credentials shop: warn: slow down']],
  ['down', () => ({ health: unhealthy('unreachable', 'timeout') }), ['credentials shop: fail: timeout']],
]

for (const [name, change, wanted] of CASES) {
  test(`verdict: ${name}`, async () => {
    assert.deepEqual(await complaints(change), wanted)
  })
}

test('limits as the system writes them', () => {
  assert.equal(openFilesOf('Max open files            20000                524288               files\n'), 20_000)
  assert.equal(openFilesOf('Max open files            unlimited            unlimited            files\n'), Infinity)
  assert.equal(openFilesOf(null), null)
  assert.deepEqual(
    [memoryOf('536870912\n'), memoryOf('max\n'), memoryOf('9223372036854771712'), memoryOf(null)],
    [536_870_912, null, null, null],
  )
})

function inFolder(run: (folder: string, use: Use) => Promise<void>): () => Promise<void> {
  return async () => {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-doctor-'))
    try {
      await using((use) => run(folder, use))()
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  }
}

test(
  'of the real world: an outbox in use, a closed one, a damaged one that a repair saves, and a simulator that answers',
  inFolder(async (folder, use) => {
    const dataDir = join(folder, 'data')
    mkdirSync(dataDir, { mode: 0o700 })
    const path = join(dataDir, 'shop.db')
    const simulator = createSimulator({ siteId: 'site', apiKey: 'key' })
    const server = use(await simulator.listen())
    simulator.down()
    const cio = new ResilientCustomerIO({
      siteId: 'site',
      apiKey: 'key',
      baseUrl: server.url,
      outbox: sqliteOutbox({ path }),
    })
    for (let n = 0; n < 200; n++) await cio.track(`p${n}`, 'called', { n, padding: 'x'.repeat(500) })
    const workspaces = [
      { name: 'shop', siteId: 'site', apiKey: 'key', region: 'us', baseUrl: server.url, store: null },
    ] as const
    const facts: DoctorFacts = { configFile: null, dataDir, workspaces }
    const probes = systemProbes(systemRuntime, { nodeVersion: process.versions.node, uid: process.getuid?.() ?? null })
    const statusOf = async (check: string): Promise<readonly unknown[]> => {
      const finding = (await examine(facts, probes)).find((found) => found.check === check)!
      return [finding.status, finding.message, finding.repair]
    }
    assert.match(String((await statusOf('outbox shop'))[1]), /^in use by a running relay.* 200 waiting/)
    assert.equal((await statusOf('credentials shop'))[0], 'fail')
    await cio.close()
    simulator.up()
    assert.deepEqual((await statusOf('outbox shop')).slice(0, 2), ['ok', 'whole; 200 waiting, 0 dead letters'])
    assert.equal((await statusOf('credentials shop'))[0], 'ok')
    const findings = await examine(facts, probes)
    assert.deepEqual(
      findings.filter(({ status }) => status === 'fail').map(({ check }) => check),
      [],
    )

    truncateSync(path, statSync(path).size - 4_096 * 3)
    const [status, , repair] = await statusOf('outbox shop')
    assert.equal(status, 'fail')
    assert.match(
      await (repair as { run: () => Promise<string> }).run(),
      /^saved \d+ operations of .*shop.db.damaged-1$/,
    )
    assert.equal((await statusOf('outbox shop'))[0], 'ok')
    assert.match(String((await statusOf('leftovers'))[1]), /^set aside as damaged: shop.db.damaged-1/)
  }),
)

test(
  'an inspection tells what is no outbox of ours from a damaged one',
  inFolder(async (folder) => {
    const { clock, random } = systemRuntime
    const inspect = (name: string): ReturnType<typeof checkOutboxFile> =>
      checkOutboxFile(join(folder, name), clock, random)
    assert.deepEqual(await inspect('none.db'), { state: 'absent' })
    writeFileSync(join(folder, 'text.db'), 'x'.repeat(10_000))
    assert.equal((await inspect('text.db')).state, 'damaged')
    writeFileSync(join(folder, 'log.db-wal'), 'x'.repeat(100))
    assert.equal((await inspect('log.db')).state, 'damaged')
    mkdirSync(join(folder, 'folder.db'))
    assert.equal((await inspect('folder.db')).state, 'unusable')
  }),
)
