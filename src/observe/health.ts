/**
 * Health in one vocabulary, as a function of what is known: real traffic, and the answer to an active question where one
 * was asked. It asks nobody itself and creates nothing at the provider.
 *
 * - `starting`: the outbox is not open yet. - `ok`. - `degraded`: calls are stored, delivery is late or slowed; it mends
 *   itself. - `blocked`: calls are stored, delivery waits for a person. - `failing`: calls cannot be stored, or something
 *   was lost. - `stopping`: the client closes.
 */
import type { OutboxStats, SharedPause, StoreReport } from '../outbox/outbox.ts'
import { CAMPAIGN_WINDOW_MS } from '../protocol/limits.ts'
import type { CircuitState } from './events.ts'
import { type HealthProbe, reasonOfProbe } from './probe.ts'

export type HealthStatus = 'starting' | 'ok' | 'degraded' | 'blocked' | 'failing' | 'stopping'

export interface HealthReason {
  /** Stable word, for example `circuit-open`. */
  readonly code: string
  readonly message: string
}

export interface Health {
  /** Calls are stored, and delivery needs nobody: `ok` or `degraded`. */
  readonly healthy: boolean
  readonly status: HealthStatus
  readonly reasons: readonly HealthReason[]
  /** Median of the newest attempts, in milliseconds; before the first, that of the probe; null where there is neither. */
  readonly latency: number | null
  readonly circuitState: CircuitState
  readonly queueDepth: number
  readonly oldestAgeMs: number | null
  /** What is left of the tightest campaign window among what waits. Below 0: it has passed. */
  readonly campaignWindowLeftMs: number | null
  /** Wall times of the newest attempts. */
  readonly lastSuccess: number | null
  readonly lastFailure: number | null
  readonly deadLetters: number
  readonly parked: boolean
  /** For this process, or for all. */
  readonly paused: boolean
  /** Who paused delivery for all that share the outbox, and why; null while nobody did. */
  readonly pausedForAll: SharedPause | null
  /** Requests a second that are allowed right now. */
  readonly rate: number
  readonly role: 'active' | 'standby'
  /** Processes that deliver from the outbox, this one included; null where one at a time does. */
  readonly handles: number | null
  /** Which server keeps the outbox, and what it is not safe against as it is configured; null without a server. */
  readonly store: StoreReport | null
  /** What the active question gave, or why it was not asked; null for `passive`. */
  readonly probe: HealthProbe | null
}

export interface HealthFacts {
  readonly phase: 'starting' | 'open' | 'closing'
  /** The code of the error that keeps calls from being stored right now. */
  readonly storeErrorCode: string | null
  readonly outbox: OutboxStats | null
  readonly circuitState: CircuitState
  readonly cooldownMs: number
  readonly paused: boolean
  readonly pausedForAll: SharedPause | null
  readonly parked: { readonly reason: string; readonly status: number } | null
  readonly rate: number
  readonly handles: number | null
  readonly store: StoreReport | null
  /** Calls are stored beside the outbox, which is away. */
  readonly spilling: { readonly code: string | null } | null
  readonly latency: number | null
  readonly lastSuccess: number | null
  readonly lastFailure: number | null
  readonly wallMs: number
  readonly probe: HealthProbe | null
}

const LATE_MS = 300_000
const CAMPAIGN_WARN_MS = 24 * 3_600_000
const FILL_WARN_SHARE = 0.8

export function healthOf(facts: HealthFacts): Health {
  const { outbox } = facts
  const oldestAgeMs =
    outbox === null || outbox.oldestAcceptedAtMs === null ? null : Math.max(0, facts.wallMs - outbox.oldestAcceptedAtMs)
  const campaignWindowLeftMs =
    outbox === null || outbox.oldestCampaignAtMs === null
      ? null
      : outbox.oldestCampaignAtMs + CAMPAIGN_WINDOW_MS - facts.wallMs
  const failing = failures(facts)
  const blocked = blocks(facts)
  const degraded = degradations(facts, oldestAgeMs, campaignWindowLeftMs)
  const status = statusOf(facts.phase, failing.length > 0, blocked.length > 0, degraded.length > 0)
  return {
    healthy: status === 'ok' || status === 'degraded',
    status,
    reasons: [...failing, ...blocked, ...degraded],
    latency: facts.latency ?? (facts.probe?.asked === true ? facts.probe.latency : null),
    circuitState: facts.circuitState,
    queueDepth: outbox?.waiting ?? 0,
    oldestAgeMs,
    campaignWindowLeftMs,
    lastSuccess: facts.lastSuccess,
    lastFailure: facts.lastFailure,
    deadLetters: outbox?.deadLetters ?? 0,
    parked: facts.parked !== null,
    paused: facts.paused,
    pausedForAll: facts.pausedForAll,
    rate: facts.rate,
    role: outbox?.role ?? 'standby',
    handles: facts.handles,
    store: facts.store,
    probe: facts.probe,
  }
}

function statusOf(phase: HealthFacts['phase'], failing: boolean, blocked: boolean, degraded: boolean): HealthStatus {
  if (phase === 'closing') return 'stopping'
  if (failing) return 'failing'
  if (phase === 'starting') return 'starting'
  if (blocked) return 'blocked'
  return degraded ? 'degraded' : 'ok'
}

function failures(facts: HealthFacts): HealthReason[] {
  const reasons: HealthReason[] = []
  if (facts.storeErrorCode !== null) {
    reasons.push({ code: 'cannot-store', message: `calls cannot be stored: ${facts.storeErrorCode}` })
  }
  const lost = facts.outbox?.lost ?? 0
  if (lost !== 0) reasons.push({ code: 'lost', message: `the outbox misses ${lost} operations that it had accepted` })
  return reasons
}

function blocks(facts: HealthFacts): HealthReason[] {
  const reasons: HealthReason[] = []
  if (facts.parked !== null) {
    const why =
      facts.parked.reason === 'credentials'
        ? 'Customer.io refuses the credentials or the region'
        : 'Customer.io refuses most requests, which points at the configuration'
    reasons.push({ code: 'parked', message: `${why} (status ${facts.parked.status}); calls are stored` })
  }
  if (facts.paused) reasons.push({ code: 'paused', message: `delivery is paused${byWhom(facts)}; calls are stored` })
  const probed = reasonOfProbe(facts.probe)
  if (probed?.severity === 'blocked')
    reasons.push({ code: probed.code, message: `${probed.message}; calls are stored` })
  return reasons
}

function byWhom({ pausedForAll }: HealthFacts): string {
  if (pausedForAll === null) return ''
  const { who, why } = pausedForAll
  return ` for all by ${who}${why === '' ? '' : ` (${why})`}`
}

/** Also while there is nothing left to spill: calls go there until the outbox has all of them. */
function spills({ spilling, outbox }: HealthFacts): HealthReason[] {
  const spilled = outbox?.spilled ?? 0
  if (spilling === null && spilled === 0) return []
  const why = spilling?.code ? `: ${spilling.code}` : ''
  const where = spilling === null ? 'operations go back into the outbox' : `calls are stored beside the outbox${why}`
  return [{ code: 'spilling', message: `${where}; ${spilled} wait beside it` }]
}

function degradations(facts: HealthFacts, ageMs: number | null, campaignLeftMs: number | null): HealthReason[] {
  const reasons: HealthReason[] = spills(facts)
  const { outbox } = facts
  if (facts.circuitState !== 'closed') {
    reasons.push({
      code: `circuit-${facts.circuitState}`,
      message: 'Customer.io does not answer well; calls are stored',
    })
  }
  if (facts.cooldownMs > 0) reasons.push({ code: 'throttled', message: 'Customer.io asks to slow down' })
  const probed = reasonOfProbe(facts.probe)
  // Calls are stored, so a question that failed alone is no failure of ours; a cooldown has said the same already.
  if (probed !== null && probed.severity !== 'blocked' && !reasons.some(({ code }) => code === probed.code)) {
    reasons.push({ code: probed.code, message: probed.message })
  }
  if (ageMs !== null && ageMs > LATE_MS) {
    reasons.push({ code: 'late', message: `the oldest operation waits for ${Math.round(ageMs / 1000)} s` })
  }
  if (campaignLeftMs !== null && campaignLeftMs < CAMPAIGN_WARN_MS) {
    const hours = Math.max(0, Math.floor(campaignLeftMs / 3_600_000))
    reasons.push({ code: 'campaign-window', message: `events that wait can trigger campaigns for ${hours} more hours` })
  }
  if (outbox !== null) {
    const used = Math.max(
      outbox.waiting / outbox.operationsMax,
      (outbox.waitingBytes + outbox.deadBytes) / outbox.bytesMax,
    )
    if (used >= FILL_WARN_SHARE) {
      reasons.push({ code: 'filling', message: `the outbox is ${Math.floor(used * 100)} % full` })
    }
  }
  return reasons
}
