/** Track v2, field by field: a call as an operation. The inverse of `decode-v2.ts`. */
import { assert, unreachable } from '../runtime/assert.ts'
import type { Call, EventCall, IdentifyCall, ObjectCall, PersonRef, PushCall } from './call.ts'
import { encodeAddDevice, encodeDeleteDevice } from './device.ts'
import { encodeObject, encodePerson } from './identifier.ts'
import type { JsonObject } from './json.ts'
import { encodeRelationships } from './relationships.ts'

/** The operation of a v2 call (`asV2` in `mapping.ts` makes one of a v1 call). */
export function encodeV2(call: Call): JsonObject {
  assert(call.dialect === 'v2', 'an operation of v2 is made of a v2 call')
  switch (call.type) {
    case 'identify':
      return encodeIdentify(call)
    case 'delete':
    case 'suppress':
    case 'unsuppress':
      return { ...call.extra, ...head(call.type, call.person) }
    case 'event':
      return encodeEvent(call)
    case 'add_device':
      return { ...head(call.type, call.person), ...encodeAddDevice(call) }
    case 'delete_device':
      return { ...head(call.type, call.person), ...encodeDeleteDevice(call) }
    case 'merge': {
      const { primary, secondary, extra } = call
      return {
        ...extra,
        type: 'person',
        action: 'merge',
        primary: encodePerson(primary),
        secondary: encodePerson(secondary),
      }
    }
    case 'add_relationships':
    case 'delete_relationships': {
      const relationships = encodeRelationships(call.relationships)
      return { ...call.extra, ...head(call.type, call.person), cio_relationships: relationships }
    }
    case 'object':
      return encodeObjectCall(call)
    case 'push':
      return encodeDelivery(call)
    case 'metric':
    case 'segment':
    case 'form':
    case 'unsubscribe':
      throw new Error('holdfast: broken invariant: metrics, segments, forms and unsubscribes are v1')
    default:
      return unreachable(call)
  }
}

function head(action: string, person: PersonRef): JsonObject {
  assert(person.by !== 'path', 'a v2 call names its person explicitly')
  return { type: 'person', action, identifiers: encodePerson(person) }
}

function encodeIdentify({ type, person, attributes, timestamp, relationships, extra }: IdentifyCall): JsonObject {
  assert(relationships?.action !== 'delete', 'an identify of v2 adds relationships')
  return {
    ...extra,
    ...head(type, person),
    attributes,
    ...(timestamp !== undefined && { timestamp }),
    ...(relationships && { cio_relationships: encodeRelationships(relationships.items) }),
  }
}

function encodeEvent({ person, eventType, name, id, timestamp, data, extra }: EventCall): JsonObject {
  assert(person !== undefined, 'an event of v2 has a person')
  return {
    ...extra,
    ...head(eventType, person),
    name,
    ...(id !== undefined && { id }),
    ...(timestamp !== undefined && { timestamp }),
    ...(Object.keys(data).length > 0 && { attributes: data }),
  }
}

function encodeObjectCall({ action, object, attributes, timestamp, relationships, extra }: ObjectCall): JsonObject {
  return {
    ...extra,
    type: 'object',
    action,
    identifiers: encodeObject(object),
    ...(attributes && { attributes }),
    ...(timestamp !== undefined && { timestamp }),
    ...(relationships && { cio_relationships: encodeRelationships(relationships) }),
  }
}

function encodeDelivery({ deliveryId, event, deviceToken, timestamp, extra }: PushCall): JsonObject {
  const attributes = extra?.['attributes'] as JsonObject | undefined
  return {
    ...extra,
    type: 'delivery',
    action: 'event',
    identifiers: { id: deliveryId },
    name: event,
    attributes: { ...attributes, ...(deviceToken !== undefined && { device_token: deviceToken }) },
    ...(timestamp !== undefined && { timestamp }),
  }
}
