/** What is simulated. Every scenario has its own calls and its own trouble. */

export interface Scenario {
  readonly name: ScenarioName
  readonly what: string
  /** Processes that know nothing of each other and share one limit. */
  readonly processes: number
  readonly calls: number
  /** Calls a second of all processes together; Infinity lets all begin at once. */
  readonly perSecond: number
  readonly fault?: { readonly fromMs: number; readonly forMs: number; readonly share: number }
}

export type ScenarioName = 'burst' | 'outage' | 'fleet' | 'brown-out'

export const LIMIT_PER_SECOND = 100

/** What a caller gives a call, for those that can be told. */
export const DEADLINE_MS = 60_000

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'burst',
    what: '3,000 calls at once, a limit of 100/s',
    processes: 1,
    calls: 3_000,
    perSecond: Infinity,
  },
  {
    name: 'outage',
    what: '50 calls/s for 120 s, 503 from second 20 to second 80',
    processes: 1,
    calls: 6_000,
    perSecond: 50,
    fault: { fromMs: 20_000, forMs: 60_000, share: 1 },
  },
  {
    name: 'fleet',
    what: 'ten processes, together 150 calls/s for 60 s, one limit of 100/s',
    processes: 10,
    calls: 9_000,
    perSecond: 150,
  },
  {
    name: 'brown-out',
    what: '50 calls/s for 60 s, 30 % of the requests answered 503',
    processes: 1,
    calls: 3_000,
    perSecond: 50,
    fault: { fromMs: 0, forMs: 60_000, share: 0.3 },
  },
]
