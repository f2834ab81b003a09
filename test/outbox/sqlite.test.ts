import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as passed } from 'node:timers/promises'

import type { Outbox, OutboxNotice } from '../../src/outbox/outbox.ts'
import { openInlineSqliteOutbox, sqliteOutbox } from '../../src/outbox/sqlite.ts'
import type { Runtime } from '../../src/runtime/runtime.ts'
import { systemRuntime } from '../../src/runtime/system.ts'
import { outboxCases, type OutboxSubject } from '../../src/testing/outbox-conformance.ts'
import { createTestRuntime } from '../../src/testing/test-runtime.ts'

/** Small, so that a thousand files cost little. */
const files = { reserveBytes: 4_096 }

const inline: OutboxSubject = {
  time: 'virtual',
  handles: 'several',
  async make(limits) {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-outbox-'))
    const runtime = createTestRuntime()
    const open = openInlineSqliteOutbox({ path: join(folder, 'outbox.db'), ...files, ...limits })
    return {
      async open() {
        const notices: OutboxNotice[] = []
        let isDead = false
        const mortal: Runtime = {
          ...runtime,
          clock: {
            wallMs: () => runtime.clock.wallMs(),
            monotonicMs: () => runtime.clock.monotonicMs(),
            timer: (delayMs, fire) => runtime.clock.timer(delayMs, () => isDead || fire()),
          },
        }
        const outbox = await open({ runtime: mortal, workspace: 'test', notice: (notice) => notices.push(notice) })
        return { outbox, notices, kill: () => (isDead = true) }
      },
      advance: (byMs) => runtime.clock.advance(byMs),
      wallMs: () => runtime.clock.wallMs(),
      jumpWallMs: (byMs) => runtime.clock.jumpWallMs(byMs),
      dispose: () => Promise.resolve(rmSync(folder, { recursive: true, force: true })),
    }
  },
}

const threaded: OutboxSubject = {
  time: 'real',
  handles: 'several',
  async make(limits) {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-outbox-'))
    const opened: Outbox[] = []
    return {
      async open() {
        const notices: OutboxNotice[] = []
        const open = sqliteOutbox({ path: join(folder, 'outbox.db'), ...files, ...limits })
        const outbox = await open({
          runtime: systemRuntime,
          workspace: 'test',
          notice: (notice) => notices.push(notice),
        })
        opened.push(outbox)
        return { outbox, notices, kill: () => {} }
      },
      advance: (byMs) => passed(byMs).then(() => {}),
      wallMs: () => Date.now(),
      jumpWallMs: () => {},
      async dispose() {
        await Promise.all(opened.map((outbox) => outbox.close()))
        rmSync(folder, { recursive: true, force: true })
      },
    }
  },
}

for (const { name, run } of outboxCases(inline)) test(`sqlite inline: ${name}`, run)
for (const { name, run } of outboxCases(threaded)) test(`sqlite: ${name}`, run)
