/** The outbox of a run. Every process opens the same one; what a killed process held stays as it left it. */
import { join } from 'node:path'

import { memoryOutbox } from '../../src/outbox/memory.ts'
import type { OpenOutbox, Outbox } from '../../src/outbox/outbox.ts'
import { openInlineSqliteOutbox } from '../../src/outbox/sqlite/inline.ts'
import type { Plan } from './plan.ts'

export interface OutboxOfRun {
  readonly open: OpenOutbox
  /** Lets go of the files that killed processes have left open. */
  readonly close: () => Promise<void>
}

export function outboxOf(plan: Plan, folder: string): OutboxOfRun {
  const opened: Outbox[] = []
  const open = openOf(plan, folder)
  return {
    open: async (context) => {
      const outbox = await open(context)
      opened.push(outbox)
      return outbox
    },
    async close() {
      for (const outbox of opened) await outbox.close()
    },
  }
}

function openOf(plan: Plan, folder: string): OpenOutbox {
  if (plan.outbox === 'sqlite') return sqlite(plan, folder)
  return memoryOutbox({ maxOperations: plan.operationsMax, deliver: plan.outbox === 'shared' ? 'all' : 'one' })
}

/** Without a reserve: what the machine's disk has left must not decide how a run goes. */
function sqlite(plan: Plan, folder: string): OpenOutbox {
  return openInlineSqliteOutbox({
    path: join(folder, 'outbox.db'),
    maxOperations: plan.operationsMax,
    reserveBytes: 0,
  })
}
