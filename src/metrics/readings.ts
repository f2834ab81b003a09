/** What a workspace says of itself when it is asked, written into the registry. */
import type { Health } from '../observe/health.ts'
import { CAMPAIGN_WINDOW_MS } from '../protocol/limits.ts'
import type { MeasuredStats } from './measured.ts'
import type { Registry } from './registry.ts'

export function writeStats(registry: Registry, workspace: string, stats: MeasuredStats, wallMs: number): void {
  const { totals, oldestAcceptedAtMs: oldestMs, oldestCampaignAtMs: campaignMs } = stats
  const set = (name: string, value: number | null, ...labels: readonly string[]): void =>
    registry.set(name, value, workspace, ...labels)
  set('ops.accepted', totals.accepted)
  set('ops.duplicates', totals.duplicates)
  for (const outcome of ['delivered', 'dropped', 'purged'] as const) set('ops.settled', totals[outcome], outcome)
  // More found than accepted is no loss, and a counter is not negative; the conservation error shows it.
  set('ops.lost', Math.max(0, stats.lost))
  set('conservation.error', conservationError(stats))
  set('dead_letters', totals.expired, 'expired')
  set('dead_letters', totals.dead, 'other')
  set('dead_letters.bytes', stats.deadBytes)
  set('queue.depth', stats.waiting - stats.inFlight, 'waiting')
  set('queue.depth', stats.inFlight, 'in_flight')
  set('queue.bytes', stats.waitingBytes)
  set('queue.capacity', stats.bytesMax)
  set('queue.capacity.ops', stats.operationsMax)
  set('queue.oldest_age', oldestMs === null ? 0 : Math.max(0, wallMs - oldestMs) / 1_000)
  set('campaign_window.remaining', campaignMs === null ? null : (campaignMs + CAMPAIGN_WINDOW_MS - wallMs) / 1_000)
  set('queue.spilled', stats.spilled)
  set('lanes.blocked', stats.lanesHeld)
  set('store.active', stats.role === 'active' ? 1 : 0)
  set('client.delivered_directly', stats.deliveredDirectly)
  set('send.in_flight', stats.requestsInFlight)
}

/** What the account of a store misses of accepted = delivered + dead + expired + purged + dropped + waiting + lost. */
export function conservationError({
  totals,
  waiting,
  lost,
}: Pick<MeasuredStats, 'totals' | 'waiting' | 'lost'>): number {
  const { accepted, delivered, dead, expired, purged, dropped } = totals
  return accepted - delivered - dead - expired - purged - dropped - waiting - lost
}

export function writeHealth(registry: Registry, workspace: string, health: Health): void {
  registry.setOneHot('health.status', health.status, workspace)
  registry.setOneHot('circuit.state', gateStateOf(health), workspace)
  registry.set('limiter.rate', health.rate, workspace)
  registry.set('paused_for_all', health.pausedForAll === null ? 0 : 1, workspace)
  registry.set('store.handles', health.handles, workspace)
  registry.set('store.risks', health.store?.risks.length ?? null, workspace)
}

function gateStateOf({ paused, parked, circuitState }: Health): string {
  if (paused) return 'paused'
  if (parked) return 'parked'
  return circuitState === 'half-open' ? 'half_open' : circuitState
}
