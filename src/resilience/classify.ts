/**
 * What an outcome means for whoever made the call. A timely refusal (4xx) shows that the server lives; 429 says that
 * we were too fast; an abort or a refusal of our own says nothing. Any other error is a failure.
 */
import { isHoldfastError } from '../errors.ts'
import { unreachable } from '../runtime/assert.ts'
import type { CallResult } from './breaker-contract.ts'

/**
 * - `success`: it did what it should.
 * - `failure`: the server, or the way to it, is in trouble.
 * - `throttled`: 429. Says nothing of the server's health.
 * - `permanent`: refused for its own sake; the server lives.
 * - `neutral`: ended or refused on our side. Says nothing of the server.
 */
export type Verdict = 'success' | 'failure' | 'throttled' | 'permanent' | 'neutral'

/** How a call ended. `error` is there when it threw, also when it threw `undefined`. */
export type CallOutcome = { readonly error: unknown } | { readonly value: unknown }

export interface Classification {
  readonly verdict: Verdict
  /** What the server's `Retry-After` asked for, in milliseconds. */
  readonly retryAfterMs?: number
}

/** Never throws, whatever the outcome is. A value that looks like an answer of `fetch` is judged by its status. */
export function classify(outcome: CallOutcome): Classification {
  try {
    if ('error' in outcome) return classifyError(outcome.error)
    const { value } = outcome
    if (typeof value !== 'object' || value === null) return { verdict: 'success' }
    const { status, headers } = value as { readonly [key: string]: unknown }
    const answered = typeof status === 'number' && typeof headers === 'object'
    return { verdict: answered ? verdictOfStatus(status) : 'success' }
  } catch {
    // An error whose members throw when they are read tells nothing.
    return { verdict: 'error' in outcome ? 'failure' : 'success' }
  }
}

/** The verdict in a breaker's words. */
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

function classifyError(error: unknown): Classification {
  if (typeof error !== 'object' || error === null) return { verdict: 'failure' }
  if (isHoldfastError(error) && error.code !== 'TIMEOUT' && error.code !== 'REQUEST_FAILED') {
    return { verdict: 'neutral' }
  }
  const { name, retryAfterMs } = error as { readonly [key: string]: unknown }
  if (name === 'AbortError') return { verdict: 'neutral' }
  const status = statusOf(error)
  const verdict = status === undefined || status < 400 ? 'failure' : verdictOfStatus(status)
  return typeof retryAfterMs === 'number' && retryAfterMs > 0 ? { verdict, retryAfterMs } : { verdict }
}

/** The status of the answer, wherever a known client keeps it. */
function statusOf(error: object): number | undefined {
  const { response } = error as { readonly response?: unknown }
  for (const source of [error, response]) {
    if (typeof source !== 'object' || source === null) continue
    const { status, statusCode } = source as { readonly [key: string]: unknown }
    if (typeof status === 'number') return status
    if (typeof statusCode === 'number') return statusCode
  }
  return undefined
}

function verdictOfStatus(status: number): Verdict {
  if (status === 429) return 'throttled'
  if (status >= 500 || status === 408 || status === 425) return 'failure'
  return status >= 400 ? 'permanent' : 'success'
}
