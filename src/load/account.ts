/**
 * What was sent and what arrived, person by person, and what follows from the two. Each person's events carry a number,
 * 0, 1, 2 and so on; of each number it is one bit whether a relay accepted it, and one whether it arrived.
 */
export interface Verification {
  readonly accepted: number
  /** Took effect. More than accepted where an answer was lost: such an event may arrive or not. */
  readonly arrived: number
  /** Accepted, and not arrived. */
  readonly lost: number
  /** Took effect after a later one of the same person. */
  readonly outOfOrder: number
  /** Took effect a second time. */
  readonly twice: number
  /** Arrived again, and were known for repeats: no harm. */
  readonly repeats: number
  /** Arrived, and were never sent. */
  readonly unknown: number
}

/** 4,000,000 of one person. */
const BYTES_MAX = 500_000

export class Account {
  readonly #accepted: Bits[]
  readonly #arrived: Bits[]
  readonly #doubted: Bits[]
  /** The highest number of each person that has arrived; -1 for none. */
  readonly #highest: Float64Array
  #outOfOrder = 0
  #twice = 0
  #repeats = 0
  #unknown = 0

  constructor(people: number) {
    this.#accepted = Array.from({ length: people }, () => new Bits())
    this.#arrived = Array.from({ length: people }, () => new Bits())
    this.#doubted = Array.from({ length: people }, () => new Bits())
    this.#highest = new Float64Array(people).fill(-1)
  }

  accept(person: number, number: number): void {
    this.#accepted[person]!.set(number)
  }

  /** Had no answer, and is not sent again: it may arrive, at any time. */
  doubt(person: number, number: number): void {
    this.#doubted[person]!.set(number)
  }

  /** @param number as it came, which may be anything */
  arrive(person: number, number: unknown, fate: { readonly applied: boolean; readonly duplicate: boolean }): void {
    const arrived = this.#arrived[person]
    if (arrived === undefined || !isNumber(number)) {
      this.#unknown++
      return
    }
    if (fate.duplicate) this.#repeats++
    // Refused by a fault: another attempt follows.
    if (!fate.applied) return
    if (!arrived.set(number)) {
      this.#twice++
      return
    }
    const highest = this.#highest[person]!
    if (number > highest) this.#highest[person] = number
    else if (!this.#doubted[person]!.has(number)) this.#outOfOrder++
  }

  /** Whether everything that was accepted has arrived. */
  get complete(): boolean {
    return this.#accepted.every((accepted, person) => accepted.missingIn(this.#arrived[person]!) === 0)
  }

  verify(): Verification {
    const sum = (counts: readonly number[]): number => counts.reduce((total, count) => total + count, 0)
    return {
      accepted: sum(this.#accepted.map(({ count }) => count)),
      arrived: sum(this.#arrived.map(({ count }) => count)),
      lost: sum(this.#accepted.map((accepted, person) => accepted.missingIn(this.#arrived[person]!))),
      outOfOrder: this.#outOfOrder,
      twice: this.#twice,
      repeats: this.#repeats,
      unknown: this.#unknown,
    }
  }
}

/** Whether everything that was accepted arrived, once and in order. */
export function holds({ lost, outOfOrder, twice, unknown }: Verification): boolean {
  return lost === 0 && outOfOrder === 0 && twice === 0 && unknown === 0
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < BYTES_MAX * 8
}

class Bits {
  #bytes = new Uint8Array(8)
  count = 0

  /** False when it was set already. */
  set(index: number): boolean {
    const byte = index >> 3
    if (byte >= this.#bytes.length) {
      const larger = new Uint8Array(Math.max(byte + 1, this.#bytes.length * 2))
      larger.set(this.#bytes)
      this.#bytes = larger
    }
    const bit = 1 << (index & 7)
    if ((this.#bytes[byte]! & bit) !== 0) return false
    this.#bytes[byte]! |= bit
    this.count++
    return true
  }

  has(index: number): boolean {
    return ((this.#bytes[index >> 3] ?? 0) & (1 << (index & 7))) !== 0
  }

  /** How many are set here and not there. */
  missingIn(other: Bits): number {
    let missing = 0
    for (let byte = 0; byte < this.#bytes.length; byte++) {
      let left = this.#bytes[byte]! & ~(other.#bytes[byte] ?? 0)
      for (; left !== 0; left &= left - 1) missing++
    }
    return missing
  }
}
