/**
 * A request that got no answer, as an outcome. `fetch` throws `TypeError: fetch failed` and hides why in a chain of
 * causes; Node's connections add errors with errors inside, one for each address that was tried.
 */
import type { Outcome, RetryReason } from './outcome.ts'

/** What the sender knows better than the error: who ended the attempt. */
export interface FailureContext {
  /** The attempt's own time ran out. */
  readonly timedOut: boolean
  /** The caller, or the end of the program, ended it. */
  readonly aborted: boolean
}

/** Errors inside each other that are looked at. */
const ERRORS_MAX = 20

const REASONS: ReadonlyMap<string, RetryReason> = new Map<string, RetryReason>([
  ['ECONNREFUSED', 'refused'],
  ['ECONNRESET', 'reset'],
  ['ECONNABORTED', 'reset'],
  ['EPIPE', 'reset'],
  ['UND_ERR_SOCKET', 'reset'],
  ['ENOTFOUND', 'dns'],
  ['ENODATA', 'dns'],
  ['ETIMEDOUT', 'timeout'],
  ['ETIMEOUT', 'dns'],
  ['ESOCKETTIMEDOUT', 'timeout'],
  ['UND_ERR_CONNECT_TIMEOUT', 'timeout'],
  ['UND_ERR_HEADERS_TIMEOUT', 'timeout'],
  ['UND_ERR_BODY_TIMEOUT', 'timeout'],
  ['UND_ERR_HEADERS_OVERFLOW', 'bad-answer'],
  ['UND_ERR_RES_CONTENT_LENGTH_MISMATCH', 'bad-answer'],
  ['UND_ERR_RES_EXCEEDED_MAX_SIZE', 'bad-answer'],
  ['EPROTO', 'tls'],
  ['CERT_HAS_EXPIRED', 'tls'],
  ['CERT_NOT_YET_VALID', 'tls'],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'tls'],
  ['SELF_SIGNED_CERT_IN_CHAIN', 'tls'],
  ['HOSTNAME_MISMATCH', 'tls'],
  ['INVALID_CA', 'tls'],
  ['ENETUNREACH', 'network'],
  ['EHOSTUNREACH', 'network'],
  ['ENETDOWN', 'network'],
  ['EHOSTDOWN', 'network'],
  ['EADDRNOTAVAIL', 'network'],
])

/** Families of codes that Node and OpenSSL name alike. */
const FAMILIES: readonly (readonly [prefix: string, reason: RetryReason])[] = [
  ['EAI_', 'dns'],
  ['ERR_TLS_', 'tls'],
  ['ERR_SSL_', 'tls'],
  ['CERT_', 'tls'],
  ['UNABLE_TO_', 'tls'],
  ['HPE_', 'bad-answer'],
]

/** Errors that have no code: of an abort signal, and of the HTTP parser inside `fetch`. */
const NAMES: ReadonlyMap<unknown, RetryReason> = new Map<unknown, RetryReason>([
  ['TimeoutError', 'timeout'],
  ['HTTPParserError', 'bad-answer'],
])

/** What a thrown error means. A request without an answer may have been applied all the same. Never throws. */
export function classifyFailure(error: unknown, context: FailureContext): Outcome {
  if (context.timedOut) return { kind: 'retry', reason: 'timeout' }
  if (context.aborted) return { kind: 'aborted' }
  return { kind: 'retry', reason: reasonOf(error) }
}

/** The first reason that the error, its causes and the errors inside it give, from the outside in. */
function reasonOf(error: unknown): RetryReason {
  const queue: unknown[] = [error]
  try {
    for (let index = 0; index < queue.length && index < ERRORS_MAX; index++) {
      const current = queue[index]
      if (typeof current !== 'object' || current === null) continue
      const reason = reasonOfCode(Reflect.get(current, 'code')) ?? NAMES.get(Reflect.get(current, 'name'))
      if (reason !== undefined) return reason
      queue.push(Reflect.get(current, 'cause'))
      const inside: unknown = Reflect.get(current, 'errors')
      if (Array.isArray(inside)) queue.push(...inside.slice(0, ERRORS_MAX))
    }
  } catch {
    // An error whose own members throw tells nothing.
  }
  return 'network'
}

function reasonOfCode(code: unknown): RetryReason | undefined {
  if (typeof code !== 'string') return undefined
  return REASONS.get(code) ?? FAMILIES.find(([prefix]) => code.startsWith(prefix))?.[1]
}
