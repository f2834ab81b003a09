/**
 * By what a call is known again at Customer.io, and whose order it must keep. Both are read from what the application
 * asked for and from what arrived, never from what the library under test says, so they can witness against it.
 *
 * No two calls of the data file have the same mark (a test holds it), so an arrival belongs to exactly one call. What
 * a client adds on its own (an event's id, a time, the shape of an identifier) is no part of a mark.
 */
import type { Call, PersonRef } from '../../src/protocol/call.ts'
import type { Line } from './line.ts'

type Data = Readonly<Record<string, unknown>>

/** The mark of a call that the application makes. */
export function markOfLine({ method, args }: Line): string {
  const [first, second, third, fourth] = args
  switch (method) {
    case 'identify':
      return mark('identify', first, second)
    case 'track': {
      const { name, data = {} } = second as Data
      return mark('event', first, name, data)
    }
    case 'trackAnonymous': {
      const { name, data = {} } = second as Data
      return mark('event', `anonymous:${String(first)}`, name, data)
    }
    case 'trackPageView':
      return mark('page', first, second, {})
    case 'addDevice': {
      const { last_used: lastUsed = null, ...attributes } = fourth as Data
      return mark('add_device', first, second, third, lastUsed, attributes)
    }
    case 'deleteDevice':
      return mark('delete_device', first, second)
    case 'mergeCustomers':
      return mark('merge', second, fourth)
    case 'addCustomersToSegment':
    case 'removeCustomersFromSegment':
      return mark('segment', method === 'addCustomersToSegment' ? 'add' : 'remove', String(first), second)
    case 'destroy':
      return mark('delete', first)
    default:
      return unknown(method)
  }
}

/** The mark of a call that arrived. Undefined for kinds that the data file does not hold. */
export function markOfCall(call: Call): string | undefined {
  switch (call.type) {
    case 'identify':
      return mark('identify', nameOf(call.person), call.attributes)
    case 'event':
      return call.person && mark(call.eventType, nameOf(call.person), call.name, call.data)
    case 'add_device':
      return mark(
        'add_device',
        nameOf(call.person),
        call.token,
        call.platform,
        call.lastUsed ?? null,
        call.attributes ?? {},
      )
    case 'delete_device':
      return mark('delete_device', nameOf(call.person), call.token)
    case 'merge':
      return mark('merge', nameOf(call.primary), nameOf(call.secondary))
    case 'segment':
      return mark('segment', call.action, call.segmentId, call.ids)
    case 'delete':
      return mark('delete', nameOf(call.person))
    default:
      return undefined
  }
}

/** Whose order the call must keep: each person it names, and the visitor whom an identify makes known. */
export function peopleOf({ method, args }: Line): readonly string[] {
  const [first, second, , fourth] = args
  switch (method) {
    case 'trackAnonymous':
      return [`anonymous:${String(first)}`]
    case 'mergeCustomers':
      return [String(second), String(fourth)]
    case 'addCustomersToSegment':
    case 'removeCustomersFromSegment':
      return second as readonly string[]
    case 'identify': {
      const anonymous = (second as Data)['anonymous_id']
      return typeof anonymous === 'string' ? [String(first), `anonymous:${anonymous}`] : [String(first)]
    }
    case 'track':
    case 'trackPageView':
    case 'addDevice':
    case 'deleteDevice':
    case 'destroy':
      return [String(first)]
    default:
      return unknown(method)
  }
}

function nameOf(person: PersonRef): string {
  if (person.by === 'anonymous_id') return `anonymous:${person.value}`
  return person.by === 'cio_id' ? `cio_${person.value}` : person.value
}

function mark(...parts: readonly unknown[]): string {
  return JSON.stringify(parts, sortKeys)
}

/** Two objects with the same members have the same text, in whatever order they hold them. */
function sortKeys(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
}

function unknown(method: never): never {
  throw new Error(`no such method: ${String(method)}`)
}
