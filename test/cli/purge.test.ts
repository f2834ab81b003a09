/** Everything of one person taken out, through a relay and without one. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'

import { openOffline } from '../../src/admin/offline.ts'
import { ResilientCustomerIO, sqliteOutbox } from '../../src/index.ts'
import { systemRuntime } from '../../src/runtime/system.ts'
import { using } from '../using.ts'
import { bury } from '../admin/world.ts'
import { createProgram, type Ran } from './program-world.ts'

const codeOf = ({ err }: Ran): string =>
  (JSON.parse(err.trim().split('\n').at(-1)!) as { readonly error: { readonly code: string } }).error.code

test(
  'a purge is looked at first, asked with its count, and takes what waits and the dead letters of one person alone',
  using(async (use) => {
    const { world, script, person } = use(createProgram())
    await bury(world, 3)
    const cio = world.workspaces.get('shop')!
    cio.pause()
    for (const id of ['person-1', 'person-1', 'person-2']) await world.soon(cio.track(id, 'later'))
    const look = await script('purge', '--person', 'person-1', '--dry-run')
    assert.deepEqual(look.json(), { workspaces: [{ workspace: 'shop', matched: 3, done: 0, dryRun: true }] })
    const unasked = await script('purge', '--person', 'person-1')
    assert.deepEqual([unasked.code, codeOf(unasked)], [7, 'needs-yes'])
    assert.equal((await person({ typed: '2\n' }, 'purge', '--person', 'person-1')).code, 7)
    const done = await person({ typed: '3\n' }, 'purge', '--person', 'person-1', '--reason', 'asked for it')
    assert.match(done.out, /^3 operations removed\.\n$/)
    const stats = await world.soon(cio.stats())
    assert.deepEqual([stats.waiting, stats.deadLetters, stats.totals.purged], [1, 2, 3])
    const acts = world.audited.filter(({ act }) => act === 'purge')
    assert.deepEqual(acts, [
      { type: 'audit', act: 'purge', workspace: 'shop', who: 'admin', reason: 'asked for it', count: 3 },
    ])
    assert.equal((await script('purge', '--yes')).code, 2)
  }),
)

test(
  'of several workspaces one is named, or all',
  using(async (use) => {
    const { world, script } = use(createProgram({ names: ['shop', 'blog'] }))
    for (const cio of world.workspaces.values()) {
      cio.pause()
      await world.soon(cio.track('42', 'called'))
    }
    assert.equal(codeOf(await script('purge', '--person', '42', '--yes')), 'needs-all')
    const { workspaces } = (await script('purge', '--person', '42', '--yes', '--all')).json() as {
      readonly workspaces: readonly { readonly done: number }[]
    }
    assert.deepEqual(
      workspaces.map(({ done }) => done),
      [1, 1],
    )
  }),
)

test(
  'a person of a stopped relay is taken out of its file',
  using(async (use) => {
    const { world } = use(createProgram())
    const cio = new ResilientCustomerIO({
      siteId: 'site',
      apiKey: 'key',
      baseUrl: 'http://127.0.0.1:1',
      outbox: sqliteOutbox({ path: join(world.dataDir, 'shop.db'), reserveBytes: 0 }),
    })
    for (const id of ['a', 'a', 'b']) await cio.track(id, 'called')
    await cio.close({ timeoutMs: 0 })
    const stopped = openOffline({ dataDir: world.dataDir, version: '1.2.3', runtime: systemRuntime })
    try {
      assert.deepEqual(await stopped.purge('shop', { person: 'a', dryRun: true }), {
        matched: 2,
        done: 0,
        dryRun: true,
      })
      assert.equal((await stopped.purge('shop', { person: 'a' })).done, 2)
      await assert.rejects(stopped.purge('shop', { person: '' }), { code: 'INVALID_OPTIONS', field: 'person' })
      const [left] = (await stopped.status()).workspaces
      assert.deepEqual([left?.stats?.waiting, left?.stats?.totals.purged], [1, 2])
    } finally {
      await stopped.close()
    }
  }),
)
