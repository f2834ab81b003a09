/** The account that the metrics show, after real kills. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

import { ResilientCustomerIO, sqliteOutbox } from '../../src/index.ts'
import { createMetrics } from '../../src/metrics/index.ts'
import { createSimulator } from '../../src/simulator/index.ts'
import { readExposition, valueOf } from '../metrics/exposition.ts'
import { using } from '../using.ts'

const program = fileURLToPath(new URL('./child.ts', import.meta.url))
const RECEIPTS = 60

/** Lets a process call until it has some receipts, and kills it. */
async function liveAndDie(path: string, baseUrl: string, life: number): Promise<number> {
  const input = JSON.stringify({ path, baseUrl, first: life * 1_000_000, name: 'person' })
  const child = spawn(process.execPath, [program, input], { stdio: ['ignore', 'pipe', 'inherit'] })
  let receipts = 0
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (line.startsWith('receipt ') && ++receipts === RECEIPTS) child.kill('SIGKILL')
  })
  await once(child, 'close')
  return receipts
}

test(
  'after each kill the account adds up, nothing is lost, and what was accepted is not forgotten',
  using(async (use) => {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-metrics-'))
    try {
      const server = use(await createSimulator({ siteId: 'site', apiKey: 'key', latencyMs: 5 }).listen())
      const path = join(folder, 'outbox.db')
      let receipts = 0
      for (let life = 0; life < 3; life++) {
        receipts += await liveAndDie(path, server.url, life)
        const cio = new ResilientCustomerIO({
          siteId: 'site',
          apiKey: 'key',
          baseUrl: server.url,
          outbox: sqliteOutbox({ path }),
        })
        const metrics = createMetrics()
        metrics.watch('main', cio)
        if (life === 2) await cio.drain()
        await cio.stats()
        const read = readExposition(await metrics.text())
        const value = (name: string, labels = {}): number =>
          valueOf(read, `holdfast_${name}`, { workspace: 'main', ...labels })!
        assert.equal(value('conservation_error'), 0)
        assert.equal(value('ops_lost_total'), 0)
        assert.ok(value('ops_accepted_total') >= receipts, `${value('ops_accepted_total')} of ${receipts}`)
        const waiting = value('queue_depth', { state: 'waiting' }) + value('queue_depth', { state: 'in_flight' })
        assert.equal(value('ops_accepted_total'), value('ops_settled_total', { outcome: 'delivered' }) + waiting)
        if (life === 2) assert.equal(waiting, 0)
        metrics.close()
        await cio.close()
      }
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  }),
)
