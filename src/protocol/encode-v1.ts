/** Track v1, field by field: a call as the body of its route. The inverse of `decode-v1.ts`. */
import { unreachable } from '../runtime/assert.ts'
import type { Call, EventCall, IdentifyCall, MetricCall, PushCall } from './call.ts'
import { encodeAddDevice } from './device.ts'
import { encodePerson } from './identifier.ts'
import type { JsonObject } from './json.ts'
import { encodeRelationships } from './relationships.ts'

/** The body of a v1 call; undefined where a request has none. A POST always has one, as the official SDK does it. */
export function encodeV1(call: Call): JsonObject | undefined {
  switch (call.type) {
    case 'identify':
      return encodeIdentify(call)
    case 'delete':
    case 'delete_device':
      return call.extra
    case 'suppress':
    case 'unsuppress':
      return { ...call.extra }
    case 'event':
      return encodeEvent(call)
    case 'add_device':
      return encodeAddDevice(call)
    case 'merge':
      return { ...call.extra, primary: encodePerson(call.primary), secondary: encodePerson(call.secondary) }
    case 'push':
      return encodePush(call)
    case 'metric':
      return encodeMetric(call)
    case 'segment':
      return { ...call.extra, ids: call.ids }
    case 'form':
      return { ...call.extra, data: call.data }
    case 'unsubscribe':
      return { ...call.extra, unsubscribe: call.unsubscribe }
    case 'add_relationships':
    case 'delete_relationships':
    case 'object':
      throw new Error('holdfast: broken invariant: relationships and objects are v2')
    default:
      return unreachable(call)
  }
}

function encodeIdentify({ attributes, timestamp, relationships }: IdentifyCall): JsonObject {
  if (timestamp === undefined && relationships === undefined) return attributes
  return {
    ...attributes,
    ...(timestamp !== undefined && { _timestamp: timestamp }),
    ...(relationships && {
      cio_relationships: {
        action: `${relationships.action}_relationships`,
        relationships: encodeRelationships(relationships.items),
      },
    }),
  }
}

function encodeEvent({ person, eventType, name, id, timestamp, data, extra }: EventCall): JsonObject {
  return {
    ...extra,
    ...(person?.by === 'anonymous_id' && { anonymous_id: person.value }),
    name,
    ...(eventType !== 'event' && { type: eventType }),
    ...(id !== undefined && { id }),
    ...(timestamp !== undefined && { timestamp }),
    ...(Object.keys(data).length > 0 && { data }),
  }
}

function encodePush({ deliveryId, event, deviceToken, timestamp, extra }: PushCall): JsonObject {
  return {
    ...extra,
    delivery_id: deliveryId,
    event,
    ...(deviceToken !== undefined && { device_id: deviceToken }),
    ...(timestamp !== undefined && { timestamp }),
  }
}

function encodeMetric({ deliveryId, metric, timestamp, recipient, reason, href, extra }: MetricCall): JsonObject {
  return {
    ...extra,
    delivery_id: deliveryId,
    ...(metric !== undefined && { metric }),
    ...(timestamp !== undefined && { timestamp }),
    ...(recipient !== undefined && { recipient }),
    ...(reason !== undefined && { reason }),
    ...(href !== undefined && { href }),
  }
}
