/** The outboxes of a run. Every process opens the same one; what a killed process held stays as it left it. */
import { join } from 'node:path'

import { memoryOutbox } from '../../src/outbox/memory.ts'
import type { OpenOutbox } from '../../src/outbox/outbox.ts'
import { openInlineSqliteOutbox } from '../../src/outbox/sqlite/inline.ts'
import type { Plan } from './plan.ts'

export function outboxOf(plan: Plan, folder: string): OpenOutbox {
  if (plan.outbox === 'memory') return memoryOutbox({ maxOperations: plan.operationsMax })
  return openInlineSqliteOutbox({ path: join(folder, 'outbox.db'), maxOperations: plan.operationsMax })
}
