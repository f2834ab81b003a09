/**
 * Writes verdicts back. What is decided while one write runs goes with the next, so a thousand verdicts cost a few
 * commits. An outbox that fails (a full disk, a locked file) is asked again until the leases end: the verdicts are
 * kept meanwhile, and nothing is sent twice because of it. Events speak of a settlement only once it is written.
 */
import type { Events, SettledEntry } from '../observe/events.ts'
import type { ClaimedEntry, DeadDetail, Lease, LeaseState, Outbox, Settlement, Verdict } from '../outbox/outbox.ts'
import { CAMPAIGN_WINDOW_MS } from '../protocol/limits.ts'
import type { Clock } from '../runtime/clock.ts'

/** Waits between two tries of a write that failed. */
const RETRY_MS = 250

export interface Settler {
  add(entry: ClaimedEntry, lease: Lease, verdict: Verdict): void
  /** Starts a write when there is something to write and none runs. */
  flush(): void
  /** Verdicts that are not written yet, those under way included. */
  readonly pending: number
}

export interface SettlerParts {
  readonly outbox: Pick<Outbox, 'settle'>
  readonly clock: Clock
  readonly events: Events
  /** Called when a write has ended, well or not. */
  readonly written: () => void
  /** Called for each entry whose verdict is written or moot. */
  readonly done: (lease: Lease) => void
  readonly leftMs: (lease: Lease) => number
  readonly failed: (error: unknown) => void
}

interface Decided {
  readonly entry: ClaimedEntry
  readonly settlement: Settlement
}

export function createSettler(parts: SettlerParts): Settler {
  let queue: Decided[] = []
  let writing: readonly Decided[] = []
  let retryAtMs = 0

  async function write(batch: readonly Decided[]): Promise<void> {
    try {
      const states = await parts.outbox.settle(batch.map((decided) => decided.settlement))
      for (const decided of batch) parts.done(decided.settlement.lease)
      report(parts, batch, states)
    } catch (error) {
      parts.failed(error)
      retryAtMs = parts.clock.monotonicMs() + RETRY_MS
      parts.clock.timer(RETRY_MS, parts.written)
      // After the lease the outbox gives the entry to somebody else, whatever is decided here.
      const live = batch.filter((decided) => parts.leftMs(decided.settlement.lease) > 0)
      for (const decided of batch) if (!live.includes(decided)) parts.done(decided.settlement.lease)
      queue = [...live, ...queue]
      if (live.length < batch.length) parts.events.emit({ type: 'lapsed', entries: batch.length - live.length })
    }
    writing = []
    parts.written()
  }

  return {
    add(entry, lease, verdict) {
      queue.push({ entry, settlement: { lease, position: entry.position, verdict } })
    },
    flush() {
      if (writing.length > 0 || queue.length === 0 || parts.clock.monotonicMs() < retryAtMs) return
      writing = queue
      queue = []
      void write(writing)
    },
    get pending() {
      return queue.length + writing.length
    },
  }
}

/** One event for each kind of verdict in a write. */
function report(parts: SettlerParts, batch: readonly Decided[], states: readonly LeaseState[]): void {
  const wallMs = parts.clock.wallMs()
  const delivered: SettledEntry[] = []
  const dead: (SettledEntry & DeadDetail)[] = []
  let lapsed = 0
  for (const [index, { entry, settlement }] of batch.entries()) {
    const { verdict } = settlement
    if (states[index] !== 'held') lapsed++
    else if (verdict.to === 'delivered') delivered.push(settledEntry(entry, wallMs))
    else if (verdict.to === 'dead') {
      const { to: _to, ...detail } = verdict
      dead.push({ ...settledEntry(entry, wallMs), ...detail })
    }
  }
  if (delivered.length > 0) parts.events.emit({ type: 'delivered', entries: delivered })
  if (dead.length > 0) parts.events.emit({ type: 'dead-letter', entries: dead })
  if (lapsed > 0) parts.events.emit({ type: 'lapsed', entries: lapsed })
}

function settledEntry({ id, type, acceptedAtMs, campaignAtMs }: ClaimedEntry, wallMs: number): SettledEntry {
  const settled = { id, type, delayMs: Math.max(0, wallMs - acceptedAtMs) }
  const isPast = campaignAtMs !== null && wallMs - campaignAtMs > CAMPAIGN_WINDOW_MS
  return isPast ? { ...settled, isPastCampaignWindow: true } : settled
}
