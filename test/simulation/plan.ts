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

export interface Plan {
  readonly seed: number
  readonly mode: Mode
  readonly outbox: 'memory' | 'sqlite'
  readonly processes: number
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

/** A seed has the same world in both modes. */
export function planOf(seed: number, mode: Mode = 'outbox'): Plan {
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
