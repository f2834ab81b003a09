/** The options of a retry, and what they are when they are not given. */
import { OptionsError } from '../errors.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Random } from '../runtime/runtime.ts'
import { systemRuntime } from '../runtime/system.ts'
import { checkSignal } from './attempt.ts'
import { resolveBackoffOptions, type Jitter, type ResolvedBackoffOptions } from './backoff.ts'
import { checkNumber } from './check-number.ts'
import { classify, type Classify, type Verdict } from './classify.ts'
import type { RetryBudget } from './retry-budget.ts'

/** A retry that is about to be waited for. */
export interface RetryEvent {
  /** The attempt that failed: 1 for the first. */
  readonly attempt: number
  /** What it threw. Undefined where it returned an answer that failed: see `value`. */
  readonly error: unknown
  /** The answer that failed. Undefined where it threw. */
  readonly value: unknown
  readonly verdict: Verdict
  /** The wait that begins now, in milliseconds. */
  readonly delayMs: number
}

export interface RetryOptions {
  /** Attempts after the first. 0: none. Infinity: until something else ends it. @defaultValue 3 */
  readonly maxRetries?: number
  /** The first wait before jitter, in milliseconds; each next one is twice as long. @defaultValue 1000 */
  readonly baseDelay?: number
  /** No wait of our own is longer, in milliseconds. @defaultValue 30000 */
  readonly maxDelay?: number
  /**
   * How waits are spread, so that many clients do not come back at once. `true` is `'full'` (0 to the whole wait),
   * `'equal'` is half to the whole, `false` is `'none'`. @defaultValue true
   */
  readonly jitter?: boolean | Jitter
  /**
   * A server's Retry-After makes the wait as long as it says and up to 10 % more, never shorter; but nothing beyond
   * this many milliseconds is believed. @defaultValue 60000
   */
  readonly retryAfterCapMs?: number
  /** Shared by all calls to one server; see `createRetryBudget`. Without it only `maxRetries` bounds the retries. */
  readonly budget?: RetryBudget
  /**
   * For all attempts and waits together, in milliseconds. A wait that would reach it is not begun, and an attempt that
   * reaches it is ended. @defaultValue Infinity
   */
  readonly deadlineMs?: number
  /** For each attempt, in milliseconds. An attempt that reaches it has an unknown fate. @defaultValue Infinity */
  readonly attemptTimeoutMs?: number
  /** The caller's abort: ends an attempt or a wait at once, and nothing is begun after it. */
  readonly signal?: AbortSignal | undefined
  /** What an outcome means. @defaultValue the table of `classify` */
  readonly classify?: Classify
  /**
   * The operation may be applied twice without harm: only then is it tried again after an attempt whose fate is
   * unknown (a timeout, a reset connection). @defaultValue false
   */
  readonly idempotent?: boolean
  /** Called before each wait. What it throws or rejects with is dropped. */
  readonly onRetry?: (event: RetryEvent) => void
  /** @defaultValue the system's */
  readonly clock?: Clock
  /** Chance in [0, 1). @defaultValue Math.random */
  readonly random?: Random
}

export interface ResolvedRetryOptions {
  readonly maxRetries: number
  readonly backoff: ResolvedBackoffOptions
  readonly retryAfterCapMs: number
  readonly budget: RetryBudget | undefined
  readonly deadlineMs: number
  readonly attemptTimeoutMs: number
  readonly signal: AbortSignal | undefined
  readonly classify: Classify
  readonly idempotent: boolean
  readonly onRetry: ((event: RetryEvent) => void) | undefined
  readonly clock: Clock
  readonly random: Random
}

/** @throws OptionsError naming the field */
export function resolveRetryOptions(options: RetryOptions): ResolvedRetryOptions {
  const clock = options.clock ?? systemRuntime.clock
  const resolved = {
    maxRetries: options.maxRetries ?? 3,
    backoff: backoffOf(options),
    retryAfterCapMs: options.retryAfterCapMs ?? 60_000,
    budget: options.budget,
    deadlineMs: options.deadlineMs ?? Infinity,
    attemptTimeoutMs: options.attemptTimeoutMs ?? Infinity,
    signal: options.signal,
    classify: options.classify ?? ((outcome) => classify(outcome, clock)),
    idempotent: options.idempotent ?? false,
    onRetry: options.onRetry,
    clock,
    random: options.random === undefined ? systemRuntime.random : bounded(options.random),
  }
  checkNumber('maxRetries', resolved.maxRetries, { min: 0, integer: true, infinite: true })
  checkNumber('retryAfterCapMs', resolved.retryAfterCapMs, { min: 0 })
  checkNumber('deadlineMs', resolved.deadlineMs, { above: 0, infinite: true })
  checkNumber('attemptTimeoutMs', resolved.attemptTimeoutMs, { above: 0, infinite: true })
  checkSignal(resolved.signal)
  checkFunction('classify', resolved.classify)
  checkFunction('onRetry', resolved.onRetry)
  checkFunction('budget.tryTake', resolved.budget === undefined ? undefined : Object(resolved.budget).tryTake)
  if (typeof resolved.idempotent !== 'boolean') throw new OptionsError('idempotent', 'must be true or false')
  return resolved
}

function backoffOf({ baseDelay = 1_000, maxDelay = 30_000, jitter = true }: RetryOptions): ResolvedBackoffOptions {
  // Named here as the caller named them.
  checkNumber('baseDelay', baseDelay, { min: 0 })
  checkNumber('maxDelay', maxDelay, { min: 0 })
  if (![true, false, 'full', 'equal', 'none'].includes(jitter)) {
    throw new OptionsError('jitter', "must be true, false, 'full', 'equal' or 'none'")
  }
  const kind = typeof jitter === 'boolean' ? (jitter ? 'full' : 'none') : jitter
  return resolveBackoffOptions({ baseMs: baseDelay, capMs: maxDelay, jitter: kind })
}

function checkFunction(field: string, value: unknown): void {
  if (value !== undefined && typeof value !== 'function') throw new OptionsError(field, 'must be a function')
}

/** A chance out of its bounds would make waits that are. What is no number counts as the longest wait. */
function bounded(random: unknown): Random {
  checkFunction('random', random)
  return () => {
    const chance = (random as Random)()
    return chance >= 0 ? Math.min(chance, 1) : chance < 0 ? 0 : 1
  }
}
