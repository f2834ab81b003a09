/**
 * The errors a caller can meet. Failures of delivery are values (see `protocol/outcome.ts`); what stands here is
 * thrown for the caller's own mistakes and for an outbox that cannot store. Every class has a literal `name`, a
 * stable `code`, and no payload, credential or person in its message.
 */

const BRAND = Symbol.for('holdfast.error')

export type ErrorCode =
  | 'INVALID_CALL'
  | 'INVALID_OPTIONS'
  | 'INVALID_CONFIG'
  | 'CLIENT_CLOSED'
  | 'ABORTED'
  | 'OUTBOX_FULL'
  | 'OUTBOX_DISK_FULL'
  | 'OUTBOX_READ_ONLY'
  | 'OUTBOX_DAMAGED'
  | 'OUTBOX_NEWER_VERSION'
  | 'OUTBOX_UNAVAILABLE'
  | 'OUTBOX_CLOSED'
  | 'OUTBOX_NOT_DURABLE'
  | 'REQUEST_FAILED'
  | 'CIRCUIT_OPEN'
  | 'TIMEOUT'
  | 'RATE_LIMITED'
  | 'QUEUE_FULL'
  | 'DEADLINE_EXCEEDED'
  | 'EXECUTIONS_FULL'
  | ListenErrorCode

/** The base of every error of this package. `isHoldfastError` also knows errors of a second installed copy. */
export abstract class HoldfastError extends Error {
  abstract readonly code: ErrorCode
}
// On the prototype, for errors are made often while a server is down.
Object.defineProperty(HoldfastError.prototype, BRAND, { value: true })

/** Tells whether a caught value is an error of this package, whichever installed copy threw it. */
export function isHoldfastError(value: unknown): value is HoldfastError {
  return typeof value === 'object' && value !== null && Reflect.get(value, BRAND) === true
}

/** The stable code of whatever was thrown; `UNKNOWN` for what is no error of this package. */
export function codeOf(error: unknown): ErrorCode | 'UNKNOWN' {
  return isHoldfastError(error) ? error.code : 'UNKNOWN'
}

/** One thing wrong with a call: which field, what was found there, and the limit it breaks. */
export interface Problem {
  /** Dotted path inside the call, for example `data.plan` or `identifier`. */
  readonly field: string
  /** Stable word for the rule that was broken, for example `required`, `too-long`, `not-json`. */
  readonly reason: string
  /** The sentence for people. Holds kinds and sizes, never the value itself. */
  readonly message: string
  /** The limit that was broken, with its unit in words, for example `150 bytes`. */
  readonly limit?: string
  /** The kind of the value that was found, for example `bigint`, `string of 151 bytes`. */
  readonly kind?: string
}

/** The call cannot be sent to Customer.io as it is. Thrown before anything is stored; `problems` names each field. */
export class ValidationError extends HoldfastError {
  override readonly name = 'ValidationError'
  readonly code = 'INVALID_CALL'
  readonly problems: readonly Problem[]
  /** The first problem's field, limit and kind, for those who log one line. */
  readonly field: string
  readonly limit: string | undefined
  readonly kind: string | undefined

  constructor(problems: readonly [Problem, ...Problem[]]) {
    const [first] = problems
    const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : ''
    super(`${first.field}: ${first.message}${more}`)
    this.problems = problems
    this.field = first.field
    this.limit = first.limit
    this.kind = first.kind
  }
}

/** An option of a constructor is wrong. */
export class OptionsError extends HoldfastError {
  override readonly name = 'OptionsError'
  readonly code = 'INVALID_OPTIONS'
  readonly field: string

  constructor(field: string, message: string) {
    super(`${field}: ${message}`)
    this.field = field
  }
}

/** Node's own codes, so what looks for those of a server finds them. */
export type ListenErrorCode = 'EADDRINUSE' | 'EACCES' | 'EADDRNOTAVAIL' | 'ENOTFOUND' | 'LISTEN_FAILED'

/** The address cannot be listened on. `code` says why, the message what to do about it. */
export class ListenError extends HoldfastError {
  override readonly name = 'ListenError'
  readonly code: ListenErrorCode
  readonly host: string
  readonly port: number

  constructor(
    code: ListenErrorCode,
    message: string,
    at: { readonly host: string; readonly port: number },
    cause: unknown,
  ) {
    super(message, { cause })
    this.code = code
    this.host = at.host
    this.port = at.port
  }
}

/** The client no longer takes calls: `close()` was called. */
export class ClosedError extends HoldfastError {
  override readonly name = 'ClosedError'
  readonly code = 'CLIENT_CLOSED'

  constructor() {
    super('the client is closed and takes no more calls')
  }
}

/**
 * The caller's own signal ended the call: before it was stored, before its delivery was known, or while it waited for a
 * shared execution.
 */
export class AbortedError extends HoldfastError {
  override readonly name = 'AbortedError'
  readonly code = 'ABORTED'

  constructor(cause: unknown, message: string = 'the call was aborted by its signal before it was stored') {
    super(message, { cause })
  }
}

export interface OutboxFullDetails {
  /** Which bound was met. `pending` is the memory for calls whose commit is still running. */
  readonly bound: 'operations' | 'bytes' | 'pending'
  readonly limit: number
  readonly used: number
  /** When it is worth trying again, in milliseconds. */
  readonly retryAfterMs: number
}

/** The outbox is at one of its bounds; nothing of this call was stored. */
export class OutboxFullError extends HoldfastError {
  override readonly name = 'OutboxFullError'
  readonly code = 'OUTBOX_FULL'
  readonly bound: OutboxFullDetails['bound']
  readonly limit: number
  readonly used: number
  readonly retryAfterMs: number

  constructor(details: OutboxFullDetails) {
    const unit = details.bound === 'operations' ? 'operations' : 'bytes'
    super(
      `the outbox is full: ${details.used} of ${details.limit} ${unit} (${details.bound}); try again in ${details.retryAfterMs} ms`,
    )
    this.bound = details.bound
    this.limit = details.limit
    this.used = details.used
    this.retryAfterMs = details.retryAfterMs
  }
}

export type OutboxErrorCode =
  | 'OUTBOX_DISK_FULL'
  | 'OUTBOX_READ_ONLY'
  | 'OUTBOX_DAMAGED'
  | 'OUTBOX_NEWER_VERSION'
  | 'OUTBOX_UNAVAILABLE'
  | 'OUTBOX_CLOSED'
  | 'OUTBOX_NOT_DURABLE'

/**
 * The outbox could not be opened or written. `code` says why; `path` is its file, where it has one. `mayBeStored`: the
 * answer of a server did not come, so what was appended may be there all the same; the same entries, with the same ids,
 * can be appended again and are stored once.
 */
export class OutboxError extends HoldfastError {
  override readonly name = 'OutboxError'
  readonly code: OutboxErrorCode
  readonly path: string | undefined
  readonly mayBeStored: boolean

  constructor(
    code: OutboxErrorCode,
    message: string,
    details: { readonly path?: string; readonly mayBeStored?: boolean; readonly cause?: unknown } = {},
  ) {
    super(message, details.cause === undefined ? {} : { cause: details.cause })
    this.code = code
    this.path = details.path
    this.mayBeStored = details.mayBeStored ?? false
  }
}

/** As many keys are under way in `executeIdempotent` as may be; nothing was executed. */
export class ExecutionsFullError extends HoldfastError {
  override readonly name = 'ExecutionsFullError'
  readonly code = 'EXECUTIONS_FULL'
  readonly limit: number

  constructor(limit: number) {
    super(`${limit} keys are under way already; try again when some of them have ended`)
    this.limit = limit
  }
}

/**
 * Why a request came to nothing. `rejected`: Customer.io refused the call itself. `expired`, `campaign-window`: it is
 * too old. The others say why it could not be delivered now: the gate (`paused`, `parked`, `circuit`, `cooldown`,
 * `rate`), too many calls at once (`busy`), attempts or time were spent (`attempts`, `deadline`), earlier operations of
 * the same person are still stored (`stored-before`), the client closes (`closing`), there was no good answer (`failed`).
 */
export type RequestErrorReason =
  | 'rejected'
  | 'expired'
  | 'campaign-window'
  | 'paused'
  | 'parked'
  | 'circuit'
  | 'cooldown'
  | 'rate'
  | 'busy'
  | 'attempts'
  | 'deadline'
  | 'stored-before'
  | 'closing'
  | 'failed'

export interface RequestErrorDetails {
  readonly reason?: RequestErrorReason
  readonly status?: number | undefined
  readonly body?: string | undefined
  readonly attempts?: number
  readonly retryAfterMs?: number | undefined
  readonly cause?: unknown
}

/** Something that is asked or sent at once (`getAccountRegion`, a call in `mode: 'direct'`) got no good answer. Nothing was stored. */
export class RequestError extends HoldfastError {
  override readonly name = 'RequestError'
  readonly code = 'REQUEST_FAILED'
  readonly reason: RequestErrorReason
  /** Of Customer.io's last answer; undefined when there was none. */
  readonly status: number | undefined
  /** Text of Customer.io's last answer, at most 10,000 bytes, without the credentials. It may repeat parts of the call: do not log it. */
  readonly body: string | undefined
  /** Requests that were sent. After one without an answer the call may have arrived. */
  readonly attempts: number
  /** When it is worth trying again, in milliseconds, where that is known. */
  readonly retryAfterMs: number | undefined

  constructor(message: string, details: RequestErrorDetails = {}) {
    super(message, details.cause === undefined ? {} : { cause: details.cause })
    this.reason = details.reason ?? 'failed'
    this.status = details.status
    this.body = details.body
    this.attempts = details.attempts ?? 1
    this.retryAfterMs = details.retryAfterMs
  }
}

/** An operation took longer than it was given. It may have had its effect all the same. */
export class TimeoutError extends HoldfastError {
  override readonly name = 'TimeoutError'
  readonly code = 'TIMEOUT'
  readonly timeoutMs: number

  constructor(timeoutMs: number) {
    super(`the operation took longer than its ${Math.ceil(timeoutMs)} ms`)
    this.timeoutMs = timeoutMs
  }
}
