/** Whether an attempt that did not succeed is followed by another, and after which wait. The one place that decides. */
import { OptionsError } from '../errors.ts'
import type { Random } from '../runtime/runtime.ts'
import { backoffMs, withRetryAfterMs, type ResolvedBackoffOptions } from './backoff.ts'
import type { Classification } from './classify.ts'
import type { RetryBudget } from './retry-budget.ts'

/** What holds for every attempt of a call. */
export interface RetryPolicy {
  readonly maxRetries: number
  readonly backoff: ResolvedBackoffOptions
  readonly retryAfterCapMs: number
  readonly idempotent: boolean
  readonly budget: RetryBudget | undefined
  readonly random: Random
}

/**
 * - `verdict`: it succeeded, it will be refused again, or it was ended on our side.
 * - `fate`: it may have been applied, and it is not idempotent.
 * - `attempts`: there were as many as there may be.
 * - `deadline`: the wait would reach it.
 * - `budget`: all calls together have retried enough.
 */
export type StopReason = 'verdict' | 'fate' | 'attempts' | 'deadline' | 'budget'

export type RetryDecision =
  | { readonly again: true; readonly delayMs: number }
  | { readonly again: false; readonly reason: StopReason }

/**
 * Decides, and where the answer is yes takes the budget's token: retries that wait count already. Whoever then does
 * not make the retry gives the token back.
 *
 * @param attempt the one that has ended: 1 for the first
 * @param remainingMs until the call's deadline
 */
export function decideRetry(
  classification: Classification,
  policy: RetryPolicy,
  { attempt, remainingMs, nowMs }: { readonly attempt: number; readonly remainingMs: number; readonly nowMs: number },
): RetryDecision {
  if (!isWorthAnother(classification)) return STOPS.verdict
  if (classification.fate === 'unknown' && !policy.idempotent) return STOPS.fate
  if (attempt > policy.maxRetries) return STOPS.attempts
  const delayMs = delayOf(classification, policy, attempt)
  if (delayMs >= remainingMs) return STOPS.deadline
  if (policy.budget?.tryTake(nowMs) === false) return STOPS.budget
  return { again: true, delayMs }
}

const stop = (reason: StopReason): RetryDecision => Object.freeze({ again: false, reason })

const STOPS: Readonly<Record<StopReason, RetryDecision>> = Object.freeze({
  verdict: stop('verdict'),
  fate: stop('fate'),
  attempts: stop('attempts'),
  deadline: stop('deadline'),
  budget: stop('budget'),
})

function isWorthAnother({ verdict }: Classification): boolean {
  switch (verdict) {
    case 'failure':
    case 'throttled':
      return true
    case 'success':
    case 'permanent':
    case 'neutral':
      return false
    default:
      throw new OptionsError('classify', 'must return a verdict: success, failure, throttled, permanent or neutral')
  }
}

function delayOf({ retryAfterMs }: Classification, policy: RetryPolicy, attempt: number): number {
  const ownMs = backoffMs(attempt - 1, policy.backoff, policy.random)
  // Timers cut off fractions, and the server's word is never shortened.
  return retryAfterMs === undefined
    ? ownMs
    : Math.ceil(withRetryAfterMs(ownMs, retryAfterMs, policy.retryAfterCapMs, policy.random))
}
