/** The embedded outbox alone, given operations that are checked and stamped already. */
import { join } from 'node:path'

import { sqliteOutbox, systemRuntime } from '../../../src/index.ts'
import { entryOf } from '../../../src/outbox/entry.ts'
import { operationOf } from '../../sample-calls.ts'
import { at, calls, type Place, type Side } from '../side.ts'

export async function open({ folder }: Place): Promise<Side> {
  const openOutbox = sqliteOutbox({ path: join(folder, 'outbox.db') })
  const outbox = await openOutbox({ runtime: systemRuntime, workspace: 'site', notice: () => {} })
  const operations = calls.map(operationOf)
  return {
    append: (index) => outbox.append([{ ...entryOf(at(operations, index)), id: systemRuntime.newId() }]),
    async close() {
      const { waiting } = await outbox.stats()
      await outbox.close()
      return waiting
    },
  }
}
