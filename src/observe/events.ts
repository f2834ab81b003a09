/**
 * What happens, as typed events, each emitted once per transition. Metrics, health, logs and the user subscribe to the
 * same ones. No event holds a payload, a credential or a person.
 */
import type { DeadDetail, ProviderHint } from '../outbox/outbox.ts'
import type { TraceContext } from '../protocol/trace-context.ts'

export interface SettledEntry {
  readonly id: string
  readonly type: string
  /** From the call to now, on the wall clock. */
  readonly delayMs: number
  /** An event whose campaign window had passed: it triggered no campaign. Absent otherwise. */
  readonly isPastCampaignWindow?: true
}

export type CircuitState = 'closed' | 'open' | 'half-open'

/** Why nothing is sent right now. */
export type GateReason = 'paused' | 'parked' | 'circuit' | 'cooldown' | 'rate'

export type HoldfastEvent =
  /** A call got its receipt, `durationMs` after it was made. */
  | {
      readonly type: 'accepted'
      readonly operations: number
      readonly duplicates: number
      readonly durationMs: number
    }
  | { readonly type: 'refused'; readonly code: string; readonly operations: number }
  /** Lint in mode `warn`: the call was accepted although Customer.io's documented limits say that it will be refused. */
  | {
      readonly type: 'lint'
      readonly call: string
      readonly field: string
      readonly reason: string
      readonly limit?: string
    }
  /**
   * One attempt, told when it ends. `outcome` is the kind of `Outcome`, or `mixed` for a batch with several. `traces`:
   * those of its entries that carry a trace context, 100 at most; absent where none does.
   */
  | {
      readonly type: 'request'
      readonly entries: number
      readonly bytes: number
      readonly durationMs: number
      readonly status: number | null
      readonly outcome: string
      readonly reason?: string
      readonly probe: boolean
      readonly traces?: readonly TraceContext[]
    }
  /** Health asked Customer.io for the account's region. `outcome` is a word of `AskedProbe`. No attempt of any operation. */
  | {
      readonly type: 'probed'
      readonly outcome: string
      readonly status: number | null
      readonly durationMs: number
    }
  | { readonly type: 'delivered'; readonly entries: readonly SettledEntry[] }
  | { readonly type: 'retrying'; readonly entries: number; readonly reason: string; readonly delayMs: number }
  | { readonly type: 'dead-letter'; readonly entries: readonly (SettledEntry & DeadDetail)[] }
  /** A refused batch was cut in two. */
  | { readonly type: 'bisected'; readonly entries: number; readonly status: number }
  /** Leases ended before they could be settled; the entries go again. */
  | { readonly type: 'lapsed'; readonly entries: number }
  | {
      readonly type: 'circuit'
      readonly from: CircuitState
      readonly to: CircuitState
      readonly cause: string
      readonly untilMs: number | null
    }
  | { readonly type: 'throttled'; readonly perSecond: number; readonly cooldownMs: number }
  | { readonly type: 'parked'; readonly reason: 'credentials' | 'mostly-rejected'; readonly status: number }
  | { readonly type: 'unparked' }
  /** `all`: for all that deliver from the outbox, by whoever paused them. Told again when the words change. */
  | { readonly type: 'paused'; readonly scope: 'process' }
  | { readonly type: 'paused'; readonly scope: 'all'; readonly who: string; readonly why: string }
  /** That pause is over; the one of the other scope may go on. */
  | { readonly type: 'resumed'; readonly scope: 'process' | 'all' }
  /** Another process that delivers from the same outbox said this of Customer.io, and this one heeds it. */
  | { readonly type: 'heard'; readonly said: ProviderHint['kind']; readonly forMs: number | null }
  /** So many processes deliver from the outbox now, this one included; each takes its part of the rate. */
  | { readonly type: 'handles'; readonly count: number }
  /** Which server keeps the outbox, and what it may lose as it is configured. */
  | { readonly type: 'store'; readonly server: string; readonly risks: readonly string[] }
  /** Calls are stored beside the outbox, which is away (`begun`), or all were taken over from there (`ended`). */
  | {
      readonly type: 'spill'
      readonly state: 'begun' | 'ended'
      readonly code: string | null
      readonly waiting: number
    }
  | { readonly type: 'role'; readonly role: 'active' | 'standby' }
  /** The outbox failed at something; delivery goes on when it can. */
  | { readonly type: 'outbox-error'; readonly code: string; readonly during: 'claim' | 'renew' | 'settle' | 'stats' }
  /** A damaged store was set aside under `path`; what could be read of it was taken over. `lost` is null where even the number is unknown. */
  | { readonly type: 'quarantined'; readonly path: string; readonly recovered: number; readonly lost: number | null }
  /** A stored entry does not match its checksum; it is a dead letter `damaged`, with its bytes kept. */
  | { readonly type: 'damaged-entry'; readonly position: string }
  | { readonly type: 'closed'; readonly waiting: number | null; readonly deadLetters: number | null }

export type Listener = (event: HoldfastEvent) => void

export interface Events {
  readonly emit: (event: HoldfastEvent) => void
  /** Returns the function that ends the subscription. */
  readonly on: (listener: Listener) => () => void
  /** Whether anyone listens: an event that is costly to build may be left out otherwise. */
  readonly active: () => boolean
}

/** A listener that throws harms nobody: not the engine, not the other listeners. */
export function createEvents(): Events {
  const listeners = new Set<Listener>()
  return {
    emit(event) {
      for (const listener of listeners) {
        try {
          listener(event)
        } catch {
          // The listener's own trouble; there is nobody to tell who would not have the same trouble.
        }
      }
    },
    on(listener) {
      // A wrapper, so that one function subscribed twice is two subscriptions.
      const own: Listener = (event) => listener(event)
      listeners.add(own)
      return () => {
        listeners.delete(own)
      }
    },
    active: () => listeners.size > 0,
  }
}
