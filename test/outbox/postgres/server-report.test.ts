import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { OutboxNotice } from '../../../src/outbox/outbox.ts'
import type { Database } from '../../../src/outbox/postgres/database.ts'
import { Reports, serverReport } from '../../../src/outbox/postgres/server-report.ts'
import { VirtualClock } from '../../../src/testing/virtual-clock.ts'

const settings = { version: '15.18 (Debian 15.18-1)', number: 150018, encoding: 'UTF8' }
const safe = { fsync: 'on', full_page_writes: 'on', synchronous_commit: 'on' }

test('what a server is, is told once, and again when a look after a minute finds it changed', async () => {
  let looks = 0
  let row: Readonly<Record<string, unknown>> = { ...settings, ...safe }
  const database = { query: async () => (looks++, [row]) } as unknown as Database
  const notices: OutboxNotice[] = []
  const clock = new VirtualClock()
  const reports = new Reports(database, clock, (notice) => notices.push(notice))
  reports.tell({ server: 'postgres 15.18', risks: [] })
  await clock.advance(59_000)
  await reports.look()
  assert.equal(looks, 0)
  await clock.advance(1_000)
  await reports.look()
  assert.deepEqual([looks, notices.length], [1, 1])
  row = { ...row, synchronous_commit: 'off' }
  await clock.advance(60_000)
  await reports.look()
  const risk = 'synchronous_commit is off: what was confirmed in the last second may be lost when the server dies'
  assert.deepEqual(notices.slice(1), [{ type: 'store-report', report: { server: 'postgres 15.18', risks: [risk] } }])
})

test('a server that is too old, or has another encoding, is refused', async () => {
  for (const [wrong, says] of [
    [{ number: 130012, version: '13.12' }, /too old/],
    [{ encoding: 'LATIN1' }, /LATIN1/],
  ] as const) {
    const database = { query: async () => [{ ...settings, ...safe, ...wrong }] } as unknown as Database
    await assert.rejects(serverReport(database), says)
  }
})
