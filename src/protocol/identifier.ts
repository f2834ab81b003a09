/**
 * How people and objects are named: the shapes by which v1 tells an id from an e-mail address, and v2's
 * `identifiers` in both directions.
 */
import type { ObjectRef, PersonRef } from './call.ts'
import { asObject, identifierText, missing, type Problems, wrongType } from './fields.ts'
import type { JsonObject } from './json.ts'

type PersonKey = Exclude<PersonRef['by'], 'path'>

/** `anonymous_id` is not in the description of v2; Segment's and RudderStack's connectors send it with events. */
export const PERSON_KEYS: ReadonlySet<string> = new Set<PersonKey>(['id', 'email', 'phone', 'cio_id', 'anonymous_id'])
export const MERGE_KEYS: ReadonlySet<string> = new Set<PersonKey>(['id', 'email', 'phone', 'cio_id'])
const OBJECT_KEYS: ReadonlySet<string> = new Set(['object_type_id', 'object_id', 'cio_object_id'])

/**
 * What a v1 name may be taken for. Wide on purpose: whatever Customer.io might read as something else than an id is
 * not `plain`. A phone number needs its `+`; digits alone are the commonest ids there are.
 */
export function shapeOf(name: string): 'plain' | 'email' | 'phone' | 'cio_id' {
  if (name.startsWith('cio_')) return 'cio_id'
  if (name.includes('@')) return 'email'
  return /^\+[\d ().-]+$/.test(name) ? 'phone' : 'plain'
}

/** Whether a text is an e-mail address beyond doubt: one `@` with something before it and a dotted host after it, no space. */
export function isEmail(text: string): boolean {
  const at = text.indexOf('@')
  const dot = text.lastIndexOf('.')
  return at > 0 && at === text.lastIndexOf('@') && dot > at + 1 && dot < text.length - 1 && !/\s/.test(text)
}

/** Reads v2 `identifiers`, `primary` or `secondary`: an object with one of `keys`. */
export function decodePerson(
  value: unknown,
  problems: Problems,
  field: string,
  keys: ReadonlySet<string> = PERSON_KEYS,
): PersonRef {
  const [key, text] = onlyIdentifier(value, keys, problems, field)
  return { by: key as PersonKey, value: text }
}

/** The one identifier of an object that may hold one of `keys`. */
export function onlyIdentifier(
  value: unknown,
  keys: ReadonlySet<string>,
  problems: Problems,
  field: string,
): readonly [key: string, text: string] {
  const given = givenMembers(value, keys, problems, field)
  if (given.length > 1) ambiguous(problems, field)
  const [first] = given
  if (first === undefined) return ['id', '']
  return [first[0], identifierText(first[1], problems, `${field}.${first[0]}`)]
}

export function encodePerson(person: PersonRef): JsonObject {
  return { [person.by]: person.value }
}

/** Reads the v2 `identifiers` of an object. */
export function decodeObject(value: unknown, problems: Problems, field: string): ObjectRef {
  const given = new Map(givenMembers(value, OBJECT_KEYS, problems, field))
  const text = (key: string): string => identifierText(given.get(key), problems, `${field}.${key}`)
  if (given.size === 0) return { cioObjectId: '' }
  if (!given.has('cio_object_id')) return { objectTypeId: text('object_type_id'), objectId: text('object_id') }
  if (given.size > 1) ambiguous(problems, field)
  return { cioObjectId: text('cio_object_id') }
}

export function encodeObject(object: ObjectRef): JsonObject {
  return 'cioObjectId' in object
    ? { cio_object_id: object.cioObjectId }
    : { object_type_id: object.objectTypeId, object_id: object.objectId }
}

/** The members that are not null. None, and a problem, where the value is no object, is empty or holds unknown ones. */
function givenMembers(
  value: unknown,
  known: ReadonlySet<string>,
  problems: Problems,
  field: string,
): readonly (readonly [key: string, value: unknown])[] {
  const identifiers = asObject(value)
  if (identifiers === undefined && value !== undefined && value !== null) {
    wrongType(problems, field, 'an object', value)
    return []
  }
  const given = Object.entries(identifiers ?? {}).filter(([, member]) => member !== undefined && member !== null)
  if (given.length === 0) missing(problems, field)
  if (given.every(([key]) => known.has(key))) return given
  problems.push({ field, reason: 'unknown-field', message: `may hold ${[...known].join(', ')} only` })
  return []
}

function ambiguous(problems: Problems, field: string): void {
  problems.push({ field, reason: 'ambiguous', message: 'must hold one identifier, not several' })
}
