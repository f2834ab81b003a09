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
export { isHoldfastError, OptionsError } from '../errors.ts'
export type { Clock } from '../runtime/clock.ts'
export type { Random } from '../runtime/runtime.ts'
export { BreakerRegistry } from './breaker-registry.ts'
export type { BreakerRegistryOptions, KeyedTransition } from './breaker-registry.ts'
export type { BreakerMode, CircuitState, Transition, TransitionCause } from './breaker-options.ts'
export type { BreakerSnapshot } from './breaker-snapshot.ts'
export { CircuitBreaker } from './circuit-breaker.ts'
export type { CircuitStats, ExecuteOptions, Isolation, Refused, TryResult } from './circuit-breaker-contract.ts'
export type { CircuitBreakerOptions } from './circuit-breaker-options.ts'
export type { CircuitCall, Operation } from './circuit-call.ts'
export { CircuitOpenError, ProbeTimeoutError } from './circuit-errors.ts'
export type { RefusalReason } from './circuit-errors.ts'
export { callResultOf, classify } from './classify.ts'
export type { CallOutcome, Classification, Verdict } from './classify.ts'
export type { ClassifyCall } from './judge.ts'
export type { Subscription } from './subscribers.ts'
