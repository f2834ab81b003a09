/**
 * Events: those of people, those of visitors who are not known yet, invites, and the ids by which a repeat is known.
 *
 * Customer.io says that an event whose id it has received is ignored; for how long and within what it does not say.
 * Here an id is known for good and in the whole workspace.
 */
import type { EventCall } from '../protocol/call.ts'
import type { EventRecord, Person } from './person.ts'

/** "logged within the last 30 days" (Track API description of anonymous events; also the history that a merge keeps). */
const KEPT_MS = 30 * 86_400_000

export class History {
  readonly #ids = new Set<string>()
  readonly #anonymous = new Map<string, EventRecord[]>()
  readonly #invites: EventRecord[] = []
  #recorded = 0

  /** Events ever taken in, also those of people who are gone: their ids are still known. */
  get size(): number {
    return this.#recorded
  }

  /** False when the id of the event had been seen. */
  isNew(call: EventCall): boolean {
    return call.id === undefined || !this.#ids.has(call.id)
  }

  /** Writes an event into the history of a person, of a visitor (by anonymous id), or among the invites. */
  record(call: EventCall, receivedAtMs: number, whose: Person | string | null): void {
    if (call.id !== undefined) this.#ids.add(call.id)
    this.#recorded++
    const record: EventRecord = {
      eventType: call.eventType,
      name: call.name.trim(),
      id: call.id ?? null,
      timestamp: call.timestamp ?? Math.floor(receivedAtMs / 1000),
      receivedAtMs,
      data: call.data,
    }
    if (whose === null) this.#invites.push(record)
    else if (typeof whose !== 'string') whose.events.push(record)
    else {
      const known = this.#anonymous.get(whose)
      if (known === undefined) this.#anonymous.set(whose, [record])
      else known.push(record)
    }
  }

  /** Gives a person what they did as a visitor, as far as it was logged in the last 30 days. */
  adopt(person: Person, anonymousId: string, nowMs: number): void {
    const events = this.#anonymous.get(anonymousId)
    if (events === undefined) return
    this.#anonymous.delete(anonymousId)
    for (const event of events) if (event.receivedAtMs >= nowMs - KEPT_MS) person.events.push(event)
  }

  /** Gives the primary of a merge the last 30 days of the secondary. */
  merge(primary: Person, secondary: Person, nowMs: number): void {
    for (const event of secondary.events) {
      if (event.timestamp * 1000 >= nowMs - KEPT_MS) primary.events.push(event)
    }
  }

  anonymous(anonymousId: string): readonly EventRecord[] {
    return [...(this.#anonymous.get(anonymousId) ?? [])]
  }

  invites(): readonly EventRecord[] {
    return [...this.#invites]
  }

  clear(): void {
    this.#ids.clear()
    this.#anonymous.clear()
    this.#invites.length = 0
    this.#recorded = 0
  }
}
