import { join } from 'node:path'
import { test } from 'node:test'

import type { OutboxNotice } from '../../src/outbox/outbox.ts'
import { sqliteOutbox } from '../../src/outbox/sqlite.ts'
import { systemRuntime } from '../../src/runtime/system.ts'
import { outboxCases, type OutboxSubject } from '../../src/testing/outbox-conformance.ts'
import { temporaryFolder } from './sqlite-scene.ts'

const subject: OutboxSubject = {
  time: 'real',
  handles: 'several',
  async make(limits) {
    const folder = temporaryFolder()
    const open = sqliteOutbox({ path: join(folder.path, 'outbox.db'), reserveBytes: 0, ...limits })
    return {
      async open() {
        const notices: OutboxNotice[] = []
        const outbox = await open({
          runtime: systemRuntime,
          workspace: 'test',
          notice: (notice) => notices.push(notice),
        })
        return { outbox, notices, kill: () => {} }
      },
      advance: (byMs) => new Promise((resolve) => setTimeout(resolve, byMs)),
      wallMs: () => Date.now(),
      jumpWallMs: () => {},
      dispose: async () => folder.remove(),
    }
  },
}

for (const { name, run } of outboxCases(subject)) test(`SQLite in a thread: ${name}`, run)
