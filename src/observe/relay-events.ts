/**
 * What happens at a relay: its answers, its phases, and everything that its workspaces tell. Metrics, logs and the admin
 * API subscribe. No event holds a payload, a credential or a person.
 */
import type { HoldfastEvent } from './events.ts'

/** `starting`: not every outbox is open. `draining`: no new requests are taken. */
export type RelayPhase = 'starting' | 'serving' | 'draining' | 'closed'

/**
 * What became of a request: `stored` (also what was a duplicate), `partial` (a batch of which some items were refused),
 * `answered` (nothing was to be stored), or why it was refused.
 */
export type RelayResult =
  | 'stored'
  | 'partial'
  | 'answered'
  | 'invalid'
  | 'unauthorized'
  | 'unknown-route'
  | 'too-large'
  | 'full'
  | 'cannot-store'
  | 'draining'
  | 'busy'
  | 'aborted'

export type RelayEvent =
  /** One answer. `route` is a name of `protocol/route.ts`, `unknown` for none. */
  | {
      readonly type: 'answered'
      readonly workspace: string | null
      readonly route: string
      readonly status: number
      readonly result: RelayResult
      readonly operations: number
      readonly duplicates: number
      readonly bytes: number
      readonly durationMs: number
    }
  | { readonly type: 'phase'; readonly from: RelayPhase; readonly to: RelayPhase }
  /** An event of one of its workspaces. */
  | { readonly type: 'workspace'; readonly workspace: string; readonly event: HoldfastEvent }
  | { readonly type: 'workspaces'; readonly added: number; readonly changed: number; readonly removed: number }
  /** A connection was turned away or ended by the relay: there were too many, it was too slow, or no HTTP. */
  | { readonly type: 'connection'; readonly refused: 'too-many' | 'too-slow' | 'malformed' | 'tls' }

export type RelayListener = (event: RelayEvent) => void
