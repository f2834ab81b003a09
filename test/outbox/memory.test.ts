import assert from 'node:assert/strict'
import { test } from 'node:test'

import { memoryOutbox } from '../../src/outbox/memory.ts'
import type { OutboxNotice } from '../../src/outbox/outbox.ts'
import { outboxCases, type OutboxSubject } from '../../src/testing/outbox-conformance.ts'
import { createTestRuntime } from '../../src/testing/test-runtime.ts'

const subjectOf = (deliver: 'one' | 'all'): OutboxSubject => ({
  time: 'virtual',
  handles: deliver === 'one' ? 'several' : 'all-deliver',
  async make(limits) {
    const runtime = createTestRuntime()
    const open = memoryOutbox({ ...limits, deliver })
    return {
      async open() {
        const notices: OutboxNotice[] = []
        const outbox = await open({ runtime, workspace: 'test', notice: (notice) => notices.push(notice) })
        return { outbox, notices, kill: () => {} }
      },
      advance: (byMs) => runtime.clock.advance(byMs),
      wallMs: () => runtime.clock.wallMs(),
      jumpWallMs: (byMs) => runtime.clock.jumpWallMs(byMs),
      dispose: async () => {},
    }
  },
})

for (const { name, run } of outboxCases(subjectOf('one'))) test(`memory: ${name}`, run)
for (const { name, run } of outboxCases(subjectOf('all'))) test(`memory, all deliver: ${name}`, run)

test('which handles deliver is one of two words', () => {
  assert.throws(() => memoryOutbox({ deliver: 'both' as 'all' }), { name: 'OptionsError', field: 'deliver' })
})
