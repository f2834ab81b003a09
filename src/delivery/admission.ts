/**
 * Calls that wait for the gate, first come first served, beside the engine, which waits for the same gate.
 *
 * Invariants
 * 1. A pass goes to the call that has waited longest. A place or a token that is wanted by calls and by the engine goes
 *    to the two in turn, so that neither a backlog nor a crowd of callers starves the other.
 * 2. Nobody waits in vain: pause, parking and an open circuit refuse all who wait; who would get its turn too late by
 *    the rate of now is refused when it comes; who is still here when it is too late is refused then.
 * 3. One timer for the gate and one for each call that waits. The length is bounded by who lets calls in.
 */
import type { GateReason } from '../observe/events.ts'
import { assert } from '../runtime/assert.ts'
import type { CancelTimer, Clock } from '../runtime/clock.ts'
import type { Gate, GateState, Pass, SendingGate } from './gate.ts'

/** `busy`: all places were taken until it was too late. `ended`: its signal ended the wait. */
export type Refusal = {
  readonly refused: GateReason | 'busy' | 'ended'
  /** When it is worth trying again, where that is known. */
  readonly retryAfterMs: number | undefined
}

export type Admitted<Launched> = { readonly launched: Launched } | Refusal

/** What is asked of the engine that shares the gate. */
export interface Rival {
  /** It would take a pass now, if it got one. */
  readonly ready: boolean
}

export interface Admission {
  /**
   * Launches with a pass in the very moment in which the gate gives it, or says why there is none.
   * @param latestMs monotonic: a pass is of no use after it.
   * @param launch must not throw, and must leave the gate in the end.
   */
  enter<Launched>(latestMs: number, signal: AbortSignal, launch: (pass: Pass) => Launched): Promise<Admitted<Launched>>
  /** Calls that wait. */
  readonly waiting: number
  /** The gate as the engine shall see it: closed for a moment when it is a call's turn. */
  readonly rivalGate: SendingGate
  /** The engine, once there is one. */
  rival: Rival | undefined
}

/** How long a side that waits may take to notice that it is its turn. */
const YIELD_MS = 1
const ROOM_LOOK_MS = 100

/** Reasons that mend themselves while a call waits; for the others it is not worth waiting. */
export function passes(reason: GateReason): boolean {
  return reason === 'rate' || reason === 'cooldown'
}

interface Waiter {
  readonly latestMs: number
  readonly refuse: (refusal: Refusal) => void
  readonly launch: (pass: Pass) => void
}

const ENDED: Refusal = Object.freeze({ refused: 'ended', retryAfterMs: undefined })

export function createAdmission(gate: Gate, clock: Clock): Admission {
  return new GateQueue(gate, clock)
}

class GateQueue implements Admission {
  readonly #gate: Gate
  readonly #clock: Clock
  readonly #waiters = new Set<Waiter>()
  readonly rivalGate: SendingGate
  rival: Rival | undefined
  #cancelTimer: CancelTimer | undefined
  /** Who got the last pass. */
  #last: 'call' | 'rival' = 'rival'
  #hasYielded = false
  #isLetting = false
  /** Until when a cooldown was seen to last that refused who cannot wait for its end. */
  #sweptUntilMs = -Infinity

  constructor(gate: Gate, clock: Clock) {
    this.#gate = gate
    this.#clock = clock
    this.rivalGate = this.#gateForRival()
    gate.watch(() => this.#letIn())
  }

  get waiting(): number {
    return this.#waiters.size
  }

  enter<Launched>(
    latestMs: number,
    signal: AbortSignal,
    launch: (pass: Pass) => Launched,
  ): Promise<Admitted<Launched>> {
    if (signal.aborted) return Promise.resolve(ENDED)
    const late = this.#tooLate(latestMs)
    if (late !== undefined) return Promise.resolve(late)
    return new Promise((resolve) => {
      let cancel: CancelTimer | undefined
      const leave = (): boolean => {
        cancel?.()
        signal.removeEventListener('abort', onAbort)
        return this.#waiters.delete(waiter)
      }
      const waiter: Waiter = {
        latestMs,
        refuse: (refusal) => leave() && resolve(refusal),
        launch: (pass) => leave() && resolve({ launched: launch(pass) }),
      }
      const onAbort = (): void => waiter.refuse(ENDED)
      this.#waiters.add(waiter)
      this.#letIn()
      if (!this.#waiters.has(waiter)) return
      signal.addEventListener('abort', onAbort, { once: true })
      // Somebody awaits this call, and nothing else may keep the process alive for it.
      cancel = this.#clock.timer(latestMs - this.#clock.monotonicMs(), () => waiter.refuse(this.#whyNot()), 'held')
    })
  }

  /** By the rate of now and those who wait already, where it is the rate that they wait for. */
  #tooLate(latestMs: number): Refusal | undefined {
    const nowMs = this.#clock.monotonicMs()
    const state = this.#gate.check(nowMs)
    if (state.open || !passes(state.reason)) return undefined
    const { perSecond } = this.#gate.view(nowMs).rate
    const turnMs = (state.untilMs ?? nowMs) + (this.#waiters.size * 1_000) / perSecond
    return turnMs > latestMs ? { refused: state.reason, retryAfterMs: turnMs - nowMs } : undefined
  }

  #letIn(): void {
    // An event of the gate may bring another call here in the middle of the round, which then goes on with it.
    if (this.#isLetting) return
    this.#isLetting = true
    try {
      for (const waiter of this.#waiters) if (!this.#letInOne(waiter)) break
    } finally {
      this.#isLetting = false
    }
    if (this.#waiters.size === 0) this.#cancelTimer?.()
  }

  /** Says whether the next one may get its turn too. */
  #letInOne(waiter: Waiter): boolean {
    const nowMs = this.#clock.monotonicMs()
    const state = this.#gate.check(nowMs)
    if (!state.open) {
      this.#closed(state, nowMs)
      return false
    }
    if (!this.#hasRoom(state, nowMs)) {
      // Whoever leaves a place looks here again; after an outage there also come to be more of them with time.
      this.#lookIn(ROOM_LOOK_MS)
      return false
    }
    if (this.#last === 'call' && this.rival?.ready === true && !this.#hasYielded) {
      this.#hasYielded = true
      this.#lookIn(YIELD_MS)
      return false
    }
    const pass = this.#gate.enter(nowMs)
    assert(pass !== undefined, 'an open gate lets one pass')
    this.#last = 'call'
    this.#hasYielded = false
    waiter.launch(pass)
    return true
  }

  #closed(state: GateState & { readonly open: false }, nowMs: number): void {
    const retryAfterMs = state.untilMs === null ? undefined : state.untilMs - nowMs
    if (!passes(state.reason) || state.untilMs === null) {
      for (const waiter of [...this.#waiters]) waiter.refuse({ refused: state.reason, retryAfterMs })
      return
    }
    if (state.reason === 'cooldown' && state.untilMs !== this.#sweptUntilMs) {
      this.#sweptUntilMs = state.untilMs
      for (const waiter of [...this.#waiters]) {
        if (waiter.latestMs < state.untilMs) waiter.refuse({ refused: 'cooldown', retryAfterMs })
      }
    }
    this.#lookIn(state.untilMs - nowMs)
  }

  #lookIn(delayMs: number): void {
    this.#cancelTimer?.()
    this.#cancelTimer = this.#clock.timer(delayMs, () => this.#letIn())
  }

  #hasRoom(state: GateState & { readonly open: true }, nowMs: number): boolean {
    return state.probe || this.#gate.inFlight < this.#gate.concurrencyMax(nowMs)
  }

  #whyNot(): Refusal {
    const nowMs = this.#clock.monotonicMs()
    const state = this.#gate.check(nowMs)
    if (state.open) return { refused: 'busy', retryAfterMs: undefined }
    return { refused: state.reason, retryAfterMs: state.untilMs === null ? undefined : state.untilMs - nowMs }
  }

  #gateForRival(): SendingGate {
    const gate = this.#gate
    const isCallsTurn = (state: GateState, nowMs: number): boolean =>
      state.open && !state.probe && this.#last === 'rival' && this.#waiters.size > 0 && this.#hasRoom(state, nowMs)
    return {
      check: (nowMs) => {
        const state = gate.check(nowMs)
        return isCallsTurn(state, nowMs) ? { open: false, reason: 'rate', untilMs: nowMs + YIELD_MS } : state
      },
      enter: (nowMs) => {
        const pass = gate.enter(nowMs)
        if (pass !== undefined) this.#last = 'rival'
        return pass
      },
      get inFlight() {
        return gate.inFlight
      },
      leave: (pass, report, nowMs) => gate.leave(pass, report, nowMs),
      concurrencyMax: (nowMs) => gate.concurrencyMax(nowMs),
      watch: (listener) => gate.watch(listener),
      timeoutMs: (pass, normalMs) => gate.timeoutMs(pass, normalMs),
    }
  }
}
