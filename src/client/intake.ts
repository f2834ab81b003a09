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
}

/** No single operation may be larger, whatever the lint says: 100,000 bytes of data is the most that Customer.io takes. */
const BODY_BYTES_MAX = 1_000_000
/** A UTF-16 unit is at most 3 bytes of UTF-8. */
const UTF8_BYTES_PER_UNIT = 3

export interface Intake {
  /** Checks and stamps; throws `ValidationError` or `AbortedError`, with nothing stored. */
  entriesOf(decoded: readonly Decoded[], options: CallOptions, prefix: (index: number) => string): readonly NewEntry[]
}

export function createIntake(
  settings: Pick<ClientSettings, 'dedupe' | 'lint' | 'maxAgeMs'>,
  runtime: Runtime,
  events: Events,
): Intake {
  /** The id that stands for the call's key, where it has one. A call among several has its number besides. */
  function keyedId(call: Call, options: CallOptions, number: number | undefined): string | undefined {
    const { idempotencyKey } = options
    if (idempotencyKey !== undefined) return idOfKey(number === undefined ? 'key' : `key of ${number}`, idempotencyKey)
    const contentKey = settings.dedupe === 'content' ? contentKeyOf(call) : undefined
    return contentKey === undefined ? undefined : idOfKey('content', contentKey)
  }

  function entryFor(call: Call, options: CallOptions, number: number | undefined): NewEntry {
    const keyed = keyedId(call, options, number)
    const maxAgeMs = options.maxAgeMs ?? settings.maxAgeMs(call.type)
    return entryOf(
      createOperation(call, {
        id: keyed ?? runtime.newId(),
        acceptedAtMs: runtime.clock.wallMs(),
        keyed: keyed !== undefined,
        ...(options.priority === undefined ? {} : { priority: options.priority }),
        ...(maxAgeMs === undefined ? {} : { maxAgeMs }),
      }),
    )
  }

  function lint(calls: readonly Call[], entries: readonly NewEntry[], prefix: (index: number) => string): void {
    if (settings.lint === 'off') return
    const problems: Problem[] = []
    for (let index = 0; index < calls.length; index++) {
      const call = calls[index]!
      for (const problem of lintCall(call, entries[index]!.body.length * UTF8_BYTES_PER_UNIT)) {
        problems.push({ ...problem, field: prefix(index) + problem.field })
        if (settings.lint === 'reject') continue
        const { field, reason, limit } = problem
        events.emit({ type: 'lint', call: call.type, field, reason, ...(limit === undefined ? {} : { limit }) })
      }
    }
    if (settings.lint === 'reject') refuse(problems)
  }

  return {
    entriesOf(decoded, options, prefix) {
      checkOptions(options)
      if (options.signal?.aborted) throw new AbortedError(options.signal.reason)
      const calls = callsOf(decoded, prefix)
      checkValues(calls, prefix)
      const entries = calls.map((call, index) => entryFor(call, options, calls.length === 1 ? undefined : index))
      lint(calls, entries, prefix)
      checkSizes(entries, prefix)
      return entries
    },
  }
}

function checkSizes(entries: readonly NewEntry[], prefix: (index: number) => string): void {
  for (let index = 0; index < entries.length; index++) {
    const { length } = entries[index]!.body
    if (length > BODY_BYTES_MAX) refuse([tooLarge(prefix(index).replace(/\.$/, '') || 'call', length, BODY_BYTES_MAX)])
  }
}

/** The calls of what could be decoded; throws with what could not. */
function callsOf(decoded: readonly Decoded[], prefix: (index: number) => string): readonly Call[] {
  const calls: Call[] = []
  const problems: Problem[] = []
  for (let index = 0; index < decoded.length; index++) {
    const one = decoded[index]!
    if (one.ok) calls.push(one.call)
    else for (const problem of one.problems) problems.push({ ...problem, field: prefix(index) + problem.field })
  }
  refuse(problems)
  return calls
}

/** Throws with what JSON cannot carry, in every part of a call that is the caller's own data. */
function checkValues(calls: readonly Call[], prefix: (index: number) => string): void {
  const problems: Problem[] = []
  for (let index = 0; index < calls.length; index++) {
    const parts = calls[index] as unknown as Readonly<Record<string, unknown>>
    for (const part of Object.keys(parts)) {
      const value = parts[part]
      if (typeof value !== 'object') continue
      const problem = checkPlain(value, part === 'extra' ? '' : part)
      if (problem !== undefined) problems.push({ ...problem, field: prefix(index) + problem.field })
    }
  }
  refuse(problems)
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
  refuse(problems)
}

function refuse(problems: readonly Problem[]): void {
  const [first, ...more] = problems
  if (first !== undefined) throw new ValidationError([first, ...more])
}

function tooLarge(field: string, bytes: number, bytesMax: number): Problem {
  return {
    field,
    reason: 'too-long',
    message: `has ${bytes} bytes, at most ${bytesMax} are taken`,
    limit: `${bytesMax} bytes`,
    kind: `text of ${bytes} bytes`,
  }
}
