/**
 * The connections of BullMQ's objects: one that is shared, and the copies that each worker makes of it. The copies are
 * noted, for BullMQ waits for the server before it lets go of them, and closing must not.
 */
import { makeClient, type RedisClient, type RedisConnection } from './redis-client.ts'

export interface PlaneClient {
  readonly client: RedisClient
  /** The copies made while `make` ran. */
  noting<Made>(make: () => Made): { readonly made: Made; readonly copies: readonly RedisClient[] }
  /** Ends all connections, also those that are still to be made: what BullMQ has under way may make one later. */
  end(): void
}

export async function makePlaneClient(connection: RedisConnection): Promise<PlaneClient> {
  // Not lazy: BullMQ opens a lazy copy itself, and takes a first failure of that for its end.
  const client = await makeClient(connection, 'patient', { lazyConnect: false })
  const shared = client as RedisClient & { duplicate(...args: readonly unknown[]): RedisClient }
  const original = shared.duplicate.bind(shared)
  const open = new Set<RedisClient>([client])
  let noted: RedisClient[] | null = null
  let hasEnded = false
  shared.duplicate = (...args) => {
    const copy = original(...args)
    copy.on('error', () => {})
    copy.on('end', () => open.delete(copy))
    open.add(copy)
    noted?.push(copy)
    if (hasEnded) copy.disconnect()
    return copy
  }
  return {
    client,
    noting: (make) => {
      const copies: RedisClient[] = (noted = [])
      try {
        return { made: make(), copies }
      } finally {
        noted = null
      }
    },
    end: () => {
      hasEnded = true
      for (const each of open) each.disconnect()
    },
  }
}
