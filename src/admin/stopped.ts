/** One workspace of a relay that does not answer, in whatever keeps its operations. */
import type { DrainReport, Stats } from '../client/reports.ts'
import type { OutboxStats, SharedPause, StoreReport } from '../outbox/outbox.ts'
import type { DeskWorkspace } from './desk.ts'

export interface StoppedWorkspace extends DeskWorkspace {
  /** On a server, from which other processes may deliver at any time. */
  readonly isShared: boolean
  /** Whether a process of this machine delivers from it now. Never rejects: what is wrong with it shows in its status. */
  isOwned(): Promise<boolean>
  /** Which server it is; null before `stats`, and where there is none. */
  store(): StoreReport | null
  /** Waits until nothing waits, which somebody else must bring about. */
  drain(timeoutMs: number): Promise<DrainReport>
  close(): Promise<void>
}

/** Of an outbox that this process does not deliver from. */
export function stoppedStats(stats: OutboxStats, pausedForAll: SharedPause | null = null): Stats {
  return {
    ...stats,
    deliveredDirectly: 0,
    requestsInFlight: 0,
    circuitState: 'closed',
    perSecond: 0,
    paused: pausedForAll !== null,
    pausedForAll,
    parked: false,
    handles: null,
  }
}
