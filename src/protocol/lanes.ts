/**
 * The lanes of a call: whose order it must keep. A lane is the ordered operations of one person, object or delivery,
 * named by the identifier as given. A call with several lanes waits until it is the oldest of each, and holds all of
 * them while it is on its way.
 *
 * A v1 name, an id and an e-mail address with the same text share a lane: that orders more than it must, never less.
 */
import { unreachable } from '../runtime/assert.ts'
import type { Call, ObjectRef, PersonRef } from './call.ts'

export function lanesOf(call: Call, operationId: string): readonly string[] {
  switch (call.type) {
    case 'identify': {
      // The person takes over what the anonymous visitor did, so those events go first.
      const anonymous = call.attributes['anonymous_id']
      const lanes = [personLane(call.person)]
      if (typeof anonymous === 'string' && anonymous !== '') lanes.push(`anonymous:${anonymous}`)
      return distinct(lanes)
    }
    case 'event':
      return [call.person === undefined ? inviteLane(call.data['recipient'], operationId) : personLane(call.person)]
    case 'merge':
      return distinct([personLane(call.primary), personLane(call.secondary)])
    case 'delete':
    case 'suppress':
    case 'unsuppress':
    case 'add_device':
    case 'delete_device':
    case 'add_relationships':
    case 'delete_relationships':
      return [personLane(call.person)]
    case 'object':
      return [objectLane(call.object)]
    case 'segment':
      // A person who does not exist yet is left out of the segment without a word, so each identify goes first.
      return distinct(call.ids.map((id) => personLane({ by: call.idType ?? 'id', value: id })))
    case 'form':
      return [formLane(call.data, operationId)]
    case 'push':
    case 'metric':
    case 'unsubscribe':
      return [`delivery:${call.deliveryId}`]
    default:
      return unreachable(call)
  }
}

/** The lane of a person, also for `purge`. E-mail addresses are compared without regard to case. */
export function personLane(person: PersonRef): string {
  switch (person.by) {
    case 'anonymous_id':
      return `anonymous:${person.value}`
    case 'cio_id':
      return `person:cio_${person.value}`
    default:
      return `person:${person.value.includes('@') ? person.value.toLowerCase() : person.value}`
  }
}

function objectLane(object: ObjectRef): string {
  return 'cioObjectId' in object
    ? `object:cio_${object.cioObjectId}`
    : `object:${object.objectTypeId}/${object.objectId}`
}

function inviteLane(recipient: unknown, operationId: string): string {
  return typeof recipient === 'string' && recipient !== ''
    ? personLane({ by: 'path', value: recipient })
    : `operation:${operationId}`
}

function formLane(data: Readonly<Record<string, unknown>>, operationId: string): string {
  return inviteLane(data['id'] ?? data['email'], operationId)
}

function distinct(lanes: readonly string[]): readonly string[] {
  return lanes.length === 1 ? lanes : [...new Set(lanes)]
}
