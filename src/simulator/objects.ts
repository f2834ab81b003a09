/** The objects of a workspace (companies, courses ...): what is related to people and has attributes of its own. */
import type { JsonObject, ObjectRef } from '../protocol/call.ts'
import { type Attributes, isCurrent, valuesOf } from './person.ts'

export interface ObjectRecord {
  readonly objectTypeId: string
  readonly objectId: string
  readonly cioObjectId: string
  readonly attributes: Attributes
}

/** An object as it was when asked for. */
export interface ObjectView {
  readonly objectTypeId: string
  readonly objectId: string
  readonly cioObjectId: string
  readonly attributes: JsonObject
}

export class Objects {
  readonly #byKey = new Map<string, ObjectRecord>()
  readonly #byCioId = new Map<string, ObjectRecord>()
  #created = 0

  get size(): number {
    return this.#byKey.size
  }

  all(): IterableIterator<ObjectRecord> {
    return this.#byKey.values()
  }

  find(object: ObjectRef): ObjectRecord | undefined {
    return 'cioObjectId' in object
      ? this.#byCioId.get(object.cioObjectId)
      : this.#byKey.get(`${object.objectTypeId}/${object.objectId}`)
  }

  /** Undefined for a `cioObjectId` of nothing: it names only what exists. */
  findOrCreate(object: ObjectRef): ObjectRecord | undefined {
    const found = this.find(object)
    if (found !== undefined || 'cioObjectId' in object) return found
    this.#created++
    const record: ObjectRecord = {
      objectTypeId: object.objectTypeId,
      objectId: object.objectId,
      cioObjectId: `ob${this.#created.toString(16).padStart(10, '0')}`,
      attributes: new Map(),
    }
    this.#byKey.set(keyOfObject(record), record)
    this.#byCioId.set(record.cioObjectId, record)
    return record
  }

  remove(object: ObjectRecord): void {
    this.#byKey.delete(keyOfObject(object))
    this.#byCioId.delete(object.cioObjectId)
  }

  clear(): void {
    this.#byKey.clear()
    this.#byCioId.clear()
  }
}

export function keyOfObject(object: { readonly objectTypeId: string; readonly objectId: string }): string {
  return `${object.objectTypeId}/${object.objectId}`
}

/** Sets what is not older than what is held. */
export function setAttributes(attributes: Attributes, values: JsonObject, atSeconds: number): void {
  for (const [name, value] of Object.entries(values)) {
    if (isCurrent(attributes, name, atSeconds)) attributes.set(name, { value, atSeconds })
  }
}

export function objectView(object: ObjectRecord): ObjectView {
  return {
    objectTypeId: object.objectTypeId,
    objectId: object.objectId,
    cioObjectId: object.cioObjectId,
    attributes: valuesOf(object.attributes),
  }
}
