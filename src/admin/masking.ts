/**
 * A call without what it says about people: the values of attributes and data are hidden, their keys stay, so that one
 * sees what kind of call it is. Who it is about stays: that is what an operator looks for.
 */
import type { Call, Relationship } from '../protocol/call.ts'
import type { JsonObject, JsonValue } from '../protocol/json.ts'

export const HIDDEN = '***'

/** @example `maskCall(call) // an event whose data is { total: '***' }` */
export function maskCall(call: Call): Call {
  const base = { ...call, ...(call.extra && { extra: maskObject(call.extra) }) } as Call
  switch (base.type) {
    case 'identify':
      return {
        ...base,
        attributes: maskObject(base.attributes),
        ...(base.relationships && {
          relationships: { ...base.relationships, items: base.relationships.items.map(maskRelationship) },
        }),
      }
    case 'event':
    case 'form':
      return { ...base, data: maskObject(base.data) }
    case 'add_device':
      return { ...base, token: HIDDEN, ...(base.attributes && { attributes: maskObject(base.attributes) }) }
    case 'delete_device':
      return { ...base, token: HIDDEN }
    case 'add_relationships':
    case 'delete_relationships':
      return { ...base, relationships: base.relationships.map(maskRelationship) }
    case 'object':
      return {
        ...base,
        ...(base.attributes && { attributes: maskObject(base.attributes) }),
        ...(base.relationships && { relationships: base.relationships.map(maskRelationship) }),
      }
    case 'push':
      return { ...base, ...(base.deviceToken !== undefined && { deviceToken: HIDDEN }) }
    case 'metric':
      return {
        ...base,
        ...(base.recipient !== undefined && { recipient: HIDDEN }),
        ...(base.reason !== undefined && { reason: HIDDEN }),
        ...(base.href !== undefined && { href: HIDDEN }),
      }
    default:
      return base
  }
}

function maskRelationship(one: Relationship): Relationship {
  return {
    ...one,
    ...(one.relationshipAttributes && { relationshipAttributes: maskObject(one.relationshipAttributes) }),
    ...(one.extra && { extra: maskObject(one.extra) }),
  }
}

function maskObject(object: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, maskValue(value)]))
}

function maskValue(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(maskValue)
  return typeof value === 'object' && value !== null ? maskObject(value as JsonObject) : HIDDEN
}
