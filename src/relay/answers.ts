/**
 * What the relay answers, in Customer.io's shapes. A success is exactly 200 with the body `{}`, also where Customer.io says
 * 204 (forms): some SDKs take nothing else. What cannot be stored now is always 429 or 503 with a `Retry-After` of 1 to 5
 * seconds, which every SDK that retries obeys; never a redirect.
 */
import type { Problem } from '../errors.ts'
import type { RelayResult } from '../observe/relay-events.ts'
import type { Dialect } from '../protocol/call.ts'
import { errorsBody, metaBody, refusalBody, UNAUTHORIZED_WORDS, wireErrorsOf } from '../protocol/wire-errors.ts'
import { inTheirWords } from '../protocol/words.ts'
import type { Accepted } from './retries.ts'

export interface RelayAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly result: RelayResult
  /** Newly stored. */
  readonly operations: number
  /** Stored before. */
  readonly duplicates: number
}

const JSON_TYPE = 'application/json; charset=utf-8'
const JSON_HEADERS: Readonly<Record<string, string>> = Object.freeze({ 'content-type': JSON_TYPE })

const RETRY_AFTER_SECONDS_MAX = 5

/** @param isBatch then the answer says how many operations there are. */
export function acceptedAnswer(accepted: Accepted, isBatch: boolean, duplicates: number): RelayAnswer {
  const { status, id, operations, body } = accepted
  return {
    status,
    headers: {
      'content-type': JSON_TYPE,
      ...(id === '' ? {} : { 'x-holdfast-id': id }),
      ...(isBatch ? { 'x-holdfast-operations': String(operations) } : {}),
    },
    body: body ?? '{}',
    result: status !== 207 ? 'stored' : operations === 0 ? 'invalid' : 'partial',
    operations: operations - duplicates,
    duplicates,
  }
}

/** What a batch of which some items were refused is answered. */
export function partialBody(
  refused: readonly { readonly index: number; readonly problems: readonly Problem[] }[],
): string {
  const errors = refused.flatMap(({ index, problems }) =>
    wireErrorsOf(
      problems.map((problem) => inTheirWords(problem, 'v2')),
      index,
    ),
  )
  return JSON.stringify(errorsBody(errors))
}

/** Nothing was to be stored. */
export function plainAnswer(value: object): RelayAnswer {
  return answer(200, JSON.stringify(value), 'answered')
}

/** What is wrong with a call. */
export function invalidAnswer(dialect: Dialect, problems: readonly Problem[]): RelayAnswer {
  const theirs = problems.map((problem) => inTheirWords(problem, dialect))
  return answer(400, JSON.stringify(refusalBody(dialect, theirs)), 'invalid')
}

/** What is wrong with a request, in one sentence. */
export function refusalAnswer(
  status: number,
  dialect: Dialect,
  result: RelayResult,
  problem: Problem,
  headers: Readonly<Record<string, string>> = {},
): RelayAnswer {
  return answer(status, JSON.stringify(refusalBody(dialect, [problem])), result, headers)
}

/** It may come again. @param afterMs when. */
export function laterAnswer(
  status: 429 | 503,
  dialect: Dialect,
  result: RelayResult,
  message: string,
  afterMs: number,
): RelayAnswer {
  const seconds = Math.min(Math.max(Math.ceil(afterMs / 1_000), 1), RETRY_AFTER_SECONDS_MAX)
  return refusalAnswer(status, dialect, result, requestProblem(message), { 'retry-after': String(seconds) })
}

export function unauthorizedAnswer(): RelayAnswer {
  const headers = { 'www-authenticate': 'Basic realm="Track API", charset="UTF-8"' }
  return answer(401, JSON.stringify(metaBody([UNAUTHORIZED_WORDS])), 'unauthorized', headers)
}

/** A problem of the request as a whole. */
export function requestProblem(message: string, field: string = 'request'): Problem {
  return { field, reason: 'invalid', message }
}

function answer(
  status: number,
  body: string,
  result: RelayResult,
  headers?: Readonly<Record<string, string>>,
): RelayAnswer {
  return {
    status,
    headers: headers === undefined ? JSON_HEADERS : { ...JSON_HEADERS, ...headers },
    body,
    result,
    operations: 0,
    duplicates: 0,
  }
}
