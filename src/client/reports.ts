/** What a client says about itself in numbers: at any time, after a drain, at its end. */
import type { OutboxStats } from '../outbox/outbox.ts'

export interface Stats extends OutboxStats {
  /** Calls that this client delivered in `mode: 'direct'` without storing them; in none of the totals of the outbox. */
  readonly deliveredDirectly: number
  /** Requests on their way from this process. */
  readonly requestsInFlight: number
  readonly circuitState: 'closed' | 'open' | 'half-open'
  readonly perSecond: number
  readonly paused: boolean
  readonly parked: boolean
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
