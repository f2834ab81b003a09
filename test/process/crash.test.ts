/** Real processes and real kills. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

import { type HoldfastEvent, isHoldfastError, ResilientCustomerIO, sqliteOutbox } from '../../src/index.ts'
import { createSimulator, type LedgerEntry } from '../../src/simulator/index.ts'
import { type Use, using } from '../using.ts'

const program = fileURLToPath(new URL('./child.ts', import.meta.url))

interface Application {
  readonly child: ChildProcess
  readonly receipts: number[]
  /** Resolves when a line says so. */
  saw(line: (text: string) => boolean): Promise<void>
  kill(): Promise<void>
}

function start(input: object): Application {
  const child = spawn(process.execPath, [program, JSON.stringify(input)], { stdio: ['ignore', 'pipe', 'inherit'] })
  const receipts: number[] = []
  const lines: string[] = []
  const watchers = new Set<() => void>()
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line)
    if (line.startsWith('receipt ')) receipts.push(Number(line.slice(8)))
    for (const watch of watchers) watch()
  })
  return {
    child,
    receipts,
    saw: (wanted) =>
      new Promise((resolve) => {
        const watch = (): void => {
          if (!lines.some(wanted)) return
          watchers.delete(watch)
          resolve()
        }
        watchers.add(watch)
        watch()
      }),
    kill: () =>
      new Promise((resolve) => {
        child.once('close', () => resolve())
        child.kill('SIGKILL')
      }),
  }
}

function numberOf(entry: LedgerEntry): number {
  return entry.call?.type === 'event' ? Number(entry.call.data['n']) : -1
}

function inFolder(run: (folder: string, use: Use) => Promise<void>): () => Promise<void> {
  return async () => {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-process-'))
    try {
      await using((use) => run(folder, use))()
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  }
}

test(
  'what has a receipt survives kill -9, in order, and arrives once in effect',
  inFolder(async (folder, use) => {
    const simulator = createSimulator({ siteId: 'site', apiKey: 'key', latencyMs: 5 })
    const server = use(await simulator.listen())
    const path = join(folder, 'outbox.db')
    const receipts: number[] = []
    for (let life = 0; life < 4; life++) {
      const application = start({ path, baseUrl: server.url, first: life * 1_000_000, name: 'person' })
      await application.saw((line) => line.startsWith('receipt '))
      const wanted = application.receipts.length + 20 + life * 60
      await application.saw(() => application.receipts.length >= wanted)
      await application.kill()
      receipts.push(...application.receipts)
    }
    const cio = use(
      new ResilientCustomerIO({
        siteId: 'site',
        apiKey: 'key',
        baseUrl: server.url,
        rateLimit: { perSecond: 1_000 },
        outbox: sqliteOutbox({ path, reserveBytes: 4_096 }),
      }),
    )
    assert.deepEqual(await cio.drain({ timeoutMs: 30_000 }), { drained: true, waiting: 0 })
    const stats = await cio.stats()
    assert.deepEqual([stats.lost, stats.deadLetters], [0, 0])
    const arrived = simulator.ledger.all().filter((entry) => entry.applied || entry.duplicate)
    const numbers = new Set(arrived.map(numberOf))
    assert.deepEqual(
      receipts.filter((number) => !numbers.has(number)),
      [],
      'lost',
    )
    for (let index = 0; index < 8; index++) {
      const own = arrived.filter((entry) => entry.person === `person-${index}` && entry.applied).map(numberOf)
      assert.deepEqual(
        own,
        own.toSorted((a, b) => a - b),
        `order of person-${index}`,
      )
    }
    const applied = arrived.filter((entry) => entry.applied).map(numberOf)
    assert.equal(new Set(applied).size, applied.length, 'each is applied once')
  }),
)

test(
  'two processes share one file: both append, one delivers, and the other takes over within seconds of its death',
  inFolder(async (folder, use) => {
    const simulator = createSimulator({ siteId: 'site', apiKey: 'key' })
    const server = use(await simulator.listen())
    const path = join(folder, 'outbox.db')
    const first = start({ path, baseUrl: server.url, first: 0, name: 'first' })
    await first.saw((line) => line === 'role active')
    const second = start({ path, baseUrl: server.url, first: 1_000_000, name: 'second' })
    await second.saw((line) => line === 'role standby')
    await second.saw(() => second.receipts.length > 10)
    await first.kill()
    const diedMs = performance.now()
    await second.saw((line) => line === 'role active')
    const seconds = (performance.now() - diedMs) / 1000
    assert.ok(seconds < 8, `took over after ${seconds} s`)
    await second.kill()
    const cio = use(
      new ResilientCustomerIO({
        siteId: 'site',
        apiKey: 'key',
        baseUrl: server.url,
        rateLimit: { perSecond: 1_000 },
        outbox: sqliteOutbox({ path, reserveBytes: 4_096 }),
      }),
    )
    assert.equal((await cio.drain({ timeoutMs: 30_000 })).drained, true)
    const arrived = new Set(simulator.ledger.all().map(numberOf))
    const lost = [...first.receipts, ...second.receipts].filter((number) => !arrived.has(number))
    assert.deepEqual(lost, [])
  }),
)

const options = { siteId: 'site', apiKey: 'key', baseUrl: 'http://127.0.0.1:9' } as const

test(
  'a file that is not a database is set aside, an event says so, and calls are stored in a new one',
  inFolder(async (folder, use) => {
    const path = join(folder, 'outbox.db')
    writeFileSync(path, 'this is no database, however long the text may be'.repeat(200))
    const events: HoldfastEvent[] = []
    const cio = use(new ResilientCustomerIO({ ...options, outbox: sqliteOutbox({ path, reserveBytes: 4_096 }) }))
    cio.on((event) => events.push(event))
    assert.equal((await cio.track('1', 'a')).state, 'stored')
    assert.ok(readdirSync(folder).includes('outbox.db.damaged-1'))
    assert.deepEqual(
      events.find((event) => event.type === 'quarantined'),
      {
        type: 'quarantined',
        path: `${path}.damaged-1`,
        recovered: 0,
        lost: null,
      },
    )
  }),
)

test(
  'a damaged file is refused as it stands where the options say so',
  inFolder(async (folder, use) => {
    const path = join(folder, 'outbox.db')
    writeFileSync(path, 'no database'.repeat(1_000))
    const cio = use(new ResilientCustomerIO({ ...options, outbox: sqliteOutbox({ path, onDamage: 'refuse' }) }))
    const error = await cio.track('1', 'a').catch((reason: unknown) => reason)
    assert.ok(isHoldfastError(error) && error.code === 'OUTBOX_DAMAGED')
    assert.deepEqual(readdirSync(folder), ['outbox.db'])
  }),
)

test(
  'the file of one workspace is not delivered to another',
  inFolder(async (folder, use) => {
    const path = join(folder, 'outbox.db')
    const first = new ResilientCustomerIO({ ...options, outbox: sqliteOutbox({ path, reserveBytes: 4_096 }) })
    await first.track('1', 'a')
    await first.close()
    const other = use(new ResilientCustomerIO({ ...options, siteId: 'other', outbox: sqliteOutbox({ path }) }))
    const error = await other.track('1', 'a').catch((reason: unknown) => reason)
    assert.ok(isHoldfastError(error) && error.code === 'OUTBOX_UNAVAILABLE')
    assert.match(String(error), /another workspace/)
  }),
)

test(
  'an append does not block the event loop of its caller',
  inFolder(async (folder, use) => {
    const path = join(folder, 'outbox.db')
    const cio = use(new ResilientCustomerIO({ ...options, outbox: sqliteOutbox({ path, reserveBytes: 4_096 }) }))
    await cio.track('1', 'first')
    // Who holds the file makes the append take as long as we like.
    const holder = new DatabaseSync(path)
    holder.exec('BEGIN IMMEDIATE')
    let isStored = false
    const stored = cio.track('1', 'second').then(() => (isStored = true))
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
    assert.equal(isStored, false, 'the loop turns while the append waits')
    holder.exec('COMMIT')
    holder.close()
    assert.equal(await stored, true)
  }),
)
