/**
 * `mode: 'direct'`: a call is tried at once, and stored only when it cannot be delivered now.
 *
 *     lane chain -> outbox.mayHold -> gate, shared with the engine -> sender -> delivered | tried again | stored | thrown
 *
 * Invariants
 * 1. Of a lane one call of this process is under way at a time: it was delivered, is stored or has failed before the
 *    next one begins. So nothing overtakes a call that is being stored.
 * 2. A call whose lanes the outbox may hold is stored behind what is there, never sent before it.
 * 3. What is stored is what was tried: the same id, the same time, the same body. An attempt of unknown fate and what
 *    is delivered later are one event.
 * 4. No wait outlasts the call's deadline, its caller's signal or the closing of the client, but for what the outbox
 *    itself takes; and none holds a pass of the gate.
 */
import { AbortedError, RequestError, type RequestErrorReason } from '../errors.ts'
import type { AppendResult, NewEntry } from '../outbox/outbox.ts'
import { type Admission, createAdmission, type Rival } from './admission.ts'
import type { CancelTimer } from '../runtime/clock.ts'
import { type CallEnd, DirectCall, type DirectCallParts } from './direct-call.ts'
import type { Gate, SendingGate } from './gate.ts'
import { createLaneChain, type Link } from './lane-chain.ts'
import { ENDED, Underway } from './underway.ts'

export type DirectResult = AppendResult | { readonly state: 'delivered' }

export interface DirectParts extends Omit<DirectCallParts, 'admission' | 'gate'> {
  readonly gate: Gate
  /** Resolves once the entries are durable. */
  readonly store: (entries: readonly NewEntry[]) => Promise<readonly AppendResult[]>
}

export interface Direct {
  /**
   * One call: delivers or stores it. Several entries, keyed ones and bulk ones are stored, each behind the calls of its
   * lanes. To be called in the order of the calls.
   * @throws RequestError, AbortedError, or what the outbox throws
   */
  take(entries: readonly NewEntry[], signal: AbortSignal | undefined): Promise<readonly DirectResult[]>
  /** The gate as the engine shall see it, so that calls and the engine get their turns. */
  readonly engineGate: SendingGate
  /** The engine, once there is one. */
  shareWith(engine: Rival): void
  /**
   * Ends all waits at once, and what is on its way after `timeoutMs`; resolves when every call has its end. May be called
   * again to bring that time nearer.
   */
  stop(timeoutMs: number): Promise<void>
}

/** Of the calls under way, with what waits behind them. */
const PENDING_BYTES_MAX = 64_000_000

const MESSAGES: Readonly<Record<RequestErrorReason, string>> = {
  rejected: 'Customer.io refused the call',
  expired: 'the call is older than its maxAgeMs',
  'campaign-window': 'the event is too old to trigger a campaign',
  paused: 'the call was not delivered: delivery is paused',
  parked: 'the call was not delivered: Customer.io refuses the credentials or the region, or most requests',
  circuit: 'the call was not delivered: the circuit is open',
  cooldown: 'the call was not delivered: Customer.io asked to slow down',
  rate: 'the call was not delivered: its turn by the rate limit comes too late',
  busy: 'the call was not delivered: too many requests were under way until its deadline',
  attempts: 'the call was not delivered: its attempts are spent',
  deadline: 'the call was not delivered before its deadline',
  'stored-before': 'the call was not delivered: earlier operations of the same person are stored and not delivered yet',
  closing: 'the call was not delivered: the client closes',
  failed: 'the call was not delivered',
}

export function createDirect(parts: DirectParts): Direct {
  return new DirectDelivery(parts)
}

class DirectDelivery implements Direct {
  readonly #parts: DirectParts
  readonly #admission: Admission
  readonly #chain = createLaneChain(PENDING_BYTES_MAX)
  readonly #underway = new Set<Underway>()
  /** Nothing is under way; asked for by a client that closes. */
  readonly #idle = Promise.withResolvers<void>()
  #isStopping = false
  #abortAtMs = Infinity
  #cancelAbort: CancelTimer | undefined

  constructor(parts: DirectParts) {
    this.#parts = parts
    this.#admission = createAdmission(parts.gate, parts.runtime.clock)
  }

  get engineGate(): SendingGate {
    return this.#admission.rivalGate
  }

  shareWith(engine: Rival): void {
    this.#admission.rival = engine
  }

  async take(entries: readonly NewEntry[], signal: AbortSignal | undefined): Promise<readonly DirectResult[]> {
    const startedMs = this.#parts.runtime.clock.monotonicMs()
    const bytes = entries.reduce((sum, { body }) => sum + body.length, 0)
    const link = this.#chain.join(
      entries.flatMap((entry) => entry.lanes),
      bytes,
    )
    const underway = new Underway(signal)
    this.#underway.add(underway)
    try {
      await this.#turn(link, underway)
      return await this.#deliverOrStore(entries, underway, startedMs)
    } catch (error) {
      throw error === ABORTED
        ? new AbortedError(signal?.reason, 'the call was aborted by its signal before its end was known')
        : error
    } finally {
      underway.release()
      this.#underway.delete(underway)
      link.leave()
      if (this.#underway.size === 0 && this.#isStopping) this.#idle.resolve()
    }
  }

  async stop(timeoutMs: number): Promise<void> {
    const { clock } = this.#parts.runtime
    this.#isStopping = true
    for (const underway of this.#underway) underway.hurry()
    const abortAtMs = clock.monotonicMs() + timeoutMs
    if (abortAtMs < this.#abortAtMs) {
      this.#abortAtMs = abortAtMs
      this.#cancelAbort?.()
      this.#cancelAbort = clock.timer(timeoutMs, () => {
        for (const underway of this.#underway) underway.abort()
      })
    }
    if (this.#underway.size > 0) await this.#idle.promise
    this.#cancelAbort?.()
  }

  async #turn(link: Link, underway: Underway): Promise<void> {
    if (link.turn === undefined) return
    const turn = await underway.unlessEnded(link.turn)
    if (turn !== ENDED) return
    if (underway.endedBy === 'caller') throw ABORTED
    // Those before it end soon as well, and it must not be stored before them.
    await link.turn
  }

  async #deliverOrStore(
    entries: readonly NewEntry[],
    underway: Underway,
    startedMs: number,
  ): Promise<readonly DirectResult[]> {
    const [entry] = entries
    // A key must be on the disk before the first attempt, or a crash in between would forget it.
    const isTried = entry !== undefined && entries.length === 1 && !entry.keyed && entry.priority === 'live'
    if (!isTried) return this.#parts.store(entries)
    const call = new DirectCall(entry, underway, startedMs, { ...this.#parts, admission: this.#admission })
    const end = await call.run()
    if (end.kind === 'delivered') return [DELIVERED]
    if (underway.endedBy === 'caller') throw ABORTED
    if (end.kind === 'refused' || !this.#parts.options.fallbackEnabled) throw this.#errorOf(end, call)
    return this.#parts.store(entries)
  }

  #errorOf(end: CallEnd & { readonly kind: 'refused' | 'not-now' }, call: DirectCall): RequestError {
    const reason = end.reason === 'ended' ? 'closing' : end.reason
    const answer = call.status === undefined ? '' : ` (status ${call.status})`
    return new RequestError(MESSAGES[reason] + answer, {
      reason,
      status: call.status,
      body: call.body === undefined ? undefined : this.#parts.sender.excerptOf(call.body),
      attempts: call.attempts,
      ...(end.kind === 'not-now' ? { retryAfterMs: end.retryAfterMs } : {}),
    })
  }
}

const DELIVERED: DirectResult = Object.freeze({ state: 'delivered' })

/** Inside: the caller's signal has ended the call. */
const ABORTED = new Error('aborted')
