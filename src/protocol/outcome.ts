/**
 * What one attempt gave, and the table that says so: Customer.io's answer, or the lack of one, as an outcome.
 */
import type { Problem } from '../errors.ts'
import type { NetworkReason } from '../runtime/network-error.ts'
import { retryAfterMs } from '../runtime/retry-after.ts'
import { batchIndexOf, errorsOf, isWebPage, parseBody, problemOfBody, problemOfError } from './answer-body.ts'

/** Why an entry goes again: a bounded set of words, for metrics and logs. */
export type RetryReason = NetworkReason | 'redirect' | `status-${number}`

/**
 * - `delivered`: Customer.io has it.
 * - `retry`: it may be applied or not; send the same again later. Counts against the breaker.
 * - `throttled`: 429. Slows everyone, is no attempt, does not count against the breaker.
 * - `unauthorized`: the credentials or the region are wrong. Parks the workspace, nothing dies.
 * - `refused`: 400, 413 or 422 for the whole request. Several entries: split; one alone: it dies.
 * - `rejected`: this entry will never pass.
 * - `aborted`: we ended the attempt ourselves. Says nothing about anyone.
 */
export type Outcome =
  | { readonly kind: 'delivered' }
  | { readonly kind: 'retry'; readonly reason: RetryReason; readonly afterMs?: number }
  | { readonly kind: 'throttled'; readonly afterMs?: number }
  | { readonly kind: 'unauthorized'; readonly status: number }
  | { readonly kind: 'refused'; readonly status: number; readonly problem?: Problem }
  | { readonly kind: 'rejected'; readonly status: number; readonly problem?: Problem }
  | { readonly kind: 'aborted' }

/** What is kept of an answer to say what it means. */
export interface Answer {
  readonly status: number
  /** The header `Retry-After`, as it came. */
  readonly retryAfter: string | null
  /** As text, as much as was read. */
  readonly body: string
  /** When it came; `Retry-After` may be a date. */
  readonly nowWallMs: number
}

export { classifyFailure, type FailureContext } from './failure.ts'

const DELIVERED: Outcome = Object.freeze({ kind: 'delivered' })
const BAD_ANSWER: Outcome = Object.freeze({ kind: 'retry', reason: 'bad-answer' })

/**
 * What an answer means, one outcome for each of the entries that the request carried. Never throws.
 *
 * - 2xx delivers. A body that is not JSON changes nothing, as the status is the promise; but a web page is no answer
 *   of Customer.io's: something between answered (a captive portal, a proxy), and nothing was delivered.
 * - 207, and any 2xx with `errors`: the entries at `batch_index` are rejected, the others delivered. Errors that
 *   cannot be laid at an entry's door make the whole request `refused`, so that it is split until they can.
 * - A redirect that the sender did not follow is not about the data, so the entries go again; when its body says
 *   "wrong datacenter" the region is wrong, and the workspace is parked.
 * - 407 is a proxy that wants credentials: again not about the data, so it parks like 401 and 403.
 */
export function classify(answer: Answer, entries: number): readonly Outcome[] {
  if (answer.status >= 200 && answer.status < 300) return classifySuccess(answer, entries)
  return forAll(entries, outcomeOf(answer))
}

function classifySuccess({ status, body }: Answer, entries: number): readonly Outcome[] {
  if (isWebPage(body)) return forAll(entries, BAD_ANSWER)
  const errors = errorsOf(parseBody(body))
  if (errors === undefined) return forAll(entries, status === 207 ? { kind: 'refused', status } : DELIVERED)
  const rejected = new Map<number, Outcome>()
  for (const error of errors) {
    const index = entries === 1 ? 0 : batchIndexOf(error)
    const problem = problemOfError(error)
    const why = { status, ...(problem && { problem }) }
    if (index === undefined || index < 0 || index >= entries) return forAll(entries, { kind: 'refused', ...why })
    if (!rejected.has(index)) rejected.set(index, { kind: 'rejected', ...why })
  }
  return Array.from({ length: entries }, (_, index) => rejected.get(index) ?? DELIVERED)
}

function outcomeOf({ status, retryAfter, body, nowWallMs }: Answer): Outcome {
  const afterMs = retryAfterMs(retryAfter, nowWallMs)
  const wait = afterMs === undefined ? {} : { afterMs }
  if (status === 429) return { kind: 'throttled', ...wait }
  if (status === 408 || status === 425 || (status >= 500 && status < 600)) {
    return { kind: 'retry', reason: `status-${status}`, ...wait }
  }
  if (!(status >= 300 && status < 500)) return BAD_ANSWER
  if (status === 401 || status === 403 || status === 407 || WRONG_REGION.test(body.slice(0, 2_000))) {
    return { kind: 'unauthorized', status }
  }
  if (status < 400) return { kind: 'retry', reason: 'redirect' }
  const problem = problemOfBody(body)
  const kind = status === 400 || status === 413 || status === 422 ? 'refused' : 'rejected'
  return { kind, status, ...(problem && { problem }) }
}

/** As an EU account on the US host was answered: `{"errors":[{"detail":"wrong datacenter","status":"301"}]}`. */
const WRONG_REGION = /wrong data ?cent(?:er|re)/i

function forAll(entries: number, outcome: Outcome): readonly Outcome[] {
  return Array.from({ length: entries }, () => outcome)
}
