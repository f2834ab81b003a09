/**
 * An entry: an operation as an outbox stores it. The outbox reads the fields that it orders and counts by; the body is
 * text to it. The body begins with a format version, so that a later version of this package can read what an earlier
 * one has stored.
 */
import type { Call } from '../protocol/call.ts'
import { campaignTimeMs, type Operation, type Priority } from '../protocol/operation.ts'

const FORMAT = 1

export interface NewEntry {
  /** The operation's ULID. */
  readonly id: string
  /** One or more; the order of each is kept. */
  readonly lanes: readonly string[]
  /** The call's type, for lists and metrics. */
  readonly type: string
  readonly priority: Priority
  readonly acceptedAtMs: number
  readonly expiresAtMs: number | null
  /** Wall time from which the campaign window runs, for events. */
  readonly campaignAtMs: number | null
  /** Remember the id, and report a second append of it as a duplicate. */
  readonly keyed: boolean
  readonly body: string
}

export function entryOf(operation: Operation): NewEntry {
  return {
    id: operation.id,
    lanes: operation.lanes,
    type: operation.call.type,
    priority: operation.priority,
    acceptedAtMs: operation.acceptedAtMs,
    expiresAtMs: operation.expiresAtMs ?? null,
    campaignAtMs: campaignTimeMs(operation.call) ?? null,
    keyed: operation.keyed,
    body: JSON.stringify({ v: FORMAT, call: operation.call }),
  }
}

/** The call inside a stored body. Throws on a body that no version up to this one has written. */
export function callOf(body: string): Call {
  const stored = JSON.parse(body) as { readonly v?: unknown; readonly call?: Call }
  if (stored.v !== FORMAT || stored.call === undefined) throw new Error(`stored operation of unknown format`)
  return stored.call
}
