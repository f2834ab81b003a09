/**
 * Identify: who is meant, which names they get, and which attributes are newer than what is held.
 *
 * The time of an identify (v1 `_timestamp`, v2 `timestamp`) orders attribute updates: a value replaces only one that is
 * as old or older. Customer.io's description says that the time "can be used to control the order of attribute
 * updates" without saying how; this is what we take it to mean.
 *
 * Names follow the description of `identify`: a body name that belongs to somebody else fails alone and silently; a
 * name that is set changes only when the person is named by `cio_id`, except for an e-mail address (the workspace's
 * "allow updates to email using ID" is taken to be on).
 */
import type { IdentifyCall, JsonObject, JsonValue } from '../protocol/call.ts'
import { type Name, nameOf, type People } from './people.ts'
import { isCurrent, type Person } from './person.ts'

/** Not attributes: how to update, and whom. */
const SPECIAL: ReadonlySet<string> = new Set(['_update', '_timestamp', 'cio_id', 'cio_relationships'])

/** The person that the call updates, with names and attributes set; or why there is none. */
export function identify(
  people: People,
  call: IdentifyCall,
  receivedAtMs: number,
  byShape: boolean,
): Person | 'suppressed' | 'unknown-person' {
  const name = nameOf(call.person, byShape)
  const named = bodyNames(call.attributes)
  if (people.isSuppressed(name) || named.some((other) => people.isSuppressed(other))) return 'suppressed'
  const person = personFor(people, name, named, call.attributes)
  if (person === undefined) return 'unknown-person'
  const atSeconds = call.timestamp ?? Math.floor(receivedAtMs / 1000)
  for (const [field, value] of Object.entries(call.attributes)) {
    if (SPECIAL.has(field) || !isCurrent(person.attributes, field, atSeconds)) continue
    if (!takesName(people, person, name, field, value)) continue
    person.attributes.set(field, { value, atSeconds })
  }
  return person
}

function personFor(people: People, name: Name, named: readonly Name[], attributes: JsonObject): Person | undefined {
  const cioId = attributes['cio_id']
  if (typeof cioId === 'string' && name.by !== 'cio_id') {
    const person = people.find({ by: 'cio_id', value: cioId.replace(/^cio_/, '') })
    if (person !== undefined) people.name(person, name)
    return person
  }
  const known = people.find(name)
  if (known !== undefined || name.by === 'cio_id' || name.by === 'anonymous_id') return known
  for (const other of named) {
    const person = people.find(other)
    if (person === undefined) continue
    people.name(person, name)
    return person
  }
  return attributes['_update'] === true ? undefined : people.create(name)
}

/** The id and the e-mail address in the body. */
function bodyNames(attributes: JsonObject): Name[] {
  const names: Name[] = []
  for (const by of ['id', 'email'] as const) {
    const value = idText(attributes[by])
    if (value !== undefined) names.push({ by, value })
  }
  return names
}

/** Sets the name that an attribute carries. False when it must not be set; true also for an attribute that is no name. */
function takesName(people: People, person: Person, via: Name, field: string, value: JsonValue): boolean {
  if (field !== 'id' && field !== 'email' && field !== 'anonymous_id') return true
  const text = idText(value)
  if (text === undefined) return field === 'anonymous_id'
  if (field !== 'anonymous_id') {
    const held = person[field]
    const isFree = held === null || held === text || via.by === 'cio_id' || field === 'email'
    if (!isFree) return false
  }
  return people.name(person, { by: field, value: text })
}

/** An id as text; numbers are taken for what they look like. */
export function idText(value: JsonValue | undefined): string | undefined {
  if (typeof value === 'number') return String(value)
  return typeof value === 'string' && value !== '' ? value : undefined
}
