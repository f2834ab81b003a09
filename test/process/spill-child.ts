/** A process that appends without end to an outbox with a spill, and writes down each receipt; to be killed. */
import { writeSync } from 'node:fs'
import { setTimeout as passed } from 'node:timers/promises'

import { bullmqOutbox } from '../../src/outbox/bullmq.ts'
import { openWithSpill } from '../../src/outbox/spill.ts'
import { systemRuntime } from '../../src/runtime/system.ts'
import { entry } from '../../src/testing/outbox-conformance/scene.ts'
import { keptOutbox } from './spill-remote.ts'

interface ChildInput {
  readonly path: string
  /** Of a Redis, or of an outbox that another process keeps. */
  readonly url: string
  /** Numbers begin here. */
  readonly first: number
}

const input = JSON.parse(process.argv[2] ?? '') as ChildInput
const spill = { path: input.path }
const open = input.url.startsWith('redis:')
  ? bullmqOutbox({ connection: input.url, commandTimeoutMs: 500, spill })
  : openWithSpill(keptOutbox(input.url), { spill, onOutage: 'hold', deliverAfterMs: 60_000 })
const outbox = await open({
  runtime: systemRuntime,
  workspace: 'test',
  notice: (notice) => {
    if (notice.type === 'spill') writeSync(1, `spill ${notice.state}\n`)
  },
})
const ENTRIES = 20

let number = input.first
async function caller(): Promise<void> {
  for (;;) {
    const entries = Array.from({ length: ENTRIES }, () => entry(`${number}`, { lanes: [`lane ${number++ % 7}`] }))
    await outbox.append(entries)
    writeSync(1, `receipt ${entries.map(({ id }) => id).join(' ')}\n`)
    await passed(20)
  }
}
await Promise.all([caller(), caller(), caller()])
