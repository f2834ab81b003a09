/** What all calls of a pipeline share: the circuit, the budget, the alarms, the counts. */
import type { Clock } from '../runtime/clock.ts'
import { Alarm, Alarms } from './alarms.ts'
import type { Breaker, Forecast } from './breaker-contract.ts'
import type { Transition } from './breaker-options.ts'
import { createBreaker } from './breaker.ts'
import { CircuitLine } from './circuit-line.ts'
import type { Verdict } from './classify.ts'
import type { EndReason, PipelineEvent } from './pipeline-contract.ts'
import { PipelineLimit } from './pipeline-limit.ts'
import { pipelineDefaults, type ResolvedPipelineOptions } from './pipeline-options.ts'
import { createRetryBudget, type RetryBudget } from './retry-budget.ts'
import { Subscribers } from './subscribers.ts'

/** What the timer of the host may outlast the last call by; what a slow sequence of calls saves is a timer for each. */
const LINGER_MS = 25
/** Failures in a row that are no accident any more. */
const SUSPICIOUS = 3
/** How long refused credentials hold everything; then the next calls find out whether they work. */
export const UNAUTHORIZED_MS = 60_000

export class PipelineCore {
  readonly options: ResolvedPipelineOptions
  readonly clock: Clock
  readonly alarms: Alarms
  readonly breaker: Breaker
  readonly probeTimeoutMs: number
  readonly budget: RetryBudget | null
  readonly circuit: CircuitLine
  readonly limits: ReadonlyMap<string, PipelineLimit>
  readonly subscribers: Subscribers<PipelineEvent> = new Subscribers()
  readonly ended: Record<EndReason, number> = {
    open: 0,
    isolated: 0,
    limited: 0,
    deadline: 0,
    aborted: 0,
    budget: 0,
    failed: 0,
    permanent: 0,
  }
  calls = 0
  succeeded = 0
  attempts = 0
  retries = 0
  throttled = 0
  timeouts = 0
  /** The circuit allows fewer slots than the options do. */
  narrowed = false
  readonly #rampAlarm: Alarm
  readonly #rampStepMs: number
  readonly #failuresMax: number
  #unauthorizedInARow = 0
  #release: ((nowMs: number) => void) | null = null
  #releaseAtMs = Infinity

  constructor(options: ResolvedPipelineOptions) {
    const { clock, random, retry, breaker } = options
    const peek = (nowMs: number): Forecast => this.peek(nowMs)
    this.options = options
    this.clock = clock
    this.alarms = new Alarms(clock, LINGER_MS)
    this.breaker = createBreaker({ ...breaker, onTransition: (transition) => this.#changed(transition) }, random)
    this.probeTimeoutMs = breaker.probeTimeoutMs
    this.#rampStepMs = breaker.rampStepMs
    this.#failuresMax = breaker.consecutiveFailures
    this.#rampAlarm = new RampAlarm(this)
    this.budget =
      retry === null || retry.budget === false
        ? null
        : createRetryBudget({ ...retry.budget, onExhausted: () => this.tell({ type: 'budget-exhausted' }) })
    this.circuit = new CircuitLine(pipelineDefaults.queue, this.alarms, peek)
    this.limits = new Map(
      options.limits.map(([name, limit]) => [
        name,
        new PipelineLimit(name, limit, { alarms: this.alarms, random, peek }),
      ]),
    )
  }

  tell(event: PipelineEvent): void {
    this.subscribers.tell(event)
  }

  /** What the circuit would say to a call now. */
  peek(nowMs: number): Forecast {
    if (nowMs >= this.#releaseAtMs) this.#releaseUnauthorized(nowMs)
    const forecast = this.breaker.peek(nowMs)
    if (forecast.admitted || forecast.reason !== 'isolated' || this.#release === null) return forecast
    // Where somebody else isolates too, it is a time to look again and no more.
    return { ...forecast, retryAtMs: this.#releaseAtMs }
  }

  /** An attempt has given back what it had: who waits may go. */
  freed(limit: PipelineLimit, probe: boolean, nowMs: number): void {
    if (probe) this.lookAgain(nowMs)
    else if (limit.workersWaiting > 0) limit.serveWorkers(nowMs)
  }

  /**
   * Sets the slots of all limits by what the circuit allows: steps after a recovery, and while it is close to opening
   * no more calls at once than failures are missing, so that few go into an outage before it is seen.
   */
  narrow(nowMs: number): void {
    const share = this.breaker.concurrencyShare(nowMs)
    const missing = this.breaker.failuresToOpen()
    const suspicious = this.#failuresMax - missing >= SUSPICIOUS
    this.narrowed = share < 1 || suspicious
    let waiting = 0
    for (const limit of this.limits.values()) {
      limit.narrow(share, suspicious ? missing : Infinity, nowMs)
      waiting += limit.slots.waiting
    }
    if (share < 1 && waiting > 0) this.rampLater(nowMs)
  }

  /** Somebody waits for a slot: let it hear of the next step. */
  rampLater(nowMs: number): void {
    if (this.#rampAlarm.place === -1) this.alarms.set(this.#rampAlarm, nowMs + this.#rampStepMs, nowMs)
  }

  /** Counts refused credentials; enough of them in a row isolate. */
  judgeCredentials(verdict: Verdict, unauthorized: boolean, nowMs: number): void {
    const { unauthorizedMax } = this.options
    if (verdict !== 'success' && verdict !== 'permanent') return
    this.#unauthorizedInARow = unauthorized ? this.#unauthorizedInARow + 1 : 0
    if (this.#unauthorizedInARow < unauthorizedMax || this.#release !== null) return
    const inARow = this.#unauthorizedInARow
    this.#unauthorizedInARow = 0
    this.#releaseAtMs = nowMs + UNAUTHORIZED_MS
    this.#release = this.breaker.isolate('the credentials are refused', nowMs)
    this.tell({ type: 'unauthorized', inARow, isolatedForMs: UNAUTHORIZED_MS })
  }

  /** Whoever waits in any line looks at the circuit again. */
  lookAgain(nowMs: number): void {
    this.circuit.serve(nowMs)
    for (const limit of this.limits.values()) limit.serveWorkers(nowMs)
  }

  #releaseUnauthorized(nowMs: number): void {
    const release = this.#release
    this.#release = null
    this.#releaseAtMs = Infinity
    release?.(nowMs)
  }

  #changed({ from, to, cause, atMs, untilMs }: Transition): void {
    if (to === 'closed') this.narrow(atMs)
    // Whoever waits for a token or a slot waits in vain now: it is told at once, or waits for the circuit instead.
    if (to === 'open' && !this.peek(atMs).admitted) {
      for (const { rate, slots } of this.limits.values()) {
        for (const waiter of [...slots.clear(), ...rate.clear(atMs)]) waiter.turnedAway(atMs)
      }
    }
    this.tell({ type: 'circuit', from, to, cause, openForMs: untilMs === null ? null : untilMs - atMs })
    this.lookAgain(atMs)
  }
}

class RampAlarm extends Alarm {
  readonly #core: PipelineCore

  constructor(core: PipelineCore) {
    super()
    this.#core = core
  }

  ring(nowMs: number): void {
    this.#core.narrow(nowMs)
    this.#core.lookAgain(nowMs)
  }
}
