/**
 * Outcome x attempts x age -> verdict: what becomes of an entry after an attempt, or instead of one. Pure. Entries are
 * given up by age, never by count: an outage of hours costs attempts, not operations.
 */
import type { ClaimedEntry, Verdict } from '../outbox/outbox.ts'
import { CAMPAIGN_WINDOW_MS } from '../protocol/limits.ts'
import type { Outcome } from '../protocol/outcome.ts'
import { backoffMs } from '../resilience/backoff.ts'
import { unreachable } from '../runtime/assert.ts'
import type { Random } from '../runtime/runtime.ts'

export interface VerdictPolicy {
  /** First wait of a failed entry; doubles with each attempt, with full jitter. */
  readonly retryBaseMs: number
  readonly retryCapMs: number
  /** What becomes of an event that can no longer trigger a campaign. */
  readonly afterCampaignWindow: 'deliver' | 'dead-letter'
}

const AGAIN_AT_ONCE: Verdict = { to: 'waiting', delayMs: 0, countAttempt: false }

/** Back to its place without a trace: it was claimed and not sent. */
export const unsent: Verdict = AGAIN_AT_ONCE

/** Refused by a provider that refuses most: kept, and held back for a while, so that the next probe is another one. */
export const kept: Verdict = { to: 'waiting', delayMs: 10_000, countAttempt: false }

export type LateVerdict = { readonly to: 'dead'; readonly reason: 'expired' | 'campaign-window' }

/** The verdict of an entry that must not be sent any more, or undefined when it may. */
export function lateVerdict(
  entry: Pick<ClaimedEntry, 'expiresAtMs' | 'campaignAtMs'>,
  wallMs: number,
  policy: Pick<VerdictPolicy, 'afterCampaignWindow'>,
): LateVerdict | undefined {
  if (entry.expiresAtMs !== null && wallMs >= entry.expiresAtMs) return { to: 'dead', reason: 'expired' }
  const isLate = entry.campaignAtMs !== null && wallMs - entry.campaignAtMs > CAMPAIGN_WINDOW_MS
  if (isLate && policy.afterCampaignWindow === 'dead-letter') return { to: 'dead', reason: 'campaign-window' }
  return undefined
}

export function verdictOf(
  outcome: Outcome,
  entry: ClaimedEntry,
  wallMs: number,
  policy: VerdictPolicy,
  random: Random,
): Verdict {
  switch (outcome.kind) {
    case 'delivered':
      return { to: 'delivered' }
    case 'retry': {
      if (entry.expiresAtMs !== null && wallMs >= entry.expiresAtMs) return { to: 'dead', reason: 'expired' }
      const waitMs = backoffMs(
        entry.attempts,
        { baseMs: policy.retryBaseMs, capMs: policy.retryCapMs, jitter: 'full' },
        random,
      )
      return { to: 'waiting', delayMs: Math.max(waitMs, outcome.afterMs ?? 0), countAttempt: true }
    }
    // The gate holds everyone back; the entry itself did nothing wrong.
    case 'throttled':
    case 'unauthorized':
    case 'aborted':
      return AGAIN_AT_ONCE
    case 'refused':
    case 'rejected': {
      const { problem, status } = outcome
      return {
        to: 'dead',
        reason: 'rejected',
        status,
        ...(problem === undefined ? {} : { field: problem.field, message: problem.message }),
      }
    }
    default:
      return unreachable(outcome)
  }
}
