/** Each case of `npm run bench:outbox` runs: tiny, so its figures are not looked at. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

import type { Row } from '../../bench/case.ts'

const program = fileURLToPath(new URL('../../bench/outbox/main.ts', import.meta.url))

interface Report {
  readonly rows: readonly Row[]
  readonly failures: readonly { readonly name: string; readonly message: string }[]
}

async function quick(name: string): Promise<Report> {
  const child = spawn(process.execPath, [program, name, '--quick', '--json'], { stdio: ['ignore', 'pipe', 'ignore'] })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
  await once(child, 'close')
  return JSON.parse(output) as Report
}

const ROWS = { redis: 4, 'slow-sink': 1, postgres: 2, blocked: 2 } as const

for (const [name, rows] of Object.entries(ROWS)) {
  test(`the case ${name} measures every row`, async () => {
    const report = await quick(name)
    assert.deepEqual(report.failures, [])
    assert.equal(report.rows.length, rows)
    for (const { what, numbers } of report.rows) {
      assert.ok(
        Object.values(numbers).every((value) => Number.isFinite(value) && value > 0),
        what,
      )
    }
  })
}
