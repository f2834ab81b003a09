/**
 * From a decoded call to a stored operation. Everything that can be wrong with a call is found here, before anything is
 * stored; what passes is stamped, ready to be appended.
 */
import { createHash } from 'node:crypto'

import { AbortedError, type Problem, ValidationError } from '../errors.ts'
import type { Events } from '../observe/events.ts'
import { contentKeyOf } from '../idempotency/content-key.ts'
import { problemOfKey } from '../idempotency/key.ts'
import { entryOf } from '../outbox/entry.ts'
import type { NewEntry } from '../outbox/outbox.ts'
import type { Call } from '../protocol/call.ts'
import type { Decoded } from '../protocol/decode.ts'
import { lintCall } from '../protocol/lint.ts'
import { checkPlain } from '../protocol/plain.ts'
import { createOperation, type Priority } from '../protocol/operation.ts'
import type { TraceContext } from '../protocol/trace-context.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { ulidOfBytes } from '../runtime/ulid.ts'
import type { ClientSettings } from './options.ts'

/** The last parameter of each call. */
export interface CallOptions {
  /**
   * Two calls with the same key are one operation: while the first waits, and for an hour (`rememberKeysMs` of the
   * outbox), the second gets its receipt, with `state: 'duplicate'`. An event is also sent under an id that is made from
   * the key, so that two machines without a common outbox, and calls after that hour, still are one event for
   * Customer.io. Up to 1,000 bytes; see `generateIdempotencyKey`.
   */
  readonly idempotencyKey?: string
  /** Not sent any more when it is older than this; becomes a dead letter `expired`. */
  readonly maxAgeMs?: number
  /** `bulk` stands behind `live` where they compete; a person's own order holds all the same. @defaultValue 'live' */
  readonly priority?: Priority
  /** Ends the call as long as it is not being stored yet; in mode `direct` also its waits and its request, which may have arrived. */
  readonly signal?: AbortSignal
  /**
   * The trace that the call belongs to, as the values of W3C's headers: stored with the operation, so that its delivery
   * can be linked to it (`holdfast/opentelemetry`). Never sent to Customer.io. Malformed ones are ignored.
   */
  readonly trace?: { readonly traceparent: string; readonly tracestate?: string }
}

/** No single operation may be larger, whatever the lint says: 100,000 bytes of data is the most that Customer.io takes. */
const BODY_BYTES_MAX = 1_000_000
/** The field of a problem that is the whole call's. */
const WHOLE = 'call'
/** A UTF-16 unit is at most 3 bytes of UTF-8. */
const UTF8_BYTES_PER_UNIT = 3

/** What can be stored of several calls, and what is wrong with the others. */
export interface Sifted {
  readonly entries: readonly NewEntry[]
  /** In the order given; `index` counts all calls. */
  readonly refused: readonly { readonly index: number; readonly problems: readonly [Problem, ...Problem[]] }[]
}

export interface Intake {
  /** Checks and stamps; throws `ValidationError` or `AbortedError`, with nothing stored. */
  entriesOf(
    decoded: readonly Decoded[],
    options: CallOptions,
    trace: TraceContext | undefined,
    prefix: (index: number) => string,
  ): readonly NewEntry[]
  /** The same, call by call. Throws only for what is wrong with the options. */
  sift(decoded: readonly Decoded[], options: CallOptions, trace: TraceContext | undefined): Sifted
}

export function createIntake(settings: IntakeSettings, runtime: Runtime, events: Events): Intake {
  return new CallIntake(settings, runtime, events)
}

type IntakeSettings = Pick<ClientSettings, 'dedupe' | 'lint' | 'maxAgeMs'>

class CallIntake implements Intake {
  readonly #settings: IntakeSettings
  readonly #runtime: Runtime
  readonly #events: Events

  constructor(settings: IntakeSettings, runtime: Runtime, events: Events) {
    this.#settings = settings
    this.#runtime = runtime
    this.#events = events
  }

  entriesOf(
    decoded: readonly Decoded[],
    options: CallOptions,
    trace: TraceContext | undefined,
    prefix: (index: number) => string,
  ): readonly NewEntry[] {
    const { entries, refused } = this.sift(decoded, options, trace)
    const problems = refused.flatMap(({ index, problems: some }) =>
      some.map((problem) => ({ ...problem, field: prefixed(prefix(index), problem.field) })),
    )
    if (isSome(problems)) throw new ValidationError(problems)
    return entries
  }

  sift(decoded: readonly Decoded[], options: CallOptions, trace: TraceContext | undefined): Sifted {
    checkOptions(options)
    if (options.signal?.aborted) throw new AbortedError(options.signal.reason)
    const entries: NewEntry[] = []
    const refused: Sifted['refused'][number][] = []
    for (let index = 0; index < decoded.length; index++) {
      const number = decoded.length === 1 ? undefined : index
      const entry = this.#entryUnlessRefused(decoded[index]!, options, trace, number)
      if ('problems' in entry) refused.push({ index, problems: entry.problems })
      else entries.push(entry)
    }
    return { entries, refused }
  }

  #entryUnlessRefused(
    decoded: Decoded,
    options: CallOptions,
    trace: TraceContext | undefined,
    number: number | undefined,
  ): NewEntry | { readonly problems: readonly [Problem, ...Problem[]] } {
    if (!decoded.ok) return decoded
    const { call } = decoded
    const unfit = problemsOfValues(call)
    if (isSome(unfit)) return { problems: unfit }
    const entry = this.#entryFor(call, options, trace, number)
    const linted = this.#lint(call, entry)
    if (isSome(linted)) return { problems: linted }
    const { length } = entry.body
    return length > BODY_BYTES_MAX ? { problems: [tooLarge(length, BODY_BYTES_MAX)] } : entry
  }

  #entryFor(call: Call, options: CallOptions, trace: TraceContext | undefined, number: number | undefined): NewEntry {
    const keyed = this.#keyedId(call, options, number)
    const maxAgeMs = options.maxAgeMs ?? this.#settings.maxAgeMs(call.type)
    return entryOf(
      createOperation(call, {
        id: keyed ?? this.#runtime.newId(),
        acceptedAtMs: this.#runtime.clock.wallMs(),
        keyed: keyed !== undefined,
        ...(options.priority === undefined ? {} : { priority: options.priority }),
        ...(maxAgeMs === undefined ? {} : { maxAgeMs }),
      }),
      trace,
    )
  }

  /** The id that stands for the call's key, where it has one. A call among several has its number besides. */
  #keyedId(call: Call, options: CallOptions, number: number | undefined): string | undefined {
    const { idempotencyKey } = options
    if (idempotencyKey !== undefined) return idOfKey(number === undefined ? 'key' : `key of ${number}`, idempotencyKey)
    const contentKey = this.#settings.dedupe === 'content' ? contentKeyOf(call) : undefined
    return contentKey === undefined ? undefined : idOfKey('content', contentKey)
  }

  /** Problems that refuse the call; those that lint only warns of are told here. */
  #lint(call: Call, entry: NewEntry): readonly Problem[] {
    const { lint } = this.#settings
    if (lint === 'off') return []
    const problems = lintCall(call, entry.body.length * UTF8_BYTES_PER_UNIT)
    if (lint === 'reject') return problems
    for (const { field, reason, limit } of problems) {
      this.#events.emit({ type: 'lint', call: call.type, field, reason, ...(limit === undefined ? {} : { limit }) })
    }
    return []
  }
}

function prefixed(prefix: string, field: string): string {
  // What is wrong with the call as a whole is wrong with its place.
  return field === WHOLE && prefix !== '' ? prefix.replace(/\.$/, '') : prefix + field
}

/** What JSON cannot carry, in every part of a call that is the caller's own data. */
function problemsOfValues(call: Call): readonly Problem[] {
  const parts = call as unknown as Readonly<Record<string, unknown>>
  const problems: Problem[] = []
  for (const part of Object.keys(parts)) {
    const value = parts[part]
    if (typeof value !== 'object') continue
    const problem = checkPlain(value, part === 'extra' ? '' : part)
    if (problem !== undefined) problems.push(problem)
  }
  return problems
}

function isSome(problems: readonly Problem[]): problems is readonly [Problem, ...Problem[]] {
  return problems.length > 0
}

/**
 * The ULID that stands for a key, the same on every machine. Its time part is part of the hash and means nothing.
 * @param what which kind of key: without a line break, so that kind and key cannot run into each other.
 */
function idOfKey(what: string, key: string): string {
  return ulidOfBytes(createHash('sha256').update(`holdfast idempotency ${what}\n`).update(key).digest())
}

function checkOptions(options: CallOptions): void {
  const problems: Problem[] = []
  const { idempotencyKey, maxAgeMs, priority } = options
  if (idempotencyKey !== undefined) {
    const problem = problemOfKey(idempotencyKey, 'options.idempotencyKey')
    if (problem !== undefined) problems.push(problem)
  }
  if (maxAgeMs !== undefined && !(typeof maxAgeMs === 'number' && maxAgeMs > 0)) {
    problems.push({
      field: 'options.maxAgeMs',
      reason: 'type',
      message: 'must be a number above 0',
      kind: typeof maxAgeMs,
    })
  }
  if (priority !== undefined && priority !== 'live' && priority !== 'bulk') {
    problems.push({ field: 'options.priority', reason: 'type', message: 'must be live or bulk', kind: typeof priority })
  }
  if (isSome(problems)) throw new ValidationError(problems)
}

function tooLarge(bytes: number, bytesMax: number): Problem {
  return {
    field: WHOLE,
    reason: 'too-long',
    message: `has ${bytes} bytes, at most ${bytesMax} are taken`,
    limit: `${bytesMax} bytes`,
    kind: `text of ${bytes} bytes`,
  }
}
