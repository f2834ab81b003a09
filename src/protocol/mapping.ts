/**
 * The v2 form of a call, so that it can share a batch. Undefined where v2 cannot say the same beyond doubt: the call
 * then goes out on v1 as it came, in the same lanes. A v2 call is its own v2 form.
 *
 * v1 only: metrics, push metrics, forms, segments, unsubscribes, invite and anonymous events (`anonymous_id` as an
 * identifier is not in v2's description), calls with fields that the description does not name, an identify that
 * takes relationships away, and an identify whose attributes say who the person is (see `namesThePerson`).
 */
import { unreachable } from '../runtime/assert.ts'
import type { Call, IdentifyCall, PersonRef } from './call.ts'
import { isEmail, shapeOf } from './identifier.ts'

/**
 * What a v1 name stands for in this workspace. `auto`: an id, unless Customer.io might see something else in it.
 * `id`: an id, also when it looks like an e-mail address or a phone number. `email`: as `auto`, and what is an e-mail
 * address is one. A `cio_` name always stays on v1.
 */
export type PersonIdentifier = 'auto' | 'id' | 'email'

export interface MappingOptions {
  readonly personIdentifier: PersonIdentifier
}

/** The v2 form of a call, or undefined where it must go out on v1. Data and attributes are shared, not copied. */
export function asV2(call: Call, options: MappingOptions): Call | undefined {
  if (call.dialect === 'v2') return call
  if (call.extra !== undefined) return undefined
  switch (call.type) {
    case 'identify': {
      if (call.relationships?.action === 'delete') return undefined
      const person = explicit(call.person, options.personIdentifier)
      return person && !namesThePerson(call, person) ? { ...call, dialect: 'v2', person } : undefined
    }
    case 'delete':
    case 'suppress':
    case 'unsuppress':
    case 'add_device':
    case 'delete_device': {
      const person = explicit(call.person, options.personIdentifier)
      return person && { ...call, dialect: 'v2', person }
    }
    case 'event': {
      const person = call.person && explicit(call.person, options.personIdentifier)
      return person && { ...call, dialect: 'v2', person }
    }
    case 'merge':
      return { ...call, dialect: 'v2' }
    case 'push':
    case 'metric':
    case 'segment':
    case 'form':
    case 'unsubscribe':
    // A v1 call cannot be one of these three.
    case 'add_relationships':
    case 'delete_relationships':
    case 'object':
      return undefined
    default:
      return unreachable(call)
  }
}

function explicit(person: PersonRef, identifier: PersonIdentifier): PersonRef | undefined {
  if (person.by !== 'path') return person.by === 'anonymous_id' ? undefined : person
  const shape = shapeOf(person.value)
  if (shape === 'cio_id') return undefined
  if (shape === 'plain' || identifier === 'id') return { by: 'id', value: person.value }
  return identifier === 'email' && isEmail(person.value) ? { by: 'email', value: person.value } : undefined
}

/**
 * v1 gives meaning to these attributes that v2's description does not: an `anonymous_id` takes over a visitor's
 * events, a `cio_id`, or another id or address than the one in the path, names or renames the person.
 */
function namesThePerson({ attributes }: IdentifyCall, person: PersonRef): boolean {
  const own = attributes[person.by]
  return (
    (own !== undefined && own !== person.value) ||
    attributes['anonymous_id'] !== undefined ||
    attributes['cio_id'] !== undefined
  )
}
