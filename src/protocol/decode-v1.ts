/** Track v1, field by field: the body of each route as a call. */
import { unreachable } from '../runtime/assert.ts'
import type {
  Call,
  EventCall,
  FormCall,
  IdentifyCall,
  MergeCall,
  MetricCall,
  PersonRef,
  PushCall,
  SegmentCall,
  UnsubscribeCall,
} from './call.ts'
import { decodeAddDevice } from './device.ts'
import {
  identifierText,
  missing,
  type Mutable,
  optionalObject,
  optionalSeconds,
  optionalText,
  type Problems,
  requiredObject,
  requiredText,
  residue,
  withExtra,
  wrongType,
} from './fields.ts'
import { decodePerson, MERGE_KEYS } from './identifier.ts'
import type { JsonObject } from './json.ts'
import { memberField } from './kind.ts'
import { decodeRelationships } from './relationships.ts'
import type { CallRoute } from './route.ts'

export type V1Route = Exclude<CallRoute, { readonly name: 'entity' }>

const NOTHING: ReadonlySet<string> = new Set()
const DEVICE: ReadonlySet<string> = new Set(['device'])
const EVENT: ReadonlySet<string> = new Set(['name', 'id', 'type', 'timestamp', 'data'])
const ANONYMOUS: ReadonlySet<string> = new Set([...EVENT, 'anonymous_id'])
const MERGE: ReadonlySet<string> = new Set(['primary', 'secondary'])
const METRIC: ReadonlySet<string> = new Set(['delivery_id', 'metric', 'timestamp', 'recipient', 'reason', 'href'])
const PUSH: ReadonlySet<string> = new Set(['delivery_id', 'event', 'device_id', 'timestamp'])
const SEGMENT: ReadonlySet<string> = new Set(['ids'])
const FORM: ReadonlySet<string> = new Set(['data'])
const UNSUBSCRIBE: ReadonlySet<string> = new Set(['unsubscribe'])

/** The call of a v1 request. It counts only if no problem was added. */
export function decodeV1(route: V1Route, body: JsonObject, problems: Problems): Call {
  switch (route.name) {
    case 'identify':
      return decodeIdentify(pathPerson(route.identifier, problems), body, problems)
    case 'track':
      return decodeEvent(pathPerson(route.identifier, problems), body, EVENT, problems)
    case 'track_anonymous':
      return decodeEvent(anonymous(body, problems), body, ANONYMOUS, problems)
    case 'delete':
    case 'suppress':
    case 'unsuppress': {
      const person = pathPerson(route.identifier, problems)
      return withExtra({ dialect: 'v1', type: route.name, person }, body, NOTHING)
    }
    case 'add_device': {
      const person = pathPerson(route.identifier, problems)
      return decodeAddDevice('v1', person, body, residue(body, DEVICE), problems)
    }
    case 'delete_device': {
      const person = pathPerson(route.identifier, problems)
      const token = identifierText(route.token, problems, 'token')
      return withExtra({ dialect: 'v1', type: 'delete_device', person, token }, body, NOTHING)
    }
    case 'merge':
      return decodeMerge(body, problems)
    case 'segment':
      return decodeSegment(route, body, problems)
    case 'metric':
      return decodeMetric(body, problems)
    case 'push':
      return decodePush(body, problems)
    case 'form': {
      const formId = identifierText(route.formId, problems, 'form_id')
      const data = requiredObject(body, 'data', problems)
      return withExtra<FormCall>({ dialect: 'v1', type: 'form', formId, data }, body, FORM)
    }
    case 'unsubscribe':
      return decodeUnsubscribe(route.deliveryId, body, problems)
    default:
      return unreachable(route)
  }
}

function pathPerson(identifier: string, problems: Problems): PersonRef {
  return { by: 'path', value: identifierText(identifier, problems, 'identifier') }
}

/** The person of an anonymous event. Without one it is an invite event. */
function anonymous(body: JsonObject, problems: Problems): PersonRef | undefined {
  const id = body['anonymous_id']
  if (id === undefined || id === null || id === '') return undefined
  return { by: 'anonymous_id', value: identifierText(id, problems, 'anonymous_id') }
}

/** The body is the attributes, but for two fields that are about them. */
function decodeIdentify(person: PersonRef, body: JsonObject, problems: Problems): IdentifyCall {
  const call: Mutable<IdentifyCall> = { dialect: 'v1', type: 'identify', person, attributes: body }
  if (!Object.hasOwn(body, '_timestamp') && !Object.hasOwn(body, 'cio_relationships')) return call
  const { _timestamp: _, cio_relationships: __, ...attributes } = body
  call.attributes = attributes
  const timestamp = optionalSeconds(body, '_timestamp', problems)
  if (timestamp !== undefined) call.timestamp = timestamp
  const relationships = optionalObject(body, 'cio_relationships', problems)
  if (relationships !== undefined) call.relationships = decodeWrapper(relationships, problems)
  return call
}

/** The one structure that may hold nothing else: an unknown field would have no place to go. */
function decodeWrapper(wrapper: JsonObject, problems: Problems): NonNullable<IdentifyCall['relationships']> {
  const { action, relationships, ...unknown } = wrapper
  if (action !== 'add_relationships' && action !== 'delete_relationships') {
    const message = 'must be add_relationships or delete_relationships'
    problems.push({ field: 'cio_relationships.action', reason: 'unknown-value', message })
  }
  for (const key of Object.keys(unknown)) {
    problems.push({
      field: memberField('cio_relationships', key),
      reason: 'unknown-field',
      message: 'has no meaning here',
    })
  }
  return {
    action: action === 'delete_relationships' ? 'delete' : 'add',
    items: decodeRelationships(relationships, problems, 'cio_relationships.relationships'),
  }
}

function decodeEvent(
  person: PersonRef | undefined,
  body: JsonObject,
  named: ReadonlySet<string>,
  problems: Problems,
): EventCall {
  const type = optionalText(body, 'type', problems)
  const call: Mutable<EventCall> = {
    dialect: 'v1',
    type: 'event',
    eventType: type === 'page' || type === 'screen' ? type : 'event',
    name: requiredText(body, 'name', problems),
    data: optionalObject(body, 'data', problems) ?? {},
  }
  if (person !== undefined) call.person = person
  const id = optionalText(body, 'id', problems)
  if (id !== undefined) call.id = id
  const timestamp = optionalSeconds(body, 'timestamp', problems)
  if (timestamp !== undefined) call.timestamp = timestamp
  const extra = residue(body, named)
  // Any other type means `event` to Customer.io (description of `type`); it goes out as it came.
  if (type !== undefined && type !== call.eventType) call.extra = { ...extra, type }
  else if (extra !== undefined) call.extra = extra
  return call
}

function decodeMerge(body: JsonObject, problems: Problems): MergeCall {
  const primary = decodePerson(body['primary'], problems, 'primary', MERGE_KEYS)
  const secondary = decodePerson(body['secondary'], problems, 'secondary', MERGE_KEYS)
  return withExtra<MergeCall>({ dialect: 'v1', type: 'merge', primary, secondary }, body, MERGE)
}

function decodeSegment(
  route: Extract<V1Route, { readonly name: 'segment' }>,
  body: JsonObject,
  problems: Problems,
): SegmentCall {
  const { action, idType } = route
  const segmentId = identifierText(route.segmentId, problems, 'segment_id')
  const call: Mutable<SegmentCall> = { dialect: 'v1', type: 'segment', action, segmentId, ids: [] }
  if (idType === 'id' || idType === 'email' || idType === 'cio_id') call.idType = idType
  else if (idType !== undefined) {
    problems.push({ field: 'id_type', reason: 'unknown-value', message: 'must be id, email or cio_id' })
  }
  const ids: unknown = body['ids']
  if (ids === undefined || ids === null || (Array.isArray(ids) && ids.length === 0)) missing(problems, 'ids')
  else if (Array.isArray(ids)) call.ids = ids.map((id, index) => identifierText(id, problems, `ids[${index}]`))
  else wrongType(problems, 'ids', 'an array of strings', ids)
  return withExtra(call, body, SEGMENT)
}

function decodeMetric(body: JsonObject, problems: Problems): MetricCall {
  const call: Mutable<MetricCall> = {
    dialect: 'v1',
    type: 'metric',
    deliveryId: identifierText(body['delivery_id'], problems, 'delivery_id'),
  }
  const timestamp = optionalSeconds(body, 'timestamp', problems)
  if (timestamp !== undefined) call.timestamp = timestamp
  const recipient = body['recipient']
  // The description makes the recipient of an SMS an integer. It goes out as it came.
  const numeric = typeof recipient === 'number'
  for (const key of ['metric', 'recipient', 'reason', 'href'] as const) {
    const value = key === 'recipient' && numeric ? undefined : optionalText(body, key, problems)
    if (value !== undefined) call[key] = value
  }
  const extra = residue(body, METRIC)
  if (numeric) call.extra = { ...extra, recipient }
  else if (extra !== undefined) call.extra = extra
  return call
}

function decodePush(body: JsonObject, problems: Problems): PushCall {
  const call: Mutable<PushCall> = {
    dialect: 'v1',
    type: 'push',
    deliveryId: identifierText(body['delivery_id'], problems, 'delivery_id'),
    event: requiredText(body, 'event', problems),
  }
  const deviceToken = optionalText(body, 'device_id', problems)
  if (deviceToken !== undefined) call.deviceToken = deviceToken
  const timestamp = optionalSeconds(body, 'timestamp', problems)
  if (timestamp !== undefined) call.timestamp = timestamp
  return withExtra(call, body, PUSH)
}

/** Whether to subscribe or to unsubscribe is not guessed when it is not said. */
function decodeUnsubscribe(deliveryId: string, body: JsonObject, problems: Problems): UnsubscribeCall {
  const unsubscribe = body['unsubscribe']
  if (unsubscribe === undefined || unsubscribe === null) missing(problems, 'unsubscribe')
  else if (typeof unsubscribe !== 'boolean') wrongType(problems, 'unsubscribe', 'true or false', unsubscribe)
  const id = identifierText(deliveryId, problems, 'delivery_id')
  return withExtra<UnsubscribeCall>(
    { dialect: 'v1', type: 'unsubscribe', deliveryId: id, unsubscribe: unsubscribe === true },
    body,
    UNSUBSCRIBE,
  )
}
