/**
 * From a call to its receipt: checked, stored (or, in mode `direct`, delivered), told as an event. What comes before the
 * outbox is open waits for it in order.
 */
import type { Direct, DirectResult } from '../delivery/direct.ts'
import { ClosedError, codeOf } from '../errors.ts'
import type { Events } from '../observe/events.ts'
import { beginTrace, type CallTrace, type Tracing } from '../observe/tracing.ts'
import type { AppendResult, NewEntry, Outbox, TransactionQuery } from '../outbox/outbox.ts'
import type { Decoded } from '../protocol/decode.ts'
import { checkTrace } from '../protocol/trace-context.ts'
import type { Clock } from '../runtime/clock.ts'
import type { CallOptions, Intake } from './intake.ts'
import type { Opening } from './opening.ts'
import type { PartialReceipt, Receipt, Receipts } from './receipt.ts'

export interface StoringParts {
  readonly intake: Intake
  /** Only in mode `direct`. */
  readonly direct: Direct | undefined
  readonly opening: Opening
  readonly receipts: Receipts
  readonly events: Events
  readonly clock: Clock
  readonly tracing: Tracing | undefined
  readonly isClosing: () => boolean
  /** Told after each append. */
  readonly stored: () => void
}

/** Calls that are stored as one. */
export interface CallsToStore {
  readonly decoded: readonly Decoded[]
  readonly options: CallOptions
  /** How the fields of one of them are called in a problem. */
  readonly prefix: (index: number) => string
  /** The caller's transaction in which they are stored, and never tried directly. */
  readonly within?: TransactionQuery
}

export interface Storing {
  /** All of the calls, or none. */
  store<Answer>(calls: CallsToStore, answerOf: (receipts: readonly Receipt[]) => Answer): Promise<Answer>
  /** Those that can be, as one; the others are refused one by one. Never tried directly. */
  storeValid(decoded: readonly Decoded[], options: CallOptions): Promise<PartialReceipt>
  append(entries: readonly NewEntry[]): Promise<readonly AppendResult[]>
  /** Resolves when nothing is being appended. */
  idle(): Promise<void>
  /** The code of the error that keeps calls from being stored right now. */
  readonly errorCode: string | null
  readonly deliveredDirectly: number
}

export function createStoring(parts: StoringParts): Storing {
  return new CallStoring(parts)
}

class CallStoring implements Storing {
  readonly #parts: StoringParts
  errorCode: string | null = null
  deliveredDirectly = 0
  #appending = 0
  #waitingForOpen = 0
  #whenIdle: (() => void) | undefined

  constructor(parts: StoringParts) {
    this.#parts = parts
  }

  async store<Answer>(calls: CallsToStore, answerOf: (receipts: readonly Receipt[]) => Answer): Promise<Answer> {
    const { decoded, options, prefix, within } = calls
    const { intake, clock, isClosing } = this.#parts
    const startedMs = clock.monotonicMs()
    const trace = this.#beginTrace(options)
    try {
      if (isClosing()) throw new ClosedError()
      const entries = intake.entriesOf(decoded, options, trace.context, prefix)
      const results = await (within === undefined
        ? this.#takeOrAppend(entries, options.signal)
        : // What fails is the caller's transaction then, not the outbox; and nothing can be sent before it commits.
          this.#append(entries, within))
      const receipts = this.#accepted(entries, results, startedMs)
      trace.end(entries.length)
      if (results[0]?.state === 'delivered') this.#wasDelivered(entries[0]!)
      return answerOf(receipts)
    } catch (error) {
      this.#refused(codeOf(error), decoded.length)
      trace.end(decoded.length, codeOf(error))
      throw error
    }
  }

  async storeValid(decoded: readonly Decoded[], options: CallOptions): Promise<PartialReceipt> {
    const { intake, clock, isClosing } = this.#parts
    const startedMs = clock.monotonicMs()
    const trace = this.#beginTrace(options)
    try {
      if (isClosing()) throw new ClosedError()
      const { entries, refused } = intake.sift(decoded, options, trace.context)
      const operations = entries.length === 0 ? [] : this.#accepted(entries, await this.append(entries), startedMs)
      trace.end(entries.length)
      if (refused.length > 0) this.#refused('INVALID_CALL', refused.length)
      return { operations, refused }
    } catch (error) {
      this.#refused(codeOf(error), decoded.length)
      trace.end(decoded.length, codeOf(error))
      throw error
    }
  }

  async append(entries: readonly NewEntry[]): Promise<readonly AppendResult[]> {
    try {
      const results = await this.#append(entries)
      this.errorCode = null
      this.#parts.stored()
      return results
    } catch (error) {
      // A full outbox is a bound that holds, not a fault of the store.
      const code = codeOf(error)
      if (code !== 'OUTBOX_FULL') this.errorCode = code
      throw error
    }
  }

  idle(): Promise<void> {
    return this.#appending === 0 ? Promise.resolve() : new Promise((done) => (this.#whenIdle = done))
  }

  #takeOrAppend(entries: readonly NewEntry[], signal: AbortSignal | undefined): Promise<readonly DirectResult[]> {
    return this.#parts.direct?.take(entries, signal) ?? this.append(entries)
  }

  async #append(entries: readonly NewEntry[], within?: TransactionQuery): Promise<readonly AppendResult[]> {
    this.#appending++
    try {
      const outbox = this.#openNow() ?? (await this.#openLater())
      return await outbox.append(entries, within)
    } finally {
      this.#appending--
      if (this.#appending === 0) this.#whenIdle?.()
    }
  }

  #accepted(entries: readonly NewEntry[], results: readonly DirectResult[], startedMs: number): readonly Receipt[] {
    let duplicates = 0
    for (const { state } of results) if (state === 'duplicate') duplicates++
    const durationMs = this.#parts.clock.monotonicMs() - startedMs
    this.#parts.events.emit({ type: 'accepted', operations: results.length - duplicates, duplicates, durationMs })
    return entries.map((entry, index) => this.#parts.receipts.receiptOf(entry.id, results[index]!))
  }

  #beginTrace({ trace }: CallOptions): CallTrace {
    return beginTrace(this.#parts.tracing, trace && checkTrace(trace.traceparent, trace.tracestate))
  }

  #refused(code: string, operations: number): void {
    this.#parts.events.emit({ type: 'refused', code, operations })
  }

  /** A call that never saw the outbox. */
  #wasDelivered({ id, type, acceptedAtMs }: NewEntry): void {
    this.deliveredDirectly++
    const delayMs = this.#parts.clock.wallMs() - acceptedAtMs
    this.#parts.events.emit({ type: 'delivered', entries: [{ id, type, delayMs }] })
  }

  /** The open outbox; nothing while others still wait for it, behind whom the next caller stands. */
  #openNow(): Outbox | undefined {
    return this.#waitingForOpen === 0 ? this.#parts.opening.opened : undefined
  }

  #openLater(): Promise<Outbox> {
    this.#waitingForOpen++
    return this.#parts.opening.ready().finally(() => this.#waitingForOpen--)
  }
}

export function noPrefix(): string {
  return ''
}
