/**
 * The leases in hand: how long each still lasts, and how many of its entries are still out. A lease is renewed while
 * entries of it are out, and nothing is sent under one that could end before the attempt does: a process that was
 * frozen must not send an old entry after somebody else has sent the next.
 */
import type { Lease, Outbox } from '../outbox/outbox.ts'

interface Held {
  deadlineMs: number
  entries: number
  renewing: boolean
}

export interface Leases {
  /** `askedMs` is the monotonic time before the claim was asked for: the lease cannot be older than that. */
  take(lease: Lease, entries: number, askedMs: number): void
  /** One entry of it is settled or given up. */
  done(lease: Lease, entries: number): void
  /** How long it surely lasts; 0 or less when it has ended. */
  leftMs(lease: Lease, nowMs: number): number
  /** Entries that are out under any lease. */
  readonly entries: number
  /** Renews what has less than half its time left. Calls `done` when an answer has come. */
  renewDue(nowMs: number, answered: () => void): void
  /** When the next renewal is due; null when nothing is held. */
  nextRenewMs(): number | null
}

export function createLeases(
  outbox: Pick<Outbox, 'renew'>,
  leaseMs: number,
  monotonicMs: () => number,
  failed: (error: unknown) => void,
): Leases {
  const held = new Map<Lease, Held>()
  let total = 0

  async function renew(due: readonly Lease[], answered: () => void): Promise<void> {
    const askedMs = monotonicMs()
    try {
      const states = await outbox.renew(due, leaseMs)
      for (const [index, lease] of due.entries()) {
        const record = held.get(lease)
        if (record === undefined) continue
        record.renewing = false
        record.deadlineMs = states[index] === 'held' ? askedMs + leaseMs : 0
      }
    } catch (error) {
      for (const lease of due) {
        const record = held.get(lease)
        if (record !== undefined) record.renewing = false
      }
      failed(error)
    }
    answered()
  }

  return {
    take(lease, entries, askedMs) {
      if (entries === 0) return
      held.set(lease, { deadlineMs: askedMs + leaseMs, entries, renewing: false })
      total += entries
    },
    done(lease, entries) {
      const record = held.get(lease)
      if (record === undefined) return
      record.entries -= entries
      total -= entries
      if (record.entries <= 0) held.delete(lease)
    },
    leftMs: (lease, nowMs) => (held.get(lease)?.deadlineMs ?? 0) - nowMs,
    get entries() {
      return total
    },
    renewDue(nowMs, answered) {
      const due: Lease[] = []
      for (const [lease, record] of held) {
        if (record.renewing || record.deadlineMs <= nowMs || record.deadlineMs - nowMs > leaseMs / 2) continue
        record.renewing = true
        due.push(lease)
      }
      if (due.length > 0) void renew(due, answered)
    },
    nextRenewMs() {
      let next: number | null = null
      for (const record of held.values()) {
        if (record.renewing || record.deadlineMs === 0) continue
        const atMs = record.deadlineMs - leaseMs / 2
        if (next === null || atMs < next) next = atMs
      }
      return next
    },
  }
}
