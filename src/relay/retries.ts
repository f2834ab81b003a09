/**
 * Retries of requests. A client that got no answer sends its request again with `X-Retry-Count: 1`, 2, ...; where the
 * relay had stored it, that retry is the same operation and gets the same answer.
 *
 * A request has no name, so it is known by its content: workspace, method, target, body. Two different operations may have
 * the same content, and none of them may be lost:
 * 1. Only what says that it is a retry is taken for one.
 * 2. A retry belongs to a request that was accepted and that no retry of its number has had: two equal events, each sent
 *    twice, are two.
 * 3. What the relay refused (429, 503) or never got whole is counted; the retry of that is new. One that is refused before
 *    its body was read is known by its head and its length alone.
 * 4. An accepted request is remembered for `answeredMs` after its answer was given, for `unansweredMs` after it was
 *    accepted where the answer could not be written, and as long as it is being stored.
 * 5. In doubt a retry is new: where a bound of what is remembered was met, more is stored twice, and nothing is lost.
 *
 * What cannot be told apart
 * - A first attempt that never reached the relay (no connection, a proxy's 502), of an operation with the same content as
 *   one that was answered less than `answeredMs` before: its retry is taken for that one's.
 * - A client that gives up after a refusal leaves it behind, and so does one whose retry was turned away before its body
 *   was read (nobody knows of what that was a retry): one retry of an equal request in `refusedMs` is then stored a second
 *   time.
 * - A first attempt that arrives after its own retry is stored a second time; so is a retry that comes later than the times
 *   above, and one of a client that does not say that it retries (Python's and Ruby's).
 * An event with an `id` of its own, or a request with an `Idempotency-Key`, has none of these cases.
 */
import type { Clock } from '../runtime/clock.ts'
import { type Attempted, claimFor } from './attempts.ts'

/** What an accepted request was answered. */
export interface Accepted {
  readonly status: number
  readonly id: string
  readonly operations: number
  /** Null for the usual one. */
  readonly body: string | null
}

/** How a request is known. */
export interface Identity {
  readonly content: string
  readonly head: string
  /** 0 for a first attempt. */
  readonly attempt: number
}

/** A request that is being stored, or was. */
export interface Acceptance {
  /** What came of it; undefined when it was refused. */
  readonly accepted: Promise<Accepted | undefined>
  stored(accepted: Accepted): void
  /** It could not be stored now: its retry is new. */
  refused(): void
  /** It can never be stored: nobody will ask for it. */
  invalid(): void
  /** The answer was given; `written` is false where the client is known to have gone. */
  answered(written: boolean): void
}

export interface Retries {
  /** Whether this must be new: a first attempt, the retry of one that was refused (which is then used up), or in doubt. */
  isNew(identity: Identity): boolean
  /** The accepted request that this retry belongs to. */
  earlier(identity: Identity): Acceptance | undefined
  begin(identity: Identity): Acceptance
  /** One that was refused before it could be begun. */
  refused(identity: Identity): void
  /** One that was turned away, or broke off, before its content was known. */
  turnedAway(identity: Omit<Identity, 'content'>): void
  readonly size: number
  close(): void
}

export interface RetriesOptions {
  readonly answeredMs: number
  readonly unansweredMs: number
  readonly refusedMs: number
  /** Accepted requests that are remembered, and as many refusals. */
  readonly requestsMax: number
}

export const RETRIES_DEFAULTS: RetriesOptions = Object.freeze({
  answeredMs: 10_000,
  unansweredMs: 60_000,
  refusedMs: 120_000,
  requestsMax: 100_000,
})

/** Bodies of answers that are kept. Nearly all answers have the usual one, which takes nothing. */
const BODIES_CHARS_MAX = 16_000_000

/** Of one content. Whoever sends the same thing more often in ten seconds has no use for what tells them apart. */
const EQUAL_MAX = 100

const SWEEP_MS = 5_000
/** Looked at with each request. */
const SWEEP_STEP = 2

export function createRetries(clock: Clock, options: RetriesOptions = RETRIES_DEFAULTS): Retries {
  return new RememberedRequests(clock, options)
}

interface Refusal {
  readonly attempts: number[]
  untilMs: number
}

class RememberedRequests implements Retries {
  readonly #clock: Clock
  readonly #options: RetriesOptions
  /** By content; the oldest first, roughly. */
  readonly #remembered = new Map<string, Remembered[]>()
  /** By content and by head. */
  readonly #refusals = new Map<string, Refusal>()
  #count = 0
  #bodiesChars = 0
  /** Until then a refusal may have been forgotten, and every retry is new. */
  #blindUntilMs = -Infinity
  #cancelSweep: (() => void) | undefined

  constructor(clock: Clock, options: RetriesOptions) {
    this.#clock = clock
    this.#options = options
  }

  get size(): number {
    return this.#count
  }

  isNew({ content, head, attempt }: Identity): boolean {
    if (attempt === 0 || this.#clock.monotonicMs() < this.#blindUntilMs) return true
    return this.#useUp(content, attempt) || this.#useUp(head, attempt)
  }

  earlier({ content, attempt }: Identity): Acceptance | undefined {
    const nowMs = this.#clock.monotonicMs()
    const fresh = this.#remembered.get(content)?.filter((request) => request.untilMs > nowMs) ?? []
    return attempt === 0 ? undefined : claimFor(fresh, attempt)
  }

  begin({ content, attempt }: Identity): Acceptance {
    this.#sweep(SWEEP_STEP)
    this.#cancelSweep ??= this.#clock.timer(SWEEP_MS, () => this.#sweepAll())
    const request = new Remembered(attempt, content, this)
    const equal = this.#remembered.get(content)
    if (equal === undefined) this.#remembered.set(content, [request])
    else {
      equal.push(request)
      // It is the youngest now.
      this.#remembered.delete(content)
      this.#remembered.set(content, equal)
      if (equal.length > EQUAL_MAX) this.#forget(content, equal[0]!)
    }
    this.#count++
    while (this.#count > this.#options.requestsMax) {
      const [oldest] = this.#remembered
      if (oldest === undefined) break
      this.#forget(oldest[0], oldest[1][0]!)
    }
    return request
  }

  refused({ content, attempt }: Identity): void {
    this.#addRefusal(content, attempt)
  }

  /** One that had begun. */
  withdrawn(request: Remembered, isRefused: boolean): void {
    this.#forget(request.content, request)
    if (isRefused) this.#addRefusal(request.content, request.attempts[0]!)
  }

  isAnswered(request: Remembered, written: boolean): void {
    const { answeredMs, unansweredMs } = this.#options
    const ifWritten = this.#clock.monotonicMs() + answeredMs
    request.untilMs = written ? ifWritten : Math.max(ifWritten, request.acceptedAtMs + unansweredMs)
  }

  turnedAway({ head, attempt }: Omit<Identity, 'content'>): void {
    this.#addRefusal(head, attempt)
  }

  close(): void {
    this.#cancelSweep?.()
    this.#remembered.clear()
    this.#refusals.clear()
    this.#count = 0
  }

  isStored(request: Remembered, accepted: Accepted): void {
    const nowMs = this.#clock.monotonicMs()
    request.acceptedAtMs = nowMs
    request.untilMs = nowMs + this.#options.unansweredMs
    if (accepted.body === null || request.isForgotten) return
    request.bodyChars = accepted.body.length
    this.#bodiesChars += request.bodyChars
    if (this.#bodiesChars > BODIES_CHARS_MAX) this.#forget(request.content, request)
  }

  #forget(content: string, request: Remembered): void {
    if (request.isForgotten) return
    request.isForgotten = true
    this.#count--
    this.#bodiesChars -= request.bodyChars
    const equal = this.#remembered.get(content)
    if (equal === undefined) return
    if (equal.length === 1) this.#remembered.delete(content)
    else equal.splice(equal.indexOf(request), 1)
  }

  #addRefusal(key: string, attempt: number): void {
    const nowMs = this.#clock.monotonicMs()
    const { refusedMs, requestsMax } = this.#options
    const known = this.#refusals.get(key)
    const refusal = known === undefined || known.untilMs <= nowMs ? { attempts: [], untilMs: 0 } : known
    refusal.attempts.push(attempt)
    refusal.untilMs = nowMs + refusedMs
    // The youngest last.
    this.#refusals.delete(key)
    this.#refusals.set(key, refusal)
    if (refusal.attempts.length > EQUAL_MAX) this.#forgetRefusal(key, refusal, nowMs)
    const [oldest] = this.#refusals
    if (this.#refusals.size > requestsMax && oldest !== undefined) this.#forgetRefusal(...oldest, nowMs)
  }

  /** Where it has not ended by itself, nobody knows any more what is a retry of it. */
  #forgetRefusal(key: string, { untilMs }: Refusal, nowMs: number): void {
    this.#refusals.delete(key)
    if (untilMs > nowMs) this.#blindUntilMs = Math.max(this.#blindUntilMs, untilMs)
  }

  /** Uses up the newest refusal of an attempt before this one. */
  #useUp(key: string, attempt: number): boolean {
    const refusal = this.#refusals.get(key)
    if (refusal === undefined || refusal.untilMs <= this.#clock.monotonicMs()) return false
    const newest = Math.max(-1, ...refusal.attempts.filter((refused) => refused < attempt))
    if (newest === -1) return false
    refusal.attempts.splice(refusal.attempts.indexOf(newest), 1)
    if (refusal.attempts.length === 0) this.#refusals.delete(key)
    return true
  }

  #sweepAll(): void {
    const nowMs = this.#clock.monotonicMs()
    this.#sweep(Infinity)
    for (const [key, { untilMs }] of this.#refusals) {
      if (untilMs > nowMs) break
      this.#refusals.delete(key)
    }
    const isEmpty = this.#count === 0 && this.#refusals.size === 0
    this.#cancelSweep = isEmpty ? undefined : this.#clock.timer(SWEEP_MS, () => this.#sweepAll())
  }

  /** Takes away what is over, from the oldest on. */
  #sweep(steps: number): void {
    const nowMs = this.#clock.monotonicMs()
    let left = Math.min(steps, this.#remembered.size)
    for (const [content, equal] of this.#remembered) {
      if (left-- <= 0) break
      for (const request of equal.filter(({ untilMs }) => untilMs <= nowMs)) this.#forget(content, request)
      const rest = this.#remembered.get(content)
      if (rest === undefined) continue
      // Those that are kept for longer must not hide what is over behind them.
      const isLong = rest.every(({ untilMs }) => untilMs > nowMs + this.#options.answeredMs)
      if (!isLong) break
      this.#remembered.delete(content)
      this.#remembered.set(content, rest)
    }
  }
}

class Remembered implements Acceptance, Attempted {
  readonly attempts: number[]
  acceptedAtMs = 0
  /** As long as it is being stored, it is not over. */
  untilMs = Infinity
  bodyChars = 0
  isForgotten = false
  readonly content: string
  readonly #all: RememberedRequests
  #accepted: Accepted | undefined
  #isKnown = false
  #tell: ((accepted: Accepted | undefined) => void)[] = NOBODY

  constructor(attempt: number, content: string, all: RememberedRequests) {
    this.attempts = [attempt]
    this.content = content
    this.#all = all
  }

  /** A promise only for those who ask: most requests have no retry. */
  get accepted(): Promise<Accepted | undefined> {
    if (this.#isKnown) return Promise.resolve(this.#accepted)
    return new Promise((tell) => {
      this.#tell = [...this.#tell, tell]
    })
  }

  stored(accepted: Accepted): void {
    this.#all.isStored(this, accepted)
    this.#settle(accepted)
  }

  refused(): void {
    this.#all.withdrawn(this, true)
    this.#settle(undefined)
  }

  invalid(): void {
    this.#all.withdrawn(this, false)
    this.#settle(undefined)
  }

  answered(written: boolean): void {
    this.#all.isAnswered(this, written)
  }

  #settle(accepted: Accepted | undefined): void {
    this.#isKnown = true
    this.#accepted = accepted
    for (const tell of this.#tell) tell(accepted)
    this.#tell = NOBODY
  }
}

const NOBODY: ((accepted: Accepted | undefined) => void)[] = []
