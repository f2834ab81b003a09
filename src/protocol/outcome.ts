/**
 * What one attempt gave, and the table that says so: Customer.io's answer, or the lack of one, as an outcome.
 */
import type { Problem } from '../errors.ts'

/** Why an entry goes again: a bounded set of words, for metrics and logs. */
export type RetryReason =
  | 'timeout'
  | 'refused'
  | 'reset'
  | 'dns'
  | 'tls'
  | 'network'
  | 'bad-answer'
  | 'redirect'
  | `status-${number}`

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
