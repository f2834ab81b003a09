/** Entries and calls for the tests of delivery. */
import { entryOf } from '../../src/outbox/entry.ts'
import type { ClaimedEntry, NewEntry } from '../../src/outbox/outbox.ts'
import type { Call } from '../../src/protocol/call.ts'
import { createOperation } from '../../src/protocol/operation.ts'
import { ulidOfBytes } from '../../src/runtime/ulid.ts'

export const WALL_MS = 1_767_225_600_000

export function eventCall(person: string, name: string, data: Record<string, string | number> = {}): Call {
  return { type: 'event', dialect: 'v1', eventType: 'event', person: { by: 'path', value: person }, name, data }
}

export function newEntry(call: Call, n: number, options: { maxAgeMs?: number; acceptedAtMs?: number } = {}): NewEntry {
  const id = ulidOfBytes(
    Uint8Array.from({ length: 16 }, (_, index) => (index === 15 ? n & 255 : index === 14 ? n >> 8 : 0)),
  )
  return entryOf(
    createOperation(call, {
      id,
      acceptedAtMs: options.acceptedAtMs ?? WALL_MS,
      ...(options.maxAgeMs === undefined ? {} : { maxAgeMs: options.maxAgeMs }),
    }),
  )
}

export function claimed(call: Call, n: number, attempts = 0, options: { maxAgeMs?: number } = {}): ClaimedEntry {
  return { ...newEntry(call, n, options), position: String(n), attempts }
}
