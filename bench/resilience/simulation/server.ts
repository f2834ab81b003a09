/**
 * Customer.io as far as the simulation needs it: a limit of requests in any second, an outage, a brown-out, and the
 * time that an answer takes. It publishes no Retry-After, as Customer.io documents none.
 */
import type { Clock } from '../../../src/runtime/clock.ts'
import type { Random } from '../../../src/runtime/runtime.ts'

export interface ServerOptions {
  readonly clock: Clock
  readonly random: Random
  /** Requests that it serves in any second; those beyond get 429 and do not count. */
  readonly limitPerSecond: number
  /** From when to when it answers 503, and which share of the requests. */
  readonly fault?: { readonly fromMs: number; readonly untilMs: number; readonly share: number }
}

export interface ServerCounts {
  sent: number
  throttled: number
  /** Requests that arrived while the fault lasted. */
  intoFault: number
  /** When the first request after the fault was served; null when none was. */
  firstServedAfterMs: number | null
}

/** What an answer takes: 60 to 140 ms, half of it on the way there. */
const LATENCY_MS = { least: 60, spread: 80 }

export class Server {
  readonly #options: ServerOptions
  /** When the last requests were served, as a ring of the limit's size. */
  readonly #servedAtMs: Float64Array
  #next = 0
  readonly counts: ServerCounts = { sent: 0, throttled: 0, intoFault: 0, firstServedAfterMs: null }

  constructor(options: ServerOptions) {
    this.#options = options
    this.#servedAtMs = new Float64Array(options.limitPerSecond).fill(-Infinity)
  }

  /** Resolves to the status. */
  async request(): Promise<number> {
    const wayMs = (LATENCY_MS.least + LATENCY_MS.spread * this.#options.random()) / 2
    await this.#pass(wayMs)
    const status = this.#answer()
    await this.#pass(wayMs)
    return status
  }

  #answer(): number {
    const { clock, random, fault } = this.#options
    const nowMs = clock.monotonicMs()
    const counts = this.counts
    counts.sent++
    // What fails is in front of what counts: a 503 takes nothing of the limit.
    if (fault !== undefined && nowMs >= fault.fromMs && nowMs < fault.untilMs) {
      counts.intoFault++
      if (random() < fault.share) return 503
    }
    if (nowMs - this.#servedAtMs[this.#next]! < 1_000) {
      counts.throttled++
      return 429
    }
    this.#servedAtMs[this.#next] = nowMs
    this.#next = (this.#next + 1) % this.#servedAtMs.length
    if (fault !== undefined && nowMs >= fault.untilMs) counts.firstServedAfterMs ??= nowMs
    return 200
  }

  #pass(delayMs: number): Promise<void> {
    return new Promise((resolve) => void this.#options.clock.timer(delayMs, resolve))
  }
}

/** What an operation throws for an answer that is no 2xx, as an HTTP client does. */
export class AnswerError extends Error {
  override readonly name = 'AnswerError'
  readonly status: number

  constructor(status: number) {
    super(`the server answered ${status}`)
    this.status = status
  }
}
