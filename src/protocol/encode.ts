/**
 * Calls as requests: the inverse of `decode.ts`. What is sent is a function of the call alone, so a retry sends the
 * same bytes as the first attempt.
 */
import { assert, unreachable } from '../runtime/assert.ts'
import type { Call, PersonRef } from './call.ts'
import { encodeV1 } from './encode-v1.ts'
import { encodeV2 } from './encode-v2.ts'
import { type CallRoute, needsAuth, requestLine, type Route } from './route.ts'

/** A request but for its host, its headers and its credentials. A body is JSON. */
export interface HttpParts {
  readonly method: string
  /** With its query, from the host's root, for example `/api/v1/customers/a%20b`. */
  readonly path: string
  readonly body: string | undefined
  /** Whether credentials go with it. */
  readonly auth: boolean
}

const BATCH_HEAD = '{"batch":['
const BATCH_TAIL = ']}'

/** The request that carries one call, in the call's own dialect. */
export function encodeCall(call: Call): HttpParts {
  if (call.dialect === 'v2') return parts({ name: 'entity' }, encodeItem(call))
  const route = routeOfCall(call)
  const body = encodeV1(call)
  return parts(route, body && JSON.stringify(body))
}

/** One v2 operation as JSON: the body of `/api/v2/entity`, or an item of a batch. */
export function encodeItem(call: Call): string {
  return JSON.stringify(encodeV2(call))
}

/** The request that carries several operations, each as `encodeItem` gave it. */
export function encodeBatch(items: readonly string[]): HttpParts {
  return parts({ name: 'batch' }, BATCH_HEAD + items.join(',') + BATCH_TAIL)
}

/** The size of a batch's body. @param itemBytes the UTF-8 bytes of all items together. */
export function batchBytes(items: number, itemBytes: number): number {
  return BATCH_HEAD.length + itemBytes + Math.max(0, items - 1) + BATCH_TAIL.length
}

/** The request that asks in which region the account is. It changes nothing. */
export function encodeRegion(): HttpParts {
  return parts({ name: 'region' }, undefined)
}

function parts(route: Route, body: string | undefined): HttpParts {
  return { ...requestLine(route), body, auth: needsAuth(route) }
}

function routeOfCall(call: Call): CallRoute {
  switch (call.type) {
    case 'identify':
    case 'delete':
    case 'suppress':
    case 'unsuppress':
    case 'add_device':
      return { name: call.type, identifier: pathOf(call.person) }
    case 'delete_device':
      return { name: 'delete_device', identifier: pathOf(call.person), token: call.token }
    case 'event':
      return call.person?.by === 'path' ? { name: 'track', identifier: call.person.value } : { name: 'track_anonymous' }
    case 'segment': {
      const { action, segmentId, idType } = call
      return { name: 'segment', action, segmentId, ...(idType && { idType }) }
    }
    case 'merge':
    case 'push':
    case 'metric':
      return { name: call.type }
    case 'form':
      return { name: 'form', formId: call.formId }
    case 'unsubscribe':
      return { name: 'unsubscribe', deliveryId: call.deliveryId }
    case 'add_relationships':
    case 'delete_relationships':
    case 'object':
      throw new Error('holdfast: broken invariant: relationships and objects are v2')
    default:
      return unreachable(call)
  }
}

function pathOf(person: PersonRef): string {
  assert(person.by === 'path', 'a v1 call names its person in the path')
  return person.value
}
