/**
 * What goes wrong on purpose. Faults are a list; each request meets them in the order in which they were added. Every
 * latency fault that strikes adds its wait; of the others the first that strikes decides the request. `items` and
 * `poison` look into the body and so strike only what reaches the workspace.
 *
 * Chance is drawn only for faults with a `share` below 1 that fit the request otherwise, so the same seed and the
 * same requests meet the same faults.
 */
import { OptionsError } from '../errors.ts'
import type { Call } from '../protocol/call.ts'
import type { Route } from '../protocol/route.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Random } from '../runtime/runtime.ts'
import { checkLatency, type LatencyMs } from './latency.ts'

/** What a fault's `match` is shown. */
export interface ArrivingRequest {
  /** 1 for the first request, counting all. */
  readonly number: number
  readonly method: string
  /** With its query, still percent-encoded. */
  readonly path: string
  readonly route: Route | { readonly name: 'unknown'; readonly status: 404 | 405 }
  /** The person named by the path of a v1 request, decoded. */
  readonly person: string | null
  readonly body: string
}

/** When a fault strikes. All that are given must hold. */
export interface FaultScope {
  /** Ends after it has struck this many requests. @defaultValue no end */
  readonly times?: number
  /** Strikes this share of the requests that fit it otherwise: 0.3 is 30 %. @defaultValue 1 */
  readonly share?: number
  /** Begins this long after it was added, on the monotonic clock. @defaultValue 0 */
  readonly afterMs?: number
  /** Ends this long after it began. @defaultValue no end */
  readonly forMs?: number
  /** Strikes only requests for which this is true. */
  readonly match?: (request: ArrivingRequest) => boolean
}

/** The request takes longer. Half of the wait passes before the work is done, half after. */
export interface LatencyFault extends FaultScope {
  readonly kind: 'latency'
  readonly latencyMs: LatencyMs
}

/**
 * An answer with this status. The body is JSON unless `html` (a load balancer, a captive portal with status 200) or
 * `text` is set. Covers 401, 403, 404 for everything (a wrong base URL), 429 and every 5xx.
 */
export interface StatusFault extends FaultScope {
  readonly kind: 'status'
  /** 200 to 599. */
  readonly status: number
  readonly html?: boolean
  readonly text?: boolean
  /** Adds `Retry-After`. @defaultValue no such header */
  readonly retryAfterSeconds?: number
  /** Writes `Retry-After` as a date. @defaultValue false */
  readonly retryAfterDate?: boolean
  /** The work was done all the same. @defaultValue false */
  readonly applied?: boolean
}

/** No connection. Over sockets it is ended as soon as it is made; for a closed port use `close()` of the server. */
export interface RefusedFault extends FaultScope {
  readonly kind: 'refused'
}

/** The connection breaks before an answer. */
export interface ResetFault extends FaultScope {
  readonly kind: 'reset'
  /** The work was done before. @defaultValue false */
  readonly applied?: boolean
}

/** No answer ever: the client's own timeout must end it. */
export interface TimeoutFault extends FaultScope {
  readonly kind: 'timeout'
  /** The work was done all the same. @defaultValue false */
  readonly applied?: boolean
}

/** The work is done, the head and half of the body of its answer arrive, then the connection breaks. */
export interface HalfResponseFault extends FaultScope {
  readonly kind: 'half-response'
}

/** Some items of a batch are refused with a 207 that names them; the others are applied. A lone call gets 400. */
export interface ItemsFault extends FaultScope {
  readonly kind: 'items'
  readonly item: (call: Call, index: number) => boolean
  /** @defaultValue 'invalid' */
  readonly reason?: string
  /** @defaultValue 'attributes' */
  readonly field?: string
  /** @defaultValue 'refused by a fault' */
  readonly message?: string
}

/** A request that contains such a call is refused as a whole with 400, and nothing of it is applied. */
export interface PoisonFault extends FaultScope {
  readonly kind: 'poison'
  readonly item: (call: Call, index: number) => boolean
}

/** A redirect. */
export interface RedirectFault extends FaultScope {
  readonly kind: 'redirect'
  /** @defaultValue 301 */
  readonly status?: 301 | 302 | 303 | 307 | 308
  /** An origin (`https://track-eu.customer.io`) gets the request's own path; anything else is sent as it stands. */
  readonly to: string
}

export type Fault =
  | LatencyFault
  | StatusFault
  | RefusedFault
  | ResetFault
  | TimeoutFault
  | HalfResponseFault
  | ItemsFault
  | PoisonFault
  | RedirectFault

/** Faults that decide what becomes of a request before anyone looks at its calls. */
export type DecidingFault = Exclude<Fault, LatencyFault | ItemsFault | PoisonFault>
export type CallFault = ItemsFault | PoisonFault

export interface FaultHandle {
  /** How many requests it has struck. */
  readonly struck: number
  /** Ends it. Doing so twice is fine. */
  readonly remove: () => void
}

/** What a request met. */
export interface Struck {
  readonly latencies: readonly LatencyFault[]
  readonly deciding: DecidingFault | undefined
  /** Those that may look at the calls; `struck` is to be called by who finds that they hit one. */
  readonly calls: readonly { readonly fault: CallFault; readonly struck: () => void }[]
}

interface Live {
  readonly fault: Fault
  readonly fromMs: number
  readonly untilMs: number
  struck: number
}

const FAULTS_MAX = 1000
const NOTHING: Struck = Object.freeze({ latencies: [], deciding: undefined, calls: [] })

export class Faults {
  readonly #clock: Clock
  readonly #random: Random
  #live: Live[] = []

  constructor(clock: Clock, random: Random) {
    this.#clock = clock
    this.#random = random
  }

  /**
   * Adds a fault; it strikes from the next request on.
   * @example `const fault = simulator.faults.add({ kind: 'status', status: 502, html: true, share: 0.3 })`
   * @throws OptionsError when a field is out of range
   */
  add(fault: Fault): FaultHandle {
    checkFault(fault)
    this.#dropEnded(this.#clock.monotonicMs())
    if (this.#live.length >= FAULTS_MAX) throw new OptionsError('faults', `more than ${FAULTS_MAX} at once`)
    const fromMs = this.#clock.monotonicMs() + (fault.afterMs ?? 0)
    const live: Live = { fault, fromMs, untilMs: fromMs + (fault.forMs ?? Infinity), struck: 0 }
    this.#live.push(live)
    return {
      get struck() {
        return live.struck
      },
      remove: () => this.#remove(live),
    }
  }

  /** Ends all of them. */
  clear(): void {
    this.#live = []
  }

  /** Faults that have not ended. One that waits for its `afterMs` counts. */
  get size(): number {
    this.#dropEnded(this.#clock.monotonicMs())
    return this.#live.length
  }

  /** What this request meets. Called once for each request. */
  strike(request: ArrivingRequest): Struck {
    if (this.#live.length === 0) return NOTHING
    const nowMs = this.#clock.monotonicMs()
    this.#dropEnded(nowMs)
    const latencies: LatencyFault[] = []
    const calls: { fault: CallFault; struck: () => void }[] = []
    let deciding: DecidingFault | undefined
    for (const live of [...this.#live]) {
      const { fault } = live
      if (isDeciding(fault) && deciding !== undefined) continue
      if (!this.#fits(live, nowMs, request)) continue
      if (fault.kind === 'items' || fault.kind === 'poison') {
        calls.push({ fault, struck: once(() => this.#count(live)) })
        continue
      }
      this.#count(live)
      if (fault.kind === 'latency') latencies.push(fault)
      else deciding = fault
    }
    return { latencies, deciding, calls }
  }

  /** Whether every connection is refused right now, so that a server can end it before a request is read. */
  get refusesAll(): boolean {
    const nowMs = this.#clock.monotonicMs()
    return this.#live.some(
      ({ fault, fromMs, untilMs }) =>
        fault.kind === 'refused' &&
        fault.times === undefined &&
        (fault.share ?? 1) === 1 &&
        fault.match === undefined &&
        fromMs <= nowMs &&
        nowMs < untilMs,
    )
  }

  #fits({ fault, fromMs, untilMs }: Live, nowMs: number, request: ArrivingRequest): boolean {
    if (nowMs < fromMs || nowMs >= untilMs) return false
    if (fault.match !== undefined && !fault.match(request)) return false
    const share = fault.share ?? 1
    return share >= 1 || this.#random() < share
  }

  #count(live: Live): void {
    live.struck++
    if (live.struck >= (live.fault.times ?? Infinity)) this.#remove(live)
  }

  #remove(live: Live): void {
    this.#live = this.#live.filter((other) => other !== live)
  }

  #dropEnded(nowMs: number): void {
    if (this.#live.some(({ untilMs }) => untilMs <= nowMs)) {
      this.#live = this.#live.filter(({ untilMs }) => untilMs > nowMs)
    }
  }
}

/** A request counts once, however many of its calls are hit. */
function once(run: () => void): () => void {
  let ran = false
  return () => {
    if (!ran) run()
    ran = true
  }
}

function isDeciding(fault: Fault): fault is DecidingFault {
  return fault.kind !== 'latency' && fault.kind !== 'items' && fault.kind !== 'poison'
}

function checkFault(fault: Fault): void {
  const { times, share, afterMs, forMs } = fault
  check(times === undefined || (Number.isInteger(times) && times >= 1), 'times', 'must be a whole number above 0')
  check(share === undefined || (share >= 0 && share <= 1), 'share', 'must be between 0 and 1')
  check(afterMs === undefined || afterMs >= 0, 'afterMs', 'must not be negative')
  check(forMs === undefined || forMs > 0, 'forMs', 'must be above 0')
  switch (fault.kind) {
    case 'latency':
      return checkLatency('latencyMs', fault.latencyMs)
    case 'status':
      check(
        Number.isInteger(fault.status) && fault.status >= 200 && fault.status <= 599,
        'status',
        'must be 200 to 599',
      )
      check(!(fault.html && fault.text), 'text', 'cannot be set together with html')
      check(fault.retryAfterSeconds !== undefined || !fault.retryAfterDate, 'retryAfterDate', 'needs retryAfterSeconds')
      return
    case 'redirect':
      return check(fault.to !== '', 'to', 'must not be empty')
    case 'refused':
    case 'reset':
    case 'timeout':
    case 'half-response':
    case 'items':
    case 'poison':
      return
    default:
      // A caller without types.
      throw new OptionsError('kind', 'is not a kind of fault')
  }
}

function check(holds: boolean, field: string, message: string): void {
  if (!holds) throw new OptionsError(field, message)
}
