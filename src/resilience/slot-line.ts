/**
 * The line before a number of slots: a slot to whoever has waited longest, and never more in use than the limit, which
 * may change while they are.
 *
 * Invariants
 * 1. First in, first out: nobody takes a slot while somebody waits.
 * 2. Nobody waits while a slot is free, once the call that freed it has returned. A limit that shrinks takes no slot away: it waits until enough came back.
 */
import { assert } from '../runtime/assert.ts'
import { WaitQueue, type Waiter } from './wait-queue.ts'

export class SlotLine<W extends Waiter = Waiter> {
  readonly #queue: WaitQueue<W>
  #limit: number
  #inUse = 0
  #serving = false

  constructor(limit: number, queueMax: number) {
    this.#limit = limit
    this.#queue = new WaitQueue(queueMax)
  }

  get limit(): number {
    return this.#limit
  }

  get inUse(): number {
    return this.#inUse
  }

  get waiting(): number {
    return this.#queue.length
  }

  get full(): boolean {
    return this.#queue.full
  }

  /** Whether one more than so many could be taken now. */
  freeBeyond(others: number): boolean {
    return this.#queue.length === 0 && this.#inUse + others < this.#limit
  }

  /** Takes a slot if one is free and nobody waits. */
  take(): boolean {
    if (!this.freeBeyond(0)) return false
    this.#inUse++
    return true
  }

  /** Takes a slot whether or not one is free. */
  takeBeyond(): void {
    this.#inUse++
  }

  /** The caller has seen that `take` was false and that the line is not full. */
  join(waiter: W): void {
    this.#queue.push(waiter)
  }

  /** False when it does not stand here. */
  leave(waiter: W): boolean {
    return this.#queue.remove(waiter)
  }

  /** Takes all waiters out, in their order. */
  clear(): W[] {
    const waiters: W[] = []
    for (let waiter = this.#queue.shift(); waiter !== null; waiter = this.#queue.shift()) waiters.push(waiter)
    return waiters
  }

  giveBack(nowMs: number): void {
    assert(this.#inUse > 0, 'a slot that comes back was in use')
    this.#inUse--
    this.#serve(nowMs)
  }

  setLimit(limit: number, nowMs: number): void {
    this.#limit = limit
    this.#serve(nowMs)
  }

  #serve(nowMs: number): void {
    // A waiter may give its slot back before `granted` returns. The round under way sees it: no recursion.
    if (this.#serving) return
    this.#serving = true
    while (this.#inUse < this.#limit) {
      const waiter = this.#queue.shift()
      if (waiter === null) break
      this.#inUse++
      waiter.granted(nowMs)
    }
    this.#serving = false
  }
}
