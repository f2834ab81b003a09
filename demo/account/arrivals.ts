/** What took effect at Customer.io, as the fake's ledger has it, told back to the calls of the data file. */
import type { LedgerEntry } from '../../src/simulator/index.ts'
import type { Line } from '../calls/line.ts'
import { markOfCall, markOfLine } from '../calls/mark.ts'

export interface Arrival {
  /** The number of the call's line; null for something that no line asks for. */
  readonly n: number | null
  /** Wall time at Customer.io. */
  readonly atMs: number
  /** Of an event: the id by which Customer.io knows a repeat. */
  readonly id: string | null
  /** In unix seconds, where the call carried one. */
  readonly timestamp: number | null
  /** False for a repeat that Customer.io ignored, and for what had no object there. */
  readonly applied: boolean
}

export class ArrivalReader {
  readonly #numbers: ReadonlyMap<string, number>
  readonly #arrivals: Arrival[] = []
  readonly #distinct = new Set<number>()
  #read = 0

  constructor(lines: readonly Line[]) {
    this.#numbers = new Map(lines.map((line, n) => [markOfLine(line), n]))
  }

  /** Takes in what is new in the ledger. */
  read(entries: readonly LedgerEntry[]): void {
    for (const entry of entries.slice(this.#read)) {
      // A request that failed before the work was done has changed nothing.
      if (!entry.applied && entry.ignored === null) continue
      const mark = entry.call === null ? undefined : markOfCall(entry.call)
      const n = (mark === undefined ? undefined : this.#numbers.get(mark)) ?? null
      const { atMs, id, timestamp, applied } = entry
      this.#arrivals.push({ n, atMs, id, timestamp, applied })
      if (n !== null) this.#distinct.add(n)
    }
    this.#read = entries.length
  }

  /** In the order of arrival. */
  get arrivals(): readonly Arrival[] {
    return this.#arrivals
  }

  /** How many different calls have arrived. */
  get calls(): number {
    return this.#distinct.size
  }
}
