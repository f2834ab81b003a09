/**
 * The contract of a store for `executeIdempotent`: who executes the operation of a key, and what came of it.
 *
 * Invariants
 * 1. Of all who `begin` a key, also in several processes, one gets `held`, until it has completed, given up, or not
 *    renewed for as long as its lease. A token begins once.
 * 2. A result is remembered for its time and told to whoever begins the key in it; then the key is free again.
 * 3. The first result of a key stands: whoever completes it later is told that one. An execution that was finished is
 *    known to be, even if its lease had lapsed.
 * 4. What is beyond the store's bounds is forgotten, the oldest results first; never a lease that is held.
 */

/** The right to execute the operation of a key for a while. */
export interface ExecutionLease {
  /** 1 to 1,000 bytes of UTF-8. */
  readonly key: string
  /** Whose lease it is: different for each execution, in every process. */
  readonly token: string
}

export type Begun =
  /** The token's: execute. */
  | { readonly state: 'held' }
  /** Somebody else's, for `leftMs` unless it is renewed. */
  | { readonly state: 'running'; readonly leftMs: number }
  /** Done already; `value` is the text with which it was completed first. */
  | { readonly state: 'done'; readonly value: string }

export interface IdempotencyStore {
  /** Asks for the key. Resolves at once, also when somebody else executes. */
  begin(lease: ExecutionLease & { readonly leaseMs: number }): Promise<Begun>
  /** Makes a lease last `leaseMs` from now. `lapsed`: the key is not the token's any more. */
  renew(lease: ExecutionLease & { readonly leaseMs: number }): Promise<'held' | 'lapsed'>
  /**
   * Remembers a result for `ttlMs`, or as long as the store does by itself. Resolves, once it is as durable as the store
   * can make it, to the result that stands: this one, or an earlier one.
   */
  complete(
    lease: ExecutionLease & { readonly value: string; readonly ttlMs: number | undefined },
  ): Promise<{ readonly value: string }>
  /** Frees the key, if it still is the token's: the operation failed. */
  abandon(lease: ExecutionLease): Promise<void>
}

/** How long a result is remembered unless a call or a store says otherwise. */
export const RESULT_TTL_MS = 3_600_000

/** Keys that are remembered at most. */
export const RESULTS_MAX = 100_000

/** Characters of remembered keys and results together, at most. */
export const RESULT_CHARS_MAX: number = 64 * 1024 * 1024
