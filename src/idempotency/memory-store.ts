/** The store of one process. What executes stands apart from what is remembered, so that nothing under way is evicted. */
import { LRUCache } from 'lru-cache'

import { OptionsError } from '../errors.ts'
import type { Clock } from '../runtime/clock.ts'
import { systemRuntime } from '../runtime/system.ts'
import { type Begun, type IdempotencyStore, RESULT_CHARS_MAX, RESULT_TTL_MS, RESULTS_MAX } from './store.ts'

export interface MemoryIdempotencyStoreOptions {
  /** Results that are remembered at most; beyond them the ones that were not asked for longest go. @defaultValue 100,000 */
  readonly maxKeys?: number
  /** How long a result is remembered where the call does not say. In milliseconds. @defaultValue 1 hour */
  readonly ttlMs?: number
  /** Characters of all remembered keys and results together; a result beyond it is not remembered. @defaultValue 64 Mi */
  readonly maxChars?: number
  /** For tests. @defaultValue the real one */
  readonly clock?: Pick<Clock, 'monotonicMs'>
}

interface Result {
  readonly value: string
  readonly untilMs: number
}

interface Lease {
  readonly token: string
  untilMs: number
}

/**
 * A store for `executeIdempotent` that lives as long as the process. Throws `OptionsError`.
 * @example `const store = memoryIdempotencyStore({ maxKeys: 10_000, ttlMs: 60_000 })`
 */
export function memoryIdempotencyStore(options: MemoryIdempotencyStoreOptions = {}): IdempotencyStore {
  return new MemoryStore({
    maxKeys: whole('maxKeys', options.maxKeys ?? RESULTS_MAX),
    ttlMs: positive('ttlMs', options.ttlMs ?? RESULT_TTL_MS),
    maxChars: whole('maxChars', options.maxChars ?? RESULT_CHARS_MAX),
    clock: options.clock ?? systemRuntime.clock,
  })
}

class MemoryStore implements IdempotencyStore {
  readonly #options: Required<MemoryIdempotencyStoreOptions>
  /** Made for the first result: it takes the memory for the places of all keys at once. */
  #results: LRUCache<string, Result> | undefined
  readonly #leases = new Map<string, Lease>()
  readonly #clock: Pick<Clock, 'monotonicMs'>

  constructor(options: Required<MemoryIdempotencyStoreOptions>) {
    this.#options = options
    this.#clock = options.clock
  }

  async begin({ key, token, leaseMs }: Parameters<IdempotencyStore['begin']>[0]): Promise<Begun> {
    const nowMs = this.#clock.monotonicMs()
    const value = this.#remembered(key, nowMs)
    if (value !== undefined) return { state: 'done', value }
    const lease = this.#leases.get(key)
    if (lease !== undefined && lease.untilMs > nowMs) return { state: 'running', leftMs: lease.untilMs - nowMs }
    this.#leases.set(key, { token, untilMs: nowMs + leaseMs })
    return { state: 'held' }
  }

  async renew({ key, token, leaseMs }: Parameters<IdempotencyStore['renew']>[0]): Promise<'held' | 'lapsed'> {
    const lease = this.#leases.get(key)
    if (lease?.token !== token) return 'lapsed'
    lease.untilMs = this.#clock.monotonicMs() + leaseMs
    return 'held'
  }

  async complete({
    key,
    value,
    ttlMs = this.#options.ttlMs,
  }: Parameters<IdempotencyStore['complete']>[0]): Promise<{ readonly value: string }> {
    const nowMs = this.#clock.monotonicMs()
    const earlier = this.#remembered(key, nowMs)
    if (earlier !== undefined) return { value: earlier }
    this.#leases.delete(key)
    this.#results ??= new LRUCache({
      max: this.#options.maxKeys,
      maxSize: this.#options.maxChars,
      sizeCalculation: ({ value }, key) => key.length + value.length,
    })
    this.#results.set(key, { value, untilMs: nowMs + ttlMs })
    return { value }
  }

  async abandon({ key, token }: Parameters<IdempotencyStore['abandon']>[0]): Promise<void> {
    if (this.#leases.get(key)?.token === token) this.#leases.delete(key)
  }

  #remembered(key: string, nowMs: number): string | undefined {
    const result = this.#results?.get(key)
    if (result === undefined || result.untilMs > nowMs) return result?.value
    this.#results?.delete(key)
    return undefined
  }
}

function positive(field: string, value: unknown): number {
  if (typeof value === 'number' && value > 0) return value
  throw new OptionsError(field, 'must be a number above 0')
}

function whole(field: string, value: unknown): number {
  if (Number.isSafeInteger(value) && (value as number) > 0) return value as number
  throw new OptionsError(field, 'must be a whole number above 0')
}
