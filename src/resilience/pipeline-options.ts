/** What a pipeline can be told, its defaults, and the check of both. */
import { OptionsError } from '../errors.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Random } from '../runtime/runtime.ts'
import { systemRuntime } from '../runtime/system.ts'
import { backoffDefaults, resolveBackoffOptions, type BackoffOptions, type ResolvedBackoffOptions } from './backoff.ts'
import { resolveBreakerOptions, type BreakerOptions, type ResolvedBreakerOptions } from './breaker-options.ts'
import { checkNumber } from './check-number.ts'
import { classify, type Classify } from './classify.ts'
import type { RateLimiterOptions } from './rate-limiter.ts'
import type { RetryBudgetOptions } from './retry-budget.ts'

/** One of the provider's limits: a rate, and how many calls may be under way. */
export interface LimitOptions extends RateLimiterOptions {
  /** The ceiling of the rate: what the provider allows, less a margin. Infinity lifts it. */
  readonly perSecond: number
  /** Calls that may be under way at once. @defaultValue 32 */
  readonly concurrency?: number
  /** Calls that may wait for the rate, and as many again for a slot. @defaultValue 10000 */
  readonly queue?: number
}

export interface PipelineRetryOptions extends BackoffOptions {
  /** Attempts that may fail, the first included; a 429 is none. @defaultValue 5: of a brown-out of 30 % it loses 0.3 %, where 4 lose up to 1 % */
  readonly attempts?: number
  /** Nothing longer is believed of a failure's Retry-After. @defaultValue 60000 */
  readonly retryAfterCapMs?: number
  /** Shared by all calls of the pipeline; `false` for none. */
  readonly budget?: Omit<RetryBudgetOptions, 'onExhausted'> | false
}

export interface PipelineOptions<L extends string> {
  /** By the name that calls give. */
  readonly limits: Readonly<Record<L, LimitOptions>>
  /** `false`: one attempt, and a 429 is an end too. */
  readonly retry?: PipelineRetryOptions | false
  /**
   * One circuit for all limits, as they lead to one server. `openMs` and `openCapMs` are 4400 and `openJitter` 0.1 unless
   * told: a server that is back is found within 5 s, and few calls go into an outage all the same.
   */
  readonly breaker?: Omit<BreakerOptions, 'onTransition'>
  /** For one attempt. Infinity switches it off. @defaultValue 10000 */
  readonly timeoutMs?: number
  /** For a whole call with all its waits and attempts. Infinity switches it off. @defaultValue 15000 */
  readonly deadlineMs?: number
  /** What a call does that finds the circuit open: end at once, or wait while its deadline allows. @defaultValue 'reject' */
  readonly onOpen?: 'reject' | 'wait'
  /** Answers 401 or 403 in a row that isolate the pipeline for a minute. Infinity switches it off. @defaultValue 5 */
  readonly unauthorizedMax?: number
  /** @defaultValue `classify` */
  readonly classify?: Classify
  /** @defaultValue the system's */
  readonly clock?: Clock
  /** A number in [0, 1), for all jitter. @defaultValue Math.random */
  readonly random?: Random
}

export interface ResolvedPipelineRetryOptions {
  readonly attempts: number
  readonly backoff: ResolvedBackoffOptions
  readonly retryAfterCapMs: number
  readonly budget: Omit<RetryBudgetOptions, 'onExhausted'> | false
}

export interface ResolvedPipelineOptions {
  readonly limits: readonly (readonly [name: string, options: LimitOptions])[]
  /** Null: nothing is tried again. */
  readonly retry: ResolvedPipelineRetryOptions | null
  readonly breaker: ResolvedBreakerOptions
  readonly timeoutMs: number
  readonly deadlineMs: number
  readonly onOpen: 'reject' | 'wait'
  readonly unauthorizedMax: number
  readonly classify: Classify
  readonly clock: Clock
  readonly random: Random
}

export const pipelineDefaults: {
  readonly attempts: number
  readonly retryAfterCapMs: number
  readonly timeoutMs: number
  readonly deadlineMs: number
  readonly onOpen: 'reject'
  readonly unauthorizedMax: number
  readonly concurrency: number
  readonly queue: number
} = Object.freeze({
  attempts: 5,
  retryAfterCapMs: 60_000,
  timeoutMs: 10_000,
  deadlineMs: 15_000,
  onOpen: 'reject',
  unauthorizedMax: 5,
  concurrency: 32,
  queue: 10_000,
})

/**
 * A probe is one call, and whoever has a pipeline has callers waiting: an open time that grows saves less than it costs.
 * One that is longer than the default is taken at its word.
 */
function pipelineBreakerDefaults(openMs: number = 4_400): BreakerOptions {
  return { openMs, openCapMs: Math.max(4_400, openMs), openJitter: 0.1 }
}

/** @throws OptionsError naming the field */
export function resolvePipelineOptions<L extends string>(options: PipelineOptions<L>): ResolvedPipelineOptions {
  const { clock = systemRuntime.clock, random = systemRuntime.random } = options
  const { timeoutMs, deadlineMs, onOpen, unauthorizedMax } = { ...pipelineDefaults, ...defined(options) }
  checkNumber('timeoutMs', timeoutMs, { above: 0, infinite: true })
  checkNumber('deadlineMs', deadlineMs, { above: 0, infinite: true })
  checkNumber('unauthorizedMax', unauthorizedMax, { min: 1, integer: true, infinite: true })
  if (onOpen !== 'reject' && onOpen !== 'wait') throw new OptionsError('onOpen', "must be 'reject' or 'wait'")
  const judge: unknown = options.classify ?? classify
  if (typeof judge !== 'function') throw new OptionsError('classify', 'must be a function')
  const breaker = resolveBreakerOptions({ ...pipelineBreakerDefaults(options.breaker?.openMs), ...options.breaker })
  return {
    limits: resolveLimits(options.limits),
    retry: options.retry === false ? null : resolveRetry(options.retry ?? {}),
    breaker,
    timeoutMs,
    deadlineMs,
    onOpen,
    unauthorizedMax,
    classify: options.classify ?? ((outcome) => classify(outcome, clock)),
    clock,
    random,
  }
}

function resolveLimits(limits: unknown): (readonly [string, LimitOptions])[] {
  if (typeof limits !== 'object' || limits === null) throw new OptionsError('limits', 'must be an object')
  const entries = Object.entries(limits as Readonly<Record<string, LimitOptions>>)
  if (entries.length === 0) throw new OptionsError('limits', 'must name at least one limit')
  return entries.map(([name, limit]) => {
    if (typeof limit !== 'object' || limit === null) throw new OptionsError(`limits.${name}`, 'must be an object')
    const { concurrency = pipelineDefaults.concurrency, queue = pipelineDefaults.queue } = limit
    checkNumber(`limits.${name}.perSecond`, limit.perSecond, { above: 0, infinite: true })
    checkNumber(`limits.${name}.concurrency`, concurrency, { min: 1, integer: true, infinite: true })
    checkNumber(`limits.${name}.queue`, queue, { min: 0, integer: true, infinite: true })
    return [name, { ...limit, concurrency, queue }] as const
  })
}

function resolveRetry(retry: PipelineRetryOptions): ResolvedPipelineRetryOptions {
  const {
    attempts = pipelineDefaults.attempts,
    retryAfterCapMs = pipelineDefaults.retryAfterCapMs,
    baseMs = backoffDefaults.baseMs,
    capMs = backoffDefaults.capMs,
    jitter = backoffDefaults.jitter,
    budget = {},
  } = retry
  checkNumber('retry.attempts', attempts, { min: 1, integer: true, infinite: true })
  checkNumber('retry.retryAfterCapMs', retryAfterCapMs, { min: 0 })
  return { attempts, retryAfterCapMs, backoff: resolveBackoffOptions({ baseMs, capMs, jitter }), budget }
}

/** Without the members that are undefined, which would hide defaults. */
function defined<T extends object>(options: T): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T
}
