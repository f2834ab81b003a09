/** What operators, receipts and health ask of an outbox and its spill. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'

import { memoryOutbox } from '../../../src/outbox/memory.ts'
import type { ListQuery, Outbox, OutboxNotice } from '../../../src/outbox/outbox.ts'
import { openWithSpill } from '../../../src/outbox/spill.ts'
import { systemRuntime } from '../../../src/runtime/system.ts'
import { entry } from '../../../src/testing/outbox-conformance/scene.ts'
import { createTestRuntime } from '../../../src/testing/test-runtime.ts'
import { temporaryFolder } from '../sqlite/scene.ts'
import { until } from '../../until.ts'
import { behind, drained, idsIn, inScene, Network, spillsOf } from './scene.ts'

const want = { entriesMax: 100, bytesMax: 1_000_000, leaseMs: 10_000 }

async function pagesOf(outbox: Outbox, query: ListQuery): Promise<readonly (readonly string[])[]> {
  const pages: (readonly string[])[] = []
  for (let after: string | null | undefined; after !== null;) {
    const page = await outbox.list(after === undefined ? query : { ...query, after })
    pages.push(page.entries.map(({ id }) => id))
    after = page.after
  }
  return pages
}

test(
  'a list has what waits in the remote outbox, then what spilled, page by page, in both directions',
  inScene(async ({ open, network, runtime }) => {
    const { outbox } = await open()
    await outbox.append([1, 2, 3, 4].map((id) => entry(`${id}`)))
    network.fate = (call) => (call === 'append' ? 'refused' : 'well')
    await outbox.append([5, 6, 7].map((id) => entry(`${id}`)))
    const query = { from: 'waiting', limit: 2 } as const
    assert.deepEqual(await pagesOf(outbox, query), [['1', '2'], ['3', '4'], ['5', '6'], ['7']])
    assert.deepEqual(await pagesOf(outbox, { ...query, limit: 3 }), [['1', '2', '3'], ['4', '5', '6'], ['7']])
    const newest = { ...query, order: 'newest-first' } as const
    assert.deepEqual(await pagesOf(outbox, newest), [['7', '6'], ['5', '4'], ['3', '2'], ['1']])
    assert.deepEqual(await pagesOf(outbox, { ...newest, limit: 3 }), [['7', '6', '5'], ['4', '3', '2'], ['1']])
    assert.deepEqual(await pagesOf(outbox, { ...query, id: '6' }), [['6']])
    assert.deepEqual(await pagesOf(outbox, { from: 'dead', limit: 5 }), [[]])
    network.fate = () => 'refused'
    await assert.rejects(outbox.list(query), { code: 'OUTBOX_UNAVAILABLE' })
    await runtime.clock.advance(10)
  }),
)

test(
  'a position in the spill is followed to where its operation went',
  inScene(async ({ open, network, runtime }) => {
    const { outbox, kill } = await open()
    network.fate = (call) => (call === 'append' ? 'refused' : 'well')
    const positions = (await outbox.append([entry('1'), entry('2'), entry('3')])).map(({ position }) => position)
    const [direct] = await (await open({ file: 'other.db' })).outbox.append([entry('4')])
    assert.equal(direct?.spilled, true)
    assert.deepEqual(await outbox.lookup(positions), [{ state: 'waiting' }, { state: 'waiting' }, { state: 'waiting' }])
    network.fate = () => 'well'
    await drained(outbox, runtime.clock)
    assert.deepEqual(await outbox.lookup([positions[0]!]), [{ state: 'waiting' }])
    const { lease, entries } = await outbox.claim(want)
    await outbox.settle([{ lease, position: entries[0]!.position, verdict: { to: 'dead', reason: 'expired' } }])
    await outbox.purge('no such lane')
    const unknown = { state: 'unknown' }
    const states = [{ state: 'dead', reason: 'expired' }, { state: 'waiting' }, unknown, unknown]
    const asked = [positions[0]!, positions[1]!, 'spill:4711', '4711']
    assert.deepEqual(await outbox.lookup(asked), states)
    kill()
    const next = await open()
    assert.deepEqual(await next.outbox.lookup(asked), states, 'also by the next process')
    network.fate = () => 'refused'
    await assert.rejects(next.outbox.lookup([positions[0]!]), { code: 'OUTBOX_UNAVAILABLE' })
    assert.deepEqual(await next.outbox.lookup(['spill:4711']), [unknown])
  }),
)

test(
  'a purge removes from both; in an outage it removes what spilled, and says that the rest is to be done',
  inScene(async ({ open, remote, network, runtime, openFile }) => {
    const { outbox } = await open()
    await outbox.append([entry('1'), entry('b', { lanes: ['b'] })])
    network.fate = (call) => (call === 'append' ? 'refused' : 'well')
    await outbox.append([entry('2'), entry('b2', { lanes: ['b'] })])
    assert.equal(await outbox.purge('a'), 2)
    await outbox.append([entry('3')])
    network.fate = () => 'refused'
    await assert.rejects(outbox.purge('a'), { code: 'OUTBOX_UNAVAILABLE', message: /^1 operations in the spill/ })
    network.fate = () => 'well'
    await drained(outbox, runtime.clock)
    assert.deepEqual(await idsIn(remote), ['b', 'b2'])
    assert.equal((await outbox.stats()).totals.purged, 3)
    assert.equal((await (await openFile()).stats()).lost, 0)
  }),
)

test(
  'nothing that is on its way from the spill slips past a purge',
  inScene(async ({ open, remote, network, runtime }) => {
    const { outbox } = await open()
    network.fate = () => 'refused'
    await outbox.append(Array.from({ length: 20 }, (_, index) => entry(`${index}`)))
    let purged: Promise<number> | undefined
    network.fate = (call) => {
      if (call === 'append') purged ??= outbox.purge('a')
      return call === 'append' ? 'slow' : 'well'
    }
    await drained(outbox, runtime.clock)
    assert.equal(await purged, 20)
    assert.deepEqual(await idsIn(remote), [])
  }),
)

test(
  'a lane is held by what spilled, and may be by anything while the remote outbox is away',
  inScene(async ({ open, network, runtime }) => {
    const { outbox } = await open()
    network.fate = (call) => (call === 'append' ? 'refused' : 'well')
    await outbox.append([entry('1')])
    assert.deepEqual([await outbox.mayHold(['a']), await outbox.mayHold(['b'])], [true, false])
    network.fate = () => 'refused'
    assert.equal(await outbox.mayHold(['b']), true)
    network.fate = () => 'well'
    await drained(outbox, runtime.clock)
    assert.deepEqual([await outbox.mayHold(['a']), await outbox.mayHold(['b'])], [true, false])
  }),
)

test(
  'dead letters of an outage are listed, replayed through the remote outbox, and dropped',
  inScene(async ({ open, remote, network, runtime }) => {
    const { outbox } = await open({ onOutage: 'deliver', deliverAfterMs: 0 })
    const crowd = ['x', 'y', 'z'].map((id) => entry(id, { lanes: [id] }))
    await outbox.append(crowd.slice(0, 1))
    const there = await outbox.claim(want)
    await outbox.settle([
      { lease: there.lease, position: there.entries[0]!.position, verdict: { to: 'dead', reason: 'rejected' } },
    ])
    network.fate = () => 'refused'
    await outbox.append(crowd.slice(1))
    const { lease, entries } = await outbox.claim(want)
    await outbox.settle(
      entries.map(({ position }) => ({ lease, position, verdict: { to: 'dead', reason: 'rejected', status: 400 } })),
    )
    await assert.rejects(outbox.resolveDead({ all: true }, 'drop'), { code: 'OUTBOX_UNAVAILABLE' })
    network.fate = () => 'well'
    await runtime.clock.advance(10_000)
    const stats = await outbox.stats()
    assert.deepEqual([stats.deadLetters, stats.totals.dead, stats.spilled, stats.lost], [3, 3, 0, 0])
    const listed = (await outbox.list({ from: 'dead', limit: 10 })).entries
    assert.deepEqual(
      listed.map(({ id }) => id),
      ['x', 'y', 'z'],
    )
    const positions = listed.map(({ position }) => position)
    assert.equal(await outbox.resolveDead({ positions: positions.slice(0, 2) }, 'replay'), 2)
    await drained(outbox, runtime.clock)
    assert.deepEqual(await idsIn(remote), ['x', 'y'])
    assert.deepEqual(await outbox.lookup(positions.slice(1)), [
      { state: 'waiting' },
      { state: 'dead', reason: 'rejected', status: 400 },
    ])
    assert.equal(await outbox.resolveDead({ all: true }, 'drop'), 1)
    assert.equal((await outbox.stats()).totals.dropped, 1)
  }),
)

test(
  'stats answer in an outage: what is known of the remote outbox, and what spilled',
  inScene(async ({ open, network, runtime }) => {
    network.fate = () => 'refused'
    const { outbox } = await open()
    const [at, bytes] = [runtime.clock.wallMs(), entry('1').body.length]
    await outbox.append([entry('1', { acceptedAtMs: at, campaignAtMs: at })])
    const blind = await outbox.stats()
    assert.deepEqual([blind.role, blind.waiting, blind.waitingBytes, blind.spilled], ['active', 0, 0, 1])
    assert.deepEqual([blind.oldestAcceptedAtMs, blind.oldestCampaignAtMs, blind.totals.accepted], [at, at, 1])
    network.fate = () => 'well'
    await drained(outbox, runtime.clock)
    const well = await outbox.stats()
    assert.deepEqual([well.waiting, well.waitingBytes, well.spilled, well.totals.accepted], [1, bytes, 0, 1])
    network.fate = () => 'refused'
    await outbox.append([entry('2', { acceptedAtMs: at + 5 })])
    await outbox.claim(want)
    const away = await outbox.stats()
    assert.deepEqual([away.waiting, away.spilled, away.totals.accepted, away.lost], [1, 1, 2, 0])
    assert.equal(away.oldestAcceptedAtMs, at)
  }),
)

test(
  'what needs the remote outbox says that it is away',
  inScene(async ({ open, network, runtime }) => {
    network.fate = () => 'refused'
    const { outbox } = await open()
    const away = { code: 'OUTBOX_UNAVAILABLE' }
    await assert.rejects(outbox.executions.begin({ key: 'k', token: 't', leaseMs: 1_000 }), away)
    await assert.rejects(outbox.setPaused({ who: 'ada', why: '', atMs: 0 }), away)
    await assert.rejects(outbox.lookup(['1']), away)
    assert.deepEqual(await outbox.renew(['1'], 1_000), ['lapsed'])
    const verdict = { to: 'delivered' } as const
    assert.deepEqual(await outbox.settle([{ lease: '1', position: '1', verdict }]), ['lapsed'])
    outbox.tell({ kind: 'well' })
    network.fate = () => 'well'
    await runtime.clock.advance(10_000)
    assert.equal((await outbox.executions.begin({ key: 'k', token: 't', leaseMs: 1_000 })).state, 'held')
  }),
)

test('settings that cannot be are refused, each by its name', () => {
  const refused = (settings: object, field: string): void => {
    const all = { spill: { path: 'spill.db' }, onOutage: 'hold', deliverAfterMs: 1, ...settings }
    assert.throws(() => openWithSpill(memoryOutbox({ deliver: 'all' }), all as never), { name: 'OptionsError', field })
  }
  refused({ spill: undefined }, 'spill')
  refused({ spill: {} }, 'spill.path')
  refused({ spill: { path: ':memory:' } }, 'spill.path')
  refused({ spill: { path: 'x', maxOperations: 0 } }, 'spill.maxOperations')
  refused({ spill: { path: 'x', maxBytes: 1.5 } }, 'spill.maxBytes')
  refused({ onOutage: 'drop' }, 'onOutage')
  refused({ deliverAfterMs: -1 }, 'deliverAfterMs')
})

test('with a thread and a disk: an outage, its end, and what a damaged row of it becomes', async () => {
  const folder = temporaryFolder()
  const network = new Network(createTestRuntime().clock)
  const path = join(folder.path, 'sub', 'spill.db')
  const remote = memoryOutbox({ deliver: 'all' })
  const notices: OutboxNotice[] = []
  const context = { runtime: systemRuntime, workspace: 'test', notice: (each: OutboxNotice) => void notices.push(each) }
  const settings = { spill: { path, maxOperations: 10_000 }, onOutage: 'hold', deliverAfterMs: 60_000 } as const
  const open = openWithSpill(behind(network, remote), settings)
  const reader = await remote({ ...context, notice: () => {} })
  try {
    network.fate = () => 'refused'
    const first = await open(context)
    await Promise.all(Array.from({ length: 1_500 }, (_, index) => first.append([entry(`${index}`)])))
    await first.close()
    const database = new DatabaseSync(path)
    assert.deepEqual({ ...database.prepare('SELECT count(*) AS rows FROM entry').get() }, { rows: 1_500 })
    database.exec("UPDATE entry SET body = 'damaged' WHERE seq = 700")
    database.close()
    network.fate = () => 'well'
    const second = await open(context)
    await second.append([entry('last')])
    await until(async () => (await second.stats()).spilled === 0)
    const ids = await idsIn(reader)
    const expected = [...Array.from({ length: 1_500 }, (_, index) => `${index}`).filter((id) => id !== '699'), 'last']
    assert.deepEqual(ids, expected)
    await until(() => spillsOf(notices).at(-1) === 'ended null 0')
    assert.deepEqual(
      notices.filter(({ type }) => type === 'damaged-entry'),
      [{ type: 'damaged-entry', position: 'spill:700' }],
    )
    const [dead] = (await second.list({ from: 'dead', limit: 5 })).entries
    assert.deepEqual([dead?.id, dead?.position, dead?.dead?.reason], ['699', 'spill:700', 'damaged'])
    assert.equal((await second.stats()).lost, 0)
    await second.close()
  } finally {
    await reader.close()
    folder.remove()
  }
})
