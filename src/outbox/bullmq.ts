/**
 * The Redis outbox: for many processes and machines, all of which append and deliver. The data are a hash of entries
 * and a chain of them for each lane, changed by scripts; BullMQ is the control plane beside them.
 *
 * What stands where, in `bullmq/`
 * - `redis-outbox.ts`: the contract, on `appends.ts`, `deliveries.ts`, `records.ts`, `executions.ts`, `presence.ts`
 * - `scripts/`: what Redis itself does; `scripts/common.ts` names the keys
 * - `link.ts`: the connection, which fails fast; `start-check.ts`: what the server may lose
 * - `control-plane.ts`: doorbell, sweep, pause and dead letters as BullMQ shows them
 */
import { createHash } from 'node:crypto'
import { join } from 'node:path'

import type { OpenOutbox, Outbox, OutboxContext } from './outbox.ts'
import { openControlPlane } from './bullmq/control-plane.ts'
import { keysOf } from './bullmq/keys.ts'
import { openLink, type RedisLink } from './bullmq/link.ts'
import { type BullmqOutboxOptions, type ResolvedBullmqOptions, resolveBullmqOptions } from './bullmq/options.ts'
import { openRedisOutbox } from './bullmq/redis-outbox.ts'
import { checkServer } from './bullmq/start-check.ts'
import { openWithSpill } from './spill.ts'

const QUEUE = 'deliveries'

/**
 * An outbox in Redis. Throws `OptionsError` at once, and when it is opened `OutboxError`, where Redis cannot be used.
 * @example
 * ```ts
 * const cio = new ResilientCustomerIO({ siteId, apiKey, outbox: bullmqOutbox({ connection: 'redis://redis:6379' }) })
 * ```
 */
export function bullmqOutbox(options: BullmqOutboxOptions): OpenOutbox {
  const resolved = resolveBullmqOptions(options)
  const { prefix, spill, onOutage, deliverAfterMs } = resolved
  const remote: OpenOutbox = (context) => openRemote(resolved, context)
  if (spill === false) return remote
  return (context) => {
    const path = spill.path ?? defaultSpillPath(prefix, context.workspace)
    const { rememberKeysMs } = resolved.limits
    return openWithSpill(remote, { spill: { ...spill, path }, onOutage, deliverAfterMs, rememberKeysMs })(context)
  }
}

/** In the folder `holdfast-data` of the working directory. */
function defaultSpillPath(prefix: string, workspace: string): string {
  const name = createHash('sha256').update(`${prefix}:${workspace}`).digest('hex').slice(0, 12)
  return join('holdfast-data', `spill-${name}.db`)
}

async function openRemote(options: ResolvedBullmqOptions, context: OutboxContext): Promise<Outbox> {
  const { connection, commandTimeoutMs, prefix, requireDurability, telemetry, limits } = options
  const { clock } = context.runtime
  const keys = keysOf(prefix, context.workspace)
  const link = await openLink({ connection, commandTimeoutMs, clock })
  try {
    const report = await checkServer(link, { requireDurability })
    const outbox = await openRedisOutbox({
      link,
      keys,
      limits,
      context,
      openControlPlane: (handlers) =>
        openControlPlane({
          connection,
          prefix: keys.tag,
          name: QUEUE,
          clock,
          telemetry,
          ...handlers,
          failed: () => {},
        }),
    })
    context.notice({ type: 'store-report', report })
    return outbox
  } catch (error) {
    await close(link)
    throw error
  }
}

async function close(link: RedisLink): Promise<void> {
  await link.close().catch(() => {})
}

export type { BullmqOutboxOptions, SpillOptions } from './bullmq/options.ts'
