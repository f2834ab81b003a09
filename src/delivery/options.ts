/** What the engine and its parts are told. Resolved: nothing here is optional, and nothing downstream has a default. */
import type { MappingOptions } from '../protocol/mapping.ts'
import type { BatchLimits } from './batcher.ts'
import type { VerdictPolicy } from './verdict.ts'

export interface EngineOptions {
  readonly batch: BatchLimits
  readonly mapping: MappingOptions
  readonly verdict: VerdictPolicy
  /** One attempt of a call on its own, and of a batch. */
  readonly callTimeoutMs: number
  readonly batchTimeoutMs: number
  /** Must be longer than the longest attempt. */
  readonly leaseMs: number
}
