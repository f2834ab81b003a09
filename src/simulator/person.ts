/** A person as the workspace remembers them, and the plain copy of them that a test is shown. */
import type { JsonObject, JsonValue } from '../protocol/call.ts'

/** An event, page view or screen view. */
export interface EventRecord {
  readonly eventType: 'event' | 'page' | 'screen'
  /** Trimmed, as Customer.io does. */
  readonly name: string
  readonly id: string | null
  /** Unix seconds: the event's own time, or that of its arrival when it carried none. */
  readonly timestamp: number
  readonly receivedAtMs: number
  readonly data: JsonObject
}

export interface DeviceRecord {
  readonly token: string
  readonly platform: string
  /** Unix seconds. */
  readonly lastUsed: number | null
  readonly attributes: JsonObject
}

/** An attribute with the time from which it holds, in unix seconds. */
export interface TimedValue {
  readonly value: JsonValue
  readonly atSeconds: number
}

/** Attributes by name; a value is replaced only by one that is as new or newer. */
export type Attributes = Map<string, TimedValue>

/** Whether a value of that time would be taken: what is held is not newer. */
export function isCurrent(attributes: Attributes, name: string, atSeconds: number): boolean {
  const held = attributes.get(name)
  return held === undefined || held.atSeconds <= atSeconds
}

export interface Person {
  readonly cioId: string
  id: string | null
  email: string | null
  phone: string | null
  readonly anonymousIds: Set<string>
  readonly attributes: Attributes
  readonly devices: Map<string, DeviceRecord>
  events: EventRecord[]
  /** Ids of manual segments. */
  readonly segments: Set<string>
  /** By the key of the object. */
  readonly relationships: Map<string, JsonObject>
}

export function newPerson(cioId: string): Person {
  return {
    cioId,
    id: null,
    email: null,
    phone: null,
    anonymousIds: new Set(),
    attributes: new Map(),
    devices: new Map(),
    events: [],
    segments: new Set(),
    relationships: new Map(),
  }
}

/** A person as they were when asked for; a copy that later calls do not change. */
export interface PersonView {
  readonly cioId: string
  readonly id: string | null
  readonly email: string | null
  readonly phone: string | null
  readonly anonymousIds: readonly string[]
  readonly attributes: JsonObject
  /** Of each attribute, the unix seconds from which it holds. */
  readonly attributeTimes: Readonly<Record<string, number>>
  readonly devices: readonly DeviceRecord[]
  /** In the order of arrival. */
  readonly events: readonly EventRecord[]
  readonly segments: readonly string[]
  /** By object: `<object_type_id>/<object_id>`. */
  readonly relationships: Readonly<Record<string, JsonObject>>
}

export function viewOf(person: Person): PersonView {
  return {
    cioId: person.cioId,
    id: person.id,
    email: person.email,
    phone: person.phone,
    anonymousIds: [...person.anonymousIds],
    attributes: valuesOf(person.attributes),
    attributeTimes: Object.fromEntries([...person.attributes].map(([name, { atSeconds }]) => [name, atSeconds])),
    devices: [...person.devices.values()],
    events: [...person.events],
    segments: [...person.segments],
    relationships: Object.fromEntries(person.relationships),
  }
}

/** `fromEntries` defines its members, so an attribute called `__proto__` is one like any other. */
export function valuesOf(attributes: Attributes): JsonObject {
  return Object.fromEntries([...attributes].map(([name, { value }]) => [name, value]))
}
