/**
 * An active look at Customer.io, as health reports it: the account was asked for its region, or it was not, and why.
 */
import type { RegionVerdict } from '../protocol/region-answer.ts'
import { unreachable } from '../runtime/assert.ts'
import type { GateReason } from './events.ts'

/** The question was asked, and this is what came of it. */
export interface AskedProbe {
  readonly asked: true
  /** Wall time of the answer, or of giving up. */
  readonly atMs: number
  /** In one word: `ok`, `region-mismatch`, `credentials`, `throttled` or `failed`. */
  readonly outcome: RegionVerdict['kind']
  /** Status of the answer; null when there was none. */
  readonly status: number | null
  /** How long the answer took, in milliseconds; null when there was none. */
  readonly latency: number | null
  /** Where Customer.io says that the account lives, for example `eu`; null when it did not say. */
  readonly region: string | null
  /** The workspace's number, as Customer.io says; absent when it did not say. */
  readonly environmentId?: number
  /** Why it failed, in one word of a bounded set (`timeout`, `dns`, `status-503`, `bad-answer`, ...); null when it did not. */
  readonly reason: string | null
}

/** The question was left out: the gate is closed to ordinary requests, or the client closes. */
export interface OmittedProbe {
  readonly asked: false
  readonly reason: GateReason | 'closing'
}

export type HealthProbe = AskedProbe | OmittedProbe

export interface ProbeReason {
  readonly severity: 'blocked' | 'degraded' | 'failing'
  readonly code: 'region-mismatch' | 'credentials' | 'throttled' | 'unreachable'
  readonly message: string
}

/** What a probe says is wrong; null when it says nothing. `failing` is for those who have nothing else to rely on. */
export function reasonOfProbe(probe: HealthProbe | null): ProbeReason | null {
  if (probe === null || !probe.asked) return null
  switch (probe.outcome) {
    case 'ok':
      return null
    case 'region-mismatch': {
      const where = probe.region === null ? 'in the other data centre' : `in the region ${probe.region}`
      const message = `the account lives ${where}, and requests go elsewhere: set the region`
      return { severity: 'degraded', code: 'region-mismatch', message }
    }
    case 'credentials': {
      const message = `Customer.io refuses the credentials (status ${probe.status})`
      return { severity: 'blocked', code: 'credentials', message }
    }
    case 'throttled':
      return { severity: 'degraded', code: 'throttled', message: 'Customer.io asks to slow down' }
    case 'failed': {
      const message = `Customer.io did not answer the question for the region well: ${probe.reason}`
      return { severity: 'failing', code: 'unreachable', message }
    }
    default:
      return unreachable(probe.outcome)
  }
}
