/**
 * Reads the fields of a body by name and collects what is wrong with them. Nothing is copied: objects are given back
 * as they came. `null` in an optional field means that it is absent, as SDKs in other languages write it.
 */
import type { Problem } from '../errors.ts'
import type { Call } from './call.ts'
import type { JsonObject } from './json.ts'
import { kindOf } from './kind.ts'

export type Problems = Problem[]

export type Mutable<T> = { -readonly [K in keyof T]: T[K] }

const LONE_SURROGATE = /\p{Cs}/u

/**
 * A value as an object, or undefined where it is none. What has a `toJSON` stands for what that gives, as it would
 * in `JSON.stringify`.
 */
export function asObject(value: unknown): JsonObject | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  const toJson: unknown = Reflect.get(value, 'toJSON')
  if (typeof toJson !== 'function') return value as JsonObject
  try {
    const json: unknown = Reflect.apply(toJson, value, [''])
    return typeof json === 'object' && json !== null && !Array.isArray(json) ? (json as JsonObject) : undefined
  } catch {
    return undefined
  }
}

export function missing(problems: Problems, field: string): void {
  problems.push({ field, reason: 'required', message: 'is required' })
}

export function wrongType(problems: Problems, field: string, wanted: string, value: unknown): void {
  const kind = kindOf(value)
  problems.push({ field, reason: 'type', message: `must be ${wanted}, not ${kind}`, kind })
}

export function requiredText(body: JsonObject, key: string, problems: Problems, field: string = key): string {
  const value = body[key]
  if (typeof value === 'string') return value
  if (value === undefined || value === null) missing(problems, field)
  else wrongType(problems, field, 'a string', value)
  return ''
}

export function optionalText(
  body: JsonObject,
  key: string,
  problems: Problems,
  field: string = key,
): string | undefined {
  const value = body[key]
  if (typeof value === 'string') return value
  if (value !== undefined && value !== null) wrongType(problems, field, 'a string', value)
  return undefined
}

/** A time in unix seconds. */
export function optionalSeconds(
  body: JsonObject,
  key: string,
  problems: Problems,
  field: string = key,
): number | undefined {
  const value = body[key]
  if (typeof value === 'number' && Number.isFinite(value)) return value
  if (value !== undefined && value !== null) wrongType(problems, field, 'a number of unix seconds', value)
  return undefined
}

export function requiredObject(body: JsonObject, key: string, problems: Problems, field: string = key): JsonObject {
  if (body[key] === undefined || body[key] === null) missing(problems, field)
  return optionalObject(body, key, problems, field) ?? {}
}

export function optionalObject(
  body: JsonObject,
  key: string,
  problems: Problems,
  field: string = key,
): JsonObject | undefined {
  const value = body[key]
  if (value === undefined || value === null) return undefined
  const object = asObject(value)
  if (object === undefined) wrongType(problems, field, 'an object', value)
  return object
}

/**
 * The text of an identifier. Numbers become their text, as the official SDK's types allow them; Customer.io's are
 * strings. A lone surrogate is refused: it has no UTF-8, and what replaces it would name another person.
 */
export function identifierText(value: unknown, problems: Problems, field: string): string {
  const text = typeof value === 'number' && Number.isFinite(value) ? String(value) : value
  if (text === undefined || text === null || text === '') missing(problems, field)
  else if (typeof text !== 'string') wrongType(problems, field, 'a string', value)
  else if (LONE_SURROGATE.test(text)) {
    problems.push({ field, reason: 'not-utf8', message: 'must be well-formed text (it holds half a surrogate pair)' })
  } else return text
  return ''
}

/** The fields that are not named, or undefined when there are none. */
export function residue(body: JsonObject, named: ReadonlySet<string>): JsonObject | undefined {
  let rest: [string, JsonObject[string]][] | undefined
  for (const key of Object.keys(body)) {
    const value = body[key]
    if (value !== undefined && !named.has(key)) (rest ??= []).push([key, value])
  }
  // `fromEntries` defines members; an assignment would take a key `__proto__` for the prototype.
  return rest && Object.fromEntries(rest)
}

/** Sets `extra` to what the body holds beside the named fields. */
export function withExtra<C extends Call>(call: Mutable<C>, body: JsonObject, named: ReadonlySet<string>): C {
  const extra = residue(body, named)
  if (extra !== undefined) call.extra = extra
  return call
}
