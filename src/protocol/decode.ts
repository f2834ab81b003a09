/**
 * Requests as calls. Relay, simulator and client all build their calls through these functions, so there is one
 * reading of the API; `decode-v1.ts` and `decode-v2.ts` hold it field by field.
 *
 * - Structure is checked (required fields and types); documented sizes are not (`lint.ts`), and nobody looks inside
 *   attributes and data (`plain.ts` does, for what comes from a program or nests deeper than it may).
 * - Attributes and data are given back as they came, not copied. A field that the description does not name is kept
 *   in `extra`. Only `null` in an optional named field is forgotten: it means that the field is absent.
 * - Nothing throws, whatever JSON the body is.
 */
import type { Problem } from '../errors.ts'
import { assert } from '../runtime/assert.ts'
import type { Call } from './call.ts'
import { decodeV1 } from './decode-v1.ts'
import { decodeV2 } from './decode-v2.ts'
import { asObject, missing, type Problems, wrongType } from './fields.ts'
import { PROBLEMS_MAX } from './limits.ts'
import { asV2 } from './mapping.ts'
import { type CallRoute, fitsPath } from './route.ts'

export interface Undecodable {
  readonly ok: false
  readonly problems: readonly [Problem, ...Problem[]]
}

export type Decoded = { readonly ok: true; readonly call: Call } | Undecodable

export type DecodedBatch = { readonly ok: true; readonly items: readonly Decoded[] } | Undecodable

/**
 * The call of a request.
 * @param body the parsed JSON, or undefined where there is none.
 * @example `decodeCall({ name: 'track', identifier: '42' }, { name: 'order', data: { total: 12 } })`
 */
export function decodeCall(route: CallRoute, body: unknown): Decoded {
  if (route.name === 'entity') return decodeItem(body)
  const problems: Problems = []
  const object = body === undefined || body === null ? {} : asObject(body)
  if (object === undefined) {
    wrongType(problems, 'body', 'a JSON object', body)
    return refused(problems)
  }
  const call = decodeV1(route, object, problems)
  if (problems.length > 0) return refused(problems)
  return unroutable(route) === undefined ? { ok: true, call } : rerouted(call, route)
}

/** The call of one v2 operation: the body of `/api/v2/entity`, or an item of a batch. */
export function decodeItem(item: unknown): Decoded {
  const problems: Problems = []
  const object = asObject(item)
  if (object === undefined) {
    if (item === undefined || item === null) missing(problems, 'body')
    else wrongType(problems, 'body', 'a JSON object', item)
    return refused(problems)
  }
  const call = decodeV2(object, problems)
  return call === undefined || problems.length > 0 ? refused(problems) : { ok: true, call }
}

/** The calls of a batch, one answer for each item. Not ok when the body is no batch at all. */
export function decodeBatch(body: unknown): DecodedBatch {
  const problems: Problems = []
  const batch = asObject(body)?.['batch']
  if (Array.isArray(batch) && batch.length > 0) return { ok: true, items: batch.map((item) => decodeItem(item)) }
  if (batch === undefined || batch === null || Array.isArray(batch)) missing(problems, 'batch')
  else wrongType(problems, 'batch', 'an array of operations', batch)
  return refused(problems)
}

/**
 * A v1 call whose path a URL parser would change. v2 names the person in the body, and there such a text can be
 * nothing but an id; what only v1 can say cannot be said about it.
 */
function rerouted(call: Call, route: CallRoute): Decoded {
  const v2 = asV2(call, { personIdentifier: 'auto' })
  if (v2 !== undefined) return { ok: true, call: v2 }
  const message = 'cannot be "." or "..": in a URL these are steps of the path'
  return refused([{ field: unroutable(route) ?? 'identifier', reason: 'not-addressable', message }])
}

/** The part of the path that is a step, if there is one. */
function unroutable(route: CallRoute): string | undefined {
  if ('identifier' in route && !fitsPath(route.identifier)) return 'identifier'
  if ('token' in route && !fitsPath(route.token)) return 'token'
  if ('segmentId' in route && !fitsPath(route.segmentId)) return 'segment_id'
  if ('formId' in route && !fitsPath(route.formId)) return 'form_id'
  if ('deliveryId' in route && !fitsPath(route.deliveryId)) return 'delivery_id'
  return undefined
}

function refused(problems: readonly Problem[]): Undecodable {
  const [first, ...more] = problems.slice(0, PROBLEMS_MAX)
  assert(first !== undefined, 'a body is refused for a reason')
  return { ok: false, problems: [first, ...more] }
}
