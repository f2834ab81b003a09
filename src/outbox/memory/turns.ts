/**
 * Whose turn it is, in the memory outbox. Each lane is the set of its unsettled entries in order of append. An entry
 * may go when it is the first of each of its lanes and is neither in flight nor held back; it then stands in one of
 * two queues: `express` (live entries that found their lanes idle, or with nothing but such entries) or `backlog`.
 */
import { BacklogShare, ClaimRoom } from '../claim-room.ts'
import { DueQueue } from '../due-queue.ts'
import type { ClaimWant, Lease, LeaseState } from '../outbox.ts'
import type { StoredEntry } from './records.ts'

interface Turn {
  readonly stored: StoredEntry
  express: boolean
  state: 'waiting' | 'in-flight' | 'held'
  lease: Lease | undefined
  /** For `held`: when it may go again. */
  dueMs: number
}

interface Lane {
  readonly turns: Set<Turn>
  /** Whether everything that joined it was express. */
  express: boolean
}

interface LeaseRecord {
  /** The handle that claimed. */
  readonly holder: object
  endMs: number
  readonly turns: Set<Turn>
}

export class MemoryTurns {
  readonly #turns = new Map<number, Turn>()
  readonly #lanes = new Map<string, Lane>()
  readonly #express = new Set<Turn>()
  readonly #backlog = new Set<Turn>()
  readonly #leases = new Map<Lease, LeaseRecord>()
  readonly #held = new DueQueue<Turn>()
  readonly #share = new BacklogShare()
  #leaseNumber = 0

  /** At the end of its lanes. */
  add(stored: StoredEntry): void {
    const lanes = stored.entry.lanes.map((lane) => this.#lane(lane))
    const express = stored.entry.priority === 'live' && lanes.every((lane) => lane.express)
    const turn: Turn = { stored, express, state: 'waiting', lease: undefined, dueMs: 0 }
    this.#turns.set(stored.sequence, turn)
    for (const lane of lanes) {
      lane.turns.add(turn)
      lane.express = express
    }
    this.#offer(turn)
  }

  /** It was settled or purged; those behind it move up. */
  remove(stored: StoredEntry): void {
    const turn = this.#turns.get(stored.sequence)
    if (turn === undefined) return
    this.#turns.delete(stored.sequence)
    // What still stands among the held ones is no turn any more when its time comes.
    if (turn.state === 'held') turn.state = 'waiting'
    this.#express.delete(turn)
    this.#backlog.delete(turn)
    this.#endLease(turn)
    for (const name of stored.entry.lanes) {
      const lane = this.#lane(name)
      lane.turns.delete(turn)
      const [next] = lane.turns
      if (next === undefined) this.#lanes.delete(name)
      else this.#offer(next)
    }
  }

  /** Whether one of these lanes has an unsettled entry. */
  holds(lanes: readonly string[]): boolean {
    return lanes.some((lane) => this.#lanes.has(lane))
  }

  claim(
    want: ClaimWant,
    nowMs: number,
    holder: object,
  ): { readonly lease: Lease; readonly given: readonly StoredEntry[] } {
    this.expire(nowMs)
    const room = new ClaimRoom(want)
    const share = this.#share.next(want.entriesMax)
    const record: LeaseRecord = { holder, endMs: nowMs + want.leaseMs, turns: new Set() }
    const lease = `m${++this.#leaseNumber}`
    const give = (queue: Set<Turn>, entries?: number): void => {
      for (const turn of queue) {
        if (room.left(entries) === 0 || !room.take(turn.stored.bytes)) return
        queue.delete(turn)
        turn.state = 'in-flight'
        turn.lease = lease
        record.turns.add(turn)
      }
    }
    give(this.#backlog, share)
    give(this.#express)
    give(this.#backlog)
    if (record.turns.size > 0) this.#leases.set(lease, record)
    return { lease, given: [...record.turns].map((turn) => turn.stored) }
  }

  /** The entry, if that lease still gives the right to settle it. */
  held(lease: Lease, sequence: number): StoredEntry | undefined {
    const turn = this.#turns.get(sequence)
    return turn?.lease === lease ? turn.stored : undefined
  }

  /** Back to the head of its lanes, which are held for `delayMs`. */
  holdBack(stored: StoredEntry, delayMs: number, nowMs: number): void {
    const turn = this.#turns.get(stored.sequence)!
    this.#endLease(turn)
    turn.state = 'held'
    turn.dueMs = nowMs + delayMs
    this.#held.push(turn.dueMs, turn)
    this.expire(nowMs)
  }

  renew(lease: Lease, leaseMs: number, nowMs: number): LeaseState {
    this.expire(nowMs)
    const record = this.#leases.get(lease)
    if (record === undefined) return 'lapsed'
    record.endMs = nowMs + leaseMs
    return 'held'
  }

  /** Ends the leases of one handle. */
  endOf(holder: object): void {
    for (const [lease, record] of this.#leases) if (record.holder === holder) this.#lapse(lease, record)
  }

  /** Ends the leases and the waits whose time has come. */
  expire(nowMs: number): void {
    for (const [lease, record] of this.#leases) if (record.endMs <= nowMs) this.#lapse(lease, record)
    for (let turn = this.#held.take(nowMs); turn !== undefined; turn = this.#held.take(nowMs)) {
      if (turn.state !== 'held' || turn.dueMs > nowMs) continue
      turn.state = 'waiting'
      this.#offer(turn)
    }
  }

  /** Another handle delivers from now on: all leases and waits end, and everything is backlog. */
  reset(): void {
    for (const [lease, record] of this.#leases) this.#lapse(lease, record)
    this.#held.clear()
    this.#express.clear()
    this.#backlog.clear()
    for (const lane of this.#lanes.values()) lane.express = false
    for (const turn of this.#turns.values()) {
      turn.state = 'waiting'
      turn.express = false
      this.#offer(turn)
    }
  }

  /** When a claim may find more than now, on the monotonic clock; `nowMs` if it may at once. */
  nextMs(nowMs: number): number | undefined {
    if (this.#express.size + this.#backlog.size > 0) return nowMs
    const heldMs = this.#held.nextMs((turn, dueMs) => turn.state !== 'held' || turn.dueMs !== dueMs)
    const leasesMs = [...this.#leases.values()].map((record) => record.endMs)
    const soonest = Math.min(heldMs ?? Infinity, ...leasesMs)
    return soonest === Infinity ? undefined : soonest
  }

  counts(): { readonly inFlight: number; readonly lanesHeld: number } {
    let inFlight = 0
    let lanesHeld = 0
    for (const turn of this.#turns.values()) {
      if (turn.state === 'in-flight') inFlight++
      if (turn.state === 'held') lanesHeld += turn.stored.entry.lanes.length
    }
    return { inFlight, lanesHeld }
  }

  #lane(name: string): Lane {
    const known = this.#lanes.get(name)
    if (known !== undefined) return known
    const lane: Lane = { turns: new Set(), express: true }
    this.#lanes.set(name, lane)
    return lane
  }

  #offer(turn: Turn): void {
    if (turn.state !== 'waiting') return
    for (const name of turn.stored.entry.lanes) {
      const [first] = this.#lane(name).turns
      if (first !== turn) return
    }
    const queue = turn.express ? this.#express : this.#backlog
    queue.add(turn)
  }

  #lapse(lease: Lease, record: LeaseRecord): void {
    this.#leases.delete(lease)
    for (const turn of record.turns) {
      turn.state = 'waiting'
      turn.lease = undefined
      this.#offer(turn)
    }
  }

  #endLease(turn: Turn): void {
    if (turn.lease === undefined) return
    const record = this.#leases.get(turn.lease)
    record?.turns.delete(turn)
    if (record?.turns.size === 0) this.#leases.delete(turn.lease)
    turn.lease = undefined
  }
}
