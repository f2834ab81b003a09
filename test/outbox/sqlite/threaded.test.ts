/** What is of the thread alone; the contract is in `../sqlite.test.ts`. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'

import { isHoldfastError } from '../../../src/errors.ts'
import type { Outbox, OutboxNotice } from '../../../src/outbox/outbox.ts'
import { resolveSqliteOptions } from '../../../src/outbox/sqlite/options.ts'
import { openThreaded } from '../../../src/outbox/sqlite/threaded.ts'
import { WorkerLink } from '../../../src/outbox/sqlite/worker-link.ts'
import { systemRuntime } from '../../../src/runtime/system.ts'
import { crowd, entry } from '../../../src/testing/outbox-conformance/scene.ts'
import { temporaryFolder } from './scene.ts'

interface Threaded {
  readonly outbox: Outbox
  readonly path: string
  readonly notices: readonly OutboxNotice[]
  /** The threads so far; the last is at work. */
  readonly links: readonly WorkerLink[]
  /** Moves the clock of the caller's side. */
  readonly pass: (byMs: number) => void
}

function withThread(run: (threaded: Threaded) => Promise<void>, reserveBytes = 0): () => Promise<void> {
  return async () => {
    const folder = temporaryFolder()
    const path = join(folder.path, 'outbox.db')
    const notices: OutboxNotice[] = []
    const links: WorkerLink[] = []
    let nowMs = 0
    const outbox = await openThreaded(
      resolveSqliteOptions({ path, reserveBytes }),
      {
        runtime: { ...systemRuntime, clock: { ...systemRuntime.clock, monotonicMs: () => nowMs } },
        workspace: 'test',
        notice: (notice) => notices.push(notice),
      },
      (setup, events) => {
        const link = new WorkerLink(setup, events)
        links.push(link)
        return link
      },
    )
    try {
      await run({ outbox, path, notices, links, pass: (byMs) => (nowMs += byMs) })
    } finally {
      await outbox.close()
      folder.remove()
    }
  }
}

function unavailable(error: unknown): boolean {
  return isHoldfastError(error) && error.code === 'OUTBOX_UNAVAILABLE'
}

/** Each commit of the owner is a beat. */
function beatsOf(path: string): number {
  const database = new DatabaseSync(path, { readOnly: true })
  const beat = Number(database.prepare('SELECT beat FROM state').get()?.['beat'])
  database.close()
  return beat
}

test(
  'five hundred appends of one turn are one commit or two',
  withThread(async ({ outbox, path }) => {
    const before = beatsOf(path)
    await Promise.all(crowd('c', 500).map((each) => outbox.append([each])))
    const commits = beatsOf(path) - before
    assert.ok(commits <= 3, `${commits} commits, of which one may be a beat of its own`)
  }),
)

test(
  'when the thread dies all that is under way fails with a typed error, and the next call starts another thread',
  withThread(async ({ outbox, links, notices, pass }) => {
    await outbox.append([entry('kept')])
    const underWay = [
      outbox.append(crowd('c', 100)),
      outbox.stats(),
      outbox.list({ from: 'waiting', limit: 10 }),
      outbox.claim({ entriesMax: 10, bytesMax: 1_000, leaseMs: 1_000 }),
    ]
    const settled = Promise.allSettled(underWay)
    await new Promise((resolve) => setImmediate(resolve))
    await links[0]!.terminate()
    const results = await settled
    assert.equal(results.length, 4)
    for (const result of results) assert.ok(result.status === 'fulfilled' || unavailable(result.reason))
    assert.ok(results.some(({ status }) => status === 'rejected'))
    assert.deepEqual(notices.at(-1), { type: 'role', role: 'standby' })
    await assert.rejects(outbox.append([entry('too soon')]), unavailable)
    assert.equal(links.length, 1, 'a thread that dies at once is not started again and again')
    pass(1_000)
    assert.equal((await outbox.append([entry('after')]))[0]?.state, 'stored')
    assert.equal(links.length, 2)
    const { entries } = await outbox.list({ from: 'waiting', limit: 1_000 })
    assert.equal(entries[0]?.id, 'kept')
    assert.equal(entries.at(-1)?.id, 'after')
  }),
)

test(
  'an outbox whose thread has died can be closed',
  withThread(async ({ outbox, links }) => {
    await links[0]!.terminate()
    await outbox.close()
    await assert.rejects(outbox.stats(), (error) => isHoldfastError(error) && error.code === 'OUTBOX_CLOSED')
  }),
)

test(
  'work on many rows does not hold up an append',
  withThread(async ({ outbox }) => {
    for (let round = 0; round < 6; round++) {
      await outbox.append(Array.from({ length: 5_000 }, (_, index) => entry(`${round} ${index}`)))
    }
    const order: string[] = []
    const purge = outbox.purge('a').then((count) => {
      order.push('purge')
      return count
    })
    await outbox.append([entry('x', { lanes: ['b'] })]).then(() => order.push('append'))
    assert.equal(await purge, 30_000)
    assert.deepEqual(order, ['append', 'purge'])
  }),
)

test(
  'work on many rows that is under way when the outbox closes is finished',
  withThread(async ({ outbox }) => {
    for (let round = 0; round < 3; round++) {
      await outbox.append(Array.from({ length: 5_000 }, (_, index) => entry(`${round} ${index}`)))
    }
    const purge = outbox.purge('a')
    await outbox.close()
    assert.equal(await purge, 15_000)
  }),
)

test(
  'a thousand executions of one turn are a few commits, and so are their results',
  withThread(async ({ outbox, path }) => {
    const { executions } = outbox
    const leases = Array.from({ length: 1_000 }, (_, index) => ({ key: `k${index}`, token: `t${index}` }))
    const before = beatsOf(path)
    const begun = await Promise.all(leases.map((lease) => executions.begin({ ...lease, leaseMs: 60_000 })))
    assert.ok(begun.every(({ state }) => state === 'held'))
    await Promise.all(leases.map((lease) => executions.complete({ ...lease, value: '[1]', ttlMs: undefined })))
    const commits = beatsOf(path) - before
    // Two groups each, and a beat or two of the owner besides.
    assert.ok(commits >= 4 && commits <= 8, `${commits} commits`)
    const again = await Promise.all(leases.map(({ key }) => executions.begin({ key, token: 'asks', leaseMs: 1 })))
    assert.ok(again.every(({ state }) => state === 'done'))
  }),
)

test(
  'of executions that travel together only those are refused for which the disk has no room',
  withThread(
    async ({ outbox }) => {
      const { executions } = outbox
      const results = await Promise.allSettled([
        executions.begin({ key: 'new', token: 'a', leaseMs: 60_000 }),
        executions.complete({ key: 'begun before', token: 'a', value: '[1]', ttlMs: undefined }),
        executions.abandon({ key: 'other', token: 'a' }),
      ])
      assert.deepEqual(
        results.map(({ status }) => status),
        ['rejected', 'fulfilled', 'fulfilled'],
      )
      const [refused] = results
      assert.ok(refused.status === 'rejected' && isHoldfastError(refused.reason))
      assert.equal(refused.reason.code, 'OUTBOX_DISK_FULL')
      const known = await executions.begin({ key: 'begun before', token: 'b', leaseMs: 1 })
      assert.deepEqual(known, { state: 'done', value: '[1]' })
    },
    // More than any disk has.
    2 ** 52,
  ),
)

test(
  'when the thread dies, executions fail with a typed error and go on with the next thread; results are kept',
  withThread(async ({ outbox, links, pass }) => {
    const { executions } = outbox
    await executions.begin({ key: 'k', token: 'a', leaseMs: 60_000 })
    await executions.complete({ key: 'k', token: 'a', value: '[1]', ttlMs: undefined })
    const underWay = assert.rejects(executions.begin({ key: 'l', token: 'a', leaseMs: 60_000 }), unavailable)
    await links.at(-1)!.terminate()
    await underWay
    pass(1_000)
    assert.deepEqual(await executions.begin({ key: 'k', token: 'b', leaseMs: 1 }), { state: 'done', value: '[1]' })
  }),
)

test(
  'what is asked of executions before the outbox closes is answered',
  withThread(async ({ outbox }) => {
    const asked = outbox.executions.complete({ key: 'k', token: 'a', value: '[1]', ttlMs: undefined })
    const closed = outbox.close()
    await assert.rejects(outbox.executions.abandon({ key: 'k', token: 'a' }), (error: unknown) => {
      return isHoldfastError(error) && error.code === 'OUTBOX_CLOSED'
    })
    assert.deepEqual(await asked, { value: '[1]' })
    await closed
  }),
)
