/**
 * What arrived, in the order in which it arrived. One entry for each operation, one record for each request; requests
 * that carry no operation (the region question, an unknown path, a body that cannot be read) have a record alone.
 *
 * Nothing is ever forgotten in silence: at its bound the ledger refuses further requests and every question, until it
 * is cleared.
 */
import { OptionsError } from '../errors.ts'
import type { Call, CallType, Dialect, PersonRef } from '../protocol/call.ts'
import type { Route } from '../protocol/route.ts'
import type { Ignored } from './state.ts'

export type RouteName = Route['name'] | 'unknown'

/** `answered`: a whole answer was given. `cut`: the client got none, or half of one. */
export type Fate = 'answered' | 'cut'

export interface RequestRecord {
  /** 1 for the first, counting all, also after `clear()`. */
  readonly number: number
  /** Wall time of the arrival. */
  readonly atMs: number
  readonly monotonicMs: number
  readonly method: string
  readonly route: RouteName
  /** How many operations it carried. */
  readonly operations: number
  readonly bytes: number
  /** What was answered, or null when nothing was. */
  readonly status: number | null
  readonly fate: Fate
}

export interface LedgerEntry {
  /** Wall time at which the operation was looked at: of a request with latency, half of it after the arrival. */
  readonly atMs: number
  readonly monotonicMs: number
  readonly route: RouteName
  readonly dialect: Dialect
  readonly requestNumber: number
  /** Position in its batch, or null outside of one. */
  readonly batchIndex: number | null
  /**
   * The person as given: the same text for a v1 name, an id and an e-mail address; a `cio_id` carries its `cio_`
   * prefix. Of a merge the primary. Null where no person is named.
   */
  readonly person: string | null
  /** Null when it could not be read as a call. */
  readonly type: CallType | null
  /** Of an event. */
  readonly name: string | null
  /** Of an event: its ULID, where it carried one. */
  readonly id: string | null
  /** As given, in unix seconds. */
  readonly timestamp: number | null
  /** Of the whole request; null when nothing was answered. */
  readonly status: number | null
  readonly fate: Fate
  /** The workspace took it in. False when it was refused or ignored, and when a fault came before the work. */
  readonly applied: boolean
  /** An event whose id had been seen. */
  readonly duplicate: boolean
  /** Why an accepted operation was without effect. */
  readonly ignored: Ignored | null
  /** The call itself, not a copy. */
  readonly call: Call | null
}

/** Fields to compare with; an entry must have all of them. */
export type LedgerFilter = Partial<
  Pick<
    LedgerEntry,
    'person' | 'type' | 'name' | 'id' | 'route' | 'dialect' | 'status' | 'fate' | 'applied' | 'duplicate' | 'ignored'
  >
>

/** What is written of one operation. */
export interface Operated {
  readonly call: Call | null
  readonly batchIndex: number | null
  /** From the path, for what could not be read as a call. */
  readonly person: string | null
  readonly applied: boolean
  readonly ignored: Ignored | null
}

type Mutable<T> = { -readonly [Field in keyof T]: T[Field] }

/** A request that has been written down; its answer may still be cut. */
export interface Written {
  readonly cut: () => void
}

export class Ledger {
  readonly #on: boolean
  readonly #max: number
  #entries: Mutable<LedgerEntry>[] = []
  #requests: Mutable<RequestRecord>[] = []
  #overflowed = false

  constructor(on: boolean, max: number) {
    this.#on = on
    this.#max = max
  }

  /** Every operation that arrived, in order. */
  all(): readonly LedgerEntry[] {
    this.#check()
    return this.#entries.slice()
  }

  /** The operations that took effect, in order. */
  applied(): readonly LedgerEntry[] {
    return this.find({ applied: true })
  }

  /** The events, page and screen views that arrived, of one person as given or of all. Repeats are among them. */
  events(person?: string): readonly LedgerEntry[] {
    return this.find(person === undefined ? { type: 'event' } : { type: 'event', person })
  }

  /** The operations that have all the given fields, in order. */
  find(filter: LedgerFilter): readonly LedgerEntry[] {
    this.#check()
    return this.#entries.filter((entry) => fits(entry, filter))
  }

  /** @example `simulator.ledger.count({ type: 'event', name: 'signup', applied: true })` */
  count(filter: LedgerFilter = {}): number {
    this.#check()
    let count = 0
    for (const entry of this.#entries) if (fits(entry, filter)) count++
    return count
  }

  /** Every request that arrived, in order. One that was refused a connection is here too, with no status. */
  requests(): readonly RequestRecord[] {
    this.#check()
    return this.#requests.slice()
  }

  /** Forgets everything, on purpose. */
  clear(): void {
    this.#entries = []
    this.#requests = []
    this.#overflowed = false
  }

  /** @throws OptionsError when there is no room for a request with so many operations */
  reserve(operations: number): void {
    if (!this.#on) return
    if (this.#entries.length + operations <= this.#max && this.#requests.length < this.#max) return
    this.#overflowed = true
    throw this.#full()
  }

  /** Writes a request and its operations down. */
  write(
    request: Omit<RequestRecord, 'operations'>,
    now: { readonly atMs: number; readonly monotonicMs: number },
    operated: readonly Operated[],
  ): Written {
    if (!this.#on) return NOT_WRITTEN
    const record: Mutable<RequestRecord> = { ...request, operations: operated.length }
    this.#requests.push(record)
    const entries = operated.map((operation) => entryOf(record, now, operation))
    for (const entry of entries) this.#entries.push(entry)
    return {
      cut: () => {
        for (const written of [record, ...entries]) {
          written.fate = 'cut'
          written.status = null
        }
      },
    }
  }

  #check(): void {
    if (!this.#on) throw new OptionsError('ledger', 'is switched off, so there is nothing to ask')
    if (this.#overflowed) throw this.#full()
  }

  #full(): OptionsError {
    return new OptionsError('ledgerMax', `the ledger is full at ${this.#max}: clear it, or give it more room`)
  }
}

const NOT_WRITTEN: Written = { cut: () => {} }

function entryOf(
  request: RequestRecord,
  now: { readonly atMs: number; readonly monotonicMs: number },
  operated: Operated,
): Mutable<LedgerEntry> {
  const { call } = operated
  const event = call?.type === 'event' ? call : null
  return {
    atMs: now.atMs,
    monotonicMs: now.monotonicMs,
    route: request.route,
    dialect: request.route === 'entity' || request.route === 'batch' ? 'v2' : 'v1',
    requestNumber: request.number,
    batchIndex: operated.batchIndex,
    person: call === null ? operated.person : personOf(call),
    type: call?.type ?? null,
    name: event?.name ?? null,
    id: event?.id ?? null,
    timestamp: call !== null && 'timestamp' in call ? (call.timestamp ?? null) : null,
    status: request.status,
    fate: request.fate,
    applied: operated.applied,
    duplicate: operated.ignored === 'duplicate',
    ignored: operated.ignored,
    call,
  }
}

function fits(entry: LedgerEntry, filter: LedgerFilter): boolean {
  for (const field in filter) {
    const key = field as keyof LedgerFilter
    if (filter[key] !== undefined && entry[key] !== filter[key]) return false
  }
  return true
}

function personOf(call: Call): string | null {
  if ('person' in call && call.person !== undefined) return nameOf(call.person)
  if (call.type === 'merge') return nameOf(call.primary)
  if (call.type === 'form') {
    const name = call.data['id'] ?? call.data['email']
    return typeof name === 'string' ? name : null
  }
  return null
}

function nameOf(person: PersonRef): string {
  return person.by === 'cio_id' ? `cio_${person.value}` : person.value
}
