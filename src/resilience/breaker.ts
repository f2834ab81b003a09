/**
 * The circuit breaker: stops calls to a server that fails, and finds out with few calls when it is back.
 *
 * Mode by mode
 * - `closed`: all calls pass. Failures in a row, the share of failures or the share of slow calls opens it. After a
 *   recovery, `concurrencyShare` lets the load return by steps.
 * - `open`: no call passes until a time, which grows with each failed probe and is never shorter than a Retry-After.
 * - `half-open`: single probes pass, each under a lease. Enough good ones close it, one bad one opens it again.
 * Isolation lies over all of them: nothing passes, and below it the mode goes on as it would.
 *
 * Invariants
 * 1. There is no timer and no clock here: time comes in as `nowMs` (monotonic), and an end is noticed by comparing.
 * 2. A result counts only in the period (`generation`) in which its call was admitted: a late one changes nothing.
 * 3. At most `probesMax` probes hold a lease at once. A lease ends by itself, so nothing can keep the circuit half open.
 * 4. `neutral` says nothing about the server: it frees what its call held and counts nowhere.
 * 5. Listeners run when the state is final, and what they throw is dropped.
 */
import type { Random } from '../runtime/runtime.ts'
import { grownWaitMs, retryAfterWaitMs, spreadMs } from './backoff.ts'
import type {
  Admission,
  Admitted,
  Breaker,
  BreakerView,
  CallResult,
  Forecast,
  Permit,
  Refusal,
  ResultDetails,
} from './breaker-contract.ts'
import {
  PROBE_LEASE_MARGIN_MS,
  resolveBreakerOptions,
  type BreakerOptions,
  type CircuitState,
  type ResolvedBreakerOptions,
  type Transition,
  type TransitionCause,
} from './breaker-options.ts'
import { readSnapshot, snapshotOf, type BreakerSnapshot } from './breaker-snapshot.ts'
import { ProbeSlots } from './probe-slots.ts'
import { TripCondition } from './trip-condition.ts'

interface HalfOpen {
  readonly kind: 'half-open'
  readonly sinceMs: number
  readonly slots: ProbeSlots<Permit>
  successes: number
}

type State =
  /** `rampFromMs` is when it recovered; -Infinity when there was nothing to recover from. */
  | { readonly kind: 'closed'; readonly sinceMs: number | null; readonly rampFromMs: number }
  | { readonly kind: 'open'; readonly sinceMs: number; readonly untilMs: number; readonly refusal: Refusal }
  | HalfOpen

interface Isolation {
  readonly reason: string
  readonly sinceMs: number
}

const ISOLATED: Refusal = Object.freeze({ admitted: false, reason: 'isolated', retryAtMs: null })
const ORDINARY: Forecast = Object.freeze({ admitted: true, probe: false })
const PROBE: Forecast = Object.freeze({ admitted: true, probe: true })
/** Of the first period, which most of many breakers never leave. */
const FIRST_ORDINARY: Admitted = ordinaryOf(0)
/** Given in mode `observe` where `on` would refuse: its result belongs to no period. */
const UNCOUNTED: Admitted = admissionOf({ probe: false, generation: -1, leaseUntilMs: Infinity })

/** @throws OptionsError naming the field */
export function createBreaker(options: BreakerOptions, random: Random): Breaker {
  const resolved = resolveBreakerOptions(options)
  return new StatefulBreaker(resolved, random, resolved.onTransition)
}

/** Of options that many breakers share, with a listener of its own in place of theirs. */
export function createBreakerOf(
  options: ResolvedBreakerOptions,
  random: Random,
  onTransition: (transition: Transition) => void,
): Breaker {
  return new StatefulBreaker(options, random, onTransition)
}

class StatefulBreaker implements Breaker {
  readonly #options: ResolvedBreakerOptions
  readonly #random: Random
  readonly #onTransition: (transition: Transition) => void
  readonly #condition: TripCondition
  #state: State = { kind: 'closed', sinceMs: null, rampFromMs: -Infinity }
  #generation = 0
  /** What every call of the current closed period gets. */
  #ordinary: Admitted = FIRST_ORDINARY
  #isolations: readonly Isolation[] = []
  /** The state that listeners know. */
  #announced: CircuitState = 'closed'
  /** Open times in a row that ended in a failed probe. */
  #reopenings = 0
  /** The furthest Retry-After since the last success. */
  #retryAtMs = -Infinity
  #admitted = 0
  #refused = 0
  #successes = 0
  #failures = 0
  #neutrals = 0
  #late = 0
  #opened = 0

  constructor(options: ResolvedBreakerOptions, random: Random, onTransition: (transition: Transition) => void) {
    this.#options = options
    this.#random = random
    this.#onTransition = onTransition
    this.#condition = new TripCondition(options)
  }

  admit(nowMs: number): Admission {
    const refusal = this.#refusal(nowMs)
    if (refusal !== null) {
      if (this.#options.mode === 'on' || refusal.reason === 'isolated') {
        this.#refused++
        return refusal
      }
      this.#admitted++
      return UNCOUNTED
    }
    this.#admitted++
    return this.#state.kind === 'closed' ? this.#ordinary : this.#probe(nowMs)
  }

  peek(nowMs: number): Forecast {
    const refusal = this.#refusal(nowMs)
    if (refusal !== null && (this.#options.mode === 'on' || refusal.reason === 'isolated')) return refusal
    return this.#options.mode === 'on' && this.#state.kind !== 'closed' ? PROBE : ORDINARY
  }

  report(permit: Permit, result: CallResult, nowMs: number, details?: ResultDetails): void {
    if (this.#options.mode === 'off') return
    if (permit.generation !== this.#generation) {
      this.#late++
      return
    }
    const state = this.#state
    if (state.kind === 'half-open' && !state.slots.giveBack(permit, nowMs)) {
      this.#late++
      return
    }
    if (result === 'neutral') {
      this.#neutrals++
      return
    }
    const slow = details?.durationMs !== undefined && details.durationMs > this.#options.slowMs
    if (result === 'failure') {
      this.#failures++
      this.#noteRetryAfter(nowMs, details?.retryAfterMs)
    } else {
      this.#successes++
      // The server has answered since, so what it asked for is over.
      this.#retryAtMs = -Infinity
    }
    if (state.kind === 'closed') {
      const cause = this.#condition.record(nowMs, result === 'failure', slow)
      if (cause !== null) this.#open(cause, nowMs)
    } else if (state.kind === 'half-open') {
      // A circuit that opened because of slow calls does not close because of them.
      this.#judgeProbe(state, nowMs, result === 'success' && !slow)
    }
  }

  view(nowMs: number): BreakerView {
    const { window, consecutiveFailures } = this.#condition
    window.advance(nowMs)
    const probing = this.#state.kind === 'half-open' ? this.#state : null
    return {
      ...this.#effective(nowMs),
      isolated: this.#isolations.map((isolation) => isolation.reason),
      consecutiveFailures,
      calls: window.calls,
      failures: window.failures,
      slow: window.slow,
      probesInFlight: probing?.slots.live(nowMs) ?? 0,
      probeSuccesses: probing?.successes ?? 0,
      totals: {
        admitted: this.#admitted,
        refused: this.#refused,
        successes: this.#successes,
        failures: this.#failures,
        neutrals: this.#neutrals,
        late: this.#late,
        opened: this.#opened,
      },
    }
  }

  stateAt(nowMs: number): CircuitState {
    if (this.#isolations.length > 0) return 'open'
    const state = this.#state
    return state.kind === 'open' && nowMs >= state.untilMs ? 'half-open' : state.kind
  }

  concurrencyShare(nowMs: number): number {
    if (this.#isolations.length > 0) return 0
    if (this.#options.mode !== 'on') return 1
    if (this.#state.kind !== 'closed') return 0
    const steps = Math.floor((nowMs - this.#state.rampFromMs) / this.#options.rampStepMs)
    return Math.min(1, this.#options.rampShare * 2 ** Math.max(0, steps))
  }

  failuresToOpen(): number {
    if (this.#options.mode !== 'on' || this.#state.kind !== 'closed') return Infinity
    return this.#options.consecutiveFailures - this.#condition.consecutiveFailures
  }

  isolate(reason: string, nowMs: number): (nowMs: number) => void {
    const isolation: Isolation = { reason, sinceMs: nowMs }
    this.#isolations = [...this.#isolations, isolation]
    this.#announce('isolated', nowMs)
    return (releasedAtMs) => {
      this.#isolations = this.#isolations.filter((other) => other !== isolation)
      this.#announce('released', releasedAtMs)
    }
  }

  snapshot(nowMs: number, wallMs: number): BreakerSnapshot {
    const state = this.#state
    // The leases of probes mean nothing elsewhere: half open is an open time that is over.
    const openForMs = state.kind === 'closed' ? null : state.kind === 'open' ? Math.max(0, state.untilMs - nowMs) : 0
    return snapshotOf({ wallMs, openForMs, reopenings: this.#reopenings })
  }

  restore(snapshot: unknown, nowMs: number, wallMs: number): boolean {
    const restored = readSnapshot(snapshot, wallMs, this.#openMsMax())
    if (restored === null || this.#options.mode === 'off') return false
    this.#reopenings = restored.reopenings
    if (restored.openForMs === null) this.#close(nowMs, -Infinity)
    else this.#openUntil(nowMs + restored.openForMs, nowMs)
    this.#announce('restored', nowMs)
    return true
  }

  /** Why a call made now would be refused in mode `on`; null when it would pass. */
  #refusal(nowMs: number): Refusal | null {
    if (this.#isolations.length > 0) return ISOLATED
    const state = this.#state
    if (state.kind === 'closed') return null
    if (state.kind === 'open') return nowMs < state.untilMs ? state.refusal : null
    const retryAtMs = state.slots.freeAtMs(nowMs)
    return retryAtMs === null ? null : { admitted: false, reason: 'probing', retryAtMs }
  }

  /** Admits a probe: the open time is over, or a place of the half-open circuit is free. */
  #probe(nowMs: number): Admission {
    const { mode, probesMax, probeTimeoutMs } = this.#options
    const state: HalfOpen =
      this.#state.kind === 'half-open'
        ? this.#state
        : {
            kind: 'half-open',
            sinceMs: this.#state.kind === 'open' ? this.#state.untilMs : nowMs,
            slots: new ProbeSlots(probesMax),
            successes: 0,
          }
    if (state !== this.#state) this.#begin(state)
    const admission = admissionOf({
      // In mode `observe` a probe is counted as one and treated as any other call.
      probe: mode === 'on',
      generation: this.#generation,
      leaseUntilMs: nowMs + probeTimeoutMs + PROBE_LEASE_MARGIN_MS,
    })
    state.slots.take(admission.permit, nowMs)
    this.#announce('probe', nowMs)
    return admission
  }

  #judgeProbe(state: HalfOpen, nowMs: number, good: boolean): void {
    if (!good) {
      this.#reopenings++
      this.#open('probe-failed', nowMs)
      return
    }
    state.successes++
    if (state.successes < this.#options.probeSuccesses) return
    this.#reopenings = 0
    this.#close(nowMs, nowMs)
    this.#announce('recovered', nowMs)
  }

  #open(cause: TransitionCause, nowMs: number): void {
    const { openMs, openGrowth, openCapMs, openJitter } = this.#options
    const grownMs = grownWaitMs(this.#reopenings, { baseMs: openMs, growth: openGrowth, capMs: openCapMs })
    this.#opened++
    this.#openUntil(Math.max(nowMs + spreadMs(grownMs, openJitter, this.#random), this.#retryAtMs), nowMs)
    this.#announce(cause, nowMs)
  }

  #openUntil(untilMs: number, nowMs: number): void {
    const refusal: Refusal = Object.freeze({ admitted: false, reason: 'open', retryAtMs: untilMs })
    this.#begin({ kind: 'open', sinceMs: nowMs, untilMs, refusal })
  }

  #close(nowMs: number, rampFromMs: number): void {
    this.#condition.reset()
    this.#begin({ kind: 'closed', sinceMs: nowMs, rampFromMs })
    this.#ordinary = ordinaryOf(this.#generation)
  }

  #begin(state: State): void {
    this.#generation++
    this.#state = state
  }

  #noteRetryAfter(nowMs: number, retryAfterMs: number | undefined): void {
    if (retryAfterMs === undefined) return
    const waitMs = retryAfterWaitMs(retryAfterMs, this.#options.retryAfterCapMs, this.#random)
    this.#retryAtMs = Math.max(this.#retryAtMs, nowMs + waitMs)
  }

  /** The longest open time there can be. */
  #openMsMax(): number {
    const { openCapMs, openJitter, retryAfterCapMs } = this.#options
    return Math.max(
      openCapMs * (1 + openJitter),
      retryAfterWaitMs(retryAfterCapMs, retryAfterCapMs, () => 1),
    )
  }

  #effective(nowMs: number): Pick<BreakerView, 'state' | 'sinceMs' | 'untilMs'> {
    const [isolation] = this.#isolations
    if (isolation !== undefined) return { state: 'open', sinceMs: isolation.sinceMs, untilMs: null }
    const state = this.#state
    if (state.kind !== 'open') return { state: state.kind, sinceMs: state.sinceMs, untilMs: null }
    if (nowMs >= state.untilMs) return { state: 'half-open', sinceMs: state.untilMs, untilMs: null }
    return { state: 'open', sinceMs: state.sinceMs, untilMs: state.untilMs }
  }

  /** Tells the listener when the state differs from the one it knows. The last thing that any change does. */
  #announce(cause: TransitionCause, nowMs: number): void {
    const isolated = this.#isolations.length > 0
    const from = this.#announced
    const to = isolated ? 'open' : this.#state.kind
    if (from === to) return
    this.#announced = to
    const untilMs = !isolated && this.#state.kind === 'open' ? this.#state.untilMs : null
    try {
      this.#onTransition({ from, to, cause, atMs: nowMs, untilMs })
    } catch {
      // The listener's own trouble.
    }
  }
}

function admissionOf(permit: Permit): Admitted {
  return Object.freeze({ admitted: true, permit: Object.freeze(permit) })
}

function ordinaryOf(generation: number): Admitted {
  return admissionOf({ probe: false, generation, leaseUntilMs: Infinity })
}
