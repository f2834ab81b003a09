/**
 * Straight into an outbox, without a relay: several processes may append to one. What is stored goes out when a relay runs
 * on the file. Nothing is sent from here, so no credentials are needed, only whose outbox it is.
 */
import { createIntake, type Intake } from '../client/intake.ts'
import { type HoldfastError, isHoldfastError, OutboxFullError } from '../errors.ts'
import { createEvents } from '../observe/events.ts'
import type { Outbox } from '../outbox/outbox.ts'
import { sqliteOutbox, type SqliteOutboxOptions } from '../outbox/sqlite.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { ImportTarget, Sent } from './import-target.ts'
import type { Unit } from './import-unit.ts'

export interface OutboxTargetOptions {
  readonly outbox: SqliteOutboxOptions
  /** Of the workspace; an outbox of another one is refused. */
  readonly siteId: string
  readonly lint: boolean
  readonly runtime: Runtime
}

/** @throws OutboxError where the outbox cannot be used */
export async function openOutboxTarget(options: OutboxTargetOptions): Promise<ImportTarget> {
  const { runtime, siteId, lint } = options
  const outbox = await sqliteOutbox(options.outbox)({ runtime, workspace: siteId, notice: () => {} })
  const settings = { dedupe: 'key', lint: lint ? 'reject' : 'off', maxAgeMs: () => undefined } as const
  const intake = createIntake(settings, runtime, createEvents())
  return {
    name: options.outbox.path,
    to: 'outbox',
    send: (unit) => append(outbox, intake, unit),
    close: () => outbox.close(),
  }
}

async function append(outbox: Outbox, intake: Intake, unit: Unit): Promise<Sent> {
  const calls = unit.items.map(({ call }) => ({ ok: true, call }) as const)
  const { entries, refused } = intake.sift(calls, { idempotencyKey: unit.key, priority: 'bulk' }, undefined)
  if (entries.length === 0) return { kind: 'stored', duplicates: 0, refused }
  try {
    const results = await outbox.append(entries)
    const duplicates = results.filter(({ state }) => state === 'duplicate').length
    return { kind: 'stored', duplicates, refused }
  } catch (error) {
    if (!isHoldfastError(error)) throw error
    return failureOf(error)
  }
}

function failureOf(error: HoldfastError): Sent {
  if (error instanceof OutboxFullError) return { kind: 'later', afterMs: error.retryAfterMs, reason: error.message }
  switch (error.code) {
    case 'OUTBOX_DISK_FULL':
    case 'OUTBOX_UNAVAILABLE':
      return { kind: 'later', afterMs: undefined, reason: error.message }
    default:
      return { kind: 'refused', why: 'damaged', reason: error.message }
  }
}
