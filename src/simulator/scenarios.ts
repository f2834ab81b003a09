/** Troubles as they happen to Customer.io, by name. Each is a list of faults that are added at once; times count from then. */
import type { Fault } from './faults.ts'

export interface Scenario {
  readonly description: string
  readonly faults: readonly Fault[]
}

const MINUTE_MS = 60_000

export const SCENARIOS: Readonly<Record<string, Scenario>> = Object.freeze({
  outage: {
    description: 'after 30 s, 502 pages of the load balancer for 2 minutes',
    faults: [{ kind: 'status', status: 502, html: true, afterMs: 30_000, forMs: 2 * MINUTE_MS }],
  },
  'brown-out': {
    description: 'slow (0.5 to 4 s), with every third request failing with 503, resets among them',
    faults: [
      { kind: 'latency', latencyMs: { min: 500, max: 4_000 } },
      { kind: 'status', status: 503, share: 0.25 },
      { kind: 'reset', share: 0.1, applied: true },
    ],
  },
  throttled: {
    description: '429 with Retry-After: 2 for a third of the requests',
    faults: [{ kind: 'status', status: 429, retryAfterSeconds: 2, share: 0.33 }],
  },
  flaky: {
    description: 'a few of everything: resets, answers lost after the work, 500s, halves of answers',
    faults: [
      { kind: 'reset', share: 0.03 },
      { kind: 'reset', share: 0.03, applied: true },
      { kind: 'status', status: 500, share: 0.03 },
      { kind: 'half-response', share: 0.02 },
    ],
  },
  slow: {
    description: 'every answer takes 1 to 3 s',
    faults: [{ kind: 'latency', latencyMs: { min: 1_000, max: 3_000 } }],
  },
})
