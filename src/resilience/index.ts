/**
 * `holdfast/resilience`: the policies by themselves, for any call. Knows nothing of Customer.io.
 *
 * @example
 * ```ts
 * import { CircuitBreaker, CircuitOpenError } from 'holdfast/resilience'
 *
 * const breaker = new CircuitBreaker()
 * const answer = await breaker.execute(({ signal }) => fetch(url, { signal }))
 * ```
 */
export { isHoldfastError, OptionsError, TimeoutError } from '../errors.ts'
export type { Clock } from '../runtime/clock.ts'
export type { Random } from '../runtime/runtime.ts'
export type { Operation, OperationContext } from './attempt.ts'
export type { BackoffOptions, Jitter } from './backoff.ts'
export type { BreakerView } from './breaker-contract.ts'
export { BreakerRegistry } from './breaker-registry.ts'
export type { BreakerRegistryOptions, KeyedTransition } from './breaker-registry.ts'
export type { BreakerMode, BreakerOptions, CircuitState, Transition, TransitionCause } from './breaker-options.ts'
export type { BreakerSnapshot } from './breaker-snapshot.ts'
export { CircuitBreaker } from './circuit-breaker.ts'
export type { CircuitStats, ExecuteOptions, Isolation, Refused, TryResult } from './circuit-breaker-contract.ts'
export type { CircuitBreakerOptions } from './circuit-breaker-options.ts'
export type { CircuitCall, CircuitOperation } from './circuit-call.ts'
export { CircuitOpenError } from './circuit-errors.ts'
export type { RefusalReason } from './circuit-errors.ts'
export { callResultOf, classify } from './classify.ts'
export type { CallOutcome, Classification, Classify, Fate, Verdict } from './classify.ts'
export type { ClassifyCall } from './judge.ts'
export { createRetryBudget } from './retry-budget.ts'
export type { RetryBudget, RetryBudgetOptions, RetryBudgetView } from './retry-budget.ts'
export type { RetryEvent, RetryOptions } from './retry-options.ts'
export { withRetry } from './retry.ts'
export type { AttemptContext } from './retry.ts'
export { earlierErrorsOf } from './earlier-errors.ts'
export type { Subscription } from './subscribers.ts'
export { withTimeout } from './timeout.ts'
export type { TimeoutOptions } from './timeout.ts'
export { ConcurrencyLimit } from './concurrency-limit.ts'
export type { ConcurrencyLimitOptions, ConcurrencyLimitView, Slot } from './concurrency-limit.ts'
export { DeadlineError, QueueFullError, RateLimitedError } from './limit-errors.ts'
export { createPipeline } from './pipeline.ts'
export type {
  CallOptions,
  EndReason,
  LimitView,
  Pipeline,
  PipelineAttempt,
  PipelineEvent,
  PipelineHealth,
  PipelineOperation,
  PipelineSnapshot,
  PipelineStats,
  Result,
} from './pipeline-contract.ts'
export type { LimitOptions, PipelineOptions, PipelineRetryOptions } from './pipeline-options.ts'
export { RateGate } from './rate-gate.ts'
export type { RateGateOptions, RateGateView } from './rate-gate.ts'
export type { RateLimiterOptions, RateLimiterView } from './rate-limiter.ts'
export type { WaitOptions } from './turn.ts'
