/** The outboxes for many machines, by name: where one is opened, and what must be there first. */
import type { OpenOutbox } from '../../src/outbox/outbox.ts'

export type StoreName = 'redis' | 'postgres'

export const STORES: readonly StoreName[] = ['redis', 'postgres']

/** Only what is used is loaded. @param url of the server; of Postgres with its database */
export async function openerOf(store: StoreName, url: string): Promise<OpenOutbox> {
  if (store === 'postgres') {
    const { postgresOutbox } = await import('../../src/outbox/postgres.ts')
    return postgresOutbox({ connectionString: url })
  }
  const { bullmqOutbox } = await import('../../src/outbox/bullmq.ts')
  return bullmqOutbox({ connection: url, spill: false })
}

/** The tables, where there are some. Doing it again is fine. */
export async function prepare(store: StoreName, url: string): Promise<void> {
  if (store === 'redis') return
  const { migratePostgres } = await import('../../src/outbox/postgres.ts')
  await migratePostgres({ connectionString: url })
}
