/** What a user calls: the call is checked, stamped, stored, and answered with a receipt. */
import { join } from 'node:path'

import { ResilientCustomerIO, sqliteOutbox } from '../../../src/index.ts'
import { at, calls, type Place, type Side } from '../side.ts'

export async function open({ folder }: Place): Promise<Side> {
  const cio = new ResilientCustomerIO({
    siteId: 'site',
    apiKey: 'key',
    outbox: sqliteOutbox({ path: join(folder, 'outbox.db') }),
  })
  cio.pause()
  await cio.stats()
  return {
    append(index) {
      const { customerId, name, data } = at(calls, index)
      return cio.track(customerId, { name, data })
    },
    async close() {
      const { waiting } = await cio.close()
      return waiting ?? 0
    },
  }
}
