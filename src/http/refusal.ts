/**
 * What is refused before a handler sees it, and in which words. Node's parser refuses most shapes that two servers in a
 * row could read differently; `refusalOf` those it lets through. Answers have Customer.io's shape.
 */
export interface Refusal {
  readonly status: 400 | 408 | 417 | 431 | 503
  readonly error: string
}

/** The part of a request that was parsed, as Node gives it. */
export interface Head {
  readonly httpVersion: string
  readonly method?: string | undefined
  readonly url?: string | undefined
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  readonly rawHeaders: readonly string[]
}

const malformed = (error: string): Refusal => ({ status: 400, error })

export const UNREADABLE_TARGET: Refusal = malformed('the request target is not a valid path')
export const UNKNOWN_EXPECTATION: Refusal = { status: 417, error: 'the only expectation that is met is 100-continue' }
export const TOO_MANY_PIPELINED: Refusal = { status: 503, error: 'too many requests wait on this connection' }
export const NO_TUNNEL: Refusal = malformed('CONNECT is not spoken here')
const TOO_SLOW: Refusal = { status: 408, error: 'the request took too long to arrive' }

/** A name or an IPv4 address, or an IPv6 address in brackets, and a port. Two joined Host headers do not match it. */
const HOST = /^(?:[\w.~-]+|\[[\da-f:.]+\])(?::\d{1,5})?$/i

export function refusalOf(head: Head, headersMax: number): Refusal | undefined {
  if (head.rawHeaders.length > 2 * headersMax) return { status: 431, error: 'the request has too many headers' }
  // The parser also takes the version numbers 0.9 and 2.0, and reads what follows as HTTP/1.
  if (head.httpVersion !== '1.1' && head.httpVersion !== '1.0')
    return malformed('HTTP/1.0 and HTTP/1.1 are spoken here')
  const { host, 'transfer-encoding': coding } = head.headers
  if (host === undefined ? head.httpVersion !== '1.0' : !HOST.test(String(host))) {
    return malformed('the Host header must be there once and name a host')
  }
  if (coding !== undefined && (String(coding).toLowerCase() !== 'chunked' || head.httpVersion === '1.0')) {
    return malformed('the only transfer coding that is understood is chunked, in HTTP/1.1')
  }
  if (head.headers['trailer'] !== undefined) return malformed('trailers are not taken')
  if (head.url?.[0] !== '/') return refusalOfTarget(head.url ?? '', String(host ?? ''))
  return undefined
}

/** An absolute target is as good as a path when it names the same host. */
function refusalOfTarget(target: string, host: string): Refusal | undefined {
  const [, authority] = /^https?:\/\/([^/?#]+)(?:[/?#]|$)/i.exec(target) ?? []
  if (authority === undefined) return UNREADABLE_TARGET
  if (authority.toLowerCase() !== host.toLowerCase()) {
    return malformed('the request target names another host than the Host header')
  }
  return undefined
}

/** By the code of the parser's error. Undefined: the client has gone, or sends on after its last request. */
export function refusalOfError(code: string | undefined): Refusal | undefined {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return { status: 431, error: 'the headers are too long' }
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return TOO_SLOW
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return malformed('the chunk extensions are too long')
    case 'HPE_CLOSED_CONNECTION':
    case 'HPE_INVALID_EOF_STATE':
      return undefined
    default:
      return code?.startsWith('HPE_') === true ? malformed('the request is not valid HTTP/1.1') : undefined
  }
}

export function bodyOf(refusal: Refusal): string {
  return JSON.stringify({ meta: { error: refusal.error } })
}

/** For a connection on which no response object can say it. */
export function rawAnswer(refusal: Refusal): string {
  const body = bodyOf(refusal)
  return (
    `HTTP/1.1 ${refusal.status} ${REASONS[refusal.status]}\r\ncontent-type: application/json\r\n` +
    `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`
  )
}

const REASONS: Readonly<Record<Refusal['status'], string>> = {
  400: 'Bad Request',
  408: 'Request Timeout',
  417: 'Expectation Failed',
  431: 'Request Header Fields Too Large',
  503: 'Service Unavailable',
}
