import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'

import type { AdminClient } from '../../src/admin/contract.ts'
import { openOffline } from '../../src/admin/offline.ts'
import { readPause } from '../../src/admin/pauses.ts'
import { type NewEntry, entryOf } from '../../src/outbox/entry.ts'
import type { Outbox } from '../../src/outbox/outbox.ts'
import { sqliteOutbox } from '../../src/outbox/sqlite.ts'
import { createOperation } from '../../src/protocol/operation.ts'
import { systemRuntime as runtime } from '../../src/runtime/system.ts'

function folder(t: TestContext): string {
  const dataDir = mkdtempSync(join(tmpdir(), 'holdfast-offline-'))
  t.after(() => rmSync(dataDir, { recursive: true, force: true }))
  return dataDir
}

function open(dataDir: string, name: string): Promise<Outbox> {
  const options = { path: join(dataDir, `${name}.db`), reserveBytes: 0 }
  return sqliteOutbox(options)({ runtime, workspace: `site-${name}`, notice: () => {} })
}

function entry(person: string): NewEntry {
  const call = {
    type: 'event',
    dialect: 'v1',
    person: { by: 'path', value: person },
    eventType: 'event',
    name: 'order',
    data: { card: 's3cret' },
  } as const
  return entryOf(createOperation(call, { id: runtime.newId(), acceptedAtMs: runtime.clock.wallMs() }))
}

/** A relay that has stopped, with three waiting operations and two dead letters. */
async function stopped(dataDir: string, name: string): Promise<void> {
  const outbox = await open(dataDir, name)
  await outbox.append(['a', 'b', 'c', 'd', 'e'].map(entry))
  let claim = await outbox.claim({ entriesMax: 2, bytesMax: 1_000_000, leaseMs: 60_000 })
  while (claim.role === 'standby') claim = await outbox.claim({ entriesMax: 2, bytesMax: 1_000_000, leaseMs: 60_000 })
  assert.equal(claim.entries.length, 2)
  await outbox.settle(
    claim.entries.map(({ position }) => ({
      lease: claim.lease,
      position,
      verdict: { to: 'dead', reason: 'rejected', status: 400 },
    })),
  )
  await outbox.close()
}

function offline(t: TestContext, dataDir: string, workspace?: string): AdminClient {
  const client = openOffline({ dataDir, version: '1.2.3', runtime, ...(workspace === undefined ? {} : { workspace }) })
  t.after(() => client.close())
  return client
}

test('the files of a stopped relay are read, and left as they were', async (t) => {
  const dataDir = folder(t)
  await stopped(dataDir, 'shop')
  await stopped(dataDir, 'blog')
  const before = readdirSync(dataDir)
  const client = offline(t, dataDir)
  const status = await client.status()
  assert.deepEqual(
    [status.phase, status.verdict.code, status.verdict.text],
    ['stopped', 'stopped', 'Relay stopped: no new calls are taken; 6 waiting, kept for the next start'],
  )
  assert.deepEqual(status.offline, { dataDir, openElsewhere: [], shared: [] })
  assert.deepEqual(
    status.workspaces.map(({ name, stats }) => [name, stats?.waiting, stats?.deadLetters, stats?.lost]),
    [
      ['blog', 3, 2, 0],
      ['shop', 3, 2, 0],
    ],
  )
  const { operations } = await client.queue('shop', { person: 'c' })
  assert.deepEqual(
    operations.map(({ person, request }) => [person, request?.path]),
    [['c', '/api/v1/customers/c/events']],
  )
  assert.equal(JSON.stringify(operations).includes('s3cret'), false)
  assert.equal((await client.deadGroups('shop')).groups[0]?.count, 2)
  await client.close()
  assert.deepEqual(readdirSync(dataDir), before)
})

test('dead letters of a stopped relay are put back and dropped, and go out with its next start', async (t) => {
  const dataDir = folder(t)
  await stopped(dataDir, 'shop')
  const client = offline(t, dataDir)
  const [first] = (await client.dead('shop')).deadLetters
  const replayed = await client.resolveDead('shop', 'replay', { choice: { positions: [first!.position] } })
  assert.equal(replayed.done, 1)
  assert.equal((await client.resolveDead('shop', 'drop', { choice: { all: true }, expectedCount: 1 })).done, 1)
  await client.close()
  assert.deepEqual(readdirSync(dataDir), ['shop.db'])
  const outbox = await open(dataDir, 'shop')
  t.after(() => outbox.close())
  const { waiting, deadLetters, totals } = await outbox.stats()
  assert.deepEqual([waiting, deadLetters, totals.dropped], [4, 0, 1])
})

test('a pause of a stopped relay waits for its next start', async (t) => {
  const dataDir = folder(t)
  await stopped(dataDir, 'shop')
  const client = offline(t, dataDir)
  assert.equal((await client.pause('shop', 'the key is old')).changed, true)
  assert.equal(readPause(dataDir, 'shop')?.why, 'the key is old')
  assert.equal((await client.status()).workspaces[0]?.health.paused, true)
  assert.equal((await client.resume('shop', null)).changed, true)
  assert.equal(readPause(dataDir, 'shop'), undefined)
})

test('a look takes nothing from a process that delivers, and says that there is one', async (t) => {
  const dataDir = folder(t)
  await stopped(dataDir, 'shop')
  const outbox = await open(dataDir, 'shop')
  t.after(() => outbox.close())
  while ((await outbox.stats()).role === 'standby') await outbox.claim({ entriesMax: 0, bytesMax: 0, leaseMs: 1_000 })
  const client = offline(t, dataDir)
  const status = await client.status()
  assert.deepEqual(status.offline?.openElsewhere, ['shop'])
  assert.equal(status.verdict.code, 'elsewhere')
  assert.equal((await client.resolveDead('shop', 'replay', { choice: { all: true } })).done, 2)
  assert.equal((await outbox.stats()).role, 'active')
  const claim = await outbox.claim({ entriesMax: 10, bytesMax: 1_000_000, leaseMs: 1_000 })
  assert.equal(claim.entries.length, 5)
})

test('where there is no outbox, none is made', (t) => {
  const dataDir = folder(t)
  assert.throws(() => openOffline({ dataDir, version: '1.2.3', runtime }), { name: 'AdminError', code: 'unreachable' })
  assert.throws(() => openOffline({ dataDir: join(dataDir, 'no'), version: '1.2.3', runtime }), { code: 'unreachable' })
  assert.deepEqual(readdirSync(dataDir), [])
})

test('an outbox that cannot be read is told, and does not hide the others', async (t) => {
  const dataDir = folder(t)
  await stopped(dataDir, 'shop')
  await stopped(dataDir, 'blog')
  truncateSync(join(dataDir, 'blog.db'), 5_000)
  writeFileSync(join(dataDir, 'other.db'), 'no database at all, of some other program'.repeat(200))
  const client = offline(t, dataDir)
  const status = await client.status()
  assert.equal(status.verdict.text, 'No relay answers, and the outbox of blog, other cannot be read')
  assert.equal(status.workspaces.find(({ name }) => name === 'shop')?.stats?.waiting, 3)
  await assert.rejects(client.queue('other'), { name: 'OutboxError', code: 'OUTBOX_DAMAGED' })
  await client.close()
  assert.deepEqual(readdirSync(dataDir), ['blog.db', 'other.db', 'shop.db'], 'nothing was set aside')
})

test('what needs a relay that runs is refused, and one workspace can be had alone', async (t) => {
  const dataDir = folder(t)
  await stopped(dataDir, 'shop')
  await stopped(dataDir, 'blog')
  const client = offline(t, dataDir, 'shop')
  assert.deepEqual((await client.about()).workspaces, ['shop'])
  await assert.rejects(client.queue('blog'), { code: 'unknown-workspace' })
  const events = client.events({}, AbortSignal.timeout(60_000))[Symbol.asyncIterator]()
  for (const refused of [
    client.drain('shop', 0),
    client.probe('shop'),
    client.reload(null),
    client.config(),
    events.next(),
  ]) {
    await assert.rejects(refused, { code: 'not-running' })
  }
})
