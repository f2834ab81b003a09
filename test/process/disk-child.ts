/**
 * What an outbox does on a disk with no room, on one that cannot be written, and on one that fails. Started by
 * `disk.test.ts` with the name of the case and the folder of a small file system of its own; fails by its exit code.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { closeSync, existsSync, openSync, rmSync, statfsSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'

import { isHoldfastError, type ErrorCode } from '../../src/errors.ts'
import type { NewEntry, Outbox } from '../../src/outbox/outbox.ts'
import { sqliteOutbox, type SqliteOutboxOptions } from '../../src/outbox/sqlite.ts'
import { systemRuntime } from '../../src/runtime/system.ts'
import { crowd, entry } from '../../src/testing/outbox-conformance/scene.ts'
import { until } from '../until.ts'

const [name = '', folder = ''] = process.argv.slice(2)
const path = join(folder, 'outbox.db')
const ballast = join(folder, 'ballast')
const body = `{"v":1,"call":"${'x'.repeat(2_000)}"}`

function open(options: Partial<SqliteOutboxOptions> = {}): Promise<Outbox> {
  return sqliteOutbox({ path, ...options })({ runtime: systemRuntime, workspace: 'test', notice: () => {} })
}

/** The code of the error, or that there was none. */
async function codeOf(work: Promise<unknown>): Promise<ErrorCode | 'none'> {
  try {
    await work
    return 'none'
  } catch (error) {
    assert.ok(isHoldfastError(error), String(error))
    return error.code
  }
}

/**
 * Appends until it is refused. Gives the ids that were acknowledged, and how it was refused. On a full disk some may
 * still fit, where the log is used from its start again.
 */
async function fill(outbox: Outbox, prefix = ''): Promise<{ readonly acknowledged: string[]; readonly code: string }> {
  const acknowledged: string[] = []
  for (let round = 0; ; round++) {
    const entries: readonly NewEntry[] = crowd(`${prefix}${round} `, 100, { body })
    const code = await codeOf(outbox.append(entries))
    if (code !== 'none') return { acknowledged, code }
    acknowledged.push(...entries.map(({ id }) => id))
  }
}

/** Takes every byte that is left. */
function takeAllRoom(): void {
  const file = openSync(ballast, 'a')
  try {
    for (let size = 1 << 20; size >= 1; size >>= 1) {
      const bytes = Buffer.alloc(size, 1)
      try {
        for (;;) writeSync(file, bytes)
      } catch {}
    }
  } finally {
    closeSync(file)
  }
  assert.equal(statfsSync(folder).bavail, 0)
}

async function deliver(outbox: Outbox, entriesMax: number): Promise<readonly string[]> {
  const claim = await outbox.claim({ entriesMax, bytesMax: 100_000_000, leaseMs: 60_000 })
  const states = await outbox.settle(
    claim.entries.map(({ position }) => ({ lease: claim.lease, position, verdict: { to: 'delivered' } })),
  )
  return claim.entries.filter((_, index) => states[index] === 'held').map(({ id }) => id)
}

async function drain(outbox: Outbox): Promise<readonly string[]> {
  const all: string[] = []
  for (let ids = await deliver(outbox, 500); ids.length > 0; ids = await deliver(outbox, 500)) all.push(...ids)
  return all
}

/** Appends are refused, all else works, nothing is lost, and appends go on when room returns. */
async function full(): Promise<void> {
  const outbox = await open({ reserveBytes: 2 * 1024 * 1024 })
  assert.equal(statSync(`${path}-reserve`).size, 2 * 1024 * 1024)
  const { acknowledged, code } = await fill(outbox)
  assert.equal(code, 'OUTBOX_DISK_FULL')
  assert.ok(acknowledged.length > 500, `${acknowledged.length} fitted`)
  const stats = await outbox.stats()
  assert.deepEqual([stats.waiting, stats.totals.accepted, stats.lost], [acknowledged.length, acknowledged.length, 0])

  takeAllRoom()
  const more = await fill(outbox, 'more ')
  assert.equal(more.code, 'OUTBOX_DISK_FULL')
  const delivered: string[] = []
  for (let round = 0; round < 20; round++) delivered.push(...(await deliver(outbox, 20)))
  assert.equal(delivered.length, 400, 'settling works on a full disk')
  const dying = await outbox.claim({ entriesMax: 1, bytesMax: 1, leaseMs: 60_000 })
  const [dead] = dying.entries
  assert.deepEqual(
    await outbox.settle([
      { lease: dying.lease, position: dead!.position, verdict: { to: 'dead', reason: 'rejected' } },
    ]),
    ['held'],
  )
  const purged = acknowledged.at(-1)!
  assert.equal(await outbox.purge(`lane ${purged}`), 1)
  takeAllRoom()
  const most = await fill(outbox, 'most ')
  assert.equal(most.code, 'OUTBOX_DISK_FULL')

  rmSync(ballast)
  delivered.push(...(await drain(outbox)))
  // The outbox gives room back by itself, without a restart, but not at once.
  await until(async () => (await codeOf(outbox.append([entry('room')]))) === 'none')
  assert.ok(existsSync(`${path}-reserve`), 'room is kept again')
  await outbox.close()

  const again = await open({ reserveBytes: 2 * 1024 * 1024 })
  const rest = await drain(again)
  assert.deepEqual(
    new Set([...delivered, purged, dead!.id, ...rest]),
    new Set([...acknowledged, ...more.acknowledged, ...most.acknowledged, 'room']),
    'all that was acknowledged, and nothing else',
  )
  assert.equal((await again.stats()).lost, 0)
  await again.close()
}

/** An outbox that finds the disk full when it is opened delivers what it has. */
async function fullAtOpening(): Promise<void> {
  const first = await open({ reserveBytes: 1024 * 1024 })
  await first.append(crowd('e', 200, { body }))
  await first.close()
  rmSync(`${path}-reserve`)
  const holder = openSync(join(folder, 'log-room'), 'w')
  // SQLite needs a little for its log and the index of it; the rest is taken.
  writeSync(holder, Buffer.alloc(512 * 1024, 1))
  closeSync(holder)
  takeAllRoom()
  rmSync(join(folder, 'log-room'))
  const outbox = await open({ reserveBytes: 1024 * 1024 })
  assert.equal(await codeOf(outbox.append([entry('x')])), 'OUTBOX_DISK_FULL')
  assert.equal((await drain(outbox)).length, 200)
  await outbox.close()
}

/** Neither a file nor a folder that cannot be written is opened. */
async function readOnly(): Promise<void> {
  const first = await open({ reserveBytes: 0 })
  await first.append([entry('x')])
  await first.close()
  const { status, stderr } = spawnSync('mount', ['-o', 'remount,ro', folder])
  assert.equal(status, 0, String(stderr))
  assert.equal(await codeOf(open({ reserveBytes: 0 })), 'OUTBOX_READ_ONLY')
  assert.equal(await codeOf(open({ path: join(folder, 'new.db') })), 'OUTBOX_READ_ONLY')
  assert.equal(await codeOf(open({ path: join(folder, 'new', 'outbox.db') })), 'OUTBOX_READ_ONLY')
  assert.equal(spawnSync('mount', ['-o', 'remount,rw', folder]).status, 0)
  const again = await open({ reserveBytes: 0 })
  assert.deepEqual(await drain(again), ['x'])
  await again.close()
}

/** No file can grow beyond a size (the shell's `ulimit -f`): a write fails with an error that is not that of a full disk. */
async function limitedFiles(): Promise<void> {
  const outbox = await open({ reserveBytes: 0 })
  const { acknowledged, code } = await fill(outbox)
  assert.equal(code, 'OUTBOX_UNAVAILABLE')
  const delivered = await drain(outbox)
  assert.deepEqual([...delivered].sort(), [...acknowledged].sort())
  assert.equal(await codeOf(outbox.append([entry('x')])), 'none')
  const { totals, lost, waiting } = await outbox.stats()
  assert.deepEqual([totals.delivered, waiting, lost], [acknowledged.length, 1, 0])
  await outbox.close()
}

const cases: Readonly<Record<string, () => Promise<void>>> = { full, fullAtOpening, readOnly, limitedFiles }
await cases[name]!()
