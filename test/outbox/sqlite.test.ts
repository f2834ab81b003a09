import { join } from 'node:path'
import { test } from 'node:test'

import type { OutboxNotice } from '../../src/outbox/outbox.ts'
import { sqliteOutbox } from '../../src/outbox/sqlite.ts'
import { systemRuntime } from '../../src/runtime/system.ts'
import { outboxCases, type OutboxSubject } from '../../src/testing/outbox-conformance.ts'
import { inlineScene, temporaryFolder } from './sqlite/scene.ts'

const inline: OutboxSubject = {
  time: 'virtual',
  handles: 'several',
  make: async (limits) => inlineScene(limits),
}

const threaded: OutboxSubject = {
  time: 'real',
  handles: 'several',
  async make(limits) {
    const folder = temporaryFolder()
    const open = sqliteOutbox({ path: join(folder.path, 'outbox.db'), reserveBytes: 0, ...limits })
    return {
      async open() {
        const notices: OutboxNotice[] = []
        const notice = (each: OutboxNotice): void => void notices.push(each)
        return { outbox: await open({ runtime: systemRuntime, workspace: 'test', notice }), notices, kill: () => {} }
      },
      advance: (byMs) => new Promise((resolve) => setTimeout(resolve, byMs)),
      wallMs: () => Date.now(),
      jumpWallMs: () => {},
      dispose: async () => folder.remove(),
    }
  },
}

for (const { name, run } of outboxCases(inline)) test(`sqlite inline: ${name}`, run)
for (const { name, run } of outboxCases(threaded)) test(`sqlite: ${name}`, run)
