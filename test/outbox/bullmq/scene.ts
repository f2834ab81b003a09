/** What the tests of the Redis parts share: servers and links that end with the test. */
import assert from 'node:assert/strict'

import { OutboxError } from '../../../src/errors.ts'
import { openLink, type RedisConnection, type RedisLink, type RedisScript } from '../../../src/outbox/bullmq/link.ts'
import type { Clock } from '../../../src/runtime/clock.ts'
import { systemRuntime } from '../../../src/runtime/system.ts'
import { type RedisCluster, startRedisCluster } from '../../servers/redis-cluster.ts'
import { type RedisServer, startRedis } from '../../servers/redis.ts'
import { type Use, using } from '../../using.ts'

export const clock: Clock = systemRuntime.clock

/** Longer than any test: what ends sooner did not wait for it. */
export const FOREVER_MS = 120_000

/** Ten times as fast, also for those who ask it how long something took. */
export const fastClock: Clock = {
  wallMs: () => clock.wallMs(),
  monotonicMs: () => clock.monotonicMs() * 10,
  timer: (delayMs, fire, hold) => clock.timer(delayMs / 10, fire, hold),
}

/** Soon over, for those who wait for it. */
export const TIMEOUT_MS = 1_000

/** Adds to a counter; what it has is what took effect. */
export const count: RedisScript = { name: 'count', source: "return redis.call('incrby', KEYS[1], ARGV[1])" }

export interface Scene {
  readonly use: Use
  readonly redis: (settings?: Readonly<Record<string, string>>) => Promise<RedisServer>
  readonly cluster: () => Promise<RedisCluster>
  readonly link: (connection: RedisConnection, commandTimeoutMs?: number) => Promise<RedisLink>
}

export function scene(run: (scene: Scene) => Promise<void>): () => Promise<void> {
  return using((use) =>
    run({
      use,
      redis: async (settings) => used(use, await startRedis(settings)),
      cluster: async () => used(use, await startRedisCluster()),
      link: async (connection, commandTimeoutMs = FOREVER_MS) => {
        const link = await openLink({ connection, commandTimeoutMs, clock })
        use({ [Symbol.asyncDispose]: () => link.close() })
        return link
      },
    }),
  )
}

function used<Server extends { stop(): Promise<void> }>(use: Use, server: Server): Server {
  use({ [Symbol.asyncDispose]: () => server.stop() })
  return server
}

/** How a call failed, which it must. */
export async function failureOf(call: Promise<unknown>): Promise<OutboxError> {
  try {
    await call
  } catch (error) {
    assert.ok(error instanceof OutboxError, String(error))
    return error
  }
  return assert.fail('it did not fail')
}

/** Whether it came to something. */
export function succeeds(call: Promise<unknown>): Promise<boolean> {
  return call.then(
    () => true,
    () => false,
  )
}
