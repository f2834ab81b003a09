/** What a breaker can be told, its defaults, and the check of both. */
import { OptionsError } from '../errors.ts'
import { checkNumber } from './check-number.ts'

export type CircuitState = 'closed' | 'open' | 'half-open'

/**
 * - `on`: refuses while open.
 * - `observe`: counts and announces what it would do, and refuses nothing. For a first time in production.
 * - `off`: admits all and counts no results.
 */
export type BreakerMode = 'on' | 'observe' | 'off'

export type TransitionCause =
  | 'consecutive-failures'
  | 'failure-ratio'
  | 'slow-calls'
  /** The open time is over and a first probe goes. */
  | 'probe'
  | 'probe-failed'
  | 'recovered'
  | 'isolated'
  | 'released'
  | 'restored'

export interface Transition {
  readonly from: CircuitState
  readonly to: CircuitState
  readonly cause: TransitionCause
  /** Monotonic. */
  readonly atMs: number
  /** Monotonic end of the open time; null when not open, or open until someone releases it. */
  readonly untilMs: number | null
}

export interface BreakerOptions {
  /**
   * Opens at this many failures with no success between them, however long they took. Infinity switches it off.
   * @defaultValue 10: finds an outage after ten calls, and a brown-out of 30 % does not reach it
   */
  readonly consecutiveFailures?: number
  /** Opens when this share of the window's calls failed, 0 to 1. @defaultValue 0.5 */
  readonly failureRatio?: number
  /** Opens when this share of the window's calls was slow, 0 to 1. @defaultValue 0.8 */
  readonly slowRatio?: number
  /** A call that took longer is slow. Infinity switches it off. @defaultValue 8000 */
  readonly slowMs?: number
  /** The ratios say nothing about fewer calls in the window. Infinity switches them off. @defaultValue 20 */
  readonly callsMin?: number
  /** @defaultValue 10000 */
  readonly windowMs?: number
  /** The first open time. @defaultValue 5000 */
  readonly openMs?: number
  /** Each open time that ends in a failed probe makes the next longer by this factor. @defaultValue 1.5 */
  readonly openGrowth?: number
  /** Before jitter; at least `openMs`. @defaultValue 15000: a longer one adds its length to the recovery */
  readonly openCapMs?: number
  /** Spreads open times by ± this share, so that many clients do not probe at once. @defaultValue 0.2 */
  readonly openJitter?: number
  /** A failure's Retry-After lengthens the open time up to this. @defaultValue 60000 */
  readonly retryAfterCapMs?: number
  /** Probes that may be under way at once. @defaultValue 1 */
  readonly probesMax?: number
  /**
   * The time that whoever makes a probe should give it. A probe that has not reported one second later is taken for
   * lost, and its place is free again. @defaultValue 3000: halves the recovery from a server that hangs
   */
  readonly probeTimeoutMs?: number
  /** Good probes that close the circuit. @defaultValue 3 */
  readonly probeSuccesses?: number
  /** The share of concurrency that is allowed right after closing; doubles with each `rampStepMs`. @defaultValue 0.25 */
  readonly rampShare?: number
  /** @defaultValue 1000 */
  readonly rampStepMs?: number
  /** @defaultValue 'on' */
  readonly mode?: BreakerMode
  /** Called once for each change, when the new state holds already. What it throws is dropped. */
  readonly onTransition?: (transition: Transition) => void
}

export type ResolvedBreakerOptions = Required<BreakerOptions>

export const breakerDefaults: ResolvedBreakerOptions = Object.freeze({
  consecutiveFailures: 10,
  failureRatio: 0.5,
  slowRatio: 0.8,
  slowMs: 8_000,
  callsMin: 20,
  windowMs: 10_000,
  openMs: 5_000,
  openGrowth: 1.5,
  openCapMs: 15_000,
  openJitter: 0.2,
  retryAfterCapMs: 60_000,
  probesMax: 1,
  probeTimeoutMs: 3_000,
  probeSuccesses: 3,
  rampShare: 0.25,
  rampStepMs: 1_000,
  mode: 'on',
  onTransition: () => {},
})

/** What a probe's lease outlasts its timeout by. */
export const PROBE_LEASE_MARGIN_MS = 1_000

/** @throws OptionsError naming the field */
export function resolveBreakerOptions(options: BreakerOptions = {}): ResolvedBreakerOptions {
  const { openMs = breakerDefaults.openMs } = options
  checkNumber('openMs', openMs, { above: 0 })
  // Whoever asks for a long open time alone means it.
  const openCapMs = Math.max(breakerDefaults.openCapMs, openMs)
  const resolved = { ...breakerDefaults, openCapMs, ...options, openMs }
  checkNumber('consecutiveFailures', resolved.consecutiveFailures, { min: 1, integer: true, infinite: true })
  checkNumber('failureRatio', resolved.failureRatio, { above: 0, max: 1 })
  checkNumber('slowRatio', resolved.slowRatio, { above: 0, max: 1 })
  checkNumber('slowMs', resolved.slowMs, { above: 0, infinite: true })
  checkNumber('callsMin', resolved.callsMin, { min: 1, integer: true, infinite: true })
  checkNumber('windowMs', resolved.windowMs, { above: 0 })
  checkNumber('openGrowth', resolved.openGrowth, { min: 1 })
  checkNumber('openCapMs', resolved.openCapMs, { min: resolved.openMs })
  checkNumber('openJitter', resolved.openJitter, { min: 0, max: 1 })
  checkNumber('retryAfterCapMs', resolved.retryAfterCapMs, { min: 0 })
  checkNumber('probesMax', resolved.probesMax, { min: 1, integer: true })
  checkNumber('probeTimeoutMs', resolved.probeTimeoutMs, { above: 0 })
  checkNumber('probeSuccesses', resolved.probeSuccesses, { min: 1, integer: true })
  checkNumber('rampShare', resolved.rampShare, { above: 0, max: 1 })
  checkNumber('rampStepMs', resolved.rampStepMs, { above: 0 })
  if (!['on', 'observe', 'off'].includes(resolved.mode)) {
    throw new OptionsError('mode', "must be 'on', 'observe' or 'off'")
  }
  if (typeof resolved.onTransition !== 'function') throw new OptionsError('onTransition', 'must be a function')
  return resolved
}
