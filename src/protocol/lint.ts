/**
 * Checks a call against Customer.io's documented limits and shapes, so that a program learns at the call what it
 * would otherwise learn from a dead letter.
 *
 * The values must be JSON (`plain.ts`). Refused is only what the description says is wrong; where it is silent or
 * where its sources differ, the wider reading holds. For this reason attribute names that begin with `_` pass (they
 * are reserved, but what becomes of them is not said), and so does the address of a page as an event's name.
 */
import type { Problem } from '../errors.ts'
import { unreachable } from '../runtime/assert.ts'
import { isUlid } from '../runtime/ulid.ts'
import { jsonBytes, jsonExceeds, textExceeds } from './bytes.ts'
import type { Call, EventCall, FormCall, ObjectCall, PersonRef, SegmentCall } from './call.ts'
import { encodeV2 } from './encode-v2.ts'
import { missing, type Problems } from './fields.ts'
import { shapeOf } from './identifier.ts'
import { kindOf, memberField } from './kind.ts'
import {
  ATTRIBUTE_VALUE_BYTES_MAX,
  EVENT_DATA_BYTES_MAX,
  EVENT_NAME_BYTES_MAX,
  OBJECT_ID_BYTES_MAX,
  OPERATION_BYTES_MAX,
  PERSON_ID_BYTES_MAX,
  PROBLEMS_MAX,
  SEGMENT_IDS_MAX,
  VIEW_NAME_CHARS_MAX,
} from './limits.ts'
import { lintAttributes, lintObjectAttributes, lintRelationships } from './lint-attributes.ts'
import { badFormat, lintMilliseconds, lintOneOf, lintSeconds, lintText, tooLong, tooMany } from './lint-fields.ts'

const PLATFORMS = ['ios', 'android'] as const
const PUSH_EVENTS = ['opened', 'converted', 'delivered'] as const

/** Of all channels together (`/api/v1/metrics`); which of them a channel knows is Customer.io's to say. */
const METRICS = ['bounced', 'clicked', 'converted', 'deferred', 'delivered', 'dropped', 'opened', 'spammed'] as const

/** What an operation grows by when it is stamped: `"id":"…",` and `"timestamp":1767225600,`. */
const STAMP_ID_BYTES = 34
const STAMP_TIMESTAMP_BYTES = 23

/**
 * What is wrong with a call by the documented limits; empty when nothing is.
 *
 * The reasons: `too-long`, `too-many`, `blank`, `format`, `unknown-value`, `required`, `type`, `ambiguous`,
 * `same-person`, `not-ulid`, and for times `milliseconds`, `negative`, `not-integer`.
 * @param bytesMax no more bytes than the whole call has as JSON, where that is known: what is below a limit is not
 * measured again.
 */
export function lintCall(call: Call, bytesMax: number = Infinity): Problem[] {
  const problems: Problems = []
  lintByType(call, problems, bytesMax)
  if (call.dialect === 'v2') lintOperationSize(call, problems)
  return problems.length > PROBLEMS_MAX ? problems.slice(0, PROBLEMS_MAX) : problems
}

function lintByType(call: Call, problems: Problems, bytesMax: number): void {
  switch (call.type) {
    case 'identify':
      lintPerson(call.person, problems)
      lintSeconds(call.timestamp, problems, 'timestamp')
      lintAttributes(call.attributes, problems, 'attributes')
      lintMilliseconds(call.attributes['created_at'], problems, 'attributes.created_at')
      return lintRelationships(call.relationships?.items, problems, 'cio_relationships')
    case 'event':
      return lintEvent(call, problems, bytesMax)
    case 'delete':
    case 'suppress':
    case 'unsuppress':
      return lintPerson(call.person, problems)
    case 'add_device':
      lintPerson(call.person, problems)
      lintOneOf(call.platform, PLATFORMS, problems, 'device.platform')
      return lintSeconds(call.lastUsed, problems, 'device.last_used')
    case 'delete_device':
      return lintPerson(call.person, problems)
    case 'merge':
      return lintMerge(call.primary, call.secondary, problems)
    case 'add_relationships':
    case 'delete_relationships':
      lintPerson(call.person, problems)
      return lintRelationships(call.relationships, problems, 'cio_relationships')
    case 'object':
      return lintObject(call, problems)
    case 'push':
      lintOneOf(call.event, PUSH_EVENTS, problems, call.dialect === 'v1' ? 'event' : 'name')
      if (call.dialect === 'v2' && call.deviceToken === undefined) missing(problems, 'attributes.device_token')
      return lintSeconds(call.timestamp, problems, 'timestamp')
    case 'metric':
      if (call.metric === undefined) missing(problems, 'metric')
      else lintOneOf(call.metric, METRICS, problems, 'metric')
      return lintSeconds(call.timestamp, problems, 'timestamp')
    case 'segment':
      return lintSegment(call, problems)
    case 'form':
      return lintForm(call, problems)
    case 'unsubscribe':
      return
    default:
      return unreachable(call)
  }
}

function lintPerson(person: PersonRef, problems: Problems, root: string = 'identifiers'): void {
  const field = person.by === 'path' ? 'identifier' : `${root}.${person.by}`
  // The limit is an id's. An address is an attribute, and has an attribute's.
  const address = person.by === 'email' || (person.by === 'path' && shapeOf(person.value) === 'email')
  lintText(person.value, address ? ATTRIBUTE_VALUE_BYTES_MAX : PERSON_ID_BYTES_MAX, problems, field)
  if (person.by === 'email' && !person.value.includes('@')) badFormat(problems, field, 'must be an e-mail address')
  if (person.by === 'phone' && !/^\+\d{1,15}$/.test(person.value)) {
    badFormat(problems, field, 'must be a phone number as E.164 writes it: + and up to 15 digits')
  }
  if (person.by === 'cio_id' && person.value.startsWith('cio_')) {
    badFormat(problems, field, 'must be without its prefix cio_ here')
  }
}

function lintEvent(call: EventCall, problems: Problems, bytesMax: number): void {
  if (call.person !== undefined) lintPerson(call.person, problems)
  // Customer.io cuts spaces off both ends before it looks.
  const name = call.name.trim()
  if (name === '') problems.push({ field: 'name', reason: 'blank', message: 'must not be blank' })
  else if (call.eventType === 'event') {
    if (textExceeds(name, EVENT_NAME_BYTES_MAX))
      tooLong(problems, 'name', `${EVENT_NAME_BYTES_MAX} bytes`, kindOf(name))
  } else if (name.length > VIEW_NAME_CHARS_MAX) {
    tooLong(problems, 'name', `${VIEW_NAME_CHARS_MAX} characters`, `string of ${name.length} characters`)
  }
  if (call.id !== undefined && !isUlid(call.id.toUpperCase())) {
    problems.push({ field: 'id', reason: 'not-ulid', message: 'must be a ULID, by which repeats are known' })
  }
  lintSeconds(call.timestamp, problems, 'timestamp')
  const mayExceed = call.dialect === 'v1' && bytesMax > EVENT_DATA_BYTES_MAX
  if (mayExceed && jsonExceeds(call.data, EVENT_DATA_BYTES_MAX)) {
    tooLong(problems, 'data', `${EVENT_DATA_BYTES_MAX} bytes`, `${jsonBytes(call.data)} bytes of JSON`)
  }
}

function lintMerge(primary: PersonRef, secondary: PersonRef, problems: Problems): void {
  for (const [root, person] of Object.entries({ primary, secondary })) {
    lintPerson(person, problems, root)
    if (person.by === 'phone') badFormat(problems, root, 'must be named by id, email or cio_id')
  }
  if (primary.by === secondary.by && primary.value === secondary.value) {
    problems.push({ field: 'secondary', reason: 'same-person', message: 'must be another person than the primary' })
  }
}

function lintObject({ object, attributes, timestamp, relationships }: ObjectCall, problems: Problems): void {
  if ('cioObjectId' in object) {
    lintText(object.cioObjectId, OBJECT_ID_BYTES_MAX, problems, 'identifiers.cio_object_id')
  } else {
    lintText(object.objectTypeId, OBJECT_ID_BYTES_MAX, problems, 'identifiers.object_type_id')
    lintText(object.objectId, OBJECT_ID_BYTES_MAX, problems, 'identifiers.object_id')
  }
  lintObjectAttributes(attributes, problems, 'attributes')
  lintSeconds(timestamp, problems, 'timestamp')
  lintRelationships(relationships, problems, 'cio_relationships')
}

function lintSegment({ segmentId, ids, idType = 'id' }: SegmentCall, problems: Problems): void {
  if (!/^\d+$/.test(segmentId)) badFormat(problems, 'segment_id', 'must be the number of a segment')
  if (ids.length > SEGMENT_IDS_MAX) tooMany(problems, 'ids', ids.length, SEGMENT_IDS_MAX, 'ids')
  const bytesMax = idType === 'email' ? ATTRIBUTE_VALUE_BYTES_MAX : PERSON_ID_BYTES_MAX
  for (const [index, id] of ids.entries()) {
    if (problems.length >= PROBLEMS_MAX) return
    lintText(id, bytesMax, problems, `ids[${index}]`)
  }
}

/** A form may map another field of its own to an identifier, so having neither `id` nor `email` is not wrong. */
function lintForm({ data }: FormCall, problems: Problems): void {
  if (isGiven(data['id']) && isGiven(data['email'])) {
    problems.push({ field: 'data', reason: 'ambiguous', message: 'must hold one of id and email, not both' })
  }
  for (const [key, value] of Object.entries(data)) {
    if (problems.length >= PROBLEMS_MAX) return
    if (key === 'id' || typeof value === 'string' || !isGiven(value)) continue
    const kind = kindOf(value)
    problems.push({ field: memberField('data', key), reason: 'type', message: `must be a string, not ${kind}`, kind })
  }
}

function lintOperationSize(call: Call, problems: Problems): void {
  const timed = call.type === 'event' || call.type === 'identify' || call.type === 'push'
  const stampBytes =
    (call.type === 'event' && call.id === undefined ? STAMP_ID_BYTES : 0) +
    (timed && call.timestamp === undefined ? STAMP_TIMESTAMP_BYTES : 0)
  const operation = encodeV2(call)
  if (!jsonExceeds(operation, OPERATION_BYTES_MAX - stampBytes)) return
  const kind = `${jsonBytes(operation) + stampBytes} bytes of JSON`
  tooLong(problems, 'operation', `${OPERATION_BYTES_MAX} bytes`, kind)
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null
}
