/**
 * The second reader. The cursor of `claims.ts` reads no further than claims need, so behind a backlog it would meet a
 * new entry late. The tail reads ahead of it to the end, lanes only, and counts the lanes of all that waits in a
 * filter; so it knows of a live entry that nothing else waits in its lanes, and parks it there at once: an express
 * entry. What follows in an express lane is parked behind it, so that a person who is served past the backlog stays
 * served; what cannot be parked ends the express lane, and later entries of it wait for the cursor.
 *
 * Without a backlog the cursor reads everything soon anyway and counts it itself, and no row is read twice.
 *
 * Invariant: the filter counts the lanes of every entry up to `cursor` that waits. It may count more, never fewer.
 */
import type { Database, SqlRow, Statement } from './database.ts'
import { lanesOf } from './entry-rows.ts'
import { LaneFilter } from './lane-filter.ts'
import type { Turns } from './turns.ts'

/** Lanes that may be express at a time. What comes beyond it waits in the backlog, where it is served too. */
const EXPRESS_LANES_MAX = 10_000

export class Tail {
  readonly #turns: Turns
  readonly #filter: LaneFilter
  readonly #next: Statement
  #cursor = 0
  /** Entries up to here were there before this handle delivered: backlog, all of them. */
  #liveAfter = 0

  constructor(database: Database, turns: Turns, filterBits: number) {
    this.#turns = turns
    this.#filter = new LaneFilter(filterBits)
    this.#next = database.prepare('SELECT seq, priority, lane, lanes FROM entry WHERE seq > ? ORDER BY seq LIMIT ?')
  }

  get cursor(): number {
    return this.#cursor
  }

  /** Sequence up to which certainly nothing waits in these lanes. */
  idleUpTo(lanes: readonly string[]): number {
    return lanes.some((lane) => this.#filter.mayWait(lane)) ? 0 : this.#cursor
  }

  /** Begins anew. */
  reset(lastSequence: number): void {
    this.#filter.clear()
    this.#cursor = 0
    this.#liveAfter = lastSequence
  }

  /** Nothing waits. */
  clear(lastSequence: number): void {
    this.#filter.clear()
    this.#cursor = lastSequence
  }

  /** The main cursor has met an entry. */
  met(sequence: number, lanes: readonly string[]): void {
    if (sequence <= this.#cursor) return
    this.#cursor = sequence
    for (const lane of lanes) this.#filter.add(lane)
  }

  /** An entry is gone. */
  left(sequence: number, lanes: readonly string[]): void {
    if (sequence > this.#cursor) return
    for (const lane of lanes) this.#filter.remove(lane)
  }

  /** Reads on, up to `rowsMax`. Says whether there is more. In a transaction, for what it parks. */
  readOn(rowsMax: number): boolean {
    const rows = this.#next.all(this.#cursor, rowsMax)
    for (const row of rows) this.#see(row)
    return rows.length === rowsMax
  }

  #see([seq, priority, lane, more]: SqlRow): void {
    const sequence = Number(seq)
    const lanes = lanesOf(lane, more)
    const idleOrExpress = lanes.every((name) => !this.#filter.mayWait(name) || this.#turns.isExpress(name))
    const room = this.#turns.expressLanes + lanes.length <= EXPRESS_LANES_MAX
    if (priority === 1 && sequence > this.#liveAfter && idleOrExpress && room) this.#turns.park(sequence, lanes, true)
    else this.#turns.endExpress(lanes)
    this.#cursor = sequence
    for (const name of lanes) this.#filter.add(name)
  }
}
