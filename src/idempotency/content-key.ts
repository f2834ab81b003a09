/** Keys that a client makes by itself, for `dedupe: 'content'`. */
import type { Call, CallType } from '../protocol/call.ts'
import { generateIdempotencyKey } from './key.ts'

/**
 * What happens once: a second one with the same content is taken for a repeat. All other calls set a state; setting it
 * twice does no harm, and the second of two equal ones may be the way back from another one between them.
 */
const happenings: ReadonlySet<CallType> = new Set<CallType>(['event', 'form', 'push', 'metric'])

/** A key of all that the caller said: person, type, name, data, and time and id where the call has its own. */
export function contentKeyOf(call: Call): string | undefined {
  return happenings.has(call.type) ? generateIdempotencyKey('content', call.type, call) : undefined
}
