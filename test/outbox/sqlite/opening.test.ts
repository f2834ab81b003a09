/** Files that cannot be opened are refused with a typed error, and left as they are. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'

import { isHoldfastError, OptionsError } from '../../../src/errors.ts'
import { Database } from '../../../src/outbox/sqlite/database.ts'
import { openInlineSqliteOutbox } from '../../../src/outbox/sqlite/inline.ts'
import type { SqliteOutboxOptions } from '../../../src/outbox/sqlite/options.ts'
import { createTestRuntime } from '../../../src/testing/test-runtime.ts'
import { entry, Scene } from '../../../src/testing/outbox-conformance/scene.ts'
import { inlineScene, type InlineScene } from './scene.ts'

function inScene(run: (store: InlineScene) => Promise<void>): () => Promise<void> {
  return async () => {
    const store = inlineScene()
    try {
      await run(store)
    } finally {
      await store.dispose()
    }
  }
}

function refusal(code: string, message: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(isHoldfastError(error), String(error))
    assert.equal(error.code, code, error.message)
    assert.match(error.message, message)
    return true
  }
}

/** Runs `refused` and checks that neither the file nor its folder is another than before. */
async function untouched(path: string, refused: () => Promise<void>): Promise<void> {
  const before = { names: readdirSync(dirname(path)), bytes: readFileSync(path), at: statSync(path).mtimeMs }
  await refused()
  assert.deepEqual({ names: readdirSync(dirname(path)), bytes: readFileSync(path), at: statSync(path).mtimeMs }, before)
}

/** What another process is told that wants the file for itself, as it must before it may delete the log. */
function alone(path: string): string {
  const program = `
    const database = new (require('node:sqlite').DatabaseSync)(process.argv[1])
    try {
      database.exec('PRAGMA locking_mode = EXCLUSIVE; SELECT * FROM state')
      console.log('alone')
    } catch (error) {
      console.log(error.message)
    }`
  return execFileSync(process.execPath, ['--eval', program, path], { encoding: 'utf8' }).trim()
}

test(
  'the folders of the path are made',
  inScene(async (store) => {
    const path = join(dirname(store.path), 'a', 'b', 'outbox.db')
    const { outbox } = await store.open({ path })
    await outbox.append([entry('x')])
    assert.ok(statSync(path).size > 0)
  }),
)

test(
  'a file of a later version is refused and not touched',
  inScene(async (store) => {
    const first = await store.open()
    await first.outbox.append([entry('x')])
    await first.outbox.close()
    const database = new DatabaseSync(store.path)
    database.exec('PRAGMA user_version = 2; CREATE TABLE of_the_future (a)')
    database.close()
    await untouched(store.path, () => assert.rejects(store.open(), refusal('OUTBOX_NEWER_VERSION', /schema 2/)))
  }),
)

test(
  'the database of another program is refused and not touched, whether it has a mark of its own or none',
  inScene(async (store) => {
    for (const mark of [0, 0x0f_05_51_12]) {
      rmSync(store.path, { force: true })
      const database = new DatabaseSync(store.path)
      database.exec(`PRAGMA application_id = ${mark}; CREATE TABLE theirs (a); INSERT INTO theirs VALUES (1)`)
      database.close()
      await untouched(store.path, () => assert.rejects(store.open(), refusal('OUTBOX_UNAVAILABLE', /another program/)))
    }
  }),
)

test('a file that another process makes between two looks at it is ours', async (context) => {
  const store = inlineScene()
  try {
    const number = Reflect.get(Database.prototype, 'number')
    const others: Promise<unknown>[] = []
    let isFirst = true
    context.mock.method(Database.prototype, 'number', function (this: Database, sql: string): number {
      const found = number.call(this, sql)
      if (isFirst && sql === 'PRAGMA application_id') {
        isFirst = false
        others.push(store.open())
      }
      return found
    })
    const { outbox } = await store.open()
    assert.equal((await Promise.all(others)).length, 1)
    assert.equal((await outbox.append([entry('x')]))[0]?.state, 'stored')
  } finally {
    await store.dispose()
  }
})

test(
  'the outbox of another workspace is refused, and delivers to its own afterwards',
  inScene(async (store) => {
    const first = await store.open()
    await first.outbox.append([entry('x')])
    await first.outbox.close()
    await assert.rejects(store.open({}, 'other'), refusal('OUTBOX_UNAVAILABLE', /another workspace/))
    assert.deepEqual(await new Scene(store, store.open, await store.open()).drain(), ['x'])
  }),
)

test(
  'a folder in place of the file, and a file in place of a folder, are refused',
  inScene(async (store) => {
    mkdirSync(store.path)
    await assert.rejects(store.open(), refusal('OUTBOX_UNAVAILABLE', /is a folder/))
    const file = join(dirname(store.path), 'file')
    writeFileSync(file, 'x')
    await assert.rejects(store.open({ path: join(file, 'outbox.db') }), refusal('OUTBOX_UNAVAILABLE', /./))
  }),
)

test(
  'a database without tables, as a crash leaves it while it is made, becomes an outbox',
  inScene(async (store) => {
    const database = new DatabaseSync(store.path)
    database.exec('PRAGMA journal_mode = WAL')
    database.close()
    const { outbox, notices } = await store.open()
    await outbox.append([entry('x')])
    assert.deepEqual(notices, [{ type: 'role', role: 'active' }])
  }),
)

test(
  'an outbox that was deleted or replaced under an open handle refuses the next append and then goes on with the new file',
  inScene(async (store) => {
    const { outbox, notices } = await store.open()
    await outbox.append([entry('x')])
    for (const suffix of ['', '-wal', '-shm']) rmSync(store.path + suffix)
    await assert.rejects(outbox.append([entry('y')]), refusal('OUTBOX_UNAVAILABLE', /moved, deleted or replaced/))
    assert.equal((await outbox.append([entry('z')]))[0]?.state, 'stored')
    assert.deepEqual(
      notices.map((notice) => (notice.type === 'role' ? notice.role : notice.type)),
      ['active', 'standby', 'active'],
    )
    const again = await store.open()
    assert.equal((await again.outbox.stats()).waiting, 1, 'what was stored is in the file at the path')
  }),
)

test(
  'a handle that is closed after its file was replaced leaves the new file and its log alone',
  inScene(async (store) => {
    const first = await store.open()
    await first.outbox.append([entry('old')])
    for (const suffix of ['', '-wal', '-shm']) rmSync(store.path + suffix)
    const second = await store.open()
    await second.outbox.append([entry('new')])
    await first.outbox.close()
    assert.ok(statSync(`${store.path}-wal`).size > 0)
    const third = await store.open()
    assert.equal((await third.outbox.stats()).waiting, 1)
    assert.deepEqual(
      (await third.outbox.list({ from: 'waiting', limit: 10 })).entries.map(({ id }) => id),
      ['new'],
    )
  }),
)

test(
  'a second handle in the process does not let go of the first one’s locks, which keep others from deleting the log',
  inScene(async (store) => {
    const first = await store.open()
    await first.outbox.append([entry('x')])
    assert.equal(alone(store.path), 'database is locked')
    const second = await store.open()
    assert.equal(alone(store.path), 'database is locked')
    await second.outbox.close()
    assert.equal(alone(store.path), 'database is locked')
    await first.outbox.close()
    assert.equal(alone(store.path), 'alone')
  }),
)

test(
  'a settlement into a file that is not there any more is refused too',
  inScene(async (store) => {
    const { outbox } = await store.open()
    await outbox.append([entry('x')])
    const scene = new Scene(store, store.open, { outbox, notices: [], kill: () => {} })
    const claim = await scene.claim()
    for (const suffix of ['', '-wal', '-shm']) rmSync(store.path + suffix)
    await assert.rejects(scene.settle(claim, { to: 'delivered' }), refusal('OUTBOX_UNAVAILABLE', /replaced/))
    assert.deepEqual(await scene.settle(claim, { to: 'delivered' }), ['lapsed'], 'its leases ended with it')
  }),
)

test('wrong options are named at once', () => {
  const wrong: readonly (readonly [string, Partial<Record<keyof SqliteOutboxOptions, unknown>>])[] = [
    ['path', { path: '' }],
    ['path', { path: 7 }],
    ['path', { path: ':memory:' }],
    ['maxOperations', { maxOperations: 0 }],
    ['maxBytes', { maxBytes: 1.5 }],
    ['rememberKeysMs', { rememberKeysMs: -1 }],
    ['maxPendingBytes', { maxPendingBytes: Number.NaN }],
    ['reserveBytes', { reserveBytes: Infinity }],
    ['durability', { durability: 'none' }],
    ['onDamage', { onDamage: 'ignore' }],
  ]
  for (const [field, options] of wrong) {
    assert.throws(
      () => openInlineSqliteOutbox({ path: '/nowhere/outbox.db', ...options } as SqliteOutboxOptions),
      (error) => error instanceof OptionsError && error.field === field,
      field,
    )
  }
})

test('the file holds nothing but what was asked for: pragmas as designed', async () => {
  const store = inlineScene()
  try {
    await store.open({ durability: 'power' })
    const database = new DatabaseSync(store.path, { readOnly: true })
    const pragma = (name: string): unknown => Object.values(database.prepare(`PRAGMA ${name}`).get() ?? {})[0]
    assert.deepEqual(
      [pragma('journal_mode'), pragma('auto_vacuum'), pragma('page_size'), pragma('user_version')],
      ['wal', 2, 4_096, 1],
    )
    database.close()
  } finally {
    await store.dispose()
  }
})

test('a runtime of the test kind opens an outbox without a wait', async () => {
  const store = inlineScene()
  try {
    const runtime = createTestRuntime()
    const outbox = await openInlineSqliteOutbox({ path: store.path })({ runtime, workspace: 'w', notice: () => {} })
    assert.equal((await outbox.stats()).role, 'active')
    await outbox.close()
    assert.equal(runtime.clock.pending, 0, 'no timer is left behind')
  } finally {
    await store.dispose()
  }
})
