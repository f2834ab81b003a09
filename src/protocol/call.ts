/**
 * A call: what a caller asks of Customer.io's Track API, as one value. The union covers all of Track v1 and v2.
 *
 * A call keeps the dialect it came in (`v1` or `v2`) and every field that Customer.io's description does not name
 * (`extra`), so that `decode(encode(call))` is the same call. `mapping.ts` turns a v1 call into its v2 form where
 * there is one.
 */
import type { JsonObject, JsonValue } from './json.ts'

export type Dialect = 'v1' | 'v2'

/**
 * How a person is named. `path` is a v1 name: Customer.io decides from its shape whether it is an id, an e-mail
 * address or a `cio_` id. The others are explicit; `cio_id` is bare, without the `cio_` prefix.
 */
export type PersonRef =
  | { readonly by: 'path'; readonly value: string }
  | { readonly by: 'id'; readonly value: string }
  | { readonly by: 'email'; readonly value: string }
  | { readonly by: 'phone'; readonly value: string }
  | { readonly by: 'cio_id'; readonly value: string }
  | { readonly by: 'anonymous_id'; readonly value: string }

/** How an object (a company, a course ...) is named. `cioObjectId` can only update. */
export type ObjectRef = { readonly objectTypeId: string; readonly objectId: string } | { readonly cioObjectId: string }

/** One end of a relationship: an object seen from a person, or a person seen from an object. */
export interface Relationship {
  readonly identifiers: JsonObject
  readonly relationshipAttributes?: JsonObject
  /** Fields beside the named ones, as they came. Absent when there are none. */
  readonly extra?: JsonObject
}

interface CallBase {
  readonly dialect: Dialect
  /** Fields beside the named ones, as they came; those inside `device` or a push's `attributes` under that name. Absent when there are none. */
  readonly extra?: JsonObject
}

/** Create or update a person. `timestamp` (unix seconds) is when the attributes were current: v1 `_timestamp`, v2 `timestamp`. */
export interface IdentifyCall extends CallBase {
  readonly type: 'identify'
  readonly person: PersonRef
  readonly attributes: JsonObject
  readonly timestamp?: number
  /** v1 carries an action with them, v2 always adds. */
  readonly relationships?: { readonly action: 'add' | 'delete'; readonly items: readonly Relationship[] }
}

/** Delete, suppress or unsuppress a person. */
export interface PersonCall extends CallBase {
  readonly type: 'delete' | 'suppress' | 'unsuppress'
  readonly person: PersonRef
}

/** An event, page view or screen view. Without a person it is a v1 invite event. `timestamp` in unix seconds, `id` a ULID. */
export interface EventCall extends CallBase {
  readonly type: 'event'
  readonly person?: PersonRef
  readonly eventType: 'event' | 'page' | 'screen'
  readonly name: string
  readonly id?: string
  readonly timestamp?: number
  readonly data: JsonObject
}

export interface AddDeviceCall extends CallBase {
  readonly type: 'add_device'
  readonly person: PersonRef
  /** v1 `device.id`, v2 `device.token`. */
  readonly token: string
  readonly platform: string
  /** Unix seconds. */
  readonly lastUsed?: number
  readonly attributes?: JsonObject
}

export interface DeleteDeviceCall extends CallBase {
  readonly type: 'delete_device'
  readonly person: PersonRef
  readonly token: string
}

export interface MergeCall extends CallBase {
  readonly type: 'merge'
  /** The one that stays. Never `path`, never `anonymous_id`. */
  readonly primary: PersonRef
  /** The one that is deleted. */
  readonly secondary: PersonRef
}

/** v2 only. */
export interface PersonRelationshipsCall extends CallBase {
  readonly type: 'add_relationships' | 'delete_relationships'
  readonly person: PersonRef
  readonly relationships: readonly Relationship[]
}

/** v2 only. Every change of an object. */
export interface ObjectCall extends CallBase {
  readonly type: 'object'
  readonly action: 'identify' | 'identify_anonymous' | 'delete' | 'add_relationships' | 'delete_relationships'
  readonly object: ObjectRef
  readonly attributes?: JsonObject
  readonly timestamp?: number
  readonly relationships?: readonly Relationship[]
}

/** A push metric: v1 `/push/events`, v2 `delivery/event`. */
export interface PushCall extends CallBase {
  readonly type: 'push'
  readonly deliveryId: string
  readonly event: string
  readonly deviceToken?: string
  readonly timestamp?: number
}

/** v1 only: a metric of any channel. No credentials are sent with it. */
export interface MetricCall extends CallBase {
  readonly type: 'metric'
  readonly deliveryId: string
  readonly metric?: string
  readonly timestamp?: number
  readonly recipient?: string
  readonly reason?: string
  readonly href?: string
}

/** v1 only: people into or out of a manual segment. */
export interface SegmentCall extends CallBase {
  readonly type: 'segment'
  readonly action: 'add' | 'remove'
  readonly segmentId: string
  readonly ids: readonly string[]
  readonly idType?: 'id' | 'email' | 'cio_id'
}

/** v1 only. */
export interface FormCall extends CallBase {
  readonly type: 'form'
  readonly formId: string
  readonly data: JsonObject
}

/** v1 only, at the host's root, without credentials. */
export interface UnsubscribeCall extends CallBase {
  readonly type: 'unsubscribe'
  readonly deliveryId: string
  readonly unsubscribe: boolean
}

export type Call =
  | IdentifyCall
  | PersonCall
  | EventCall
  | AddDeviceCall
  | DeleteDeviceCall
  | MergeCall
  | PersonRelationshipsCall
  | ObjectCall
  | PushCall
  | MetricCall
  | SegmentCall
  | FormCall
  | UnsubscribeCall

export type CallType = Call['type']

/** Every type of call. The compiler sees that none is missing. */
export const CALL_TYPES: Readonly<Record<CallType, true>> = {
  identify: true,
  delete: true,
  suppress: true,
  unsuppress: true,
  event: true,
  add_device: true,
  delete_device: true,
  merge: true,
  add_relationships: true,
  delete_relationships: true,
  object: true,
  push: true,
  metric: true,
  segment: true,
  form: true,
  unsubscribe: true,
}

export type { JsonObject, JsonValue }
