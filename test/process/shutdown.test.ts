/** A real process that gets SIGTERM, once and twice, while Customer.io hangs. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

import { ResilientCustomerIO, sqliteOutbox } from '../../src/index.ts'
import { createSimulator } from '../../src/simulator/index.ts'
import { type Use, using } from '../using.ts'

const program = fileURLToPath(new URL('./shutdown-child.ts', import.meta.url))

interface Application {
  /** Resolves when this many lines have been written that begin so. Rejects when the process ends before. */
  saw(start: string, times?: number): Promise<void>
  terminate(): void
  /** Resolves when the process has ended: its exit code and everything it wrote. */
  readonly ended: Promise<{ readonly code: number | null; readonly lines: readonly string[] }>
}

function start(input: object): Application {
  const child = spawn(process.execPath, [program, JSON.stringify(input)], { stdio: ['ignore', 'pipe', 'inherit'] })
  const lines: string[] = []
  const watchers = new Set<() => void>()
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line)
    for (const watch of watchers) watch()
  })
  const ended = new Promise<{ code: number | null; lines: readonly string[] }>((resolve) =>
    child.once('close', (code) => resolve({ code, lines })),
  )
  return {
    ended,
    terminate: () => void child.kill('SIGTERM'),
    saw: (begin, times = 1) =>
      new Promise((resolve, reject) => {
        const watch = (): void => {
          if (lines.filter((line) => line.startsWith(begin)).length < times) return
          watchers.delete(watch)
          resolve()
        }
        watchers.add(watch)
        watch()
        void ended.then(() => reject(new Error(`ended before it wrote ${begin}`)))
      }),
  }
}

function inFolder(run: (folder: string, use: Use) => Promise<void>): () => Promise<void> {
  return async () => {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-shutdown-'))
    try {
      await using((use) => run(folder, use))()
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  }
}

test('the handler of the test is that of the documents', () => {
  const source = readFileSync(program, 'utf8')
  const page = readFileSync(fileURLToPath(new URL('../../docs/operating.md', import.meta.url)), 'utf8')
  const lines = source.split('\n').filter((line) => line.startsWith("process.once('SIGTERM'"))
  assert.equal(lines.length, 2)
  for (const line of lines) assert.ok(page.includes(line), line)
})

test(
  'a first SIGTERM waits for requests under way, a second one ends at once; both leave everything for the next start',
  inFolder(async (folder, use) => {
    const simulator = createSimulator({ siteId: 'site', apiKey: 'key' })
    const server = use(await simulator.listen())
    simulator.down('timeout')
    const path = join(folder, 'outbox.db')
    const arrived = (): number => simulator.ledger.requests().length
    const application = start({ path, baseUrl: server.url })
    await application.saw('stored')
    while (arrived() === 0) await new Promise((resolve) => setImmediate(resolve))
    application.terminate()
    await application.saw('signal')
    const fromMs = performance.now()
    application.terminate()
    const { code, lines } = await application.ended
    assert.deepEqual(lines, ['stored', 'signal', 'signal', 'closed 3 0'])
    assert.equal(code, 0)
    const tookMs = performance.now() - fromMs
    assert.ok(tookMs < 10_000, `${tookMs} ms of the two minutes that a first signal may take`)

    simulator.up()
    const cio = use(
      new ResilientCustomerIO({
        siteId: 'site',
        apiKey: 'key',
        baseUrl: server.url,
        outbox: sqliteOutbox({ path, reserveBytes: 4_096 }),
      }),
    )
    assert.deepEqual(await cio.drain({ timeoutMs: 30_000 }), { drained: true, waiting: 0 })
    assert.equal(simulator.ledger.count({ type: 'event', applied: true }), 3)
  }),
)

test(
  'one SIGTERM is enough: the request under way finishes, and the process ends by itself',
  inFolder(async (folder, use) => {
    const simulator = createSimulator({ siteId: 'site', apiKey: 'key', latencyMs: 300 })
    const server = use(await simulator.listen())
    const path = join(folder, 'outbox.db')
    const application = start({ path, baseUrl: server.url })
    await application.saw('stored')
    application.terminate()
    const { code, lines } = await application.ended
    assert.equal(code, 0)
    const [, waiting] = /^closed (\d) 0$/.exec(lines.at(-1) ?? '') ?? []
    assert.equal(simulator.ledger.count({ type: 'event', applied: true }) + Number(waiting), 3, 'delivered or waiting')
  }),
)
