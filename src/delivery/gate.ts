/**
 * The gate: may we send now, and if not, until when and why?
 *
 * Asked in this order: pause (an operator's word, for this process or for all), parking (Customer.io refuses us), circuit
 * (it fails, as we or another process found), cooldown and rate (it wants less). The circuit comes before the token, so an
 * open one burns none.
 *
 * Invariants
 * 1. `check` takes nothing. `enter` takes the token, the permit and the parking ticket together, or nothing.
 * 2. What was entered is left once, whatever became of it. A probe that is not left comes free when its lease ends.
 * 3. Events are emitted once per change, when the whole gate is in its new state.
 * 4. What is told to others is what our own answers said; what others said is never passed on.
 * 5. What only says that we were too fast (429) or gave up ourselves (aborted) never opens the circuit; nor does any
 *    answer that shows that Customer.io lives, however much it refuses.
 */
import type { CircuitState, GateReason, HoldfastEvent } from '../observe/events.ts'
import type { ProviderHint, SharedPause } from '../outbox/outbox.ts'
import { createBreaker } from '../resilience/breaker.ts'
import type { Breaker, BreakerView, CallResult, Permit } from '../resilience/breaker-contract.ts'
import {
  breakerDefaults,
  PROBE_LEASE_MARGIN_MS,
  type BreakerOptions,
  type Transition,
} from '../resilience/breaker-options.ts'
import { checkNumber } from '../resilience/check-number.ts'
import {
  createRateLimiter,
  type RateLimiter,
  type RateLimiterOptions,
  type RateLimiterView,
} from '../resilience/rate-limiter.ts'
import { assert, unreachable } from '../runtime/assert.ts'
import type { Random } from '../runtime/runtime.ts'
import { Hearsay } from './hearsay.ts'
import { Parking, type Answer, type Parked, type ParkingTicket } from './parking.ts'

export interface GateOptions {
  /** Requests that may be under way at once. @defaultValue 8 */
  readonly concurrency?: number
  readonly rate?: RateLimiterOptions
  readonly breaker?: Omit<BreakerOptions, 'onTransition'>
}

export const gateDefaults: Required<GateOptions> = Object.freeze({ concurrency: 8, rate: {}, breaker: {} })

/** `untilMs` is monotonic: when to ask again at the latest. Null when only `resume` can open it. */
export type GateState =
  | { readonly open: true; readonly probe: boolean }
  | { readonly open: false; readonly reason: GateReason; readonly untilMs: number | null }

/** The right to send one request; opaque but for `probe`. */
export interface Pass {
  /** This request finds out whether sending works again. Keep it small: it gets little time. */
  readonly probe: boolean
  readonly permit: Permit
  readonly ticket: ParkingTicket
}

/**
 * What came back for the request as a whole: an `Outcome` with the time it took. A batch that was answered item by
 * item was `delivered`, whatever became of its items.
 */
export type Report = Answer & { readonly durationMs: number }

export interface GateView {
  readonly circuit: BreakerView
  /** Of the circuit; or, where that is closed, what another process has said. */
  readonly circuitState: CircuitState
  readonly rate: RateLimiterView
  /** For this process, or for all. */
  readonly paused: boolean
  readonly pausedForAll: SharedPause | null
  readonly parked: Parked | null
}

export interface Gate {
  check(nowMs: number): GateState
  /** Undefined when `check` would say that it is not open. */
  enter(nowMs: number): Pass | undefined
  /** `park`: retry the entries instead of burying them, for the fault is ours and not theirs. */
  leave(pass: Pass, report: Report, nowMs: number): { readonly verdict: 'as-is' | 'park' }
  /**
   * Lets one question pass that carries no operation, where an ordinary request may go: it takes a token, for the
   * provider counts requests, and nothing else. Undefined when it may go, else why not. It is never a probe: those
   * belong to operations, so with a circuit that is not closed, or parked, it may not go. Its answer judges nobody.
   */
  ask(nowMs: number): GateReason | undefined
  /** A question was answered with 429, which slows everybody. */
  askedTooFast(nowMs: number, afterMs?: number): void
  /** For this process. Idempotent, like `resume`. Requests under way go on. */
  pause(): void
  /** Ends the pause of this process. Also lets the next probe of a parked workspace go at once. */
  resume(): void
  /** The pause of the outbox, which holds beside that of this process; null when there is none. */
  pauseForAll(pause: SharedPause | null): void
  /** Another process that delivers from the same outbox said so. */
  heard(hint: ProviderHint, nowMs: number): void
  /** So many processes share the rate. */
  shareAmong(count: number): void
  /**
   * How many ordinary requests may be under way now, at least 1. A probe needs no room among them: where `check` says
   * that one may go, it may, whatever hangs from the time before.
   */
  concurrencyMax(nowMs: number): number
  /** Passes that were entered and not left, of whoever shares this gate. */
  readonly inFlight: number
  /** Calls `listener` whenever what the gate says may have become better, or an operator has closed it. */
  watch(listener: () => void): void
  /** The time that the request of this pass gets: a probe gets less, so that a server that hangs is found out soon. */
  timeoutMs(pass: Pass, normalMs: number): number
  view(nowMs: number): GateView
}

/** What whoever sends needs of it. */
export type SendingGate = Pick<
  Gate,
  'check' | 'enter' | 'leave' | 'concurrencyMax' | 'inFlight' | 'watch' | 'timeoutMs'
>

/**
 * @param tell what others should hear of: our own answers said it
 * @throws OptionsError naming the field
 */
export function createGate(
  options: GateOptions,
  random: Random,
  emit: (event: HoldfastEvent) => void,
  tell: (hint: ProviderHint) => void = () => {},
): Gate {
  return new ComposedGate({ ...gateDefaults, ...options }, random, emit, tell)
}

class ComposedGate implements Gate {
  readonly #concurrency: number
  readonly #probeTimeoutMs: number
  readonly #breaker: Breaker
  readonly #limiter: RateLimiter
  readonly #parking: Parking
  readonly #hearsay = new Hearsay()
  readonly #emit: (event: HoldfastEvent) => void
  readonly #tell: (hint: ProviderHint) => void
  readonly #watchers: (() => void)[] = []
  #inFlight = 0
  #pausedHere = false
  #pausedForAll: SharedPause | null = null

  constructor(
    options: Required<GateOptions>,
    random: Random,
    emit: (event: HoldfastEvent) => void,
    tell: (hint: ProviderHint) => void,
  ) {
    checkNumber('concurrency', options.concurrency, { min: 1, integer: true })
    this.#concurrency = options.concurrency
    this.#emit = emit
    this.#tell = tell
    const onTransition = (transition: Transition): void => this.#circuitChanged(transition)
    this.#breaker = createBreaker({ ...options.breaker, onTransition }, random)
    this.#limiter = createRateLimiter(options.rate, random)
    this.#probeTimeoutMs = options.breaker.probeTimeoutMs ?? breakerDefaults.probeTimeoutMs
    this.#parking = new Parking(this.#probeTimeoutMs + PROBE_LEASE_MARGIN_MS, random)
  }

  get inFlight(): number {
    return this.#inFlight
  }

  watch(listener: () => void): void {
    this.#watchers.push(listener)
  }

  check(nowMs: number): GateState {
    if (this.#isPaused) return { open: false, reason: 'paused', untilMs: null }
    const parkedUntilMs = this.#parking.closedUntilMs(nowMs)
    if (parkedUntilMs !== null) return { open: false, reason: 'parked', untilMs: parkedUntilMs }
    const forecast = this.#breaker.peek(nowMs)
    if (!forecast.admitted) return { open: false, reason: 'circuit', untilMs: forecast.retryAtMs }
    const warnedUntilMs = forecast.probe ? null : this.#hearsay.closedUntilMs(nowMs)
    if (warnedUntilMs !== null) return { open: false, reason: 'circuit', untilMs: warnedUntilMs }
    const { waitMs, reason } = this.#limiter.peek(nowMs)
    if (reason !== null) return { open: false, reason, untilMs: nowMs + waitMs }
    return { open: true, probe: forecast.probe || this.#parking.parked !== null }
  }

  enter(nowMs: number): Pass | undefined {
    if (!this.check(nowMs).open) return undefined
    this.#inFlight++
    const { taken } = this.#limiter.take(nowMs)
    const ticket = this.#parking.enter(nowMs)
    // Last, because it alone may emit.
    const admission = this.#breaker.admit(nowMs)
    assert(taken && admission.admitted, 'an open gate gives a token and a permit')
    return { probe: admission.permit.probe || ticket.probe, permit: admission.permit, ticket }
  }

  leave(pass: Pass, report: Report, nowMs: number): { readonly verdict: 'as-is' | 'park' } {
    this.#inFlight--
    const slowed = report.kind === 'throttled' && this.#limiter.throttled(nowMs, report.afterMs)
    if (report.kind === 'delivered') this.#limiter.succeeded(nowMs)
    const { verdict, change } = this.#parking.leave(pass.ticket, report, nowMs)
    const result = resultOf(report)
    if (result !== 'neutral') this.#hearsay.answered(result === 'success', nowMs)
    this.#breaker.report(pass.permit, result, nowMs, {
      durationMs: report.durationMs,
      ...(report.kind === 'retry' && report.afterMs !== undefined ? { retryAfterMs: report.afterMs } : {}),
    })
    if (slowed) this.#slowedDown(nowMs)
    const { parked } = this.#parking
    if (change === 'parked' && parked !== null) {
      this.#emit({ type: 'parked', reason: parked.reason, status: parked.status })
    }
    if (change === 'unparked') this.#emit({ type: 'unparked' })
    this.#changed()
    return { verdict }
  }

  ask(nowMs: number): GateReason | undefined {
    const state = this.check(nowMs)
    if (!state.open) return state.reason
    if (state.probe) return this.#parking.parked === null ? 'circuit' : 'parked'
    const { taken } = this.#limiter.take(nowMs)
    assert(taken, 'an open gate gives a token')
    return undefined
  }

  askedTooFast(nowMs: number, afterMs?: number): void {
    if (this.#limiter.throttled(nowMs, afterMs)) this.#slowedDown(nowMs)
  }

  pause(): void {
    if (this.#pausedHere) return
    this.#pausedHere = true
    this.#emit({ type: 'paused', scope: 'process' })
    this.#changed()
  }

  resume(): void {
    this.#parking.probeSoon()
    if (this.#pausedHere) {
      this.#pausedHere = false
      this.#emit({ type: 'resumed', scope: 'process' })
    }
    this.#changed()
  }

  pauseForAll(pause: SharedPause | null): void {
    const wasPaused = this.#pausedForAll !== null
    this.#pausedForAll = pause
    if (pause !== null) this.#emit({ type: 'paused', scope: 'all', who: pause.who, why: pause.why })
    else if (wasPaused) this.#emit({ type: 'resumed', scope: 'all' })
    this.#changed()
  }

  heard(hint: ProviderHint, nowMs: number): void {
    const isLimited = hint.kind === 'limited'
    const heeded = isLimited ? this.#limiter.throttledElsewhere(nowMs, hint.forMs) : this.#heardOfCircuit(hint, nowMs)
    if (!heeded) return
    this.#emit({ type: 'heard', said: hint.kind, forMs: hint.kind === 'well' ? null : hint.forMs })
    if (isLimited) this.#emitThrottled(nowMs)
    this.#changed()
  }

  shareAmong(count: number): void {
    this.#limiter.shareAmong(count)
    this.#changed()
  }

  concurrencyMax(nowMs: number): number {
    if (this.#parking.parked !== null || this.#hearsay.stateAt(nowMs) === 'testing') return 1
    return Math.max(1, Math.floor(this.#concurrency * this.#breaker.concurrencyShare(nowMs)))
  }

  timeoutMs(pass: Pass, normalMs: number): number {
    return pass.probe ? Math.min(normalMs, this.#probeTimeoutMs) : normalMs
  }

  view(nowMs: number): GateView {
    return {
      circuit: this.#breaker.view(nowMs),
      circuitState: this.#circuitStateAt(nowMs),
      rate: this.#limiter.view(nowMs),
      paused: this.#isPaused,
      pausedForAll: this.#pausedForAll,
      parked: this.#parking.parked,
    }
  }

  get #isPaused(): boolean {
    return this.#pausedHere || this.#pausedForAll !== null
  }

  #circuitStateAt(nowMs: number): CircuitState {
    const own = this.#breaker.stateAt(nowMs)
    return own === 'closed' ? AS_CIRCUIT[this.#hearsay.stateAt(nowMs)] : own
  }

  /** A circuit that is not closed is evidence of our own, in which a warning has nothing to say. */
  #heardOfCircuit(hint: ProviderHint & { readonly kind: 'failing' | 'well' }, nowMs: number): boolean {
    if (hint.kind === 'failing' && this.#breaker.stateAt(nowMs) !== 'closed') return false
    return this.#hearsay.heard(hint, nowMs)
  }

  #circuitChanged({ from, to, cause, untilMs, atMs }: Transition): void {
    this.#emit({ type: 'circuit', from, to, cause, untilMs })
    if (to === 'open' && untilMs !== null) this.#tell({ kind: 'failing', forMs: untilMs - atMs })
    if (to === 'closed') this.#tell({ kind: 'well' })
  }

  #slowedDown(nowMs: number): void {
    this.#emitThrottled(nowMs)
    this.#tell({ kind: 'limited', forMs: this.#limiter.view(nowMs).cooldownMs })
  }

  #changed(): void {
    for (const listener of this.#watchers) listener()
  }

  #emitThrottled(nowMs: number): void {
    const { perSecond, cooldownMs } = this.#limiter.view(nowMs)
    this.#emit({ type: 'throttled', perSecond, cooldownMs })
  }
}

const AS_CIRCUIT = { quiet: 'closed', warned: 'open', testing: 'half-open' } as const

function resultOf(report: Report): CallResult {
  switch (report.kind) {
    case 'delivered':
    case 'refused':
    case 'rejected':
    case 'unauthorized':
      return 'success'
    case 'retry':
      return 'failure'
    case 'throttled':
    case 'aborted':
      return 'neutral'
    default:
      return unreachable(report)
  }
}
