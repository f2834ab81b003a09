/** A process with a spill that is really killed, at moments in which it appends, drains, or both. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

import { memoryOutbox } from '../../src/outbox/memory.ts'
import { openWithSpill } from '../../src/outbox/spill.ts'
import { systemRuntime } from '../../src/runtime/system.ts'
import { seededRandom } from '../../src/testing/seeded-random.ts'
import { idsIn } from '../outbox/spill/scene.ts'
import { until } from '../until.ts'
import { type Fate, keep, keptOutbox } from './spill-remote.ts'

const program = fileURLToPath(new URL('./spill-child.ts', import.meta.url))

interface Producer {
  readonly receipts: number[]
  readonly spills: string[]
  readonly kill: () => Promise<void>
}

function start(input: object): Producer {
  const child: ChildProcess = spawn(process.execPath, [program, JSON.stringify(input)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [receipts, spills]: [number[], string[]] = [[], []]
  createInterface({ input: child.stdout! }).on('line', (line) => {
    const [kind, ...words] = line.split(' ')
    if (kind === 'receipt') receipts.push(...words.map(Number))
    else spills.push(line)
  })
  return {
    receipts,
    spills,
    kill: () =>
      new Promise((resolve) => {
        child.once('close', () => resolve())
        child.kill('SIGKILL')
      }),
  }
}

test('kill -9 in an outage and while it drains: nothing is lost, nothing is there twice, and the order holds', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-spill-'))
  const context = { runtime: systemRuntime, workspace: 'test', notice: () => {} }
  const remote = await memoryOutbox({ deliver: 'all' })(context)
  const keeper = await keep(remote)
  const path = join(folder, 'spill.db')
  const random = seededRandom(7)
  const receipts: number[] = []
  const lives: Producer[] = []
  try {
    for (let life = 0; life < 4; life++) {
      keeper.fate = (call) => (call === 'append' || random() < 0.5 ? 'refused' : 'well')
      const producer = start({ path, url: keeper.url, first: life * 1_000_000 })
      lives.push(producer)
      await until(() => producer.receipts.length > 600 && producer.spills.includes('spill begun'))
      // It drains now, not without trouble, and dies at one of its first batches.
      let batches = 1 + Math.floor(random() * 4)
      keeper.fate = (call): Fate => {
        if (call !== 'append') return 'well'
        batches--
        const fates = ['well', 'lost', 'refused', 'well'] as const
        return fates[Math.floor(random() * fates.length)]!
      }
      await until(() => batches <= 0)
      await producer.kill()
      receipts.push(...producer.receipts)
    }
    keeper.fate = () => 'well'
    const open = openWithSpill(keptOutbox(keeper.url), { spill: { path }, onOutage: 'hold', deliverAfterMs: 60_000 })
    const last = await open(context)
    await until(async () => (await last.stats()).spilled === 0)
    await last.close()
    const there = (await idsIn(remote)).map(Number)
    const known = new Set(there)
    assert.deepEqual(
      receipts.filter((number) => !known.has(number)),
      [],
      'lost',
    )
    assert.ok(receipts.length > 2_400)
    assert.deepEqual(
      there,
      [...known].toSorted((a, b) => a - b),
      'once, and in the order of their calls',
    )
  } finally {
    for (const { kill } of lives) await Promise.race([kill(), Promise.resolve()])
    await keeper[Symbol.asyncDispose]()
    await remote.close()
    rmSync(folder, { recursive: true, force: true })
  }
})
