/**
 * Who is who: the people of a workspace, found by each of their names, and the names that are suppressed.
 *
 * Invariants: a name belongs to one person at most; an index entry leads to a living person; a person has at most one
 * id, one e-mail address, one phone number, and always a `cioId`.
 */
import type { PersonRef } from '../protocol/call.ts'
import { shapeOf } from '../protocol/identifier.ts'
import { newPerson, type Person } from './person.ts'

/** A name whose kind is settled. */
export type Name = Exclude<PersonRef, { readonly by: 'path' }>

/**
 * What a v1 name means. Customer.io decides by the value's shape; a workspace that knows people by id alone takes
 * everything but a `cio_` name for an id.
 */
export function nameOf(person: PersonRef, byShape: boolean): Name {
  if (person.by !== 'path') return person
  const { value } = person
  if (value.startsWith('cio_')) return { by: 'cio_id', value: value.slice(4) }
  return { by: byShape && shapeOf(value) === 'email' ? 'email' : 'id', value }
}

export class People {
  readonly #by: Readonly<Record<Name['by'], Map<string, Person>>> = {
    id: new Map(),
    email: new Map(),
    phone: new Map(),
    cio_id: new Map(),
    anonymous_id: new Map(),
  }
  /** Suppressed name -> all names that were suppressed with it. */
  readonly #suppressed = new Map<string, readonly string[]>()
  #created = 0

  get size(): number {
    return this.#by.cio_id.size
  }

  get suppressedSize(): number {
    return this.#suppressed.size
  }

  all(): IterableIterator<Person> {
    return this.#by.cio_id.values()
  }

  find(name: Name): Person | undefined {
    return this.#by[name.by].get(keyOf(name))
  }

  /** A person nobody has known, under one name. A `cio_id` names only those who exist. */
  create(name: Exclude<Name, { readonly by: 'cio_id' }>): Person {
    this.#created++
    const person = newPerson(this.#created.toString(16).padStart(12, '0'))
    this.#by.cio_id.set(person.cioId, person)
    this.name(person, name)
    return person
  }

  /** Gives a person a name, in place of the one of that kind which they had. False when it belongs to somebody else. */
  name(person: Person, name: Exclude<Name, { readonly by: 'cio_id' }>): boolean {
    const index = this.#by[name.by]
    const key = keyOf(name)
    const holder = index.get(key)
    if (holder !== undefined && holder !== person) return false
    if (name.by === 'anonymous_id') {
      person.anonymousIds.add(name.value)
    } else {
      const old = person[name.by]
      if (old !== null) index.delete(keyOf({ by: name.by, value: old }))
      person[name.by] = name.value
    }
    index.set(key, person)
    return true
  }

  remove(person: Person): void {
    for (const name of namesOf(person)) this.#by[name.by].delete(keyOf(name))
  }

  /**
   * Suppresses a name and, when it leads to a person, their other names with it; the person is removed. False when it
   * is a `cio_id` or an anonymous id of nobody.
   */
  suppress(name: Name): boolean {
    const person = this.find(name)
    const names = person === undefined ? [name] : [name, ...namesOf(person)]
    const keys = [...new Set(names.filter(({ by }) => by !== 'cio_id' && by !== 'anonymous_id').map(suppressionKey))]
    for (const key of keys) this.#suppressed.set(key, keys)
    if (person !== undefined) this.remove(person)
    return person !== undefined || keys.length > 0
  }

  /** Lifts the suppression of a name and of those that were suppressed with it. */
  unsuppress(name: Name): boolean {
    const keys = this.#suppressed.get(suppressionKey(name))
    for (const key of keys ?? []) this.#suppressed.delete(key)
    return keys !== undefined
  }

  isSuppressed(name: Name): boolean {
    return this.#suppressed.size > 0 && this.#suppressed.has(suppressionKey(name))
  }

  clear(): void {
    for (const index of Object.values(this.#by)) index.clear()
    this.#suppressed.clear()
  }
}

function namesOf(person: Person): Name[] {
  const names: Name[] = [{ by: 'cio_id', value: person.cioId }]
  if (person.id !== null) names.push({ by: 'id', value: person.id })
  if (person.email !== null) names.push({ by: 'email', value: person.email })
  if (person.phone !== null) names.push({ by: 'phone', value: person.phone })
  for (const value of person.anonymousIds) names.push({ by: 'anonymous_id', value })
  return names
}

/** E-mail addresses are the same whatever their case. */
function keyOf(name: Name): string {
  return name.by === 'email' ? name.value.toLowerCase() : name.value
}

function suppressionKey(name: Name): string {
  return `${name.by}:${keyOf(name)}`
}
