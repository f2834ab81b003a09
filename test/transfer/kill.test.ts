/** An import in a process of its own that is killed in the middle: what arrives is the file, each line once and in order. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as passed } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

import { sqliteOutbox } from '../../src/index.ts'
import { callOf } from '../../src/outbox/entry.ts'
import type { Call } from '../../src/protocol/call.ts'
import { systemRuntime } from '../../src/runtime/system.ts'
import { type Use, using } from '../using.ts'
import { smallRelay } from './small-relay.ts'

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))
const PEOPLE = 40

function inFolder(run: (folder: string, use: Use) => Promise<void>): () => Promise<void> {
  return async () => {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-import-'))
    try {
      await using((use) => run(folder, use))()
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  }
}

/** Every third line sets an attribute, so a second one would show; bad lines are among them. */
function writeInput(path: string, count: number): void {
  const lines: string[] = []
  for (let n = 0; n < count; n++) {
    const id = `p${n % PEOPLE}`
    const line =
      n % 3 === 0
        ? { type: 'person', action: 'identify', identifiers: { id }, attributes: { n } }
        : n % 500 === 7
          ? { method: 'POST', path: `/api/v1/segments/1/add_customers?id_type=id`, body: { ids: [id, `n${n}`] } }
          : { method: 'POST', path: `/api/v1/customers/${id}/events`, body: { name: 'called', data: { n } } }
    lines.push(JSON.stringify(line))
    if (n % 700 === 5) lines.push(`{"bad":${n}`)
  }
  writeFileSync(path, `${lines.join('\n')}\n`)
}

function numberOf(call: Call | null): number | undefined {
  if (call?.type === 'event') return Number(call.data['n'])
  if (call?.type === 'identify') return Number(call.attributes['n'])
  if (call?.type === 'segment') return Number(call.ids[1]!.slice(1))
  return undefined
}

function startImport(args: readonly string[], cwd: string): ChildProcess {
  return spawn(process.execPath, [main, 'import', ...args], {
    cwd,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, HOLDFAST_SITE_ID: 'site', HOLDFAST_API_KEY: 'key' },
  })
}

function ended(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => child.once('exit', resolve))
}

function outputOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    let text = ''
    child.stdout?.on('data', (chunk: Buffer) => (text += chunk.toString()))
    child.once('close', () => resolve(text))
  })
}

function rejectedLines(file: string): readonly number[] {
  const text = readFileSync(`${file}.rejected.ndjson`, 'utf8').trimEnd()
  return text.split('\n').map((line) => (JSON.parse(line) as { readonly line: number }).line)
}

test(
  'killed five times after a request was stored and before it was answered, an import into a relay sends each line once and in order',
  inFolder(async (folder, use) => {
    const file = join(folder, 'calls.ndjson')
    writeInput(file, 6_000)
    let child: ChildProcess | undefined
    let requests = 0
    let killAt = 3
    let kills = 0
    const relay = use(
      await smallRelay(() => {
        requests++
        // An answer that is lost without a kill.
        if (requests % 11 === 0) return false
        if (requests < killAt) return true
        kills++
        killAt = Infinity
        child?.kill('SIGKILL')
        return false
      }),
    )
    for (;;) {
      child = startImport([file, '--url', relay.url], folder)
      const text = outputOf(child)
      const code = await ended(child)
      if (code !== null) {
        assert.equal(code, 8, await text)
        break
      }
      killAt = kills < 5 ? requests + 7 + kills : Infinity
    }
    assert.equal(kills, 5)
    const { totals } = await relay.client.stats()
    assert.ok(totals.duplicates > 0, 'something was sent twice, or this shows nothing')
    assert.deepEqual(await relay.client.drain({ timeoutMs: 60_000 }), { drained: true, waiting: 0 })
    const arrived = relay.simulator.ledger.all()
    assert.equal(arrived.filter(({ duplicate }) => duplicate).length, 0, 'nothing came twice, not even as a repeat')
    const numbers = arrived.map(({ call }) => numberOf(call))
    assert.deepEqual(
      numbers.toSorted((a, b) => a! - b!),
      Array.from({ length: 6_000 }, (_, n) => n),
    )
    for (let person = 0; person < PEOPLE; person++) {
      const own = numbers.filter((n) => n! % PEOPLE === person)
      assert.deepEqual(
        own,
        own.toSorted((a, b) => a! - b!),
        `order of p${person}`,
      )
    }
    assert.deepEqual(
      rejectedLines(file),
      Array.from({ length: 9 }, (_, index) => 7 + index * 701),
    )
  }),
)

test(
  'killed four times, an import into the outbox of a stopped relay stores each line once and in order',
  inFolder(async (folder, use) => {
    const file = join(folder, 'calls.ndjson')
    writeInput(file, 6_000)
    const args = [file, '--data-dir', 'data', '--workspace', 'shop', '--batch', '20']
    const stored = (): number => {
      try {
        return (JSON.parse(readFileSync(`${file}.holdfast-progress`, 'utf8')) as { readonly stored: number }).stored
      } catch {
        return 0
      }
    }
    for (let life = 0; life < 4; life++) {
      const before = stored()
      const child = startImport([...args, '--rate', '1500'], folder)
      const end = ended(child)
      while (stored() <= before) await passed(2)
      child.kill('SIGKILL')
      assert.equal(await end, null)
    }
    assert.ok(stored() > 0 && stored() < 6_000)
    const last = startImport(args, folder)
    const text = outputOf(last)
    assert.equal(await ended(last), 8, await text)
    const open = sqliteOutbox({ path: join(folder, 'data', 'shop.db') })
    const outbox = await open({ runtime: systemRuntime, workspace: 'site', notice: () => {} })
    use({ [Symbol.asyncDispose]: () => outbox.close() })
    const numbers: (number | undefined)[] = []
    for (let after: string | null | undefined; after !== null;) {
      const page = await outbox.list({ from: 'waiting', limit: 1_000, ...(after === undefined ? {} : { after }) })
      numbers.push(...page.entries.map(({ body }) => numberOf(callOf(body))))
      after = page.after
    }
    assert.deepEqual(
      numbers,
      Array.from({ length: 6_000 }, (_, n) => n),
    )
    assert.equal(rejectedLines(file).length, 9)
  }),
)
