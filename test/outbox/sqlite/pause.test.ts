/** A pause in the file: made later in a file of an earlier version, and kept when the file is damaged. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'

import type { SharedPause } from '../../../src/outbox/outbox.ts'
import type { OutboxHandle } from '../../../src/testing/outbox-conformance.ts'
import { crowd, entry } from '../../../src/testing/outbox-conformance/scene.ts'
import { type InlineScene, inlineScene } from './scene.ts'

const pause: SharedPause = { who: 'ada', why: 'an import runs', atMs: 1_750_000_000_000 }

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

function withFile<Result>(path: string, work: (database: DatabaseSync) => Result): Result {
  const database = new DatabaseSync(path)
  try {
    return work(database)
  } finally {
    database.close()
  }
}

/** Makes a file with an entry as the versions before `pause`, and before `executions`, did. */
async function fileOfOld(store: InlineScene): Promise<void> {
  const { outbox } = await store.open()
  await outbox.append([entry('1')])
  await outbox.close()
  withFile(store.path, (database) => database.exec('DROP TABLE pause; DROP TABLE execution'))
}

function tablesOf(store: InlineScene): readonly unknown[] {
  const sql = "SELECT name FROM sqlite_schema WHERE name IN ('pause', 'execution') ORDER BY rootpage"
  return withFile(store.path, (database) => database.prepare(sql).all()).map(({ name }) => name)
}

function pausesOf({ notices }: OutboxHandle): readonly (SharedPause | null)[] {
  return notices.flatMap((notice) => (notice.type === 'paused' ? [notice.pause] : []))
}

/** Overwrites the page that holds the list of tables. */
function damageFirstPage(path: string): void {
  const bytes = readFileSync(path)
  bytes.fill(0, 0, 4_096)
  writeFileSync(path, bytes)
}

test(
  'a file of an earlier version gets the table with its first pause, behind that of executions',
  inScene(async (store) => {
    await fileOfOld(store)
    const first = await store.open()
    const second = await store.open()
    await first.outbox.setPaused(null)
    assert.deepEqual(tablesOf(store), [], 'opening, and the end of no pause, change nothing')
    await first.outbox.setPaused(pause)
    assert.deepEqual(tablesOf(store), ['execution', 'pause'])
    await store.advance(1_000)
    assert.deepEqual([pausesOf(first), pausesOf(second)], [[pause], [pause]])
    assert.equal((await second.outbox.stats()).waiting, 1)
  }),
)

test(
  'a handle that opens on a paused outbox is told before it can claim, and only once',
  inScene(async (store) => {
    const first = await store.open()
    await first.outbox.setPaused(pause)
    await first.outbox.close()
    const second = await store.open()
    assert.deepEqual(pausesOf(second), [pause])
    await store.advance(2_000)
    await second.outbox.setPaused(pause)
    assert.deepEqual(pausesOf(second), [pause])
    await second.outbox.setPaused({ ...pause, why: 'the import takes longer' })
    assert.equal(pausesOf(second).at(-1)?.why, 'the import takes longer')
  }),
)

test(
  'a pause outlives a rescue of the damaged file, and so does its end',
  inScene(async (store) => {
    for (const now of [pause, null]) {
      const { outbox } = await store.open()
      await outbox.setPaused(now)
      await outbox.close()
      damageFirstPage(store.path)
      const again = await store.open()
      assert.ok(again.notices.some(({ type }) => type === 'quarantined'))
      assert.deepEqual(pausesOf(again), now === null ? [] : [now])
      await again.outbox.close()
    }
  }),
)

test(
  'rows of another table that stand where the pause would be are none',
  inScene(async (store) => {
    await fileOfOld(store)
    const first = await store.open()
    await first.outbox.append(crowd('e', 300, { body: `{"v":1,"call":"${'x'.repeat(700)}"}` }))
    await first.outbox.close()
    damageFirstPage(store.path)
    const again = await store.open()
    assert.ok(again.notices.some(({ type }) => type === 'quarantined'))
    assert.deepEqual(pausesOf(again), [])
    assert.equal((await again.outbox.stats()).waiting, 301)
  }),
)
