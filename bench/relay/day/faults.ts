/** A day on which everything goes wrong that has gone wrong before, each for a while. Hours from the start. */
import type { Fault } from '../../../src/simulator/index.ts'

const HOUR_MS = 3_600_000
const MINUTE_MS = 60_000

function during(fromHour: number, minutes: number): { readonly afterMs: number; readonly forMs: number } {
  return { afterMs: fromHour * HOUR_MS, forMs: minutes * MINUTE_MS }
}

export const FAULTS: readonly Fault[] = [
  // All day long a little.
  { kind: 'status', status: 503, share: 0.002 },
  { kind: 'reset', applied: true, share: 0.001 },
  { kind: 'half-response', share: 0.001 },
  { kind: 'latency', latencyMs: { min: 0, max: 400 }, share: 0.05 },
  // A load balancer that answers 502 to everything, for hours.
  { kind: 'status', status: 502, html: true, ...during(2, 150) },
  // A brown-out: a few of a hundred, for hours.
  { kind: 'status', status: 502, html: true, share: 0.04, ...during(6, 220) },
  { kind: 'status', status: 429, retryAfterSeconds: 2, share: 0.5, ...during(10.5, 15) },
  { kind: 'timeout', applied: true, share: 0.5, ...during(12, 20) },
  { kind: 'timeout', ...during(13, 10) },
  { kind: 'refused', ...during(14, 30) },
  // Somebody rotates the key and tells the relay's people half an hour later.
  { kind: 'status', status: 401, text: true, ...during(16, 30) },
  { kind: 'reset', share: 0.3, ...during(18, 20) },
  { kind: 'redirect', to: 'https://track-eu.customer.io', status: 301, share: 0.1, ...during(19, 10) },
  { kind: 'status', status: 500, share: 0.9, applied: true, ...during(20, 10) },
]
