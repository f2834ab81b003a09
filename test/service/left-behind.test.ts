import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'

import { loadConfig, type RelayConfig } from '../../src/config/index.ts'
import { OutboxError, OptionsError } from '../../src/errors.ts'
import { entryOf } from '../../src/outbox/entry.ts'
import { sqliteOutbox } from '../../src/outbox/sqlite.ts'
import { createOperation } from '../../src/protocol/operation.ts'
import { systemRuntime as runtime } from '../../src/runtime/system.ts'
import { checkLeftBehind } from '../../src/service/left-behind.ts'
import { openedOrAway } from '../../src/service/opening.ts'
import { StartError, startErrorOf } from '../../src/service/start-error.ts'

function folder(t: TestContext): string {
  const dataDir = mkdtempSync(join(tmpdir(), 'holdfast-left-'))
  t.after(() => rmSync(dataDir, { recursive: true, force: true }))
  return dataDir
}

function configOf(dataDir: string, kind: 'sqlite' | 'postgres'): RelayConfig {
  const env = {
    HOLDFAST_SITE_ID: 'site',
    HOLDFAST_API_KEY: 'key',
    HOLDFAST_DATA_DIR: dataDir,
    HOLDFAST_DEFAULTS_OUTBOX_KIND: kind,
    ...(kind === 'sqlite' ? {} : { HOLDFAST_DEFAULTS_OUTBOX_URL: 'postgres://db' }),
  }
  return loadConfig({ env, flags: {}, cwd: '/' }).config
}

/** A file of the workspace `default` with two operations, one of them a dead letter, or both. */
async function fill(dataDir: string, dead: 1 | 2): Promise<void> {
  const open = sqliteOutbox({ path: join(dataDir, 'default.db'), reserveBytes: 0 })
  const outbox = await open({ runtime, workspace: 'site', notice: () => {} })
  const entries = ['a', 'b'].map((value) => {
    const call = {
      type: 'event',
      dialect: 'v1',
      person: { by: 'path', value },
      eventType: 'event',
      name: 'order',
      data: {},
    } as const
    return entryOf(createOperation(call, { id: runtime.newId(), acceptedAtMs: runtime.clock.wallMs() }))
  })
  await outbox.append(entries)
  const want = { entriesMax: dead, bytesMax: 1_000_000, leaseMs: 60_000 }
  let claim = await outbox.claim(want)
  while (claim.role === 'standby') claim = await outbox.claim(want)
  await outbox.settle(
    claim.entries.map(({ position }) => ({
      lease: claim.lease,
      position,
      verdict: { to: 'dead', reason: 'rejected' },
    })),
  )
  await outbox.close()
}

test('a workspace that has moved to a server does not start while operations wait in its file', async (t) => {
  const dataDir = folder(t)
  await fill(dataDir, 1)
  await assert.rejects(checkLeftBehind(configOf(dataDir, 'postgres'), runtime), (error: unknown) => {
    assert.ok(error instanceof StartError)
    assert.deepEqual([error.problem, error.because], ['config', 'LEFT_BEHIND'])
    assert.match(error.message, /^1 operation waits in .*default\.db, .*start once with outbox\.kind sqlite/)
    return true
  })
  assert.deepEqual(await checkLeftBehind(configOf(dataDir, 'sqlite'), runtime), [])
  assert.deepEqual(readdirSync(dataDir), ['default.db'])
})

test('dead letters in its file are told, and no obstacle', async (t) => {
  const dataDir = folder(t)
  await fill(dataDir, 2)
  assert.deepEqual(await checkLeftBehind(configOf(dataDir, 'postgres'), runtime), [
    { workspace: 'default', path: join(dataDir, 'default.db'), deadLetters: 2 },
  ])
})

test('without a file there is nothing to tell, and one that cannot be read is an obstacle', async (t) => {
  const dataDir = folder(t)
  assert.deepEqual(await checkLeftBehind(configOf(dataDir, 'postgres'), runtime), [])
  writeFileSync(join(dataDir, 'default.db'), 'no database')
  await assert.rejects(checkLeftBehind(configOf(dataDir, 'postgres'), runtime), (error: unknown) => {
    assert.ok(error instanceof StartError)
    assert.equal(error.problem, 'store')
    return true
  })
})

test('a server that is away holds up no start; a file, and whatever time does not mend, does', async () => {
  const opens = { ready: () => Promise.resolve() }
  const fails = (reason: Error): typeof opens => ({ ready: async () => Promise.reject(reason) })
  const away = new OutboxError('OUTBOX_UNAVAILABLE', 'nobody answers')
  const ask = (kind: 'sqlite' | 'postgres', client: typeof opens): ReturnType<typeof openedOrAway> =>
    openedOrAway(new Map([['default', client]]), configOf('/d', kind))
  assert.deepEqual(await ask('postgres', opens), [])
  assert.deepEqual(await ask('postgres', fails(away)), [
    { workspace: 'default', code: 'OUTBOX_UNAVAILABLE', message: 'nobody answers' },
  ])
  await assert.rejects(ask('sqlite', fails(away)), away)
  const newer = new OutboxError('OUTBOX_NEWER_VERSION', 'made by a newer version')
  await assert.rejects(ask('postgres', fails(newer)), newer)
})

test('a package that an outbox needs and that is missing is a fault of the configuration', () => {
  const error = startErrorOf(new OptionsError('connectionString', 'needs the package pg'), 'files')
  assert.deepEqual([error.problem, error.because], ['config', 'INVALID_OPTIONS'])
})
