/** The options of `executeIdempotent`, checked and resolved. */
import { OptionsError } from '../errors.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { systemRuntime } from '../runtime/system.ts'
import { memoryIdempotencyStore } from './memory-store.ts'
import type { IdempotencyStore } from './store.ts'

export interface ExecuteIdempotentOptions {
  /** How long a success is remembered, from its end. In milliseconds. @defaultValue the store's own time, 1 hour */
  readonly ttlMs?: number
  /** Where it is remembered: `cio.idempotency`, a `memoryIdempotencyStore()`, or your own. @defaultValue this process's memory */
  readonly store?: IdempotencyStore
  /** Ends this call's wait. The execution goes on for those who share it; one that nobody waits for does not begin. */
  readonly signal?: AbortSignal
  /**
   * How long the key stays taken after the process that executes it has died or stands still. Shorter frees it sooner,
   * and asks more of the event loop, which must turn three times in it. In milliseconds. @defaultValue 30,000
   */
  readonly leaseMs?: number
  /** Is told what a store throws after the operation was called, which changes nothing for the caller. */
  readonly onStoreError?: (error: unknown) => void
  /** Time and ids. For tests. @defaultValue the real ones */
  readonly runtime?: Pick<Runtime, 'clock' | 'newId'>
}

export interface ExecuteSettings {
  readonly ttlMs: number | undefined
  readonly store: IdempotencyStore
  readonly leaseMs: number
  readonly runtime: Pick<Runtime, 'clock' | 'newId'>
  /** Never throws. */
  readonly onStoreError: (error: unknown) => void
}

const LEASE_MS = 30_000
const LEASE_MS_MIN = 100
const LEASE_MS_MAX = 86_400_000
const TTL_MS_MAX = 366 * 86_400_000

const OPTION_NAMES: Readonly<Record<keyof ExecuteIdempotentOptions, true>> = {
  ttlMs: true,
  store: true,
  signal: true,
  leaseMs: true,
  onStoreError: true,
  runtime: true,
}
const STORE_METHODS: Readonly<Record<keyof IdempotencyStore, true>> = {
  begin: true,
  renew: true,
  complete: true,
  abandon: true,
}

/** Of all calls that name no store. */
let ownStore: IdempotencyStore | undefined

export function resolveExecuteOptions(options: ExecuteIdempotentOptions): ExecuteSettings {
  if (typeof options !== 'object' || options === null) throw new OptionsError('options', 'must be an object')
  for (const name of Object.keys(options)) {
    if (!Object.hasOwn(OPTION_NAMES, name)) throw new OptionsError(name, 'is not known here')
  }
  const { ttlMs, leaseMs = LEASE_MS, onStoreError, signal } = options
  if (ttlMs !== undefined && !(typeof ttlMs === 'number' && ttlMs > 0 && ttlMs <= TTL_MS_MAX)) {
    throw new OptionsError('ttlMs', `must be a number above 0, at most ${TTL_MS_MAX} (a year)`)
  }
  if (!(typeof leaseMs === 'number' && leaseMs >= LEASE_MS_MIN && leaseMs <= LEASE_MS_MAX)) {
    throw new OptionsError('leaseMs', `must be a number from ${LEASE_MS_MIN} to ${LEASE_MS_MAX}`)
  }
  if (onStoreError !== undefined && typeof onStoreError !== 'function') {
    throw new OptionsError('onStoreError', 'must be a function')
  }
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw new OptionsError('signal', 'must be an AbortSignal')
  }
  return {
    ttlMs,
    store: options.store === undefined ? (ownStore ??= memoryIdempotencyStore()) : checked(options.store),
    leaseMs,
    runtime: options.runtime ?? systemRuntime,
    onStoreError(error) {
      try {
        onStoreError?.(error)
      } catch {
        // A listener that throws harms nothing.
      }
    },
  }
}

function checked(store: IdempotencyStore): IdempotencyStore {
  for (const name of Object.keys(STORE_METHODS)) {
    const isThere = typeof store === 'object' && store !== null && typeof Reflect.get(store, name) === 'function'
    if (!isThere) throw new OptionsError('store', `must be an IdempotencyStore, with a method ${name}`)
  }
  return store
}
