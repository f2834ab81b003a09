/** The Redis outbox as the subject of the conformance suite: real time, all handles deliver. */
import { type BullmqOutboxOptions, bullmqOutbox } from '../../../src/outbox/bullmq.ts'
import type { OutboxNotice } from '../../../src/outbox/outbox.ts'
import { systemRuntime } from '../../../src/runtime/system.ts'
import type { OutboxSubject } from '../../../src/testing/outbox-conformance.ts'

let stores = 0

/** Each store under a prefix of its own. */
export function redisSubject(connection: () => BullmqOutboxOptions['connection']): OutboxSubject {
  return {
    time: 'real',
    handles: 'all-deliver',
    async make(limits) {
      const prefix = `case-${++stores}`
      const open = bullmqOutbox({ connection: connection(), prefix, spill: false, ...limits })
      return {
        async open() {
          const notices: OutboxNotice[] = []
          const notice = (each: OutboxNotice): void => void notices.push(each)
          const outbox = await open({ runtime: systemRuntime, workspace: 'test', notice })
          return { outbox, notices, kill: () => {} }
        },
        advance: (byMs) => new Promise((resolve) => setTimeout(resolve, byMs)),
        wallMs: () => Date.now(),
        jumpWallMs: () => {},
        dispose: async () => {},
      }
    },
  }
}
