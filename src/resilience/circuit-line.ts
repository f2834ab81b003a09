/**
 * The calls that wait for the circuit. A half-open one gets them one at a time, each as a probe; a closed one gets them
 * all, and rate and slots see to it that they come as no herd.
 *
 * Invariants
 * 1. First in, first out.
 * 2. While one is on its way to be a probe (`candidate`), no other is let go; whatever ends that way lets the next go.
 */
import { Alarm, type Alarms } from './alarms.ts'
import type { Forecast } from './breaker-contract.ts'
import { WaitQueue, type Waiter } from './wait-queue.ts'

export class CircuitLine {
  readonly #alarms: Alarms
  readonly #peek: (nowMs: number) => Forecast
  readonly #queue: WaitQueue<Waiter>
  readonly #alarm: Alarm
  #candidate: Waiter | null = null
  #serving = false

  constructor(queueMax: number, alarms: Alarms, peek: (nowMs: number) => Forecast) {
    this.#alarms = alarms
    this.#peek = peek
    this.#queue = new WaitQueue(queueMax)
    this.#alarm = new CircuitAlarm(this)
  }

  get waiting(): number {
    return this.#queue.length
  }

  /** Who is on its way to be a probe. */
  get candidate(): Waiter | null {
    return this.#candidate
  }

  get full(): boolean {
    return this.#queue.full
  }

  /** The caller has seen that it is not full. */
  join(waiter: Waiter, nowMs: number): void {
    this.#queue.push(waiter)
    this.settled(waiter, nowMs)
    if (this.#queue.length === 1) this.serve(nowMs)
  }

  leave(waiter: Waiter, nowMs: number): void {
    if (this.#queue.remove(waiter) && this.#queue.length === 0) this.#alarms.set(this.#alarm, Infinity, nowMs)
  }

  /** Whether a waiter that was let go to be a probe has become one or has not, it is on its way no more. */
  settled(waiter: Waiter, nowMs: number): void {
    if (this.#candidate !== waiter) return
    this.#candidate = null
    this.serve(nowMs)
  }

  /** Lets go whom the circuit would let pass. Call it whenever that may have changed. */
  serve(nowMs: number): void {
    if (this.#serving || this.#queue.length === 0) return
    this.#serving = true
    let againAtMs = Infinity
    while (this.#queue.length > 0 && this.#candidate === null) {
      const forecast = this.#peek(nowMs)
      if (!forecast.admitted) {
        againAtMs = Math.max(forecast.retryAtMs ?? Infinity, nowMs + 1)
        break
      }
      const waiter = this.#queue.shift()!
      if (forecast.probe) this.#candidate = waiter
      waiter.granted(nowMs)
    }
    this.#serving = false
    this.#alarms.set(this.#alarm, againAtMs, nowMs)
  }
}

class CircuitAlarm extends Alarm {
  readonly #line: CircuitLine

  constructor(line: CircuitLine) {
    super()
    this.#line = line
  }

  ring(nowMs: number): void {
    this.#line.serve(nowMs)
  }
}
