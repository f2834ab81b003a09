/** What is measured, as far as the metrics look at it. */
import type { Listener } from '../observe/events.ts'
import type { Health } from '../observe/health.ts'
import type { RelayListener, RelayPhase } from '../observe/relay-events.ts'
import type { OutboxStats } from '../outbox/outbox.ts'

/** A `ResilientCustomerIO` is one. */
export interface MeasuredClient {
  on(listener: Listener): () => void
  stats(): Promise<MeasuredStats>
  health(): Promise<Health>
}

export interface MeasuredStats extends OutboxStats {
  readonly deliveredDirectly: number
  readonly requestsInFlight: number
}

/** A relay of `holdfast/relay` is one. Its workspaces may change at any time. */
export interface MeasuredRelay {
  on(listener: RelayListener): () => void
  readonly workspaces: ReadonlyMap<string, MeasuredClient>
  readonly phase: RelayPhase
}
