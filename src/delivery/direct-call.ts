/**
 * One call on its direct way: asks for its lane, waits for the gate, is attempted, waits and is attempted again, until
 * its end is known. It stores nothing and throws only what the outbox throws; what its end means is for `direct.ts`.
 */
import type { RequestErrorReason } from '../errors.ts'
import { storedOf } from '../outbox/entry.ts'
import type { NewEntry, Outbox } from '../outbox/outbox.ts'
import { encodeCall, type HttpParts } from '../protocol/encode.ts'
import type { Outcome } from '../protocol/outcome.ts'
import type { TraceContext } from '../protocol/trace-context.ts'
import { backoffMs, type ResolvedBackoffOptions, withRetryAfterMs } from '../resilience/backoff.ts'
import { rateLimiterDefaults } from '../resilience/rate-limiter.ts'
import { unreachable } from '../runtime/assert.ts'
import { sleep } from '../runtime/clock.ts'
import { type Admission, passes } from './admission.ts'
import { type AttemptParts, attemptWith, type Judged, NO_OUTCOME } from './attempt.ts'
import type { Pass } from './gate.ts'
import { ENDED, type Underway } from './underway.ts'
import { lateVerdict, type VerdictPolicy } from './verdict.ts'

export interface DirectOptions {
  /** Attempts of one call that may fail. A 429 is no failure: it makes everybody wait. */
  readonly attemptsMax: number
  readonly backoff: ResolvedBackoffOptions
  readonly callTimeoutMs: number
  /** From the call to its end, but for the write of what is stored then. */
  readonly deadlineMs: number
  /** What cannot be delivered now is stored; otherwise it is thrown. */
  readonly fallbackEnabled: boolean
  readonly afterCampaignWindow: VerdictPolicy['afterCampaignWindow']
}

export interface DirectCallParts extends AttemptParts {
  readonly admission: Admission
  readonly options: DirectOptions
  /** The open outbox. */
  readonly outbox: () => Promise<Pick<Outbox, 'mayHold'>>
}

export type CallEnd =
  | { readonly kind: 'delivered' }
  /** It will never be delivered. */
  | { readonly kind: 'refused'; readonly reason: 'rejected' | 'expired' | 'campaign-window' }
  | {
      readonly kind: 'not-now'
      readonly reason: Exclude<RequestErrorReason, 'rejected' | 'expired' | 'campaign-window' | 'failed'> | 'ended'
      readonly retryAfterMs?: number | undefined
    }

/** An attempt with less time than this says nothing about Customer.io, only about the deadline. */
const ATTEMPT_MS_MIN = 1_000
const ATTEMPT_SHARE_MIN = 0.25
/** How often a call that must not be stored asks whether what is stored before it has gone. */
const HELD_LOOK_MS = 100

const DELIVERED: CallEnd = Object.freeze({ kind: 'delivered' })
const REJECTED: CallEnd = Object.freeze({ kind: 'refused', reason: 'rejected' })

export class DirectCall {
  readonly #entry: NewEntry
  readonly #underway: Underway
  readonly #parts: DirectCallParts
  readonly #deadlineMs: number
  /** The last moment at which an attempt is worth beginning. */
  readonly #latestMs: number
  #sending: { readonly request: HttpParts; readonly traces: readonly TraceContext[] } | undefined
  #failures = 0
  /** Requests that were sent. */
  attempts = 0
  /** Of the newest answer. */
  status: number | undefined
  body: string | undefined

  /** @param startedMs monotonic: when the call was made */
  constructor(entry: NewEntry, underway: Underway, startedMs: number, parts: DirectCallParts) {
    const { deadlineMs } = parts.options
    this.#entry = entry
    this.#underway = underway
    this.#parts = parts
    this.#deadlineMs = startedMs + deadlineMs
    this.#latestMs = this.#deadlineMs - Math.min(ATTEMPT_MS_MIN, deadlineMs * ATTEMPT_SHARE_MIN)
  }

  async run(): Promise<CallEnd> {
    for (;;) {
      const end = this.#stopsHere() ?? (await this.#waitForLane()) ?? (await this.#attempt())
      if (end !== undefined) return end
    }
  }

  /** What is known without asking anybody. */
  #stopsHere(): CallEnd | undefined {
    const { runtime, gate, options } = this.#parts
    const nowMs = runtime.clock.monotonicMs()
    if (this.#underway.endedBy !== undefined) return { kind: 'not-now', reason: 'ended' }
    const late = lateVerdict(this.#entry, runtime.clock.wallMs(), options)
    if (late !== undefined) return { kind: 'refused', reason: late.reason }
    if (nowMs > this.#latestMs) return { kind: 'not-now', reason: 'deadline' }
    const state = gate.check(nowMs)
    if (state.open || passes(state.reason)) return undefined
    const retryAfterMs = state.untilMs === null ? undefined : state.untilMs - nowMs
    return { kind: 'not-now', reason: state.reason, retryAfterMs }
  }

  async #waitForLane(): Promise<CallEnd | undefined> {
    const { clock } = this.#parts.runtime
    for (;;) {
      const isHeld = await this.#underway.unlessEnded(this.#isHeld())
      if (isHeld === ENDED) return { kind: 'not-now', reason: 'ended' }
      if (!isHeld) return undefined
      const isSpent = clock.monotonicMs() + HELD_LOOK_MS > this.#latestMs
      if (this.#parts.options.fallbackEnabled || isSpent) return { kind: 'not-now', reason: 'stored-before' }
      await sleep(clock, HELD_LOOK_MS, this.#underway.waits, 'held')
    }
  }

  async #isHeld(): Promise<boolean> {
    const outbox = await this.#parts.outbox()
    return outbox.mayHold(this.#entry.lanes)
  }

  /** Undefined when it is to be tried again, and the wait for that is over. */
  async #attempt(): Promise<CallEnd | undefined> {
    const { admission } = this.#parts
    const admitted = await admission.enter(this.#latestMs, this.#underway.waits, (pass) => this.#send(pass))
    if ('refused' in admitted) {
      return { kind: 'not-now', reason: admitted.refused, retryAfterMs: admitted.retryAfterMs }
    }
    const { attempt, verdict } = await admitted.launched
    if (attempt.status !== null) {
      this.status = attempt.status
      this.body = attempt.body ?? undefined
    }
    return this.#endOf(attempt.outcomes[0] ?? NO_OUTCOME, verdict)
  }

  async #send(pass: Pass): Promise<Judged> {
    const { gate, runtime, options } = this.#parts
    const leftMs = this.#deadlineMs - runtime.clock.monotonicMs()
    this.#sending ??= sendingOf(this.#entry)
    this.attempts++
    const timeoutMs = Math.max(1, Math.min(gate.timeoutMs(pass, options.callTimeoutMs), leftMs))
    return attemptWith(pass, { ...this.#sending, entries: 1, timeoutMs, signal: this.#underway.flight }, this.#parts)
  }

  #endOf(outcome: Outcome, verdict: 'as-is' | 'park'): CallEnd | undefined | Promise<CallEnd | undefined> {
    switch (outcome.kind) {
      case 'delivered':
        return DELIVERED
      case 'refused':
        return REJECTED
      case 'rejected':
        return verdict === 'park' ? { kind: 'not-now', reason: 'parked' } : REJECTED
      case 'unauthorized':
        return { kind: 'not-now', reason: 'parked' }
      case 'aborted':
        return { kind: 'not-now', reason: 'ended' }
      // The gate makes everybody wait, this call too.
      case 'throttled':
        return undefined
      case 'retry':
        return this.#again(outcome)
      default:
        return unreachable(outcome)
    }
  }

  async #again(outcome: Outcome & { readonly kind: 'retry' }): Promise<CallEnd | undefined> {
    const { options, runtime, events } = this.#parts
    const { clock, random } = runtime
    this.#failures++
    const ownMs = backoffMs(this.#failures - 1, options.backoff, random)
    const delayMs = withRetryAfterMs(ownMs, outcome.afterMs, rateLimiterDefaults.retryAfterCapMs, random)
    if (this.#failures >= options.attemptsMax) return { kind: 'not-now', reason: 'attempts', retryAfterMs: delayMs }
    if (clock.monotonicMs() + delayMs > this.#latestMs) {
      return { kind: 'not-now', reason: 'deadline', retryAfterMs: delayMs }
    }
    events.emit({ type: 'retrying', entries: 1, reason: outcome.reason, delayMs })
    await sleep(clock, delayMs, this.#underway.waits, 'held')
    return undefined
  }
}

function sendingOf(entry: NewEntry): { readonly request: HttpParts; readonly traces: readonly TraceContext[] } {
  const { call, trace } = storedOf(entry.body)
  return { request: encodeCall(call), traces: trace === undefined ? [] : [trace] }
}
