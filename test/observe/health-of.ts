/** A workspace's health with some facts changed. */
import { type Health, type HealthFacts, healthOf } from '../../src/observe/health.ts'

const WELL: HealthFacts = {
  phase: 'open',
  storeErrorCode: null,
  outbox: null,
  circuitState: 'closed',
  cooldownMs: 0,
  paused: false,
  pausedForAll: null,
  handles: null,
  store: null,
  spilling: null,
  parked: null,
  rate: 100,
  latency: null,
  lastSuccess: null,
  lastFailure: null,
  wallMs: 0,
  probe: null,
}

export function healthWith(facts: Partial<HealthFacts> = {}): Health {
  return healthOf({ ...WELL, ...facts })
}
