/**
 * Says of a lane that certainly none of its entries waits, in fixed memory: a counting Bloom filter. It may take an
 * idle lane for a busy one, never the other way round. A counter that is full stays full until `clear`, which costs
 * nothing when everything that was added was removed again.
 */

const FULL = 65_535

export class LaneFilter {
  readonly #counters: Uint16Array
  readonly #mask: number
  /** What was added and not removed. */
  #sum = 0
  #anyFull = false

  /** @param bits 2^bits counters of two bytes. */
  constructor(bits: number) {
    this.#counters = new Uint16Array(2 ** bits)
    this.#mask = 2 ** bits - 1
  }

  mayWait(lane: string): boolean {
    const hash = hashOf(lane)
    return this.#counters[hash & this.#mask] !== 0 && this.#counters[second(hash) & this.#mask] !== 0
  }

  add(lane: string): void {
    this.#sum++
    const hash = hashOf(lane)
    this.#count(hash & this.#mask, 1)
    this.#count(second(hash) & this.#mask, 1)
  }

  /** Only of what was added before. */
  remove(lane: string): void {
    this.#sum--
    const hash = hashOf(lane)
    this.#count(hash & this.#mask, -1)
    this.#count(second(hash) & this.#mask, -1)
  }

  clear(): void {
    if (this.#sum !== 0 || this.#anyFull) this.#counters.fill(0)
    this.#sum = 0
    this.#anyFull = false
  }

  #count(index: number, by: 1 | -1): void {
    const count = this.#counters[index]!
    if (count === FULL) return
    this.#counters[index] = count + by
    if (count + by === FULL) this.#anyFull = true
  }
}

/** FNV-1a over UTF-16 code units, then mixed so that its low bits depend on all of it. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  }
  return mix(hash)
}

function second(hash: number): number {
  return mix(hash ^ 0x9e3779b9)
}

function mix(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return mixed ^ (mixed >>> 16)
}
