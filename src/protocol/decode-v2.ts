/** Track v2, field by field: an operation as a call. */
import type { Call, EventCall, IdentifyCall, MergeCall, ObjectCall, PersonRelationshipsCall, PushCall } from './call.ts'
import { decodeAddDevice, decodeDeleteDevice } from './device.ts'
import {
  missing,
  type Mutable,
  optionalObject,
  optionalSeconds,
  optionalText,
  type Problems,
  requiredText,
  residue,
  withExtra,
} from './fields.ts'
import { decodeObject, decodePerson, MERGE_KEYS, onlyIdentifier } from './identifier.ts'
import type { JsonObject } from './json.ts'
import { decodeRelationships } from './relationships.ts'

const COMMON = ['type', 'action', 'identifiers']
const PERSON: ReadonlySet<string> = new Set(COMMON)
const IDENTIFY: ReadonlySet<string> = new Set([...COMMON, 'attributes', 'timestamp', 'cio_relationships'])
const EVENT: ReadonlySet<string> = new Set([...COMMON, 'name', 'id', 'timestamp', 'attributes'])
const DEVICE: ReadonlySet<string> = new Set([...COMMON, 'device'])
const RELATIONSHIPS: ReadonlySet<string> = new Set([...COMMON, 'cio_relationships'])
const MERGE: ReadonlySet<string> = new Set(['type', 'action', 'primary', 'secondary'])
const DELIVERY: ReadonlySet<string> = new Set([...COMMON, 'name', 'attributes', 'timestamp'])
const DELIVERY_KEYS: ReadonlySet<string> = new Set(['id'])
const DELIVERY_ATTRIBUTES: ReadonlySet<string> = new Set(['device_token'])

/** The call of an operation. It counts only if no problem was added; undefined where its type or action is unknown. */
export function decodeV2(item: JsonObject, problems: Problems): Call | undefined {
  const type = requiredText(item, 'type', problems)
  const action = requiredText(item, 'action', problems)
  if (problems.length > 0) return undefined
  const call =
    type === 'person'
      ? decodePersonAction(action, item, problems)
      : type === 'object'
        ? decodeObjectAction(action, item, problems)
        : type === 'delivery' && action === 'event'
          ? decodeDelivery(item, problems)
          : undefined
  if (call !== undefined) return call
  const field = type === 'person' || type === 'object' || type === 'delivery' ? 'action' : 'type'
  problems.push({ field, reason: 'unknown-value', message: `is no ${field} that Customer.io describes` })
  return undefined
}

function decodePersonAction(action: string, item: JsonObject, problems: Problems): Call | undefined {
  if (action === 'merge') return decodeMerge(item, problems)
  const person = decodePerson(item['identifiers'], problems, 'identifiers')
  switch (action) {
    case 'identify': {
      const attributes = optionalObject(item, 'attributes', problems) ?? {}
      const call: Mutable<IdentifyCall> = { dialect: 'v2', type: 'identify', person, attributes }
      const timestamp = optionalSeconds(item, 'timestamp', problems)
      if (timestamp !== undefined) call.timestamp = timestamp
      const relationships = item['cio_relationships']
      if (relationships !== undefined && relationships !== null) {
        call.relationships = { action: 'add', items: decodeRelationships(relationships, problems, 'cio_relationships') }
      }
      return withExtra(call, item, IDENTIFY)
    }
    case 'event':
    case 'page':
    case 'screen': {
      const name = requiredText(item, 'name', problems)
      const data = optionalObject(item, 'attributes', problems) ?? {}
      const call: Mutable<EventCall> = { dialect: 'v2', type: 'event', eventType: action, name, data, person }
      const id = optionalText(item, 'id', problems)
      if (id !== undefined) call.id = id
      const timestamp = optionalSeconds(item, 'timestamp', problems)
      if (timestamp !== undefined) call.timestamp = timestamp
      return withExtra(call, item, EVENT)
    }
    case 'delete':
    case 'suppress':
    case 'unsuppress':
      return withExtra({ dialect: 'v2', type: action, person }, item, PERSON)
    case 'add_device':
      return decodeAddDevice('v2', person, item, residue(item, DEVICE), problems)
    case 'delete_device':
      return decodeDeleteDevice(person, item, residue(item, DEVICE), problems)
    case 'add_relationships':
    case 'delete_relationships': {
      const relationships = requiredRelationships(item, problems)
      return withExtra<PersonRelationshipsCall>(
        { dialect: 'v2', type: action, person, relationships },
        item,
        RELATIONSHIPS,
      )
    }
    default:
      return undefined
  }
}

function decodeMerge(item: JsonObject, problems: Problems): MergeCall {
  const primary = decodePerson(item['primary'], problems, 'primary', MERGE_KEYS)
  const secondary = decodePerson(item['secondary'], problems, 'secondary', MERGE_KEYS)
  return withExtra<MergeCall>({ dialect: 'v2', type: 'merge', primary, secondary }, item, MERGE)
}

function decodeObjectAction(action: string, item: JsonObject, problems: Problems): ObjectCall | undefined {
  switch (action) {
    case 'identify':
    case 'identify_anonymous':
    case 'delete':
    case 'add_relationships':
    case 'delete_relationships': {
      const object = decodeObject(item['identifiers'], problems, 'identifiers')
      const call: Mutable<ObjectCall> = { dialect: 'v2', type: 'object', action, object }
      const attributes = optionalObject(item, 'attributes', problems)
      if (attributes !== undefined) call.attributes = attributes
      const timestamp = optionalSeconds(item, 'timestamp', problems)
      if (timestamp !== undefined) call.timestamp = timestamp
      const required = action === 'add_relationships' || action === 'delete_relationships'
      const given = item['cio_relationships'] !== undefined && item['cio_relationships'] !== null
      if (required || given) call.relationships = requiredRelationships(item, problems)
      return withExtra(call, item, IDENTIFY)
    }
    default:
      return undefined
  }
}

function decodeDelivery(item: JsonObject, problems: Problems): PushCall {
  const [, deliveryId] = onlyIdentifier(item['identifiers'], DELIVERY_KEYS, problems, 'identifiers')
  const attributes = optionalObject(item, 'attributes', problems) ?? {}
  const call: Mutable<PushCall> = {
    dialect: 'v2',
    type: 'push',
    deliveryId,
    event: requiredText(item, 'name', problems),
  }
  const deviceToken = optionalText(attributes, 'device_token', problems, 'attributes.device_token')
  if (deviceToken !== undefined) call.deviceToken = deviceToken
  const timestamp = optionalSeconds(item, 'timestamp', problems)
  if (timestamp !== undefined) call.timestamp = timestamp
  const extra = residue(item, DELIVERY)
  const more = residue(attributes, DELIVERY_ATTRIBUTES)
  if (more !== undefined) call.extra = { ...extra, attributes: more }
  else if (extra !== undefined) call.extra = extra
  return call
}

function requiredRelationships(item: JsonObject, problems: Problems): PersonRelationshipsCall['relationships'] {
  const relationships = item['cio_relationships']
  if (relationships !== undefined && relationships !== null) {
    return decodeRelationships(relationships, problems, 'cio_relationships')
  }
  missing(problems, 'cio_relationships')
  return []
}
