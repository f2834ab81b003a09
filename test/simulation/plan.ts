/**
 * Everything that one run does by chance, drawn from its seed before it begins, so that a failure can be read from one
 * line. Options swarm: in each run some faults are wholly off and others wild.
 */
import type { Random } from '../../src/runtime/runtime.ts'
import { seededRandom } from '../../src/testing/seeded-random.ts'

export interface FaultShares {
  /** Nothing arrives, told at once. */
  readonly refused: number
  /** Cut before the work was done, and after it. */
  readonly resetBefore: number
  readonly resetAfter: number
  /** No answer: nothing was done, or everything was. */
  readonly hangBefore: number
  readonly hangAfter: number
  readonly status500: number
  /** A load balancer's page. */
  readonly html502: number
  readonly throttled: number
  /** The work is done and half the answer arrives. */
  readonly halfAnswer: number
}

export interface Window {
  readonly fromMs: number
  readonly toMs: number
  readonly kind: 'down' | 'unauthorized' | 'brown-out' | 'slow'
}

export type Mode = 'outbox' | 'direct'

/** `one`: a file or a memory from which one process at a time delivers. `all`: a memory from which all do. */
export type Deliver = 'one' | 'all'

/** A process of which nothing runs for a time, often longer than its leases. */
export interface Freeze {
  readonly atMs: number
  readonly forMs: number
  readonly process: number
}

/** One process pauses delivery for all, another one ends it. */
export interface PauseForAll {
  readonly atMs: number
  readonly forMs: number
}

export interface Plan {
  readonly seed: number
  readonly mode: Mode
  readonly outbox: 'memory' | 'sqlite' | 'shared'
  readonly processes: number
  readonly freezes: readonly Freeze[]
  readonly pauses: readonly PauseForAll[]
  /** Of attempts and leases. Null for the defaults. */
  readonly attemptMs: number | null
  readonly people: number
  readonly calls: number
  /** How long faults and calls go on. */
  readonly durationMs: number
  readonly latencyMsMax: number
  readonly shares: FaultShares
  readonly windows: readonly Window[]
  readonly kills: readonly { readonly atMs: number; readonly process: number }[]
  /** Forward by less than the hour for which an idempotency key is remembered. */
  readonly wallJumps: readonly { readonly atMs: number; readonly byMs: number }[]
  readonly poisonShare: number
  readonly keyedShare: number
  readonly mergeShare: number
  readonly operationsMax: number
  readonly batchOperationsMax: number
  readonly concurrency: number
  readonly perSecond: number
  /** What the provider allows; above it answers 429. */
  readonly providerPerSecond: number
  readonly maxAgeMs: number | null
  /** Of a call in mode `direct`. */
  readonly deadlineMs: number
}

/** A seed has the same world in both modes, but for who delivers. */
export function planOf(seed: number, mode: Mode = 'outbox', deliver: Deliver = 'one'): Plan {
  const plan = planForOne(seed, mode)
  return deliver === 'one' ? plan : sharedBy(plan, seededRandom(seed + 0.25e9))
}

/** The same calls and faults, with more processes. Leases are short, so that a run sees them end. */
function sharedBy(plan: Plan, random: Random): Plan {
  const whole = (min: number, max: number): number => min + Math.floor(random() * (max - min + 1))
  const processes = whole(2, 4)
  const times = (most: number): readonly { readonly atMs: number; readonly forMs: number }[] =>
    Array.from({ length: random() < 0.5 ? whole(1, most) : 0 }, () => {
      const atMs = whole(100, plan.durationMs)
      return { atMs, forMs: Math.min(whole(500, 40_000), plan.durationMs - atMs) }
    })
  return {
    ...plan,
    outbox: 'shared',
    processes,
    kills: plan.kills.map(({ atMs }) => ({ atMs, process: whole(0, processes - 1) })),
    freezes: times(4).map((freeze) => ({ ...freeze, process: whole(0, processes - 1) })),
    pauses: times(2),
    attemptMs: whole(2_000, 10_000),
  }
}

function planForOne(seed: number, mode: Mode): Plan {
  const random = seededRandom(seed)
  const whole = (min: number, max: number): number => min + Math.floor(random() * (max - min + 1))
  const maybe = <T>(share: number, value: () => T, otherwise: T): T => (random() < share ? value() : otherwise)
  const durationMs = whole(20, 300) * 1_000
  const outbox = random() < 0.35 ? 'memory' : 'sqlite'
  const processes = outbox === 'memory' ? 1 : whole(1, 3)
  return {
    seed,
    mode,
    outbox,
    processes,
    freezes: [],
    pauses: [],
    attemptMs: null,
    people: whole(1, 30),
    calls: whole(20, 220),
    durationMs,
    latencyMsMax: maybe(0.8, () => whole(5, 400), whole(1_000, 4_000)),
    shares: sharesOf(random),
    windows: Array.from({ length: maybe(0.7, () => whole(1, 3), 0) }, () => windowOf(random, durationMs)),
    kills: Array.from({ length: maybe(0.7, () => whole(1, 4), 0) }, () => ({
      atMs: whole(100, durationMs),
      process: whole(0, processes - 1),
    })).sort((a, b) => a.atMs - b.atMs),
    wallJumps: Array.from({ length: maybe(0.25, () => whole(1, 2), 0) }, () => ({
      atMs: whole(100, durationMs),
      byMs: random() < 0.5 ? -3_600_000 : whole(1, 3_000) * 1_000,
    })),
    poisonShare: maybe(0.5, () => random() * 0.1, 0),
    keyedShare: maybe(0.5, () => random() * 0.5, 0),
    mergeShare: maybe(0.4, () => random() * 0.2, 0),
    operationsMax: maybe(0.25, () => whole(5, 40), 1_000_000),
    batchOperationsMax: whole(1, 50),
    concurrency: whole(1, 8),
    perSecond: whole(2, 200),
    providerPerSecond: maybe(0.3, () => whole(2, 30), 1_000),
    maxAgeMs: maybe(0.15, () => whole(20, 120) * 1_000, null),
    deadlineMs: maybe(0.5, () => whole(300, 30_000), 15_000),
  }
}

function sharesOf(random: Random): FaultShares {
  // A level for the whole run, and each fault on or off by itself.
  const level = random() < 0.2 ? 0 : random() * 0.25
  const share = (): number => (random() < 0.5 ? 0 : random() * level)
  return {
    refused: share(),
    resetBefore: share(),
    resetAfter: share(),
    hangBefore: share() / 3,
    hangAfter: share() / 3,
    status500: share(),
    html502: share(),
    throttled: share(),
    halfAnswer: share(),
  }
}

function windowOf(random: Random, durationMs: number): Window {
  const fromMs = random() * durationMs
  const kinds = ['down', 'down', 'unauthorized', 'brown-out', 'slow'] as const
  return {
    fromMs,
    toMs: fromMs + random() * Math.min(120_000, durationMs - fromMs),
    kind: kinds[Math.floor(random() * kinds.length)]!,
  }
}
