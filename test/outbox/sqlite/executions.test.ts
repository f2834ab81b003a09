/** What is of the rows alone; the contract is in `../sqlite.test.ts`. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'

import * as fc from 'fast-check'

import { isHoldfastError } from '../../../src/errors.ts'
import type { IdempotencyStore } from '../../../src/idempotency/store.ts'
import { memoryOutbox } from '../../../src/outbox/memory.ts'
import { crowd, entry, Scene } from '../../../src/testing/outbox-conformance/scene.ts'
import { inlineScene, type InlineScene } from './scene.ts'

function inScene(run: (store: InlineScene) => Promise<void>, options = {}): () => Promise<void> {
  return async () => {
    const store = inlineScene(options)
    try {
      await run(store)
    } finally {
      await store.dispose()
    }
  }
}

/** Asks the file by itself. */
function ask(path: string, sql: string): number {
  const database = new DatabaseSync(path)
  try {
    return Number(Object.values(database.prepare(sql).get() ?? {})[0])
  } finally {
    database.close()
  }
}

const TABLES = "SELECT count(*) FROM sqlite_schema WHERE name = 'execution'"

/** Makes a file with two entries as the versions before `executions` did. */
async function fileOfOld(store: InlineScene): Promise<void> {
  const { outbox } = await store.open()
  await outbox.append([entry('1'), entry('2')])
  await outbox.close()
  const database = new DatabaseSync(store.path)
  database.exec('DROP TABLE pause; DROP TABLE execution')
  database.close()
}

async function done(executions: IdempotencyStore, key: string, value: string = '[1]', ttlMs?: number): Promise<void> {
  assert.deepEqual(await executions.begin({ key, token: key, leaseMs: 1_000 }), { state: 'held' })
  await executions.complete({ key, token: key, value, ttlMs })
}

async function stateOf(executions: IdempotencyStore, key: string): Promise<string> {
  return (await executions.begin({ key, token: 'asks', leaseMs: 1 })).state
}

function diskFull(error: unknown): boolean {
  return isHoldfastError(error) && error.code === 'OUTBOX_DISK_FULL'
}

test(
  'a file of a version before executions opens, gets their table at the first use, and stays readable for that version',
  inScene(async (store) => {
    await fileOfOld(store)
    const first = await store.open()
    const second = await store.open()
    assert.equal((await first.outbox.stats()).waiting, 2)
    assert.equal(ask(store.path, TABLES), 0, 'opening changes nothing')
    await done(first.outbox.executions, 'k')
    assert.equal(await stateOf(second.outbox.executions, 'k'), 'done', 'a handle that was open before')
    assert.equal(ask(store.path, 'PRAGMA user_version'), 1)
    await second.outbox.close()
    await first.outbox.close()
    const scene = new Scene(store, store.open, await store.open())
    assert.deepEqual(await scene.drain(), ['1', '2'])
    assert.equal(await stateOf(scene.outbox.executions, 'k'), 'done')
  }),
)

/** Overwrites the page that holds the list of tables. */
function damageFirstPage(path: string): void {
  const bytes = readFileSync(path)
  bytes.fill(0, 0, 4_096)
  writeFileSync(path, bytes)
}

for (const made of ['with the file', 'later, in a file of an earlier version'] as const) {
  test(
    `leases and results outlive a rescue, their table made ${made}`,
    inScene(async (store) => {
      if (made !== 'with the file') await fileOfOld(store)
      const { outbox } = await store.open()
      for (let n = 0; n < 200; n++) await done(outbox.executions, `k${n}`, JSON.stringify([`${n}`.repeat(50)]))
      await outbox.executions.begin({ key: 'leased', token: 'a', leaseMs: 60_000 })
      await outbox.close()
      damageFirstPage(store.path)
      const again = await store.open()
      assert.ok(again.notices.some(({ type }) => type === 'quarantined'))
      const { executions } = again.outbox
      for (let n = 0; n < 200; n++) {
        const value = JSON.stringify([`${n}`.repeat(50)])
        assert.deepEqual(await executions.begin({ key: `k${n}`, token: 'b', leaseMs: 1 }), { state: 'done', value })
      }
      assert.equal(await stateOf(executions, 'leased'), 'running')
      await done(executions, 'new')
    }),
  )
}

test(
  'rows of other tables that stand where executions would be are not taken for such',
  inScene(async (store) => {
    await fileOfOld(store)
    const first = await store.open()
    await first.outbox.append(crowd('e', 300, { body: `{"v":1,"call":"${'x'.repeat(700)}"}` }))
    await first.outbox.close()
    damageFirstPage(store.path)
    const { outbox } = await store.open()
    assert.equal((await outbox.stats()).waiting, 302)
    assert.equal(ask(store.path, 'SELECT count(*) FROM execution'), 0)
    await done(outbox.executions, '1')
  }),
)

test(
  'whoever asks in vain writes nothing',
  inScene(async (store) => {
    const { outbox } = await store.open()
    await done(outbox.executions, 'done')
    await outbox.executions.begin({ key: 'running', token: 'a', leaseMs: 60_000 })
    const before = ask(store.path, 'SELECT beat FROM state')
    for (let n = 0; n < 10; n++) {
      assert.equal(await stateOf(outbox.executions, 'done'), 'done')
      assert.equal(await stateOf(outbox.executions, 'running'), 'running')
    }
    assert.equal(ask(store.path, 'SELECT beat FROM state'), before)
  }),
)

test(
  'the table stays within its number of results, and loses what is over its time',
  inScene(
    async (store) => {
      const { outbox } = await store.open()
      const { executions } = outbox
      const rows = (): number => ask(store.path, 'SELECT count(*) FROM execution')
      for (let n = 0; n < 100; n++) await executions.begin({ key: `died ${n}`, token: 'a', leaseMs: 1_000 })
      await executions.begin({ key: 'lives', token: 'a', leaseMs: 600_000 })
      await store.advance(1_000)
      for (let n = 0; n < 3_000; n++) {
        await done(executions, `k${n}`, '[1]', 60_000)
        if (n % 100 === 0) assert.ok(rows() <= 1_001, `${rows()} rows`)
      }
      assert.ok(rows() >= 900, `${rows()} rows`)
      assert.equal(ask(store.path, "SELECT count(*) FROM execution WHERE key LIKE 'died%'"), 0)
      assert.equal(await stateOf(executions, 'lives'), 'running')
      await store.advance(60_000)
      for (let n = 0; n < 100; n++) await done(executions, `new ${n}`)
      assert.ok(rows() < 250, `${rows()} rows`)
    },
    { maxResults: 1_000 },
  ),
)

test(
  'without room besides the reserve no execution begins, but one that has begun is remembered',
  inScene(async (store) => {
    const first = await store.open()
    await first.outbox.executions.begin({ key: 'begun', token: 'a', leaseMs: 60_000 })
    // More than any disk has.
    const { outbox } = await store.open({ reserveBytes: 2 ** 52 })
    const { executions } = outbox
    await assert.rejects(executions.begin({ key: 'new', token: 'a', leaseMs: 60_000 }), diskFull)
    assert.equal(await executions.renew({ key: 'begun', token: 'a', leaseMs: 60_000 }), 'held')
    await executions.complete({ key: 'begun', token: 'a', value: '[1]', ttlMs: undefined })
    assert.equal(await stateOf(executions, 'begun'), 'done')
  }),
)

type Action =
  | { readonly do: 'begin'; readonly key: string; readonly token: string; readonly leaseMs: number }
  | { readonly do: 'renew'; readonly key: string; readonly token: string; readonly leaseMs: number }
  | { readonly do: 'complete'; readonly key: string; readonly token: string; readonly ttlMs: number | undefined }
  | { readonly do: 'abandon'; readonly key: string; readonly token: string }
  | { readonly do: 'pass'; readonly ms: number }

const key = fc.constantFrom('a', 'b', 'c')
const token = fc.constantFrom('1', '2', '3')
const leaseMs = fc.constantFrom(10, 100, 1_000)
const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('begin'), key, token, leaseMs }) },
  fc.record({ do: fc.constant('renew'), key, token, leaseMs }),
  fc.record({ do: fc.constant('complete'), key, token, ttlMs: fc.constantFrom(undefined, 50, 500) }),
  fc.record({ do: fc.constant('abandon'), key, token }),
  fc.record({ do: fc.constant('pass'), ms: fc.constantFrom(1, 9, 50, 400, 1_000) }),
)

async function act(executions: IdempotencyStore, step: Action, number: number): Promise<unknown> {
  switch (step.do) {
    case 'begin':
      // A token begins once.
      return executions.begin({ ...step, token: `${step.token}/${number}` })
    case 'renew':
    case 'abandon':
      return executions[step.do]({ ...step, leaseMs: step.do === 'renew' ? step.leaseMs : 0 })
    case 'complete':
      return executions.complete({ ...step, value: `[${number}]` })
    default:
      return undefined
  }
}

test('property: any sequence of steps does the same on SQLite and on the memory outbox', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(action, { minLength: 5, maxLength: 40 }), async (steps) => {
      const store = inlineScene()
      try {
        const context = { runtime: store.runtime, workspace: 'test', notice: () => {} }
        const memory = (await memoryOutbox()(context)).executions
        let { outbox } = await store.open()
        const held = new Map<string, string>()
        for (const [number, step] of steps.entries()) {
          if (step.do === 'pass') {
            await store.advance(step.ms)
            await outbox.close()
            ;({ outbox } = await store.open())
            continue
          }
          // One who holds the key, or did, more often than one who never has.
          const owner = held.get(step.key)
          const own =
            step.do === 'begin' || owner === undefined || step.token === '3' ? step : { ...step, token: owner }
          const expected = await act(memory, own, number)
          assert.deepEqual(await act(outbox.executions, own, number), expected, step.do)
          if (step.do === 'begin' && Reflect.get(Object(expected), 'state') === 'held') {
            held.set(step.key, `${step.token}/${number}`)
          }
        }
      } finally {
        await store.dispose()
      }
    }),
    { seed: 42, numRuns: 60 },
  )
})
