/**
 * One operation as a line of NDJSON, in and out. A line is either
 *
 * - a request of the Track API, as `holdfast export` writes it: `{"method":"POST","path":"/api/v1/customers/42/events",
 *   "body":{...}}`, with `id` (the operation's ULID), `acceptedAt` (ISO 8601, when the call was made) and `workspace` if
 *   they are known; or
 * - an operation of v2 as Customer.io describes it: `{"type":"person","action":"event","identifiers":{"id":"42"},...}`.
 */
import type { Call } from '../protocol/call.ts'
import { type Decoded, decodeCall, decodeItem } from '../protocol/decode.ts'
import { asObject } from '../protocol/fields.ts'
import type { JsonObject, JsonValue } from '../protocol/json.ts'
import { routeOf } from '../protocol/route.ts'
import { isoTime } from '../runtime/iso-time.ts'
import { isUlid } from '../runtime/ulid.ts'
import { badRecord } from './import-record.ts'
import { parseTime } from './time-text.ts'

/** A stored operation that is to be written as a line. */
export interface LineOperation {
  readonly id?: string
  readonly acceptedAtMs?: number
  readonly workspace?: string
  readonly request: { readonly method: string; readonly path: string; readonly body: JsonValue | null }
  /** What is said of the end of a dead letter. */
  readonly dead?: object
}

/** `dead` is what a line of `holdfast dead export` says of its end; once it is mended it is an operation like any other. */
const REQUEST_FIELDS: ReadonlySet<string> = new Set(['method', 'path', 'body', 'id', 'acceptedAt', 'workspace', 'dead'])

/** The line of an operation, without a line ending. */
export function writeLine({ id, acceptedAtMs, workspace, request, dead }: LineOperation): string {
  const { method, path, body } = request
  return JSON.stringify({
    ...(id === undefined ? {} : { id }),
    ...(acceptedAtMs === undefined ? {} : { acceptedAt: isoTime(acceptedAtMs) }),
    ...(workspace === undefined ? {} : { workspace }),
    method,
    path,
    ...(body === null ? {} : { body }),
    ...(dead === undefined ? {} : { dead }),
  })
}

/**
 * The call of a line. An event, identify, push or metric without a time of its own gets `acceptedAt`; an event without an
 * id gets `id`, so that Customer.io knows it again.
 * @param workspace lines that name another one are refused
 */
export function readLine(text: string, workspace: string | undefined): Decoded {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return badRecord('not-json', 'is no JSON')
  }
  const object = asObject(value)
  if (object === undefined) return badRecord('type', 'must be a JSON object')
  return 'type' in object && !('method' in object) ? decodeItem(object) : readRequest(object, workspace)
}

function readRequest(object: JsonObject, workspace: string | undefined): Decoded {
  const { method, path, body, id, acceptedAt } = object
  const surplus = Object.keys(object).find((key) => !REQUEST_FIELDS.has(key))
  if (surplus !== undefined) {
    const message = 'is no field of a line; a line is a request (method, path, body) or a v2 operation (type, action)'
    return badRecord('unknown-field', message, surplus.slice(0, 100))
  }
  if (typeof method !== 'string') return badRecord('required', 'must be a text such as "POST"', 'method')
  if (typeof path !== 'string') return badRecord('required', 'must be a path such as "/api/v2/entity"', 'path')
  const named = object['workspace'] ?? undefined
  if (named !== undefined && workspace !== undefined && named !== workspace) {
    return badRecord('other-workspace', 'is of another workspace', 'workspace')
  }
  const route = routeOf(method, path)
  if (route.name === 'unknown') return badRecord('unknown-route', 'is no request of the Track API', 'path')
  if (route.name === 'batch') return badRecord('unknown-route', 'a line holds one operation, not a batch', 'path')
  if (route.name === 'region') return badRecord('unknown-route', 'is a question, not an operation', 'path')
  const atMs = typeof acceptedAt === 'string' ? parseTime(acceptedAt, 'iso') : undefined
  if (acceptedAt !== undefined && acceptedAt !== null && atMs === undefined) {
    return badRecord('format', 'must be a time as ISO 8601 writes it, with its zone', 'acceptedAt')
  }
  const decoded = decodeCall(route, body)
  return decoded.ok ? { ok: true, call: stamped(decoded.call, id, atMs) } : decoded
}

function stamped(call: Call, id: unknown, atMs: number | undefined): Call {
  const known = call.type === 'event' && call.id === undefined && typeof id === 'string' && isUlid(id) ? { id } : {}
  const timed = call.type === 'event' || call.type === 'identify' || call.type === 'push' || call.type === 'metric'
  if (!timed || call.timestamp !== undefined || atMs === undefined) return { ...call, ...known }
  return { ...call, ...known, timestamp: Math.floor(atMs / 1_000) }
}
