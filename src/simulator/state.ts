/**
 * What each call changes.
 *
 * A call names a person who does not exist: identify, events, devices, relationships and forms create them; delete,
 * merge and segments do not; a `cio_id` never does. A suppressed name makes every call that carries it void.
 */
import type {
  AddDeviceCall,
  Call,
  EventCall,
  FormCall,
  IdentifyCall,
  JsonObject,
  MergeCall,
  ObjectCall,
  PersonRef,
  Relationship,
  SegmentCall,
} from '../protocol/call.ts'
import { unreachable } from '../runtime/assert.ts'
import { History } from './history.ts'
import { identify, idText } from './identify.ts'
import { keyOfObject, type ObjectRecord, Objects, setAttributes } from './objects.ts'
import { type Name, nameOf, People } from './people.ts'
import type { Person } from './person.ts'

/**
 * Why an accepted call is without effect although the answer is 200: a repeated event id, a suppressed name, nobody or
 * nothing of that name, a merge of a person with themselves.
 */
export type Ignored = 'duplicate' | 'suppressed' | 'unknown-person' | 'unknown-object' | 'same-person'

export interface FormSubmission {
  /** The id or, without one, the e-mail address in the data. */
  readonly person: string
  readonly data: JsonObject
  readonly receivedAtMs: number
}

/** A metric of any channel, from any of the routes that report one. */
export interface MetricRecord {
  readonly deliveryId: string
  readonly metric: string | null
  readonly timestamp: number | null
  readonly receivedAtMs: number
}

export interface UnsubscribeRecord {
  readonly deliveryId: string
  readonly unsubscribe: boolean
  readonly receivedAtMs: number
}

/** Form fields that are no attributes: five that Customer.io ignores, and the names. */
const FORM_RESERVED: ReadonlySet<string> = new Set([
  'form_id',
  'form_name',
  'form_type',
  'form_url',
  'form_url_param',
  'id',
  'email',
])

export class State {
  readonly people: People = new People()
  readonly objects: Objects = new Objects()
  readonly history: History = new History()
  readonly forms: Map<string, FormSubmission[]> = new Map()
  readonly metrics: MetricRecord[] = []
  readonly unsubscribes: UnsubscribeRecord[] = []
  readonly #byShape: boolean
  #submissions = 0

  constructor(byShape: boolean) {
    this.#byShape = byShape
  }

  /** Everything that is held and grows with traffic. */
  get size(): number {
    return (
      this.people.size +
      this.people.suppressedSize +
      this.objects.size +
      this.history.size +
      this.#submissions +
      this.metrics.length +
      this.unsubscribes.length
    )
  }

  clear(): void {
    for (const part of [this.people, this.objects, this.history, this.forms]) part.clear()
    this.metrics.length = 0
    this.unsubscribes.length = 0
    this.#submissions = 0
  }

  nameOf(person: PersonRef): Name {
    return nameOf(person, this.#byShape)
  }

  /** Does what the call asks. Returns null, or why it is without effect. */
  apply(call: Call, nowMs: number): Ignored | null {
    switch (call.type) {
      case 'identify':
        return this.#identify(call, nowMs)
      case 'event':
        return this.#event(call, nowMs)
      case 'add_device':
        return this.#addDevice(call)
      case 'delete_device':
        return this.#known(call.person, (person) => (person.devices.delete(call.token) ? null : 'unknown-object'))
      case 'delete':
        return this.#known(call.person, (person) => {
          this.people.remove(person)
          return null
        })
      case 'suppress':
        return this.people.suppress(this.nameOf(call.person)) ? null : 'unknown-person'
      case 'unsuppress':
        return this.people.unsuppress(this.nameOf(call.person)) ? null : 'unknown-person'
      case 'merge':
        return this.#merge(call, nowMs)
      case 'add_relationships':
        return this.#made(call.person, (person) => this.#relate(person, call.relationships, 'add'))
      case 'delete_relationships':
        return this.#known(call.person, (person) => this.#relate(person, call.relationships, 'delete'))
      case 'object':
        return this.#object(call, nowMs)
      case 'segment':
        return this.#segment(call)
      case 'form':
        return this.#form(call, nowMs)
      case 'push':
      case 'metric':
        this.metrics.push({
          deliveryId: call.deliveryId,
          metric: (call.type === 'push' ? call.event : call.metric) ?? null,
          timestamp: call.timestamp ?? null,
          receivedAtMs: nowMs,
        })
        return null
      case 'unsubscribe':
        this.unsubscribes.push({
          deliveryId: call.deliveryId,
          unsubscribe: call.unsubscribe,
          receivedAtMs: nowMs,
        })
        return null
      default:
        return unreachable(call)
    }
  }

  /** The submissions of a form, which exists from then on. */
  touchForm(formId: string): FormSubmission[] {
    const known = this.forms.get(formId)
    if (known !== undefined) return known
    const fresh: FormSubmission[] = []
    this.forms.set(formId, fresh)
    return fresh
  }

  #identify(call: IdentifyCall, nowMs: number): Ignored | null {
    const person = identify(this.people, call, nowMs, this.#byShape)
    if (typeof person === 'string') return person
    for (const anonymousId of person.anonymousIds) this.history.adopt(person, anonymousId, nowMs)
    if (call.relationships !== undefined) this.#relate(person, call.relationships.items, call.relationships.action)
    return null
  }

  #event(call: EventCall, nowMs: number): Ignored | null {
    if (!this.history.isNew(call)) return 'duplicate'
    if (call.person === undefined) {
      this.history.record(call, nowMs, null)
      return null
    }
    if (call.person.by === 'anonymous_id') {
      const { value } = call.person
      this.history.record(call, nowMs, this.people.find({ by: 'anonymous_id', value }) ?? value)
      return null
    }
    return this.#made(call.person, (person) => {
      this.history.record(call, nowMs, person)
      return null
    })
  }

  #addDevice(call: AddDeviceCall): Ignored | null {
    return this.#made(call.person, (person) => {
      person.devices.set(call.token, {
        token: call.token,
        platform: call.platform,
        lastUsed: call.lastUsed ?? null,
        attributes: call.attributes ?? {},
      })
      return null
    })
  }

  /**
   * What the primary lacks comes from the secondary, who then is gone. Merged are what Customer.io's description
   * lists and a workspace of this kind has: attributes, the last 30 days of events, manual segments.
   */
  #merge(call: MergeCall, nowMs: number): Ignored | null {
    const names = [this.nameOf(call.primary), this.nameOf(call.secondary)] as const
    if (names.some((name) => this.people.isSuppressed(name))) return 'suppressed'
    const primary = this.people.find(names[0])
    const secondary = this.people.find(names[1])
    if (primary === undefined || secondary === undefined) return 'unknown-person'
    if (primary === secondary) return 'same-person'
    this.people.remove(secondary)
    for (const by of ['id', 'email', 'phone'] as const) {
      const value = secondary[by]
      if (primary[by] === null && value !== null) this.people.name(primary, { by, value })
    }
    for (const [name, timed] of secondary.attributes) {
      // A name that the primary did not take over is no attribute of theirs either.
      if (name === 'anonymous_id') continue
      if ((name === 'id' || name === 'email') && primary[name] !== idText(timed.value)) continue
      const held = primary.attributes.get(name)?.value
      if (held === undefined || held === null || held === '') primary.attributes.set(name, timed)
    }
    for (const segment of secondary.segments) primary.segments.add(segment)
    this.history.merge(primary, secondary, nowMs)
    return null
  }

  #object(call: ObjectCall, nowMs: number): Ignored | null {
    const creates = call.action !== 'delete' && call.action !== 'delete_relationships'
    const object = creates ? this.objects.findOrCreate(call.object) : this.objects.find(call.object)
    if (object === undefined) return 'unknown-object'
    if (call.action === 'delete') {
      this.objects.remove(object)
      for (const person of this.people.all()) person.relationships.delete(keyOfObject(object))
      return null
    }
    if (call.attributes !== undefined) {
      setAttributes(object.attributes, call.attributes, call.timestamp ?? Math.floor(nowMs / 1000))
    }
    for (const { identifiers, relationshipAttributes } of call.relationships ?? []) {
      const name = nameIn(identifiers)
      if (name === undefined || this.people.isSuppressed(name)) continue
      if (creates) this.#findOrCreate(name)?.relationships.set(keyOfObject(object), relationshipAttributes ?? {})
      else this.people.find(name)?.relationships.delete(keyOfObject(object))
    }
    return null
  }

  #relate(person: Person, relationships: readonly Relationship[], action: 'add' | 'delete'): Ignored | null {
    let found = relationships.length === 0
    for (const { identifiers, relationshipAttributes } of relationships) {
      const object = this.#objectIn(identifiers, action)
      if (object === undefined) continue
      found = true
      if (action === 'add') person.relationships.set(keyOfObject(object), relationshipAttributes ?? {})
      else person.relationships.delete(keyOfObject(object))
    }
    return found ? null : 'unknown-object'
  }

  #objectIn(identifiers: JsonObject, action: 'add' | 'delete'): ObjectRecord | undefined {
    const cioObjectId = idText(identifiers['cio_object_id'])
    if (cioObjectId !== undefined) return this.objects.find({ cioObjectId })
    const objectTypeId = idText(identifiers['object_type_id'])
    const objectId = idText(identifiers['object_id'])
    if (objectTypeId === undefined || objectId === undefined) return undefined
    const ref = { objectTypeId, objectId }
    return action === 'add' ? this.objects.findOrCreate(ref) : this.objects.find(ref)
  }

  /** Values that do not fit the kind of name, or name nobody, are left out without a word. */
  #segment(call: SegmentCall): Ignored | null {
    let found = false
    for (const value of call.ids) {
      const person = this.people.find({ by: call.idType ?? 'id', value })
      if (person === undefined) continue
      found = true
      if (call.action === 'add') person.segments.add(call.segmentId)
      else person.segments.delete(call.segmentId)
    }
    return found ? null : 'unknown-person'
  }

  #form(call: FormCall, nowMs: number): Ignored | null {
    const id = idText(call.data['id'])
    const email = idText(call.data['email'])
    const submissions = this.touchForm(call.formId)
    if (id === undefined && email === undefined) return 'unknown-person'
    const attributes = Object.fromEntries(Object.entries(call.data).filter(([name]) => !FORM_RESERVED.has(name)))
    const person: PersonRef = id === undefined ? { by: 'email', value: email! } : { by: 'id', value: id }
    const done = this.#identify(
      {
        type: 'identify',
        dialect: 'v1',
        person,
        attributes: email === undefined ? attributes : { ...attributes, email },
      },
      nowMs,
    )
    if (done !== null) return done
    this.#submissions++
    submissions.push({ person: person.value, data: call.data, receivedAtMs: nowMs })
    return null
  }

  #known(ref: PersonRef, then: (person: Person) => Ignored | null): Ignored | null {
    const name = this.nameOf(ref)
    if (this.people.isSuppressed(name)) return 'suppressed'
    const person = this.people.find(name)
    return person === undefined ? 'unknown-person' : then(person)
  }

  #made(ref: PersonRef, then: (person: Person) => Ignored | null): Ignored | null {
    const name = this.nameOf(ref)
    if (this.people.isSuppressed(name)) return 'suppressed'
    const person = this.#findOrCreate(name)
    return person === undefined ? 'unknown-person' : then(person)
  }

  #findOrCreate(name: Name): Person | undefined {
    const known = this.people.find(name)
    return known !== undefined || name.by === 'cio_id' ? known : this.people.create(name)
  }
}

/** The person in one end of a relationship. */
function nameIn(identifiers: JsonObject): Name | undefined {
  for (const by of ['id', 'email', 'phone', 'cio_id', 'anonymous_id'] as const) {
    const value = idText(identifiers[by])
    if (value !== undefined) return { by, value }
  }
  return undefined
}
