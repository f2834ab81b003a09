import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

import { sqliteOutbox } from '../../src/index.ts'
import { createRelay } from '../../src/relay/index.ts'
import { createSimulator } from '../../src/simulator/index.ts'
import { systemRuntime } from '../../src/runtime/system.ts'
import { requestOf } from '../relay/world.ts'

const CHILD = fileURLToPath(new URL('relay-child.ts', import.meta.url))
const LINE = 'POST /api/v1/customers/42/events'

test('a relay that is killed between the commit and the answer has stored the request once, whose retry is answered after the restart', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-relay-'))
  try {
    const path = join(folder, 'shop.db')
    const body = { name: 'order', data: { total: 12, list: [1, { a: 'ä' }] } }
    // A port that refuses, so that nothing is delivered before the end.
    const input = JSON.stringify({ path, baseUrl: 'http://127.0.0.1:9', line: LINE, body })
    const child = spawn(process.execPath, [CHILD, input], { stdio: ['ignore', 'ignore', 'inherit'] })
    const [, signal] = (await once(child, 'exit')) as [number | null, string | null]
    assert.equal(signal, 'SIGKILL')

    const simulator = createSimulator({ siteId: 'site', apiKey: 'key' })
    const relay = createRelay({
      workspaces: [{ name: 'shop', client: { siteId: 'site', apiKey: 'key', outbox: sqliteOutbox({ path }) } }],
      runtime: { ...systemRuntime, fetch: simulator.fetch },
    })
    const client = relay.workspaces.get('shop')!
    const send = async (attempt: string): Promise<string | null> => {
      const answer = await relay.fetch(requestOf(LINE, { body, headers: { 'x-retry-count': attempt } }))
      assert.equal(answer.status, 200)
      return answer.headers.get('x-holdfast-id')
    }
    const id = await send('1')
    assert.equal(await send('2'), id)
    await client.drain()
    assert.equal((await client.stats()).totals.accepted, 1)
    assert.deepEqual(
      simulator.ledger.events('42').map((event) => [event.id, event.applied]),
      [[id, true]],
    )
    await relay.close()
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
