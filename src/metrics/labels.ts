/**
 * The labels of the metrics and every value that each may have. Each set has all the words of a union, which the
 * compiler checks. Whatever is not in the set is `other`: no person, no name of an event and no text of a server's ever
 * becomes a label.
 */
import type { ErrorCode } from '../errors.ts'
import type { CircuitState } from '../observe/events.ts'
import type { HealthStatus } from '../observe/health.ts'
import type { AskedProbe } from '../observe/probe.ts'
import type { RelayEvent, RelayPhase, RelayResult } from '../observe/relay-events.ts'
import type { DeadReason, ProviderHint } from '../outbox/outbox.ts'
import { CALL_TYPES } from '../protocol/call.ts'
import type { Outcome, RetryReason } from '../protocol/outcome.ts'
import type { Route } from '../protocol/route.ts'

export const OTHER = 'other'

/** `named`: a name that the operator gives; there are as many as there are workspaces. */
export type LabelValues = 'named' | ReadonlySet<string>

function setOf<Word extends string>(words: Readonly<Record<Word, true>>): ReadonlySet<string> {
  return new Set([...Object.keys(words), OTHER])
}

export const endpoints: ReadonlySet<string> = setOf(CALL_TYPES)

export const routes: ReadonlySet<string> = setOf<Route['name'] | 'unknown'>({
  identify: true,
  delete: true,
  suppress: true,
  unsuppress: true,
  add_device: true,
  delete_device: true,
  track: true,
  track_anonymous: true,
  merge: true,
  segment: true,
  metric: true,
  push: true,
  form: true,
  unsubscribe: true,
  entity: true,
  batch: true,
  region: true,
  unknown: true,
})

export const relayResults: ReadonlySet<string> = setOf<RelayResult>({
  stored: true,
  partial: true,
  answered: true,
  invalid: true,
  unauthorized: true,
  'unknown-route': true,
  'too-large': true,
  full: true,
  'cannot-store': true,
  draining: true,
  busy: true,
  aborted: true,
})

export const relayPhases: ReadonlySet<string> = setOf<RelayPhase>({
  starting: true,
  serving: true,
  draining: true,
  closed: true,
})

export const connectionRefusals: ReadonlySet<string> = setOf<(RelayEvent & { type: 'connection' })['refused']>({
  'too-many': true,
  'too-slow': true,
  malformed: true,
  tls: true,
})

const statuses = [200, 207, 400, 401, 404, 405, 408, 411, 413, 415, 422, 429, 431, 499, 500, 503]

/** The statuses that a relay answers with. */
export const relayStatuses: ReadonlySet<string> = new Set([...statuses.map(String), OTHER])

/** Of an answer of Customer.io; `none` where there was no answer. */
export const statusClasses: ReadonlySet<string> = new Set(['2xx', '3xx', '4xx', '5xx', 'none', OTHER])

export const outcomes: ReadonlySet<string> = setOf<Outcome['kind'] | 'mixed'>({
  delivered: true,
  retry: true,
  throttled: true,
  unauthorized: true,
  refused: true,
  rejected: true,
  aborted: true,
  mixed: true,
})

const retries: Readonly<Record<Exclude<RetryReason, `status-${number}`>, true>> = {
  timeout: true,
  refused: true,
  reset: true,
  dns: true,
  tls: true,
  network: true,
  'bad-answer': true,
  redirect: true,
}

const retriedStatuses = [408, 425, 500, 502, 503, 504, 520, 521, 522, 523, 524].map((status) => `status-${status}`)

const attempted: readonly string[] = [...Object.keys(retries), ...retriedStatuses]

/** Why an attempt is made again; `none` where it is not. */
export const attemptReasons: ReadonlySet<string> = new Set([...attempted, 'none', OTHER])

/** Why operations wait again: why the attempt failed, or what became of its request. */
export const retryReasons: ReadonlySet<string> = new Set([...attempted, ...outcomes])

export const deadReasons: ReadonlySet<string> = setOf<DeadReason>({
  rejected: true,
  expired: true,
  'campaign-window': true,
  unreadable: true,
  damaged: true,
  'unknown-fate': true,
})

export const hintKinds: ReadonlySet<string> = setOf<ProviderHint['kind']>({ limited: true, failing: true, well: true })

/** One at a time: what an operator says goes before what Customer.io says, and both before the circuit. */
export const gateStates: ReadonlySet<string> = new Set(['closed', 'open', 'half_open', 'parked', 'paused'])

export const circuitStates: ReadonlySet<string> = setOf<CircuitState>({ closed: true, open: true, 'half-open': true })

/** Of `TransitionCause` in the resilience part, which knows nothing of metrics. */
export const circuitCauses: ReadonlySet<string> = new Set([
  'consecutive-failures',
  'failure-ratio',
  'slow-calls',
  'probe',
  'probe-failed',
  'recovered',
  'isolated',
  'released',
  'restored',
  OTHER,
])

const healthWords: Readonly<Record<HealthStatus, true>> = {
  starting: true,
  ok: true,
  degraded: true,
  blocked: true,
  failing: true,
  stopping: true,
}

export const healthStatuses: ReadonlySet<string> = new Set(Object.keys(healthWords))

export const probeOutcomes: ReadonlySet<string> = setOf<AskedProbe['outcome']>({
  ok: true,
  'region-mismatch': true,
  credentials: true,
  throttled: true,
  failed: true,
})

const reasonByCode: ReadonlyMap<string, string> = new Map<ErrorCode, string>([
  ['INVALID_CALL', 'invalid'],
  ['CLIENT_CLOSED', 'closed'],
  ['ABORTED', 'aborted'],
  ['OUTBOX_FULL', 'full'],
  ['OUTBOX_DISK_FULL', 'disk_full'],
  ['OUTBOX_READ_ONLY', 'read_only'],
  ['OUTBOX_DAMAGED', 'damaged'],
  ['OUTBOX_NEWER_VERSION', 'newer_version'],
  ['OUTBOX_NOT_DURABLE', 'not_durable'],
  ['OUTBOX_UNAVAILABLE', 'unavailable'],
  ['OUTBOX_CLOSED', 'store_closed'],
  ['REQUEST_FAILED', 'request_failed'],
])

/** Why a call was refused, or what an outbox failed with. */
export const errorReasons: ReadonlySet<string> = new Set([...reasonByCode.values(), OTHER])

/** The word for an error's code. */
export function errorReasonOf(code: string): string {
  return reasonByCode.get(code) ?? OTHER
}
