/** The bounds that every outbox has, with their defaults. */
import { OptionsError } from '../errors.ts'
import { RESULT_CHARS_MAX, RESULTS_MAX } from '../idempotency/store.ts'

export interface OutboxLimits {
  /**
   * Operations, waiting ones and dead letters together. At the bound `append` throws `OutboxFullError`.
   * @defaultValue 10,000,000
   */
  readonly maxOperations?: number
  /**
   * Bytes of stored operations, waiting ones and dead letters together. What they take on disk is about a quarter more.
   * @defaultValue 2 GiB
   */
  readonly maxBytes?: number
  /**
   * How long after its acceptance an operation with an idempotency key is known again, by the wall clock. One that
   * still waits is known for longer. At most the newest 100,000 are remembered.
   * @defaultValue 1 hour
   */
  readonly rememberKeysMs?: number
  /** Keys of `executeIdempotent` whose results are remembered at most; beyond it the oldest go. @defaultValue 100,000 */
  readonly maxResults?: number
  /** Characters of all those keys and results together. @defaultValue 64 Mi */
  readonly maxResultChars?: number
}

export const limitDefaults: Readonly<Required<OutboxLimits>> = Object.freeze({
  maxOperations: 10_000_000,
  maxBytes: 2 * 1024 * 1024 * 1024,
  rememberKeysMs: 3_600_000,
  maxResults: RESULTS_MAX,
  maxResultChars: RESULT_CHARS_MAX,
})

/** Ids of keyed entries that are remembered at most. */
export const KEYS_MAX = 100_000

/** Positions of purged, dropped and replayed entries that are remembered at most. */
export const TOMBSTONES_MAX = 100_000

/** How long an append is known again whose answer may have been lost, where all handles deliver. */
export const RESEND_MS = 900_000

/** When a caller who met a full outbox should try again: deliveries make room all the time. */
export const RETRY_FULL_MS = 1_000

/** The campaign window. Only events younger than 72 hours trigger campaigns (Track API description, `timestamp` of an event). */
export const CAMPAIGN_WINDOW_MS: number = 72 * 3_600_000

export function resolveLimits(options: OutboxLimits): Required<OutboxLimits> {
  return {
    maxOperations: wholeNumber('maxOperations', options.maxOperations ?? limitDefaults.maxOperations, 1),
    maxBytes: wholeNumber('maxBytes', options.maxBytes ?? limitDefaults.maxBytes, 1),
    rememberKeysMs: wholeNumber('rememberKeysMs', options.rememberKeysMs ?? limitDefaults.rememberKeysMs, 0),
    maxResults: wholeNumber('maxResults', options.maxResults ?? limitDefaults.maxResults, 1),
    maxResultChars: wholeNumber('maxResultChars', options.maxResultChars ?? limitDefaults.maxResultChars, 1),
  }
}

/** Of an outbox that is not in the caller's database. */
export function noTransactions(): OptionsError {
  return new OptionsError('within', 'needs an outbox in the same database, as postgresOutbox() is')
}

/** An option that must be a whole number of at least `min`. */
export function wholeNumber(field: string, value: unknown, min: number): number {
  if (!Number.isSafeInteger(value) || (value as number) < min) {
    throw new OptionsError(field, `must be a whole number of at least ${min}`)
  }
  return value as number
}
