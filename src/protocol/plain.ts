/**
 * Finds what JSON cannot carry, before anything is stored. `JSON.stringify` says nothing about most of it: it turns
 * NaN and invalid dates into null, a Map into {}, and leaves functions out.
 *
 * What it does as it should is let through: a member that is undefined is left out, a date becomes its ISO text, an
 * object with `toJSON` stands for what that gives, an instance of a class for its fields, half a surrogate pair
 * becomes an escape. Nothing is copied. Depth and number of values are bounded, so data that shares its parts cannot
 * make the walk endless.
 */
import type { Problem } from '../errors.ts'
import { unreachable } from '../runtime/assert.ts'
import { classOf, memberField } from './kind.ts'

/** Objects and arrays inside each other. Far from where `JSON.stringify` runs out of stack. */
export const DEPTH_MAX = 64

/** More than any documented size has room for. */
export const VALUES_MAX = 1_000_000

/** Parts of a path that are shown; a cycle would fill lines. */
const PATH_PARTS_MAX = 8

interface Fault {
  readonly kind: string
  reason: 'not-json' | 'cycle' | 'too-deep' | 'too-large'
  /** From the fault up to the root. */
  readonly path: string[]
  /** Containers on the way up, to tell a cycle from mere depth. */
  readonly containers: Set<object>
}

interface Walk {
  valuesLeft: number
}

/**
 * The first thing in a value that JSON cannot carry, or undefined.
 * @param field how the value is called in the problem, for example `data`.
 * @example `checkPlain({ total: 12n }, 'data') // { field: 'data.total', reason: 'not-json', kind: 'bigint', … }`
 */
export function checkPlain(value: unknown, field: string): Problem | undefined {
  const fault = safely(() => faultIn(value, 1, { valuesLeft: VALUES_MAX }))
  return fault && problemOf(fault, field)
}

function problemOf(fault: Fault, field: string): Problem {
  const { kind, reason, path } = fault
  const parts = path.toReversed().slice(0, PATH_PARTS_MAX)
  let name = field
  for (const part of parts) name = part.startsWith('[') ? name + part : memberField(name, part.slice(1))
  if (path.length > PATH_PARTS_MAX) name += '…'
  switch (reason) {
    case 'not-json':
      return { field: name, reason, message: `cannot be sent as JSON: ${kind}`, kind }
    case 'cycle':
      return { field: name, reason, message: 'cannot be sent as JSON: refers back to itself', kind }
    case 'too-deep':
      return {
        field: name,
        reason,
        message: `nests deeper than ${DEPTH_MAX} levels`,
        limit: `${DEPTH_MAX} levels`,
        kind,
      }
    case 'too-large':
      return { field, reason, message: `holds more than ${VALUES_MAX} values`, limit: `${VALUES_MAX} values`, kind }
    default:
      return unreachable(reason)
  }
}

/** A getter and a `toJSON` are the caller's code, and may throw. */
function safely(find: () => Fault | undefined): Fault | undefined {
  try {
    return find()
  } catch {
    return faultOf('not-json', 'a getter or toJSON that throws')
  }
}

function faultOf(reason: Fault['reason'], kind: string): Fault {
  return { reason, kind, path: [], containers: new Set() }
}

/** @param depth of the value, if it is a container. */
function faultIn(value: unknown, depth: number, walk: Walk): Fault | undefined {
  switch (typeof value) {
    case 'string':
    case 'boolean':
    case 'undefined':
      break
    case 'number':
      if (!Number.isFinite(value)) return faultOf('not-json', String(value))
      break
    case 'object':
      if (value !== null) return faultInObject(value, depth, walk, true)
      break
    case 'bigint':
      // Some programs give bigints a `toJSON`; `JSON.stringify` asks for it.
      if (typeof Reflect.get(Object(value), 'toJSON') === 'function') break
      return faultOf('not-json', 'bigint')
    default:
      return faultOf('not-json', typeof value)
  }
  return walk.valuesLeft-- > 0 ? undefined : faultOf('too-large', 'object')
}

function faultInObject(value: object, depth: number, walk: Walk, follow: boolean): Fault | undefined {
  if (depth > DEPTH_MAX) return faultOf('too-deep', 'object')
  if (walk.valuesLeft-- <= 0) return faultOf('too-large', 'object')
  const toJson = follow ? (value as { readonly toJSON?: unknown }).toJSON : undefined
  if (typeof toJson === 'function') {
    const json: unknown = Reflect.apply(toJson, value, [''])
    if (json === null && classOf(value) === 'date') return faultOf('not-json', 'an invalid date')
    if (typeof json !== 'object' || json === null) return faultIn(json, depth, walk)
    // JSON does not ask what a `toJSON` gave for a `toJSON` of its own.
    return faultInObject(json, depth, walk, false)
  }
  if (Array.isArray(value)) return faultInArray(value, depth, walk)
  const keys = Object.keys(value)
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) {
    const fault = faultOfClass(value, keys.length)
    if (fault !== undefined) return fault
  }
  const members = value as Readonly<Record<string, unknown>>
  for (const key of keys) {
    const fault = faultIn(members[key], depth + 1, walk)
    if (fault !== undefined) return below(fault, value, `.${key}`)
  }
  return undefined
}

function faultInArray(array: readonly unknown[], depth: number, walk: Walk): Fault | undefined {
  for (let index = 0; index < array.length; index++) {
    const fault = faultIn(array[index], depth + 1, walk)
    if (fault !== undefined) return below(fault, array, `[${index}]`)
  }
  return undefined
}

/** What is wrong with an object that is not a plain one. An instance of the caller's own class with fields is fine. */
function faultOfClass(value: object, keys: number): Fault | undefined {
  const kind = classOf(value)
  switch (kind) {
    case 'string':
    case 'boolean':
      return undefined
    case 'number':
      return Number.isFinite(Number(value)) ? undefined : faultOf('not-json', String(Number(value)))
    case 'object':
      return keys > 0 ? undefined : faultOf('not-json', 'an object of a class without fields')
    default:
      return faultOf('not-json', kind)
  }
}

/** The same fault as seen from the container above. */
function below(fault: Fault, container: object, part: string): Fault {
  fault.path.push(part)
  if (fault.reason === 'too-deep' && fault.containers.has(container)) fault.reason = 'cycle'
  fault.containers.add(container)
  return fault
}
