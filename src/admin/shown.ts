/** Stored operations as operators see them: each as the request that it is, its values hidden unless they are asked for. */
import type { DeadLetter } from '../client/dead-letters.ts'
import type { WaitingOperation } from '../client/queue.ts'
import type { Call, PersonRef } from '../protocol/call.ts'
import { encodeCall } from '../protocol/encode.ts'
import type { JsonValue } from '../protocol/json.ts'
import type { ShownDead, ShownOperation, ShownRequest, ShownWaiting } from './contract.ts'
import { maskCall } from './masking.ts'

export function shownWaiting(operation: WaitingOperation, reveal: boolean): ShownWaiting {
  const { priority, expiresAtMs, campaignAtMs } = operation
  return { ...shown(operation, reveal), priority, expiresAtMs, campaignAtMs }
}

export function shownDead(letter: DeadLetter, reveal: boolean): ShownDead {
  const { reason, status = null, field = null, message = null, diedAtMs } = letter
  return { ...shown(letter, reveal), reason, status, field, message, diedAtMs }
}

function shown(stored: WaitingOperation | DeadLetter, reveal: boolean): ShownOperation {
  const { position, id, type, acceptedAtMs, attempts, call } = stored
  return {
    position,
    id,
    type,
    person: call === undefined ? null : personOf(call),
    name: call?.type === 'event' ? call.name : null,
    acceptedAtMs,
    attempts,
    request: call === undefined ? null : requestOf(reveal ? call : maskCall(call)),
    masked: !reveal,
  }
}

function requestOf(call: Call): ShownRequest | null {
  try {
    const { method, path, body } = encodeCall(call)
    return { method, path, body: body === undefined ? null : (JSON.parse(body) as JsonValue) }
  } catch {
    // What an outbox holds was encodable once; a file that somebody changed may hold anything.
    return null
  }
}

function personOf(call: Call): string | null {
  switch (call.type) {
    case 'merge':
      return nameOf(call.primary)
    case 'segment':
      return call.ids.length === 1 ? call.ids[0]! : null
    default:
      return 'person' in call && call.person !== undefined ? nameOf(call.person) : null
  }
}

function nameOf(person: PersonRef): string {
  return person.by === 'cio_id' ? `cio_${person.value}` : person.value
}
