/**
 * Reads the body of an answer for what it says about errors. Customer.io writes them in several shapes, and what
 * stands between (load balancers, proxies) writes pages of HTML or plain text. Nothing throws, and what is passed on
 * is short and on one line.
 */
import type { Problem } from '../errors.ts'

const MESSAGE_CHARS_MAX = 500
const FIELD_CHARS_MAX = 200
const REASON_CHARS_MAX = 100

/** Far more than the errors of a full batch need. What is longer is not read as JSON. */
const BODY_CHARS_MAX = 4_000_000

/** Texts of a list that are put into one message. */
const TEXTS_MAX = 5

/** The body as JSON; undefined where it is none. */
export function parseBody(body: string): unknown {
  if (body.length > BODY_CHARS_MAX) return undefined
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}

/** Whether the body is a web page: no answer of the Track API is one. */
export function isWebPage(body: string): boolean {
  return /^\uFEFF?\s*</.test(body)
}

/** The `errors` of a v2 answer; undefined where there are none. */
export function errorsOf(parsed: unknown): readonly unknown[] | undefined {
  const errors = member(parsed, 'errors')
  return Array.isArray(errors) && errors.length > 0 ? errors : undefined
}

/** The place in the batch that an error names, or undefined. */
export function batchIndexOf(error: unknown): number | undefined {
  const index = member(error, 'batch_index')
  return typeof index === 'number' && Number.isInteger(index) ? index : undefined
}

/** What the body of a refusal says is wrong; undefined where it says nothing. */
export function problemOfBody(body: string): Problem | undefined {
  const parsed = parseBody(body)
  if (parsed === undefined) return problemOfText(isWebPage(body) ? titleOf(body) : body)
  const meta = member(parsed, 'meta')
  for (const found of [member(meta, 'errors'), member(meta, 'error'), member(parsed, 'errors'), parsed]) {
    const problem = Array.isArray(found) ? problemOfList(found) : problemOfError(found)
    if (problem !== undefined) return problem
  }
  return undefined
}

/** One error of a list: an object with some of `field`, `reason`, `message` (v2), `detail` (as the App API has it), or a text. */
export function problemOfError(error: unknown): Problem | undefined {
  if (typeof error === 'string') return problemOfText(error)
  const reason = text(member(error, 'reason'), REASON_CHARS_MAX)
  const field = text(member(error, 'field') ?? member(member(error, 'source'), 'pointer'), FIELD_CHARS_MAX)
  const said = member(error, 'message') ?? member(error, 'detail') ?? member(error, 'error')
  const message = text(said, MESSAGE_CHARS_MAX) || reason
  if (message === '') return undefined
  return { field: field || 'request', reason: reason || 'refused', message }
}

/** A list of texts in one message; of a list of objects the first, as one problem has one field. */
function problemOfList(errors: readonly unknown[]): Problem | undefined {
  if (errors.every((error) => typeof error === 'string')) return problemOfText(errors.slice(0, TEXTS_MAX).join('; '))
  for (const error of errors.slice(0, TEXTS_MAX)) {
    const problem = problemOfError(error)
    if (problem !== undefined) return problem
  }
  return undefined
}

function problemOfText(said: string): Problem | undefined {
  const message = text(said, MESSAGE_CHARS_MAX)
  return message === '' ? undefined : { field: 'request', reason: 'refused', message }
}

function titleOf(page: string): string {
  const title = /<title>([^<]{1,200})/i.exec(page.slice(0, 10_000))?.[1]
  return title === undefined ? 'a web page' : `a web page: ${title}`
}

function member(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key) ? Reflect.get(value, key) : undefined
}

/** On one line, well-formed, and not longer than it may be. Empty where it is no text. */
function text(value: unknown, charsMax: number): string {
  if (typeof value !== 'string') return ''
  // Four times as much is looked at as is kept: spaces collapse.
  const start = value.slice(0, charsMax * 4)
  const line = start.replaceAll(/[\s\p{Cc}]+/gu, ' ').trim()
  const short = line.length <= charsMax ? line : `${line.slice(0, charsMax - 1)}…`
  return short.replaceAll(/\p{Cs}/gu, '')
}
