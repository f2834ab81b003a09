/**
 * An entry: an operation as an outbox stores it. The outbox reads the fields that it orders and counts by; the body is
 * text to it. The body begins with a format version, so that a later version of this package can read what an earlier
 * one has stored.
 */
import type { Call } from '../protocol/call.ts'
import { campaignTimeMs, type Operation, type Priority } from '../protocol/operation.ts'
import { checkTrace, type TraceContext } from '../protocol/trace-context.ts'

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

/** @param trace the trace that the call belongs to; stored beside it, sent to nobody. */
export function entryOf(operation: Operation, trace?: TraceContext): NewEntry {
  return {
    id: operation.id,
    lanes: operation.lanes,
    type: operation.call.type,
    priority: operation.priority,
    acceptedAtMs: operation.acceptedAtMs,
    expiresAtMs: operation.expiresAtMs ?? null,
    campaignAtMs: campaignTimeMs(operation.call) ?? null,
    keyed: operation.keyed,
    body: JSON.stringify({ v: FORMAT, call: operation.call, trace }),
  }
}

/** What is in a stored body. Throws on a body that no version up to this one has written. */
export function storedOf(body: string): { readonly call: Call; readonly trace?: TraceContext } {
  const stored = JSON.parse(body) as {
    readonly v?: unknown
    readonly call?: Call
    readonly trace?: Partial<TraceContext>
  }
  const { v, call } = stored
  if (v !== FORMAT || call === undefined) throw new Error(`stored operation of unknown format`)
  const trace = checkTrace(stored.trace?.traceparent, stored.trace?.tracestate)
  return trace === undefined ? { call } : { call, trace }
}

/** The call inside a stored body. Throws as `storedOf` does. */
export function callOf(body: string): Call {
  return storedOf(body).call
}
