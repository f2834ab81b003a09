/**
 * Whose turn it is, as far as it must be known: only lanes in which something is in flight, held back or parked are in
 * memory; of all other lanes the oldest entry is the next that the cursor meets.
 *
 * - An entry is `out` from its claim until it is settled: `in-flight` under a lease, `held` by a retry, or `due` to go
 *   again (after a retry, or because its lease lapsed). As long as it is out it occupies all its lanes.
 * - Entries that were met while a lane of theirs was not free are parked in a temporary table, by lane and sequence; of
 *   each lane the first one is known here. A parked entry may go when it is the first of all its lanes and none of
 *   them is occupied; it is looked at whenever one of its lanes becomes free, so the last one to become free finds it.
 * - `ready` are sequences that are worth a look: `due` ones, and parked ones at the head of a lane that became free.
 *
 * `rewind` forgets all that can be found again by reading from the start: it is the way out of every state in which
 * this memory may differ from the file.
 */
import { assert } from '../../runtime/assert.ts'
import { DueQueue } from '../due-queue.ts'
import type { Lease, LeaseState } from '../outbox.ts'
import type { Database, Statement } from './database.ts'
import { PARKED } from './schema.ts'

interface Lane {
  /** Sequence of the entry that is out, or 0. */
  occupant: number
  /** How many are parked. */
  parked: number
  /** The first parked one, or 0. */
  head: number
  /** Whether all that waits in this lane is known here, or was put behind it when it was met: see `tail.ts`. */
  express: boolean
}

export interface Out {
  readonly sequence: number
  readonly lanes: readonly string[]
  readonly bytes: number
  state: 'in-flight' | 'held' | 'due'
  lease: Lease | undefined
  dueMs: number
}

interface LeaseRecord {
  endMs: number
  readonly sequences: Set<number>
}

export class Turns {
  readonly #database: Database
  readonly #park: Statement
  readonly #unpark: Statement
  readonly #head: Statement
  readonly #out = new Map<number, Out>()
  readonly #lanes = new Map<string, Lane>()
  readonly #leases = new Map<Lease, LeaseRecord>()
  readonly #held = new DueQueue<Out>()
  #ready = new Set<number>()
  #expressLanes = 0
  #lanesHeld = 0

  constructor(database: Database) {
    this.#database = database
    database.exec(PARKED)
    this.#park = database.prepare('INSERT OR IGNORE INTO parked VALUES (?, ?)')
    this.#unpark = database.prepare('DELETE FROM parked WHERE lane = ? AND seq = ?')
    this.#head = database.prepare('SELECT min(seq) FROM parked WHERE lane = ?')
  }

  get expressLanes(): number {
    return this.#expressLanes
  }

  get inFlight(): number {
    let count = 0
    for (const lease of this.#leases.values()) count += lease.sequences.size
    return count
  }

  /** Lanes that are held back by a retry. */
  get lanesHeld(): number {
    return this.#lanesHeld
  }

  get anyReady(): boolean {
    return this.#ready.size > 0
  }

  /** Sequences that are worth a look, oldest look first. The caller drops each that it has looked at. */
  ready(): Iterable<number> {
    return this.#ready
  }

  /** It was looked at and cannot go, or went. It comes back when that changes. */
  drop(sequence: number): void {
    this.#ready.delete(sequence)
  }

  out(sequence: number): Out | undefined {
    return this.#out.get(sequence)
  }

  sequencesOut(): readonly number[] {
    return [...this.#out.keys()]
  }

  /** Whether nothing of these lanes is known here: then the entry that the cursor met may go. */
  unknown(lanes: readonly string[]): boolean {
    return lanes.every((lane) => !this.#lanes.has(lane))
  }

  /** Whether a parked entry may go. */
  atHead(sequence: number, lanes: readonly string[]): boolean {
    return lanes.every((name) => {
      const lane = this.#lanes.get(name)
      return lane !== undefined && lane.occupant === 0 && lane.head === sequence
    })
  }

  isExpress(name: string): boolean {
    return this.#lanes.get(name)?.express === true
  }

  /** Something of these lanes waits that is not known here. */
  endExpress(lanes: readonly string[]): void {
    for (const name of lanes) {
      const lane = this.#lanes.get(name)
      if (lane?.express !== true) continue
      lane.express = false
      this.#expressLanes--
    }
  }

  /** Puts an entry behind what is known of its lanes. Doing it twice is doing it once. */
  park(sequence: number, lanes: readonly string[], express: boolean): void {
    for (const name of lanes) {
      if (Number(this.#park.run(name, sequence).changes) === 0) continue
      let lane = this.#lanes.get(name)
      if (lane === undefined) {
        lane = { occupant: 0, parked: 0, head: 0, express }
        this.#lanes.set(name, lane)
        if (express) this.#expressLanes++
      }
      assert(sequence > lane.occupant && sequence > lane.head, 'nothing is parked before what is older')
      lane.parked++
      if (lane.head === 0) lane.head = sequence
    }
    if (this.atHead(sequence, lanes)) this.#ready.add(sequence)
  }

  /** Takes an entry out, for `lease`: one that the cursor met, a parked one at the head, or a due one. */
  give(sequence: number, lanes: readonly string[], bytes: number, lease: Lease): void {
    this.#ready.delete(sequence)
    const due = this.#out.get(sequence)
    if (due === undefined) {
      for (const name of lanes) this.#occupy(name, sequence)
      this.#out.set(sequence, { sequence, lanes, bytes, state: 'in-flight', lease, dueMs: 0 })
    } else {
      due.state = 'in-flight'
      due.lease = lease
    }
    this.#leases.get(lease)!.sequences.add(sequence)
  }

  openLease(lease: Lease, endMs: number): void {
    this.#leases.set(lease, { endMs, sequences: new Set() })
  }

  /** A lease that nothing was given under is none. */
  closeLease(lease: Lease): void {
    if (this.#leases.get(lease)?.sequences.size === 0) this.#leases.delete(lease)
  }

  /** Ends a lease before its time. */
  lapse(lease: Lease): void {
    for (const sequence of this.#leases.get(lease)?.sequences ?? []) {
      const out = this.#out.get(sequence)!
      out.lease = undefined
      out.state = 'due'
      this.#ready.add(sequence)
    }
    this.#leases.delete(lease)
  }

  renew(lease: Lease, endMs: number): LeaseState {
    const record = this.#leases.get(lease)
    if (record === undefined) return 'lapsed'
    record.endMs = endMs
    return 'held'
  }

  /** Ends the leases and the waits whose time has come. */
  expire(nowMs: number): void {
    for (const [lease, record] of this.#leases) if (record.endMs <= nowMs) this.lapse(lease)
    for (let out = this.#held.take(nowMs); out !== undefined; out = this.#held.take(nowMs)) {
      if (out.state !== 'held' || out.dueMs > nowMs) continue
      out.state = 'due'
      this.#lanesHeld -= out.lanes.length
      this.#ready.add(out.sequence)
    }
  }

  /** When a lease or a wait ends next. */
  nextMs(): number | undefined {
    const heldMs = this.#held.nextMs((out, dueMs) => out.state !== 'held' || out.dueMs !== dueMs)
    let soonest = heldMs ?? Infinity
    for (const { endMs } of this.#leases.values()) soonest = Math.min(soonest, endMs)
    return soonest === Infinity ? undefined : soonest
  }

  /** Back to the head of its lanes, which are held until `dueMs`. */
  hold(out: Out, dueMs: number): void {
    this.#endLease(out)
    out.state = 'held'
    out.dueMs = dueMs
    this.#lanesHeld += out.lanes.length
    this.#held.push(dueMs, out)
  }

  /** It is settled or purged; its lanes become free. */
  release(out: Out): void {
    this.#endLease(out)
    if (out.state === 'held') this.#lanesHeld -= out.lanes.length
    // What is left of it in the queue of waits is not wanted any more.
    out.state = 'in-flight'
    this.#out.delete(out.sequence)
    this.#ready.delete(out.sequence)
    for (const name of out.lanes) {
      const lane = this.#lanes.get(name)!
      lane.occupant = 0
      if (lane.parked > 0) this.#ready.add(lane.head)
      else this.#forget(name, lane)
    }
  }

  /** Keeps what is out, and forgets what is parked. The caller reads from the start. */
  rewind(): void {
    this.#database.exec('DELETE FROM parked')
    this.#lanes.clear()
    this.#expressLanes = 0
    this.#ready = new Set()
    for (const { sequence, lanes, state } of this.#out.values()) {
      if (state === 'due') this.#ready.add(sequence)
      for (const name of lanes) this.#lanes.set(name, { occupant: sequence, parked: 0, head: 0, express: false })
    }
  }

  /** Another handle delivers, or this one begins to: all leases and waits end. */
  reset(): void {
    this.#out.clear()
    this.#leases.clear()
    this.#held.clear()
    this.#lanesHeld = 0
    this.rewind()
  }

  #occupy(name: string, sequence: number): void {
    const lane = this.#lanes.get(name)
    if (lane === undefined) {
      this.#lanes.set(name, { occupant: sequence, parked: 0, head: 0, express: false })
      return
    }
    lane.occupant = sequence
    this.#unpark.run(name, sequence)
    lane.parked--
    lane.head = lane.parked === 0 ? 0 : Number(this.#head.get(name)?.[0] ?? 0)
  }

  #forget(name: string, lane: Lane): void {
    this.#lanes.delete(name)
    if (lane.express) this.#expressLanes--
  }

  #endLease(out: Out): void {
    if (out.lease === undefined) return
    const record = this.#leases.get(out.lease)
    record?.sequences.delete(out.sequence)
    if (record?.sequences.size === 0) this.#leases.delete(out.lease)
    out.lease = undefined
  }
}
