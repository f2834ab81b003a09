/**
 * Many alarms on one timer of the host. A call sets one for its time-out and nearly always takes it back: that costs a
 * few steps in a heap here, where a timer each would cost more than the rest of the call.
 *
 * Invariants
 * 1. At most one timer of the host is armed, never later than the earliest alarm, and it holds the process alive:
 *    somebody waits for it. No alarm rings early.
 * 2. Without alarms there is no timer, at the latest `lingerMs` after the last was taken back. (Arming and disarming
 *    for every call of a slow sequence is what the linger saves.)
 */
import type { CancelTimer, Clock } from '../runtime/clock.ts'

/** Something that rings once at its time unless it is taken back. Set again, it moves. */
export abstract class Alarm {
  /** Monotonic. */
  dueMs: number = Infinity
  /** Where it stands in the heap; -1 when it is not set. */
  place: number = -1

  abstract ring(nowMs: number): void
}

export class Alarms {
  readonly #clock: Clock
  readonly #lingerMs: number
  /** Binary heap by `dueMs`. */
  readonly #heap: Alarm[] = []
  #armedForMs = Infinity
  #cancel: CancelTimer | null = null
  readonly #fire = (): void => this.#ringDue()

  constructor(clock: Clock, lingerMs: number = 0) {
    this.#clock = clock
    this.#lingerMs = lingerMs
  }

  /** `dueMs` Infinity never rings and is not set. */
  set(alarm: Alarm, dueMs: number, nowMs: number): void {
    if (alarm.place !== -1) this.#take(alarm)
    if (dueMs === Infinity) return this.#disarmWhenIdle()
    alarm.dueMs = dueMs
    this.#rise(alarm, this.#heap.length)
    if (dueMs < this.#armedForMs) this.#arm(nowMs)
  }

  clear(alarm: Alarm): void {
    if (alarm.place === -1) return
    this.#take(alarm)
    this.#disarmWhenIdle()
  }

  get size(): number {
    return this.#heap.length
  }

  #disarmWhenIdle(): void {
    if (this.#heap.length > 0 || this.#lingerMs > 0) return
    this.#disarm()
  }

  #disarm(): void {
    this.#cancel?.()
    this.#cancel = null
    this.#armedForMs = Infinity
  }

  #arm(nowMs: number): void {
    this.#cancel?.()
    const dueMs = this.#heap[0]!.dueMs
    this.#armedForMs = this.#lingerMs > 0 ? Math.min(dueMs, nowMs + this.#lingerMs) : dueMs
    this.#cancel = this.#clock.timer(Math.max(0, this.#armedForMs - nowMs), this.#fire, 'held')
  }

  #ringDue(): void {
    const heap = this.#heap
    const nowMs = this.#clock.monotonicMs()
    this.#cancel = null
    // Nothing needs a timer of its own while we are at it.
    this.#armedForMs = -Infinity
    // What is set for now by one that rings waits for the next round: the host's other work comes first.
    for (let left = heap.length; left > 0 && heap.length > 0 && heap[0]!.dueMs <= nowMs; left--) {
      const alarm = heap[0]!
      this.#take(alarm)
      alarm.ring(nowMs)
    }
    this.#armedForMs = Infinity
    if (heap.length > 0) this.#arm(nowMs)
  }

  #take(alarm: Alarm): void {
    const heap = this.#heap
    const last = heap.pop()!
    const place = alarm.place
    alarm.place = -1
    if (last === alarm) return
    if (place > 0 && last.dueMs < heap[(place - 1) >> 1]!.dueMs) this.#rise(last, place)
    else this.#sink(last, place)
  }

  #rise(alarm: Alarm, from: number): void {
    const heap = this.#heap
    let place = from
    while (place > 0) {
      const parent = (place - 1) >> 1
      const above = heap[parent]!
      if (above.dueMs <= alarm.dueMs) break
      heap[place] = above
      above.place = place
      place = parent
    }
    heap[place] = alarm
    alarm.place = place
  }

  #sink(alarm: Alarm, from: number): void {
    const heap = this.#heap
    let place = from
    for (;;) {
      let child = 2 * place + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && heap[child + 1]!.dueMs < heap[child]!.dueMs) child++
      const below = heap[child]!
      if (alarm.dueMs <= below.dueMs) break
      heap[place] = below
      below.place = place
      place = child
    }
    heap[place] = alarm
    alarm.place = place
  }
}
