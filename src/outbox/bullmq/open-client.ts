/** A connection that is ready, or an error soon: nobody waits for a server that is not there. */
import type { Clock } from '../../runtime/clock.ts'
import { type ClientKind, makeClient, type RedisClient, type RedisConnection } from './redis-client.ts'
import { failureOf, unavailable } from './redis-failure.ts'

/** Long enough for DNS, TLS and a short load; a server that says nothing is given up then. */
export const OPEN_MS_MAX = 5_000

/**
 * Resolves to an open connection. Rejects with `OutboxError` when the first try fails, or nothing comes of it within
 * `OPEN_MS_MAX`; nothing is left open then.
 */
export async function openClient(connection: RedisConnection, kind: ClientKind, clock: Clock): Promise<RedisClient> {
  const client = await makeClient(connection, kind)
  const { promise, resolve, reject } = Promise.withResolvers<RedisClient>()
  let reason: unknown = new Error('the connection was closed')
  const onError = (error: unknown): void => {
    reason = error
  }
  const onReady = (): void => {
    stop()
    resolve(client)
  }
  const fail = (error: Error): void => {
    stop()
    client.disconnect()
    reject(error)
  }
  const onClose = (): void => fail(failureOf(lastOf(reason), false))
  const cancel = clock.timer(OPEN_MS_MAX, () => setImmediate(() => fail(tooSlow())), 'held')
  const stop = (): void => {
    cancel()
    client.off('error', onError)
    client.off('ready', onReady)
    client.off('close', onClose)
  }
  client.on('error', onError)
  client.on('ready', onReady)
  client.on('close', onClose)
  client.connect().catch(() => {})
  return promise
}

function tooSlow(): Error {
  return unavailable(`Redis was not ready within ${OPEN_MS_MAX} ms`, false)
}

/** A cluster says that all its nodes failed, and keeps what the last of them said. */
function lastOf(error: unknown): unknown {
  const last: unknown = error instanceof Error ? Reflect.get(error, 'lastNodeError') : undefined
  return last ?? error
}
