/**
 * What an error of the network says: why there was no answer, and whether the request can have left. `fetch` throws
 * `TypeError: fetch failed` and hides why in a chain of causes; Node's connections add errors with errors inside, one
 * for each address that was tried.
 */

/** A bounded set of words, for metrics and logs. */
export type NetworkReason = 'timeout' | 'refused' | 'reset' | 'dns' | 'tls' | 'network' | 'bad-answer'

export interface NetworkTrouble {
  readonly reason: NetworkReason
  /** `no`: the request certainly did not reach the server. `maybe`: it may have been applied. */
  readonly arrived: 'no' | 'maybe'
}

/** Errors inside each other that are looked at. */
const ERRORS_MAX = 20

/**
 * The first answer that the error, its causes and the errors inside it give, from the outside in. Bounded, safe with
 * circles, and never throws unless `look` does: an error whose own members throw tells nothing.
 */
export function findInError<T>(error: unknown, look: (error: object) => T | undefined): T | undefined {
  const queue: unknown[] = [error]
  for (let index = 0; index < queue.length && index < ERRORS_MAX; index++) {
    const current = queue[index]
    if (typeof current !== 'object' || current === null) continue
    const found = look(current)
    if (found !== undefined) return found
    queue.push(memberOf(current, 'cause'), ...errorsInside(current))
  }
  return undefined
}

function errorsInside(error: object): readonly unknown[] {
  try {
    const inside: unknown = Reflect.get(error, 'errors')
    return Array.isArray(inside) ? inside.slice(0, ERRORS_MAX) : []
  } catch {
    return []
  }
}

/** A member of a thrown value, or undefined where reading it throws. */
export function memberOf(value: object, name: string): unknown {
  try {
    return Reflect.get(value, name)
  } catch {
    return undefined
  }
}

/** What this error alone says, without its causes; undefined where it says nothing of the network. */
export function networkTroubleOf(error: object): NetworkTrouble | undefined {
  const code = memberOf(error, 'code')
  const trouble = typeof code === 'string' ? troubleOfCode(code) : undefined
  if (trouble === undefined) return NAMES.get(memberOf(error, 'name'))
  // The system says during which call it failed: before the connection stood, nothing was sent.
  const syscall = memberOf(error, 'syscall')
  const before = syscall === 'connect' || syscall === 'getaddrinfo'
  return before && trouble.arrived === 'maybe' ? { reason: trouble.reason, arrived: 'no' } : trouble
}

function troubleOfCode(code: string): NetworkTrouble | undefined {
  return CODES.get(code) ?? FAMILIES.find(([prefix]) => code.startsWith(prefix))?.[1]
}

const not = (reason: NetworkReason): NetworkTrouble => Object.freeze({ reason, arrived: 'no' })
const maybe = (reason: NetworkReason): NetworkTrouble => Object.freeze({ reason, arrived: 'maybe' })

const CODES: ReadonlyMap<string, NetworkTrouble> = new Map([
  ['ECONNREFUSED', not('refused')],
  ['ECONNRESET', maybe('reset')],
  ['ECONNABORTED', maybe('reset')],
  ['EPIPE', maybe('reset')],
  ['UND_ERR_SOCKET', maybe('reset')],
  ['ENOTFOUND', not('dns')],
  ['ENODATA', not('dns')],
  ['ETIMEDOUT', maybe('timeout')],
  ['ETIMEOUT', not('dns')],
  ['ESOCKETTIMEDOUT', maybe('timeout')],
  ['UND_ERR_CONNECT_TIMEOUT', not('timeout')],
  ['UND_ERR_HEADERS_TIMEOUT', maybe('timeout')],
  ['UND_ERR_BODY_TIMEOUT', maybe('timeout')],
  ['UND_ERR_HEADERS_OVERFLOW', maybe('bad-answer')],
  ['UND_ERR_RES_CONTENT_LENGTH_MISMATCH', maybe('bad-answer')],
  ['UND_ERR_RES_EXCEEDED_MAX_SIZE', maybe('bad-answer')],
  ['UND_ERR_CLOSED', not('network')],
  ['UND_ERR_DESTROYED', maybe('network')],
  ['EPROTO', not('tls')],
  // Of the family of handshake errors, but these meet a record of a connection that stands.
  ['ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC', maybe('tls')],
  ['ERR_SSL_SSLV3_ALERT_BAD_RECORD_MAC', maybe('tls')],
  ['ERR_SSL_UNEXPECTED_EOF_WHILE_READING', maybe('tls')],
  ['CERT_HAS_EXPIRED', not('tls')],
  ['CERT_NOT_YET_VALID', not('tls')],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', not('tls')],
  ['SELF_SIGNED_CERT_IN_CHAIN', not('tls')],
  ['HOSTNAME_MISMATCH', not('tls')],
  ['INVALID_CA', not('tls')],
  ['ENETUNREACH', maybe('network')],
  ['EHOSTUNREACH', maybe('network')],
  ['ENETDOWN', maybe('network')],
  ['EHOSTDOWN', maybe('network')],
  ['EADDRNOTAVAIL', not('network')],
])

/** Families of codes that Node and OpenSSL name alike. */
const FAMILIES: readonly (readonly [prefix: string, trouble: NetworkTrouble])[] = [
  ['EAI_', not('dns')],
  ['ERR_TLS_', not('tls')],
  ['ERR_SSL_', not('tls')],
  ['CERT_', not('tls')],
  ['UNABLE_TO_', not('tls')],
  ['HPE_', maybe('bad-answer')],
]

/** Errors that have no code: of an abort signal, and of the HTTP parser inside `fetch`. */
const NAMES: ReadonlyMap<unknown, NetworkTrouble> = new Map<unknown, NetworkTrouble>([
  ['TimeoutError', maybe('timeout')],
  ['HTTPParserError', maybe('bad-answer')],
])
