/** A wait for the delivery that nothing else of the process would outlive. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const program = fileURLToPath(new URL('./drain-child.ts', import.meta.url))

test('a program that waits in drain lives until it is answered', () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-drain-'))
  try {
    const args = [program, join(folder, 'outbox.db')]
    const { status, stdout } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 60_000 })
    assert.deepEqual([status, stdout], [0, 'drained true\n'])
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
