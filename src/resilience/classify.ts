/**
 * What an outcome means: the one table from an answer, or the lack of one, to a verdict. Retry, breaker and rate gate
 * all read it, so that they agree. It looks the way the errors of `fetch`, undici, Node, axios and Customer.io's SDK do.
 *
 * | outcome | verdict | fate |
 * |---|---|---|
 * | an answer of 2xx, a value that is no answer | success | |
 * | 429 | throttled | known |
 * | 408, 425, 5xx, an error with 3xx | failure | known |
 * | other 4xx | permanent | known |
 * | refused, DNS, TLS, connect timeout | failure | known: it was not sent |
 * | reset, broken pipe, any other timeout, a broken answer | failure | unknown |
 * | an abort, a refusal of this package, a mistake in the code | neutral | known |
 * | any other error | failure | known: it is taken at its word |
 */
import { isHoldfastError } from '../errors.ts'
import { unreachable } from '../runtime/assert.ts'
import type { Clock } from '../runtime/clock.ts'
import { findInError, memberOf, networkTroubleOf } from '../runtime/network-error.ts'
import { RETRY_AFTER_MS_MAX, retryAfterMs } from '../runtime/retry-after.ts'
import { systemRuntime } from '../runtime/system.ts'
import type { CallResult } from './breaker-contract.ts'

/**
 * - `success`: it did what it should.
 * - `failure`: the server, or the way to it, is in trouble. Worth another attempt; counts against a breaker.
 * - `throttled`: 429. Worth another attempt, later; slows the rate, says nothing of the server's health.
 * - `permanent`: refused for its own sake. The same again is refused again, and the server lives.
 * - `neutral`: ended or refused on our side. Says nothing of the server, and is not tried again.
 */
export type Verdict = 'success' | 'failure' | 'throttled' | 'permanent' | 'neutral'

/** `unknown`: there was no answer, and the request may have been applied all the same. */
export type Fate = 'known' | 'unknown'

/** What one attempt gave. */
export type CallOutcome = ({ readonly error: unknown } | { readonly value: unknown }) & {
  /** Whether the request left, where the caller knows better than the error. */
  readonly sent?: boolean
  /** The caller's own signal ended the attempt; nothing else is asked then. */
  readonly aborted?: boolean
}

export interface Classification {
  readonly verdict: Verdict
  /** What the server's `Retry-After` asked for, or a local refusal named. Milliseconds, above 0. */
  readonly retryAfterMs?: number
  /** @defaultValue 'known' */
  readonly fate?: Fate
  /** 401 or 403: it is the caller that is refused, whatever it asks for. @defaultValue false */
  readonly unauthorized?: boolean
}

/** A classification of the caller's own. It may hand what it does not know to `classify`. */
export type Classify = (outcome: CallOutcome) => Classification

const SUCCESS: Classification = Object.freeze({ verdict: 'success' })
const NEUTRAL: Classification = Object.freeze({ verdict: 'neutral', fate: 'known' })
const PERMANENT: Classification = Object.freeze({ verdict: 'permanent', fate: 'known' })
const UNAUTHORIZED: Classification = Object.freeze({ verdict: 'permanent', fate: 'known', unauthorized: true })
const FAILURE: Classification = Object.freeze({ verdict: 'failure', fate: 'known' })
const FAILURE_UNKNOWN: Classification = Object.freeze({ verdict: 'failure', fate: 'unknown' })
const THROTTLED: Classification = Object.freeze({ verdict: 'throttled', fate: 'known' })

/**
 * The verdict on one outcome. Never throws, whatever the outcome is.
 *
 * Errors are read from the outside in through `cause` and `errors`, 20 at most: `status`, `statusCode` or
 * `response.status` is an answer; else the codes of Node and undici say what happened. A value with a `status` and
 * `headers` or `ok`, like a `Response`, is an answer too.
 *
 * An error that names neither an answer nor the network is a failure whose fate counts as known, so that a plain
 * `throw new Error()` is tried again. Whoever wraps errors keeps the `cause`.
 *
 * @param outcome `{ error }` or `{ value }`
 * @param clock its wall time is what a `Retry-After` that is a date is held against; the system's unless told
 * @example
 * classify({ error: await cio.identify('1', {}).catch((error: unknown) => error) }).verdict
 */
export function classify(outcome: CallOutcome, clock: Pick<Clock, 'wallMs'> = systemRuntime.clock): Classification {
  try {
    if (outcome.aborted === true) return NEUTRAL
    if (!('error' in outcome)) return classifyValue(outcome.value, clock)
    const found = classifyError(outcome.error, clock)
    if (found.answered || outcome.sent === undefined || found.means.verdict !== 'failure') return found.means
    return outcome.sent ? FAILURE_UNKNOWN : FAILURE
  } catch {
    // An error whose members throw when they are read tells nothing.
    return FAILURE
  }
}

/** The verdict in a breaker's words: a refusal shows that the server lives, a 429 and our own abort show nothing. */
export function callResultOf(verdict: Verdict): CallResult {
  switch (verdict) {
    case 'success':
    case 'permanent':
      return 'success'
    case 'failure':
      return 'failure'
    case 'throttled':
    case 'neutral':
      return 'neutral'
    default:
      return unreachable(verdict)
  }
}

function classifyValue(value: unknown, clock: Pick<Clock, 'wallMs'>): Classification {
  if (typeof value !== 'object' || value === null) return SUCCESS
  const status = memberOf(value, 'status')
  if (typeof status !== 'number' || !isAnswer(value)) return SUCCESS
  // Whoever gets a redirect as a value asked for it.
  return status >= 300 && status < 400 ? SUCCESS : classifyStatus(status, value, clock)
}

/** A `status` alone may be anything of the caller's. */
function isAnswer(value: object): boolean {
  const headers = memberOf(value, 'headers')
  return (typeof headers === 'object' && headers !== null) || typeof memberOf(value, 'ok') === 'boolean'
}

interface Found {
  readonly means: Classification
  readonly answered: boolean
}

function classifyError(error: unknown, clock: Pick<Clock, 'wallMs'>): Found {
  const found = findInError(error, (inner) => lookAt(inner, clock))
  if (found !== undefined) return found
  return { means: classifyBareError(error), answered: false }
}

/** What one error of the chain says by itself. */
function lookAt(error: object, clock: Pick<Clock, 'wallMs'>): Found | undefined {
  const answer = answerOf(error)
  if (answer !== undefined) {
    // It was thrown all the same: the answer could not be read, and the request was applied.
    const means = answer.status < 300 ? FAILURE_UNKNOWN : classifyStatus(answer.status, error, clock)
    return { means, answered: true }
  }
  const means = classifyCode(error)
  return means && { means, answered: false }
}

/** From 200: below it are no final answers, but exit codes of programs. */
const STATUS_MIN = 200
const STATUS_MAX = 599

function answerOf(error: object): { readonly status: number } | undefined {
  const response = memberOf(error, 'response')
  const sources = typeof response === 'object' && response !== null ? [error, response] : [error]
  for (const source of sources) {
    for (const name of ['status', 'statusCode']) {
      const status = memberOf(source, name)
      if (typeof status === 'number' && status >= STATUS_MIN && status <= STATUS_MAX) return { status }
    }
  }
  return undefined
}

function classifyStatus(status: number, carrier: object, clock: Pick<Clock, 'wallMs'>): Classification {
  if (status >= 200 && status < 300) return SUCCESS
  if (status === 429) return withWait(THROTTLED, carrier, clock)
  if (status === 408 || status === 425 || status >= 500) return withWait(FAILURE, carrier, clock)
  if (status === 401 || status === 403) return UNAUTHORIZED
  return status >= 400 ? PERMANENT : FAILURE
}

/** `CanceledError` and `ERR_CANCELED` are axios's, `UND_ERR_ABORTED` is undici's. */
const ABORTS: ReadonlySet<unknown> = new Set([
  'AbortError',
  'CanceledError',
  'ABORT_ERR',
  'ERR_CANCELED',
  'UND_ERR_ABORTED',
])
/** The request was never made: its own arguments are wrong. */
const MISTAKE = /^(?:ERR_INVALID_\w+|UND_ERR_INVALID_ARG|UND_ERR_NOT_SUPPORTED)$/
/** Codes of the network that the table does not know: errno names, undici's, HTTP/2's, node-fetch's, axios's. */
const NETWORK_CODE = /^(?:E[A-Z\d]+|UND_ERR_\w+|ERR_(?:HTTP2|STREAM|SOCKET|NETWORK)\w*)$/

function classifyCode(error: object): Classification | undefined {
  const code = memberOf(error, 'code')
  if (ABORTS.has(memberOf(error, 'name')) || ABORTS.has(code)) return NEUTRAL
  if (isHoldfastError(error) && error.code !== 'TIMEOUT' && error.code !== 'REQUEST_FAILED') {
    return withWait(NEUTRAL, error)
  }
  const trouble = networkTroubleOf(error)
  if (trouble !== undefined) return trouble.arrived === 'no' ? FAILURE : FAILURE_UNKNOWN
  if (typeof code !== 'string') return undefined
  if (MISTAKE.test(code)) return NEUTRAL
  return NETWORK_CODE.test(code) ? FAILURE_UNKNOWN : undefined
}

/** What `fetch` of the known runtimes says when it hides the cause. */
const FETCH_FAILED = /^(?:fetch failed|failed to fetch|terminated|load failed|network ?error)/i

/** Nothing in the chain said what happened. */
function classifyBareError(error: unknown): Classification {
  if (typeof error !== 'object' || error === null) return FAILURE
  const name = memberOf(error, 'name')
  if (name !== 'TypeError' && name !== 'ReferenceError') return FAILURE
  if (memberOf(error, 'cause') !== undefined || FETCH_FAILED.test(String(memberOf(error, 'message')))) {
    return FAILURE_UNKNOWN
  }
  // A bug in the code of the operation: it says nothing of the server, and the next attempt would meet it again.
  return NEUTRAL
}

function withWait(means: Classification, carrier: object, clock?: Pick<Clock, 'wallMs'>): Classification {
  const waitMs = namedWaitMs(carrier) ?? (clock && headerWaitMs(carrier, clock))
  return waitMs === undefined ? means : { ...means, retryAfterMs: waitMs }
}

/** As errors of this package say it. */
function namedWaitMs(carrier: object): number | undefined {
  const waitMs = memberOf(carrier, 'retryAfterMs')
  return typeof waitMs === 'number' && waitMs > 0 ? Math.min(waitMs, RETRY_AFTER_MS_MAX) : undefined
}

function headerWaitMs(carrier: object, clock: Pick<Clock, 'wallMs'>): number | undefined {
  const response = memberOf(carrier, 'response')
  const sources = typeof response === 'object' && response !== null ? [carrier, response] : [carrier]
  for (const source of sources) {
    const headers = memberOf(source, 'headers')
    const header = typeof headers === 'object' && headers !== null ? headerOf(headers) : undefined
    if (header !== undefined) return retryAfterMs(header, clock.wallMs())
  }
  return undefined
}

/** From `Headers`, from axios's headers, or from a plain object in any case of letters. */
function headerOf(headers: object): string | undefined {
  try {
    const get: unknown = Reflect.get(headers, 'get')
    const value: unknown =
      typeof get === 'function'
        ? Reflect.apply(get, headers, ['retry-after'])
        : Object.entries(headers).find(([name]) => name.toLowerCase() === 'retry-after')?.[1]
    const first: unknown = Array.isArray(value) ? value[0] : value
    return typeof first === 'string' || typeof first === 'number' ? String(first) : undefined
  } catch {
    // Headers that cannot be read ask for nothing; the status still says what it says.
    return undefined
  }
}
