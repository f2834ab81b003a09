/** Idempotency over real processes on one file, and over their deaths. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

import { executeIdempotent, ResilientCustomerIO, sqliteOutbox } from '../../src/index.ts'
import { createSimulator } from '../../src/simulator/index.ts'
import { type Use, using } from '../using.ts'

const program = fileURLToPath(new URL('./idempotency-child.ts', import.meta.url))

interface Application {
  readonly child: ChildProcess
  readonly lines: readonly string[]
  /** Resolves when the first line is there that begins so. */
  saw(beginning: string): Promise<void>
  /** Resolves to the code with which it has ended. */
  readonly ended: Promise<number | null>
}

function start(input: object): Application {
  const child = spawn(process.execPath, [program, JSON.stringify(input)], { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines: string[] = []
  const watchers = new Set<() => void>()
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line)
    for (const watch of watchers) watch()
  })
  return {
    child,
    lines,
    ended: new Promise((resolve) => child.once('close', resolve)),
    saw: (beginning) =>
      new Promise((resolve) => {
        const watch = (): void => {
          if (!lines.some((line) => line.startsWith(beginning))) return
          watchers.delete(watch)
          resolve()
        }
        watchers.add(watch)
        watch()
      }),
  }
}

interface Scene {
  readonly path: string
  readonly baseUrl: string
  readonly applied: () => number
  readonly client: () => ResilientCustomerIO
}

function inScene(run: (scene: Scene, use: Use) => Promise<void>): () => Promise<void> {
  return async () => {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-once-'))
    try {
      await using(async (use) => {
        const simulator = createSimulator({ siteId: 'site', apiKey: 'key' })
        const { url: baseUrl } = use(await simulator.listen())
        const path = join(folder, 'outbox.db')
        const outbox = sqliteOutbox({ path, reserveBytes: 4_096 })
        await run(
          {
            path,
            baseUrl,
            applied: () => simulator.ledger.all().filter(({ applied }) => applied).length,
            client: () => use(new ResilientCustomerIO({ siteId: 'site', apiKey: 'key', baseUrl, outbox })),
          },
          use,
        )
      })()
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  }
}

test(
  'the key of a process that is killed in the middle of its execution is free after its lease, and not before',
  inScene(async ({ path, baseUrl, client }) => {
    const leaseMs = 1_500
    const first = start({ what: 'hang', path, baseUrl, key: 'k', leaseMs })
    await first.saw('executing')
    const cio = client()
    const begin = await cio.idempotency.begin({ key: 'k', token: 'asks', leaseMs: 100 })
    assert.equal(begin.state, 'running')
    first.child.kill('SIGKILL')
    await first.ended
    const killedMs = performance.now()
    let beganMs = 0
    const operation = (): string => {
      beganMs = performance.now()
      return 'taken over'
    }
    const options = { store: cio.idempotency, leaseMs }
    assert.equal(await executeIdempotent('k', operation, options), 'taken over')
    const waitedMs = beganMs - killedMs
    // It renewed its lease a third of its length ago at most, unless the machine was busy.
    assert.ok(waitedMs > leaseMs / 10 && waitedMs < leaseMs + 5_000, `began ${waitedMs} ms after the kill`)
    assert.equal(await executeIdempotent('k', () => 'again', options), 'taken over')
  }),
)

test(
  'processes that execute one key share one execution, each ends by itself, and the result outlives them all',
  inScene(async ({ path, baseUrl, client }) => {
    const all = [1, 2, 3].map(() => start({ what: 'execute', path, baseUrl, key: 'k', leaseMs: 30_000 }))
    assert.deepEqual(await Promise.all(all.map(({ ended }) => ended)), [0, 0, 0])
    const lines = all.flatMap(({ lines }) => lines)
    assert.equal(lines.filter((line) => line === 'executing').length, 1)
    const results = new Set(lines.filter((line) => line.startsWith('result ')))
    assert.equal(results.size, 1, [...results].join(', '))
    const by = Number([...results][0]?.slice(7))
    assert.ok(all.some(({ child }) => child.pid === by))
    const known = await executeIdempotent('k', () => ({ by: 0 }), { store: client().idempotency })
    assert.deepEqual(known, { by })
  }),
)

test('a process that does nothing but wait for the execution of another one lives until it has the result', async () => {
  // Where nothing holds it, Node ends with the code 13.
  const waiting = start({ what: 'wait' })
  assert.equal(await waiting.ended, 0)
  assert.deepEqual(waiting.lines, ['result 7 after 4 questions'])
})

test(
  'two processes that make one call with one key get the same receipt, and one operation arrives',
  inScene(async ({ path, baseUrl, applied, client }) => {
    const all = [1, 2].map(() => start({ what: 'track', path, baseUrl, key: 'order-1', leaseMs: 1_000 }))
    assert.deepEqual(await Promise.all(all.map(({ ended }) => ended)), [0, 0])
    const receipts = all.map(({ lines }) => lines[0]?.split(' ') ?? [])
    assert.deepEqual(new Set(receipts.map(([, state]) => state)), new Set(['duplicate', 'stored']))
    assert.equal(receipts[0]?.[2], receipts[1]?.[2])
    const cio = client()
    assert.equal((await cio.drain({ timeoutMs: 30_000 })).drained, true)
    const again = await cio.track('1', 'x', {}, { idempotencyKey: 'order-1' })
    assert.deepEqual([again.state, again.id], ['duplicate', receipts[0]?.[2]])
    assert.equal(applied(), 1)
  }),
)
