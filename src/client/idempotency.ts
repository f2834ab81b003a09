/** The outbox of a client as a store of `executeIdempotent`: waits for it to be open, as calls do. */
import type { IdempotencyStore } from '../idempotency/store.ts'
import type { Outbox } from '../outbox/outbox.ts'

export function createIdempotency(outbox: () => Promise<Pick<Outbox, 'executions'>>): IdempotencyStore {
  return {
    begin: async (ask) => (await outbox()).executions.begin(ask),
    renew: async (ask) => (await outbox()).executions.renew(ask),
    complete: async (ask) => (await outbox()).executions.complete(ask),
    abandon: async (ask) => (await outbox()).executions.abandon(ask),
  }
}
