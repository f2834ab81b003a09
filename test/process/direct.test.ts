/** Mode `direct` in a real process, with its real clock, thread and sockets. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import type { Fault } from '../../src/simulator/faults.ts'
import { createSimulator } from '../../src/simulator/index.ts'

const program = fileURLToPath(new URL('./direct-child.ts', import.meta.url))

async function runAgainst(fault: Fault): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-direct-'))
  const simulator = createSimulator({ siteId: 'site', apiKey: 'key' })
  const server = await simulator.listen()
  try {
    simulator.faults.add(fault)
    const input = JSON.stringify({ path: join(folder, 'outbox.db'), baseUrl: server.url })
    const { stdout } = await promisify(execFile)(process.execPath, [program, input], { timeout: 60_000 })
    return stdout.trim()
  } finally {
    await server.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

test('a program whose only pending work is a call in its backoff lives until the call has its end', async () => {
  assert.equal(await runAgainst({ kind: 'status', status: 503, times: 3 }), 'delivered 1 0')
})

test('a call whose attempts are spent is in the file when it resolves', async () => {
  assert.equal(await runAgainst({ kind: 'status', status: 503 }), 'stored 0 1')
})
