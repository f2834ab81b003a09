/** One limit of a pipeline: its rate, its slots, and the workers that wait until a call could start. */
import type { Random } from '../runtime/runtime.ts'
import { Alarm, type Alarms } from './alarms.ts'
import type { Forecast } from './breaker-contract.ts'
import { pipelineDefaults, type LimitOptions } from './pipeline-options.ts'
import type { LimitView } from './pipeline-contract.ts'
import { createRateLimiter, type RateLimiter } from './rate-limiter.ts'
import { RateLine } from './rate-line.ts'
import { SlotLine } from './slot-line.ts'
import { WaitQueue, Waiter } from './wait-queue.ts'

/** A worker that was let go and does not call within this time was no caller. */
const PROMISE_MS = 1_000

/** A call, where it waits. */
export abstract class CallWaiter extends Waiter {
  /** The circuit has opened; it has left its line with nothing. */
  abstract turnedAway(nowMs: number): void
}

export class PipelineLimit {
  readonly name: string
  readonly limiter: RateLimiter
  readonly rate: RateLine<CallWaiter>
  readonly slots: SlotLine<CallWaiter>
  readonly queueMax: number
  /** Operations that outlived their call. */
  abandoned = 0
  readonly #concurrency: number
  readonly #alarms: Alarms
  readonly #workers: WaitQueue<Waiter>
  readonly #alarm: ReadyAlarm
  readonly #peek: (nowMs: number) => Forecast
  /** Workers that were let go and whose calls have not come yet. */
  #promised = 0
  #promisedUntilMs = -Infinity
  #serving = false

  constructor(
    name: string,
    options: LimitOptions,
    parts: { readonly alarms: Alarms; readonly random: Random; readonly peek: (nowMs: number) => Forecast },
  ) {
    const { concurrency = pipelineDefaults.concurrency, queue = pipelineDefaults.queue, ...rate } = options
    this.name = name
    this.queueMax = queue
    this.limiter = createRateLimiter(rate, parts.random)
    this.rate = new RateLine(this.limiter, queue, parts.alarms)
    this.slots = new SlotLine(concurrency, queue)
    this.#concurrency = concurrency
    this.#alarms = parts.alarms
    this.#peek = parts.peek
    this.#workers = new WaitQueue(queue)
    this.#alarm = new ReadyAlarm(this)
  }

  /** @param share of the concurrency, 0 to 1; at most `slotsMax`, and one slot is always left */
  narrow(share: number, slotsMax: number, nowMs: number): void {
    const slots = share >= 1 ? this.#concurrency : Math.floor(this.#concurrency * share) || 1
    this.slots.setLimit(Math.max(1, Math.min(slots, slotsMax)), nowMs)
  }

  get workersWaiting(): number {
    return this.#workers.length
  }

  /** False when too many wait. */
  addWorker(worker: Waiter, nowMs: number): boolean {
    if (this.#workers.full) return false
    this.#workers.push(worker)
    if (this.#workers.length === 1) this.serveWorkers(nowMs)
    return true
  }

  removeWorker(worker: Waiter, nowMs: number): void {
    this.#workers.remove(worker)
    if (this.#workers.length === 0) this.#alarms.set(this.#alarm, Infinity, nowMs)
  }

  /** A call has come: it may be that of a worker that was let go. */
  called(): void {
    if (this.#promised > 0) this.#promised--
  }

  /** Lets workers go as far as calls could start now; else sees to it that they are looked at again. */
  serveWorkers(nowMs: number): void {
    // To look at the circuit may itself be what changes it.
    if (this.#serving) return
    this.#serving = true
    let againAtMs = Infinity
    while (this.#workers.length > 0) {
      againAtMs = this.#readyAtMs(nowMs)
      if (againAtMs > nowMs) break
      this.#promised++
      this.#promisedUntilMs = nowMs + PROMISE_MS
      this.#workers.shift()!.granted(nowMs)
      againAtMs = Infinity
    }
    this.#serving = false
    this.#alarms.set(this.#alarm, againAtMs, nowMs)
  }

  view(nowMs: number): LimitView {
    return {
      ...this.limiter.view(nowMs),
      waiting: this.rate.waiting,
      shed: this.rate.shed,
      concurrency: this.slots.limit,
      inFlight: this.slots.inUse,
      waitingForSlot: this.slots.waiting,
      abandoned: this.abandoned,
    }
  }

  /** When to look again; not after `nowMs` when one more call could start now. Infinity: some event will tell. */
  #readyAtMs(nowMs: number): number {
    if (nowMs >= this.#promisedUntilMs) this.#promised = 0
    const forecast = this.#peek(nowMs)
    if (!forecast.admitted) return Math.max(forecast.retryAtMs ?? Infinity, nowMs + 1)
    const promised = this.#promised
    // One worker makes the probe; the others see what becomes of it.
    if (forecast.probe && promised > 0) return this.#promisedUntilMs
    const waitMs = this.rate.waitMs(nowMs, promised)
    if (waitMs > 0) return nowMs + Math.max(1, waitMs)
    if (forecast.probe || this.slots.freeBeyond(promised)) return nowMs
    return promised > 0 ? this.#promisedUntilMs : Infinity
  }
}

class ReadyAlarm extends Alarm {
  readonly #limit: PipelineLimit

  constructor(limit: PipelineLimit) {
    super()
    this.#limit = limit
  }

  ring(nowMs: number): void {
    this.#limit.serveWorkers(nowMs)
  }
}
