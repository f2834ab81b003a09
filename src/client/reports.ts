/** What a client says about itself in numbers: at any time, after a drain, at its end. */
import type { OutboxStats, SharedPause } from '../outbox/outbox.ts'

export interface Stats extends OutboxStats {
  /** Calls that this client delivered in `mode: 'direct'` without storing them; in none of the totals of the outbox. */
  readonly deliveredDirectly: number
  /** Requests on their way from this process. */
  readonly requestsInFlight: number
  readonly circuitState: 'closed' | 'open' | 'half-open'
  readonly perSecond: number
  /** For this process, or for all. */
  readonly paused: boolean
  /** Who paused delivery for all that share the outbox, and why; null while nobody did. */
  readonly pausedForAll: SharedPause | null
  readonly parked: boolean
  /**
   * Processes that deliver from the outbox, this one included; each takes its part of the rate. Null where one at a time
   * delivers.
   */
  readonly handles: number | null
}

export interface CloseReport {
  /** Operations that are stored and not delivered yet; null when the outbox could not say. */
  readonly waiting: number | null
  readonly deadLetters: number | null
}

export interface DrainReport {
  readonly drained: boolean
  readonly waiting: number
}
