/** How much of the bounds is used, as of a moment ago: enough to know that a bound is far. */

export interface Used {
  readonly operations: number
  readonly bytes: number
}

/** What others may append between two looks; nearer than that to a bound every append looks for itself. */
const FAR_OPERATIONS = 100_000
const FAR_BYTES = 64 * 1024 * 1024

export class UsedEstimate {
  readonly #max: Used
  #last: Used | undefined

  constructor(max: Used) {
    this.#max = max
  }

  isFar(operations: number, bytes: number): boolean {
    if (this.#last === undefined) return false
    const { operations: operationsMax, bytes: bytesMax } = this.#max
    return (
      this.#last.operations + operations + Math.max(FAR_OPERATIONS, operationsMax / 10) <= operationsMax &&
      this.#last.bytes + bytes + Math.max(FAR_BYTES, bytesMax / 10) <= bytesMax
    )
  }

  /** As the store counted it. */
  set(used: Used): void {
    this.#last = used
  }

  /** What was appended here since. */
  add({ operations, bytes }: Used): void {
    if (this.#last === undefined) return
    this.#last = { operations: this.#last.operations + operations, bytes: this.#last.bytes + bytes }
  }
}
