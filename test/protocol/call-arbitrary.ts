/**
 * Arbitrary calls of every type and dialect, as `decode.ts` gives them: with awkward identifiers, optional fields
 * there or not, unknown fields, and keys that are dangerous to copy.
 */
import * as fc from 'fast-check'

import type { Call, EventCall, ObjectRef, PersonRef, Relationship } from '../../src/protocol/call.ts'
import type { JsonObject, JsonValue } from '../../src/protocol/json.ts'
import { fitsPath } from '../../src/protocol/route.ts'

/** Texts that have broken a protocol somewhere. All are well-formed and not empty. */
export const AWKWARD_TEXTS: readonly string[] = [
  '.',
  '..',
  '...',
  'a/b',
  '/',
  'a+b',
  'a b',
  ' ',
  '100%',
  '%2e%2e',
  'a?b',
  'a#b',
  '😀',
  'a@b.example',
  '+14155552671',
  'cio_03000001',
  'x'.repeat(151),
  '\u0000',
  '"\\',
  '__proto__',
]

export const textArbitrary: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(...AWKWARD_TEXTS),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }),
  fc.integer({ min: 0, max: 1e9 }).map(String),
)

const pathText = textArbitrary.filter(fitsPath)

const key = fc.oneof(
  fc.string({ maxLength: 8 }),
  fc.constantFrom('__proto__', 'constructor', 'toJSON', 'id', 'email', 'anonymous_id', 'cio_id', 'plan'),
)

// JSON has no -0, so what comes off the wire has none either.
const value = fc.jsonValue({ maxDepth: 2 }).map((any) => JSON.parse(JSON.stringify(any)) as JsonValue)

/** Any JSON object, also one with a member named `__proto__`. */
export const objectArbitrary: fc.Arbitrary<JsonObject> = fc.dictionary(key, value, {
  maxKeys: 5,
  noNullPrototype: true,
})

const attributes = objectArbitrary.filter(
  (object) => !Object.hasOwn(object, '_timestamp') && !Object.hasOwn(object, 'cio_relationships'),
)

const unknownKey = fc.oneof(
  fc.string({ maxLength: 8 }).map((text) => `x_${text}`),
  fc.constantFrom('__proto__', 'constructor', 'toJSON'),
)

const unknownFields = fc.dictionary(unknownKey, value, { minKeys: 1, maxKeys: 3, noNullPrototype: true })

const seconds = fc.oneof(fc.integer({ min: 0, max: 2_000_000_000 }), fc.constantFrom(1.5, 1_760_000_000_000))

const path: fc.Arbitrary<PersonRef> = pathText.map((text) => ({ by: 'path', value: text }))

const named: fc.Arbitrary<PersonRef> = fc
  .tuple(fc.constantFrom('id', 'email', 'phone', 'cio_id'), textArbitrary)
  .map(([by, text]) => ({ by, value: text }))

const anonymous: fc.Arbitrary<PersonRef> = textArbitrary.map((text) => ({ by: 'anonymous_id', value: text }))

const objectRef: fc.Arbitrary<ObjectRef> = fc.oneof(
  fc.record({ objectTypeId: textArbitrary, objectId: textArbitrary }, { noNullPrototype: true }),
  fc.record({ cioObjectId: textArbitrary }, { noNullPrototype: true }),
)

/** The required fields always, each of the optional ones sometimes. */
function shape<R extends object, O extends object>(
  required: { [K in keyof R]: fc.Arbitrary<R[K]> },
  optional: { [K in keyof O]: fc.Arbitrary<O[K]> },
): fc.Arbitrary<R & Partial<O>> {
  return fc
    .tuple(
      fc.record(required, { noNullPrototype: true }),
      fc.record(optional, { noNullPrototype: true, requiredKeys: [] }),
    )
    .map(([always, sometimes]) => Object.assign(always as R, sometimes as Partial<O>))
}

const relationships: fc.Arbitrary<readonly Relationship[]> = fc.array(
  shape({ identifiers: objectArbitrary }, { relationshipAttributes: objectArbitrary, extra: unknownFields }),
  { maxLength: 3 },
)

const ofDialect = <D extends 'v1' | 'v2'>(dialect: D): { readonly dialect: fc.Arbitrary<D> } => ({
  dialect: fc.constant(dialect),
})
const ofType = <T extends string>(...types: T[]): { readonly type: fc.Arbitrary<T> } => ({
  type: fc.constantFrom(...types),
})
const extra = { extra: unknownFields }
const v1 = ofDialect('v1')
const v2 = ofDialect('v2')

const eventFields = {
  eventType: fc.constantFrom('event', 'page', 'screen'),
  name: fc.string({ unit: 'binary', maxLength: 20 }),
  data: objectArbitrary,
} as const
const eventOptions = { id: fc.string(), timestamp: seconds, extra: unknownFields } as const

/** A type that Customer.io takes for `event` is kept as it came. */
const withOddType = (call: EventCall): EventCall =>
  call.eventType === 'event' && call.name.length % 3 === 0 ? { ...call, extra: { ...call.extra, type: 'odd' } } : call

const deviceOptions = {
  lastUsed: seconds,
  attributes: objectArbitrary,
  extra: fc.oneof(
    unknownFields,
    fc.tuple(unknownFields, unknownFields).map(([outer, device]) => ({ ...outer, device })),
  ),
}

export const v1CallArbitrary: fc.Arbitrary<Call> = fc.oneof(
  shape(
    { ...v1, ...ofType('identify'), person: path, attributes },
    {
      timestamp: seconds,
      relationships: fc.record(
        { action: fc.constantFrom('add', 'delete'), items: relationships },
        { noNullPrototype: true },
      ),
    },
  ),
  shape({ ...v1, ...ofType('delete', 'suppress', 'unsuppress'), person: path }, extra),
  shape({ ...v1, ...ofType('event'), ...eventFields, person: path }, eventOptions).map(withOddType),
  shape({ ...v1, ...ofType('event'), ...eventFields }, { ...eventOptions, person: anonymous }).map(withOddType),
  shape({ ...v1, ...ofType('add_device'), person: path, token: textArbitrary, platform: fc.string() }, deviceOptions),
  shape({ ...v1, ...ofType('delete_device'), person: path, token: pathText }, extra),
  shape({ ...v1, ...ofType('merge'), primary: named, secondary: named }, extra),
  shape(
    { ...v1, ...ofType('push'), deliveryId: textArbitrary, event: fc.string() },
    { deviceToken: fc.string(), timestamp: seconds, ...extra },
  ),
  shape(
    { ...v1, ...ofType('metric'), deliveryId: textArbitrary },
    {
      metric: fc.string(),
      timestamp: seconds,
      recipient: fc.string(),
      reason: fc.string(),
      href: fc.string(),
      ...extra,
    },
  ),
  shape(
    { ...v1, ...ofType('metric'), deliveryId: textArbitrary },
    { extra: fc.nat().map((recipient) => ({ recipient })) },
  ),
  shape(
    {
      ...v1,
      ...ofType('segment'),
      action: fc.constantFrom('add', 'remove'),
      segmentId: pathText,
      ids: fc.array(textArbitrary, { minLength: 1, maxLength: 5 }),
    },
    { idType: fc.constantFrom('id', 'email', 'cio_id'), ...extra },
  ),
  shape({ ...v1, ...ofType('form'), formId: pathText, data: objectArbitrary }, extra),
  shape({ ...v1, ...ofType('unsubscribe'), deliveryId: pathText, unsubscribe: fc.boolean() }, extra),
)

export const v2CallArbitrary: fc.Arbitrary<Call> = fc.oneof(
  shape(
    { ...v2, ...ofType('identify'), person: fc.oneof(named, anonymous), attributes: objectArbitrary },
    {
      timestamp: seconds,
      relationships: relationships.map((items) => ({ action: 'add', items }) as const),
      ...extra,
    },
  ),
  shape({ ...v2, ...ofType('delete', 'suppress', 'unsuppress'), person: named }, extra),
  shape({ ...v2, ...ofType('event'), ...eventFields, person: fc.oneof(named, anonymous) }, eventOptions),
  shape({ ...v2, ...ofType('add_device'), person: named, token: textArbitrary, platform: fc.string() }, deviceOptions),
  shape({ ...v2, ...ofType('delete_device'), person: named, token: textArbitrary }, { extra: deviceOptions.extra }),
  shape({ ...v2, ...ofType('merge'), primary: named, secondary: named }, extra),
  shape({ ...v2, ...ofType('add_relationships', 'delete_relationships'), person: named, relationships }, extra),
  shape(
    {
      ...v2,
      ...ofType('object'),
      action: fc.constantFrom('identify', 'identify_anonymous', 'delete'),
      object: objectRef,
    },
    { attributes: objectArbitrary, timestamp: seconds, relationships, ...extra },
  ),
  shape(
    {
      ...v2,
      ...ofType('object'),
      action: fc.constantFrom('add_relationships', 'delete_relationships'),
      object: objectRef,
      relationships,
    },
    { attributes: objectArbitrary, timestamp: seconds, ...extra },
  ),
  shape(
    { ...v2, ...ofType('push'), deliveryId: textArbitrary, event: fc.string() },
    {
      deviceToken: fc.string(),
      timestamp: seconds,
      extra: fc.oneof(
        unknownFields,
        unknownFields.map((more) => ({ attributes: more })),
      ),
    },
  ),
)

/** Any call of any type and dialect. */
export const callArbitrary: fc.Arbitrary<Call> = fc.oneof(v1CallArbitrary, v2CallArbitrary)
