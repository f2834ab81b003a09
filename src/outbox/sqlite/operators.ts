/** What operators do to many rows at once, in steps: purge a lane, replay or drop dead letters. Each step is a commit. */
import type { DeadSelection } from '../outbox.ts'
import { sequenceOf } from '../position.ts'
import type { Database, Statement } from './database.ts'
import type { Departures, Leaving } from './departures.ts'
import { IN_LANE, lanesOf, storedLane } from './entry-rows.ts'
import { Slices } from './slices.ts'
import type { State } from './state.ts'
import type { Steps } from './steps.ts'

const POSITIONS_PER_STEP = 500

/** A waiting entry that a purge removes. */
export interface Purged extends Leaving {
  readonly lanes: readonly string[]
}

export interface OperatorsHost {
  /** The last sequence given. */
  readonly lastSequence: () => number
  /** Commits what `work` does. */
  readonly commit: <Result>(work: (state: State) => Result) => Result
  /** These do not wait any more. */
  readonly purged: (entries: readonly Purged[]) => void
}

export class Operators {
  readonly #host: OperatorsHost
  readonly #departures: Departures
  readonly #slices: Slices
  readonly #waitingInLane: Statement
  readonly #deadMatching: Statement

  constructor(database: Database, departures: Departures, host: OperatorsHost) {
    this.#host = host
    this.#departures = departures
    this.#slices = new Slices(database)
    this.#waitingInLane = database.prepare(
      `SELECT seq, lane, lanes, octet_length(body) FROM entry WHERE seq > ? AND seq <= ? AND ${IN_LANE} ORDER BY seq`,
    )
    this.#deadMatching = database.prepare(
      `SELECT seq FROM dead_letter WHERE seq > ? AND seq <= ?
       AND (? IS NULL OR ${IN_LANE}) AND (? IS NULL OR reason = ?) ORDER BY seq`,
    )
  }

  *purge(lane: string): Steps<number> {
    const last = this.#host.lastSequence()
    const name = storedLane(lane)
    let total = 0
    for (let slice = this.#slices.next('entry', 0, last); slice !== undefined;) {
      const rows = this.#waitingInLane.all(slice.after, slice.upTo, name, name)
      if (rows.length > 0) {
        const found = rows.map(([sequence, first, lanes, bytes]): Purged => ({
          sequence: Number(sequence),
          lanes: lanesOf(first, lanes),
          bytes: Number(bytes),
        }))
        const purged = this.#host.commit((state) => this.#departures.purge(found, state))
        this.#host.purged(purged as readonly Purged[])
        total += purged.length
      }
      yield
      slice = this.#slices.next('entry', slice.upTo, last)
    }
    const dead = yield* this.#eachDead({ all: true, lane }, last, (sequences, state) =>
      this.#departures.discard(sequences, 'purged', state),
    )
    return total + dead
  }

  /** The set is that of the start: what dies again on the way stays. */
  *resolveDead(selection: DeadSelection, how: 'replay' | 'drop'): Steps<number> {
    const resolve = (sequences: readonly number[], state: State): number =>
      how === 'replay'
        ? this.#departures.replay(sequences, state)
        : this.#departures.discard(sequences, 'dropped', state)
    if (!('positions' in selection)) return yield* this.#eachDead(selection, this.#host.lastSequence(), resolve)
    const sequences = selection.positions.map(sequenceOf).sort((a, b) => a - b)
    let total = 0
    for (let from = 0; from < sequences.length; from += POSITIONS_PER_STEP) {
      const some = sequences.slice(from, from + POSITIONS_PER_STEP)
      total += this.#host.commit((state) => resolve(some, state))
      yield
    }
    return total
  }

  *#eachDead(
    selection: Extract<DeadSelection, { readonly all: true }>,
    last: number,
    resolve: (sequences: readonly number[], state: State) => number,
  ): Steps<number> {
    const lane = selection.lane === undefined ? null : storedLane(selection.lane)
    const reason = selection.reason ?? null
    let total = 0
    for (let slice = this.#slices.next('dead_letter', 0, last); slice !== undefined;) {
      const rows = this.#deadMatching.all(slice.after, slice.upTo, lane, lane, lane, reason, reason)
      const sequences = rows.map(([sequence]) => Number(sequence))
      if (sequences.length > 0) total += this.#host.commit((state) => resolve(sequences, state))
      yield
      slice = this.#slices.next('dead_letter', slice.upTo, last)
    }
    return total
  }
}
