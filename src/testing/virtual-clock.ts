/**
 * A clock that moves only when it is told to. Due timers fire in the order (time, start); between two of them the
 * microtasks run dry, so a program that waits only on this clock and on promises runs the same way each time.
 */
import type { CancelTimer, Clock } from '../runtime/clock.ts'

interface Timer {
  readonly dueMs: number
  readonly order: number
  readonly fire: () => void
  cancelled: boolean
}

export class VirtualClock implements Clock {
  #nowMs = 0
  #wallOffsetMs: number
  #order = 0
  /** Binary heap by (dueMs, order). */
  readonly #heap: Timer[] = []

  /** @param startWallMs the wall time at the start; 2026-01-01 unless told. */
  constructor(startWallMs: number = 1_767_225_600_000) {
    this.#wallOffsetMs = startWallMs
  }

  wallMs(): number {
    return this.#nowMs + this.#wallOffsetMs
  }

  monotonicMs(): number {
    return this.#nowMs
  }

  timer(delayMs: number, fire: () => void): CancelTimer {
    const timer: Timer = { dueMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, fire, cancelled: false }
    this.#push(timer)
    return () => {
      timer.cancelled = true
    }
  }

  /** Moves the wall clock alone, as an administrator or NTP does. */
  jumpWallMs(byMs: number): void {
    this.#wallOffsetMs += byMs
  }

  /** Timers that are still to fire. */
  get pending(): number {
    return this.#heap.filter((timer) => !timer.cancelled).length
  }

  /** Moves time forward by `byMs`, firing what becomes due on the way, and lets promises settle after each. */
  async advance(byMs: number): Promise<void> {
    const endMs = this.#nowMs + byMs
    await settleMicrotasks()
    while (this.#dropCancelled() && this.#heap[0]!.dueMs <= endMs) {
      await this.step()
    }
    this.#nowMs = Math.max(this.#nowMs, endMs)
    await settleMicrotasks()
  }

  /** Fires the next timer, at its time. Resolves to whether there was one. */
  async step(): Promise<boolean> {
    if (!this.#dropCancelled()) return false
    const timer = this.#pop()!
    this.#nowMs = Math.max(this.#nowMs, timer.dueMs)
    timer.fire()
    await settleMicrotasks()
    return true
  }

  /** Whether a live timer is left; it is then the first of the heap. */
  #dropCancelled(): boolean {
    while (this.#heap[0]?.cancelled) this.#pop()
    return this.#heap.length > 0
  }

  #push(timer: Timer): void {
    const heap = this.#heap
    let index = heap.push(timer) - 1
    while (index > 0) {
      const parent = (index - 1) >> 1
      if (!before(timer, heap[parent]!)) break
      heap[index] = heap[parent]!
      index = parent
    }
    heap[index] = timer
  }

  #pop(): Timer | undefined {
    const heap = this.#heap
    const first = heap[0]
    const last = heap.pop()
    if (first === undefined || last === undefined || heap.length === 0) return first
    let index = 0
    for (;;) {
      let child = 2 * index + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++
      if (!before(heap[child]!, last)) break
      heap[index] = heap[child]!
      index = child
    }
    heap[index] = last
    return first
  }
}

function before(a: Timer, b: Timer): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order)
}

/** Lets every promise that can settle without time do so. `setImmediate` runs after the microtask queue is empty. */
function settleMicrotasks(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
