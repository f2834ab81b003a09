/** A fault as JSON can say it: every kind but those that look at calls with a function. */
import { OptionsError } from '../errors.ts'
import type { Fault } from './faults.ts'

type Check = (value: unknown) => boolean

const isNumber: Check = (value) => typeof value === 'number' && Number.isFinite(value)
const isBoolean: Check = (value) => typeof value === 'boolean'
const isText: Check = (value) => typeof value === 'string'
const isLatency: Check = (value) =>
  isNumber(value) ||
  (typeof value === 'object' &&
    value !== null &&
    Object.keys(value).length === 2 &&
    isNumber(Reflect.get(value, 'min')) &&
    isNumber(Reflect.get(value, 'max')))

const SCOPE: Readonly<Record<string, Check>> = { times: isNumber, share: isNumber, afterMs: isNumber, forMs: isNumber }

/** Of each kind, the fields beside those of every fault. */
const KINDS: ReadonlyMap<unknown, Readonly<Record<string, Check>>> = new Map([
  ['latency', { latencyMs: isLatency }],
  [
    'status',
    {
      status: isNumber,
      html: isBoolean,
      text: isBoolean,
      retryAfterSeconds: isNumber,
      retryAfterDate: isBoolean,
      applied: isBoolean,
    },
  ],
  ['refused', {}],
  ['reset', { applied: isBoolean }],
  ['timeout', { applied: isBoolean }],
  ['half-response', {}],
  ['redirect', { status: isNumber, to: isText }],
])

const REQUIRED: Readonly<Record<string, string>> = { latency: 'latencyMs', status: 'status', redirect: 'to' }

/** @throws OptionsError naming the field; ranges are checked where the fault is added */
export function faultOfJson(value: Readonly<Record<string, unknown>>): Fault {
  const { kind, ...fields } = value
  const known = KINDS.get(kind)
  if (known === undefined) throw new OptionsError('kind', `must be one of ${[...KINDS.keys()].join(', ')}`)
  const required = REQUIRED[String(kind)]
  if (required !== undefined && fields[required] === undefined) throw new OptionsError(required, 'is required')
  for (const [field, given] of Object.entries(fields)) {
    const check = Object.hasOwn(known, field) ? known[field] : Object.hasOwn(SCOPE, field) ? SCOPE[field] : undefined
    if (check === undefined) throw new OptionsError(field.slice(0, 100), `is not known of a fault of this kind`)
    if (!check(given)) throw new OptionsError(field, 'is of the wrong type')
  }
  return value as unknown as Fault
}
