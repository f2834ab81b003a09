/** The public names of `holdfast`. An explicit list: what is not here is private. */
export { ResilientCustomerIO } from './resilient-customer-io.ts'
export type { AccountRegion } from './resilient-customer-io.ts'
export type { CustomerIOCalls, Data, Id, IdentifierType } from './client/calls.ts'
export type { DeadLetter, DeadLetterQuery, DeadLetters, DeadLetterSelection } from './client/dead-letters.ts'
export { CustomerIOHealthChecker } from './client/health-checker.ts'
export type { CheckStatus, HealthCheck, HealthCheckerOptions } from './client/health-checker.ts'
export type { CallOptions } from './client/intake.ts'
export type { ClientOptions } from './client/options.ts'
export type { BatchReceipt, Receipt, Settled } from './client/receipt.ts'
export type { TimeoutOptions } from './client/timeouts.ts'
export type { PauseWords } from './client/shared-pause.ts'
export type { CloseReport, DrainReport, Stats } from './client/reports.ts'
export type { TrackClientLike } from './client/track-client.ts'
export type { TransactionClient } from './client/within.ts'
export {
  AbortedError,
  ClosedError,
  ExecutionsFullError,
  HoldfastError,
  isHoldfastError,
  OptionsError,
  OutboxError,
  OutboxFullError,
  RequestError,
  ValidationError,
} from './errors.ts'
export type { ErrorCode, OutboxErrorCode, Problem, RequestErrorReason } from './errors.ts'
export type { HoldfastEvent, Listener } from './observe/events.ts'
export type { Health, HealthReason, HealthStatus } from './observe/health.ts'
export type { AskedProbe, HealthProbe, OmittedProbe } from './observe/probe.ts'
export { executeIdempotent } from './idempotency/execute.ts'
export { generateIdempotencyKey } from './idempotency/key.ts'
export { memoryIdempotencyStore } from './idempotency/memory-store.ts'
export type { MemoryIdempotencyStoreOptions } from './idempotency/memory-store.ts'
export type { ExecuteIdempotentOptions } from './idempotency/options.ts'
export type { Begun, ExecutionLease, IdempotencyStore } from './idempotency/store.ts'
export { memoryOutbox } from './outbox/memory.ts'
export type { DeadReason, OpenOutbox, Outbox, SharedPause, StoreReport, TransactionQuery } from './outbox/outbox.ts'
export { sqliteOutbox } from './outbox/sqlite.ts'
export type { Clock } from './runtime/clock.ts'
export type { Fetch, Random, Runtime } from './runtime/runtime.ts'
export { systemRuntime } from './runtime/system.ts'
