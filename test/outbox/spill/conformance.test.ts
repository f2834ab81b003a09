/** The contract, on an outbox with a spill: while the remote one answers, nothing is different. */
import { join } from 'node:path'
import { test } from 'node:test'

import { memoryOutbox } from '../../../src/outbox/memory.ts'
import type { OutboxNotice } from '../../../src/outbox/outbox.ts'
import { openSpilling } from '../../../src/outbox/spill/outbox.ts'
import { openInlineSqliteOutbox } from '../../../src/outbox/sqlite/inline.ts'
import { outboxCases, type OutboxSubject } from '../../../src/testing/outbox-conformance.ts'
import { createTestRuntime } from '../../../src/testing/test-runtime.ts'
import { MortalClock, temporaryFolder } from '../sqlite/scene.ts'

const subjectOf = (files: 'shared' | 'own'): OutboxSubject => ({
  time: 'virtual',
  handles: 'all-deliver',
  async make(limits) {
    const runtime = createTestRuntime()
    const folder = temporaryFolder()
    const remote = memoryOutbox({ ...limits, deliver: 'all' })
    let handles = 0
    return {
      async open() {
        const notices: OutboxNotice[] = []
        const clock = new MortalClock(runtime.clock)
        const path = join(folder.path, files === 'own' ? `spill-${handles++}.db` : 'spill.db')
        const local = openInlineSqliteOutbox({ path, durability: 'os', reserveBytes: 0 })
        const open = openSpilling({ remote, local, onOutage: 'deliver', deliverAfterMs: 0 })
        const notice = (each: OutboxNotice): void => void notices.push(each)
        const outbox = await open({ runtime: { ...runtime, clock }, workspace: 'test', notice })
        return { outbox, notices, kill: () => clock.die() }
      },
      advance: (byMs) => runtime.clock.advance(byMs),
      wallMs: () => runtime.clock.wallMs(),
      jumpWallMs: (byMs) => runtime.clock.jumpWallMs(byMs),
      dispose: async () => folder.remove(),
    }
  },
})

for (const { name, run } of outboxCases(subjectOf('own'))) test(`spill, a file each: ${name}`, run)
for (const { name, run } of outboxCases(subjectOf('shared'))) test(`spill, one file: ${name}`, run)
