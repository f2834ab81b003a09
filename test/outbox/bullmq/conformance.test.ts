/** The conformance suite on a real Redis. */
import { after, before, test } from 'node:test'

import { bullmqOutbox } from '../../../src/outbox/bullmq.ts'
import type { OutboxNotice } from '../../../src/outbox/outbox.ts'
import { systemRuntime } from '../../../src/runtime/system.ts'
import { outboxCases, type OutboxSubject } from '../../../src/testing/outbox-conformance.ts'
import { type RedisServer, startRedis } from '../../servers/redis.ts'

let server: RedisServer
before(async () => {
  server = await startRedis()
})
after(() => server.stop())

let stores = 0

const subject: OutboxSubject = {
  time: 'real',
  handles: 'all-deliver',
  async make(limits) {
    const prefix = `case-${++stores}`
    const open = bullmqOutbox({ connection: server.url, prefix, spill: false, ...limits })
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
      dispose: async () => {},
    }
  },
}

for (const { name, run } of outboxCases(subject)) test(`redis: ${name}`, run)
