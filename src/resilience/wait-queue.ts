/**
 * A line of waiters, first in, first out, with a bound. The waiters themselves are the links, so that one who gives up
 * leaves the middle of a long line at once and without a search.
 *
 * Invariants
 * 1. A waiter stands in one line at most; `line` says in which.
 * 2. `length` is the number of waiters that `shift` would give.
 */
import { assert } from '../runtime/assert.ts'
import { Alarm } from './alarms.ts'

export interface Shed {
  readonly reason: 'queue-full' | 'deadline'
  /** When its turn would have come. */
  readonly retryAfterMs: number
}

/** Its alarm is its owner's: it rings at the waiter's deadline, and the owner takes the waiter out of its line. */
export abstract class Waiter extends Alarm {
  line: WaitQueue<Waiter> | null = null
  next: Waiter | null = null
  previous: Waiter | null = null
  /** Monotonic. */
  deadlineAtMs: number = Infinity

  /** Its turn came: it has what it waited for and has left the line. */
  abstract granted(nowMs: number): void
  /** It has left the line with nothing. Only a rate's line sheds. */
  shed(_shed: Shed, _nowMs: number): void {}
  /** Only a waiter with a deadline sets its alarm. */
  ring(_nowMs: number): void {}
}

export class WaitQueue<W extends Waiter> {
  readonly lengthMax: number
  #first: Waiter | null = null
  #last: Waiter | null = null
  #length = 0

  constructor(lengthMax: number) {
    this.lengthMax = lengthMax
  }

  get length(): number {
    return this.#length
  }

  get full(): boolean {
    return this.#length >= this.lengthMax
  }

  /** Who has waited longest. */
  get first(): W | null {
    return this.#first as W | null
  }

  /** Who stands behind this one. */
  after(waiter: W): W | null {
    return waiter.next as W | null
  }

  /** The caller has seen that the line is not full. */
  push(waiter: W): void {
    assert(waiter.line === null && !this.full, 'a waiter stands in one line, and the line has room')
    waiter.line = this
    waiter.previous = this.#last
    if (this.#last === null) this.#first = waiter
    else this.#last.next = waiter
    this.#last = waiter
    this.#length++
  }

  shift(): W | null {
    const first = this.first
    if (first !== null) this.remove(first)
    return first
  }

  /** False when it does not stand here. */
  remove(waiter: W): boolean {
    if (waiter.line !== (this as WaitQueue<Waiter>)) return false
    if (waiter.previous === null) this.#first = waiter.next
    else waiter.previous.next = waiter.next
    if (waiter.next === null) this.#last = waiter.previous
    else waiter.next.previous = waiter.previous
    waiter.line = null
    waiter.next = null
    waiter.previous = null
    this.#length--
    return true
  }
}
