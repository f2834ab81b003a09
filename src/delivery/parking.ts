/**
 * The parked workspace: when Customer.io refuses us rather than our data (wrong credentials, wrong region, or most
 * requests refused for a reason of their own), nothing is sent but a probe at growing intervals, and nothing dies.
 *
 * - `credentials`: one 401 or 403 parks. Any other answer to a probe unparks.
 * - `mostly-rejected`: over half of a minute's requests, at least five, were answered as rejected. Only an answer that
 *   accepts or refuses on its merits unparks. Entries rejected meanwhile are to be kept, not buried: the fault is ours.
 *
 * A failure, a 429 and an abort are no answers to the question, so after them the workspace stays parked.
 *
 * Invariants
 * 1. Only the probe unparks, and only a request that began since the last change parks: late answers change nothing.
 * 2. One probe at a time, under a lease: a probe that is lost does not keep the workspace parked.
 */
import { grownWaitMs, spreadMs } from '../resilience/backoff.ts'
import { FailureWindow } from '../resilience/failure-window.ts'
import type { Random } from '../runtime/runtime.ts'

export type ParkedReason = 'credentials' | 'mostly-rejected'

export interface Parked {
  /** Monotonic. */
  readonly sinceMs: number
  readonly reason: ParkedReason
  /** Of the answer that parked. */
  readonly status: number
}

/** One request's place in the story; given back with its answer. */
export interface ParkingTicket {
  readonly period: number
  readonly probe: boolean
  /** Monotonic; Infinity unless it is a probe. */
  readonly leaseUntilMs: number
}

/** The answer to a request as a whole. An `Outcome` is one. */
export type Answer =
  | { readonly kind: 'delivered' | 'aborted' }
  | { readonly kind: 'retry' | 'throttled'; readonly afterMs?: number }
  | { readonly kind: 'unauthorized' | 'refused' | 'rejected'; readonly status: number }

export interface Judgement {
  /** `park`: the entries are to be tried again although the answer alone would bury them. */
  readonly verdict: 'as-is' | 'park'
  readonly change: 'parked' | 'unparked' | null
}

const PROBE_WAIT = { baseMs: 5_000, growth: 1.5, capMs: 60_000 } as const
const PROBE_JITTER = 0.2
const REJECTED_WINDOW_MS = 60_000
const REJECTED_REQUESTS_MIN = 5
const REJECTED_RATIO = 0.5

const AS_IS: Judgement = Object.freeze({ verdict: 'as-is', change: null })

export class Parking {
  readonly #probeLeaseMs: number
  readonly #random: Random
  readonly #requests = new FailureWindow(REJECTED_WINDOW_MS)
  #parked: Parked | null = null
  /** Number of changes so far. */
  #period = 0
  #ordinary: ParkingTicket = ordinaryOf(0)
  #probe: ParkingTicket | null = null
  #probeAtMs = -Infinity
  /** Probes in a row that were answered as the workspace was when it was parked. */
  #probes = 0

  constructor(probeLeaseMs: number, random: Random) {
    this.#probeLeaseMs = probeLeaseMs
    this.#random = random
  }

  get parked(): Parked | null {
    return this.#parked
  }

  /** Monotonic time from which a request may go, as far as parking is concerned; null when it may go now. */
  closedUntilMs(nowMs: number): number | null {
    if (this.#parked === null) return null
    const untilMs = Math.max(this.#probeAtMs, this.#probe?.leaseUntilMs ?? -Infinity)
    return nowMs < untilMs ? untilMs : null
  }

  /** The caller has seen that a request may go. While parked, it is the probe. */
  enter(nowMs: number): ParkingTicket {
    if (this.#parked === null) return this.#ordinary
    this.#probe = { period: this.#period, probe: true, leaseUntilMs: nowMs + this.#probeLeaseMs }
    return this.#probe
  }

  leave(ticket: ParkingTicket, answer: Answer, nowMs: number): Judgement {
    if (this.#parked === null) return this.#judgeOrdinary(ticket, answer, nowMs)
    if (ticket === this.#probe) return this.#judgeProbe(this.#parked, answer, nowMs)
    return { ...AS_IS, verdict: answer.kind === 'rejected' ? this.#verdictOfRejected() : 'as-is' }
  }

  /** Lets the next probe go at once: someone has changed something and wants to know. */
  probeSoon(): void {
    this.#probeAtMs = -Infinity
  }

  #judgeOrdinary(ticket: ParkingTicket, answer: Answer, nowMs: number): Judgement {
    if (ticket.period !== this.#period) return AS_IS
    switch (answer.kind) {
      case 'unauthorized':
        return this.#park('credentials', answer.status, nowMs)
      case 'rejected':
        this.#requests.record(nowMs, true, false)
        return this.#mostlyRejected() ? this.#park('mostly-rejected', answer.status, nowMs) : AS_IS
      case 'delivered':
      case 'refused':
        this.#requests.record(nowMs, false, false)
        return AS_IS
      default:
        return AS_IS
    }
  }

  #judgeProbe(parked: Parked, answer: Answer, nowMs: number): Judgement {
    this.#probe = null
    switch (answer.kind) {
      case 'unauthorized':
        if (parked.reason !== 'credentials') return this.#park('credentials', answer.status, nowMs)
        this.#probes++
        break
      case 'rejected':
        if (parked.reason !== 'mostly-rejected') return this.#unpark()
        this.#probes++
        break
      case 'delivered':
      case 'refused':
        return this.#unpark()
      default:
    }
    this.#probeLater(nowMs)
    return { ...AS_IS, verdict: answer.kind === 'rejected' ? 'park' : 'as-is' }
  }

  #park(reason: ParkedReason, status: number, nowMs: number): Judgement {
    this.#parked = { sinceMs: nowMs, reason, status }
    this.#change()
    this.#probeLater(nowMs)
    return { verdict: this.#verdictOfRejected(), change: 'parked' }
  }

  #unpark(): Judgement {
    this.#parked = null
    this.#change()
    return { verdict: 'as-is', change: 'unparked' }
  }

  #change(): void {
    this.#period++
    this.#ordinary = ordinaryOf(this.#period)
    this.#probe = null
    this.#probes = 0
    this.#requests.reset()
  }

  #probeLater(nowMs: number): void {
    this.#probeAtMs = nowMs + spreadMs(grownWaitMs(this.#probes, PROBE_WAIT), PROBE_JITTER, this.#random)
  }

  #mostlyRejected(): boolean {
    const { calls, failures } = this.#requests
    return calls >= REJECTED_REQUESTS_MIN && failures > REJECTED_RATIO * calls
  }

  #verdictOfRejected(): 'as-is' | 'park' {
    return this.#parked?.reason === 'mostly-rejected' ? 'park' : 'as-is'
  }
}

function ordinaryOf(period: number): ParkingTicket {
  return Object.freeze({ period, probe: false, leaseUntilMs: Infinity })
}
