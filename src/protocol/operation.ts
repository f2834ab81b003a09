/**
 * An operation: one accepted call with everything that must not change between its first attempt and its last: its
 * id, the time at which the caller made it, its lanes. What is sent is a function of the operation alone, so a retry,
 * a crash and a replay send the same.
 */
import type { Call, CallType } from './call.ts'
import { lanesOf } from './lanes.ts'

export type Priority = 'live' | 'bulk'

export interface Operation {
  /** ULID. An event without an id of its own is sent under this one, by which Customer.io knows a repeat. */
  readonly id: string
  /** Wall time of the call. */
  readonly acceptedAtMs: number
  readonly priority: Priority
  /** Wall time after which it is not sent any more. */
  readonly expiresAtMs?: number
  /** The caller gave an idempotency key: the outbox remembers the id and refuses a second one. */
  readonly keyed: boolean
  readonly lanes: readonly string[]
  readonly call: Call
}

export interface OperationOptions {
  readonly id: string
  readonly acceptedAtMs: number
  /** @defaultValue 'live' */
  readonly priority?: Priority
  readonly maxAgeMs?: number
  /** @defaultValue false */
  readonly keyed?: boolean
}

/** Stamps a call: gives an event its id and time, an identify its time, where the caller gave none. */
export function createOperation(call: Call, options: OperationOptions): Operation {
  return {
    id: options.id,
    acceptedAtMs: options.acceptedAtMs,
    priority: options.priority ?? 'live',
    ...(options.maxAgeMs === undefined ? {} : { expiresAtMs: options.acceptedAtMs + options.maxAgeMs }),
    keyed: options.keyed ?? false,
    lanes: lanesOf(call, options.id),
    call: stamp(call, options.id, Math.floor(options.acceptedAtMs / 1000)),
  }
}

function stamp(call: Call, id: string, seconds: number): Call {
  switch (call.type) {
    case 'event':
      return { ...call, id: call.id ?? id, timestamp: call.timestamp ?? seconds }
    case 'identify':
    case 'push':
    case 'metric':
      return { ...call, timestamp: call.timestamp ?? seconds }
    default:
      return call
  }
}

/**
 * Wall time from which an event's campaign window runs, or undefined where there is none.
 * Only events younger than 72 hours trigger campaigns (Track API description, `timestamp` of an event).
 */
export function campaignTimeMs(call: Call): number | undefined {
  return call.type === 'event' && call.timestamp !== undefined ? call.timestamp * 1000 : undefined
}

export type { Call, CallType }
