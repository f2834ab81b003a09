/** The account of both: what waits is the remote outbox's, what is in the file is `spilled`, and the rest is the sum. */
import type { OutboxStats, OutboxTotals } from '../outbox.ts'

/** @param remote as far as it is known; undefined where it never answered. */
export function statsOfBoth(remote: OutboxStats | undefined, file: OutboxStats): OutboxStats {
  if (remote === undefined) return { ...file, role: 'active', waiting: 0, waitingBytes: 0, spilled: file.waiting }
  return {
    ...remote,
    role: 'active',
    inFlight: remote.inFlight + file.inFlight,
    lanesHeld: remote.lanesHeld + file.lanesHeld,
    deadLetters: remote.deadLetters + file.deadLetters,
    deadBytes: remote.deadBytes + file.deadBytes,
    oldestAcceptedAtMs: earlier(remote.oldestAcceptedAtMs, file.oldestAcceptedAtMs),
    oldestCampaignAtMs: earlier(remote.oldestCampaignAtMs, file.oldestCampaignAtMs),
    totals: sum(remote.totals, file.totals),
    spilled: remote.spilled + file.waiting,
    lost: remote.lost + file.lost,
  }
}

function earlier(one: number | null, other: number | null): number | null {
  if (one === null || other === null) return one ?? other
  return Math.min(one, other)
}

function sum(one: OutboxTotals, other: OutboxTotals): OutboxTotals {
  return {
    accepted: one.accepted + other.accepted,
    delivered: one.delivered + other.delivered,
    dead: one.dead + other.dead,
    expired: one.expired + other.expired,
    purged: one.purged + other.purged,
    dropped: one.dropped + other.dropped,
    duplicates: one.duplicates + other.duplicates,
  }
}
