/**
 * What Customer.io writes back, byte for byte where it is known, and what a client can meet instead of an answer.
 *
 * Recorded: the success body is `{}` and a newline; v1 refuses with `{"meta":{"error"}}` or `{"meta":{"errors"}}`, v2
 * with `{"errors":[{reason,field,message}]}`; a 401 was the plain text `Unauthorized request` in 2021; an outage is a
 * 502 of the load balancer, whose body is HTML. Not established, so chosen: the bodies of 404, 405, 413, 429 and 5xx.
 */
import type { Problem } from '../errors.ts'
import type { Dialect } from '../protocol/call.ts'
import { errorsBody, metaBody, refusalBody, UNAUTHORIZED_WORDS, type WireError } from '../protocol/wire-errors.ts'
import { unreachable } from '../runtime/assert.ts'
import { httpDate } from './http-date.ts'

/** A whole HTTP answer. */
export interface Answer {
  readonly kind: 'answer'
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** `null` where the status forbids a body. */
  readonly body: string | null
}

/**
 * - `answer`: an HTTP answer.
 * - `refused`: no connection.
 * - `reset`: the connection breaks before the answer.
 * - `hang`: nothing, for as long as the client waits.
 * - `half`: the answer's head and the first half of its body, then the connection breaks.
 */
export type Reply =
  | Answer
  | { readonly kind: 'refused' }
  | { readonly kind: 'reset' }
  | { readonly kind: 'hang' }
  | { readonly kind: 'half'; readonly answer: Answer }

const JSON_HEADERS: Readonly<Record<string, string>> = Object.freeze({
  'content-type': 'application/json; charset=utf-8',
})
const HTML_HEADERS: Readonly<Record<string, string>> = Object.freeze({ 'content-type': 'text/html; charset=UTF-8' })
const TEXT_HEADERS: Readonly<Record<string, string>> = Object.freeze({ 'content-type': 'text/plain; charset=utf-8' })

export const SUCCESS: Answer = Object.freeze({ kind: 'answer', status: 200, headers: JSON_HEADERS, body: '{}\n' })

/** The success of a form. */
export const NO_CONTENT: Answer = Object.freeze({ kind: 'answer', status: 204, headers: {}, body: null })

export function jsonAnswer(status: number, value: unknown): Answer {
  return { kind: 'answer', status, headers: JSON_HEADERS, body: `${JSON.stringify(value)}\n` }
}

/** A refusal in the shape of v1. */
export function metaAnswer(status: number, texts: readonly string[]): Answer {
  return jsonAnswer(status, metaBody(texts))
}

export function errorsAnswer(status: number, errors: readonly WireError[]): Answer {
  return jsonAnswer(status, errorsBody(errors))
}

/** A refusal of a whole request in the shape of its dialect. */
export function refusal(status: number, dialect: Dialect, problems: readonly Problem[]): Answer {
  return jsonAnswer(status, refusalBody(dialect, problems))
}

export function unauthorized(as: 'text' | 'json'): Answer {
  const words = UNAUTHORIZED_WORDS
  return as === 'json'
    ? metaAnswer(401, [words])
    : { kind: 'answer', status: 401, headers: TEXT_HEADERS, body: `${words}\n` }
}

/** An EU account asked the US host. Status and body as recorded on the App API in 2023. */
export function wrongDatacenter(location: string): Answer {
  const answer = jsonAnswer(301, { errors: [{ detail: 'wrong datacenter', status: '301' }] })
  return { ...answer, headers: { ...answer.headers, location } }
}

export function redirect(status: number, location: string): Answer {
  return { kind: 'answer', status, headers: { ...HTML_HEADERS, location }, body: page(status, 'Moved') }
}

const WORDS: Readonly<Record<number, string>> = {
  200: 'OK',
  400: 'bad request',
  401: UNAUTHORIZED_WORDS,
  403: 'forbidden',
  404: 'not found',
  405: 'method not allowed',
  408: 'request timeout',
  413: 'request body too large',
  415: 'unsupported content encoding',
  422: 'unprocessable',
  425: 'too early',
  429: 'too many requests',
  500: 'internal error',
  502: 'bad gateway',
  503: 'service unavailable',
  504: 'gateway timeout',
}

export type BodyForm = 'json' | 'html' | 'text'

/** An answer that says nothing but its status, in one of the three forms that clients have met. */
export function statusAnswer(status: number, form: BodyForm, retryAfter?: string): Answer {
  const words = WORDS[status] ?? `status ${status}`
  const more: Readonly<Record<string, string>> = retryAfter === undefined ? {} : { 'retry-after': retryAfter }
  if (status === 204 || status === 205 || status === 304) {
    return { kind: 'answer', status, headers: more, body: null }
  }
  switch (form) {
    case 'json':
      return { ...metaAnswer(status, [words]), headers: { ...JSON_HEADERS, ...more } }
    case 'html':
      return { kind: 'answer', status, headers: { ...HTML_HEADERS, ...more }, body: page(status, words) }
    case 'text':
      return { kind: 'answer', status, headers: { ...TEXT_HEADERS, ...more }, body: `${words}\n` }
    default:
      return unreachable(form)
  }
}

/** `Retry-After` in either of its two forms. */
export function retryAfterHeader(seconds: number, as: 'seconds' | 'date', nowWallMs: number): string {
  return as === 'seconds' ? String(seconds) : httpDate(nowWallMs + seconds * 1000)
}

function page(status: number, words: string): string {
  return `<!DOCTYPE html>\n<html><head><title>${status} ${words}</title></head><body><h1>${status} ${words}</h1></body></html>\n`
}
