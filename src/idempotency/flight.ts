/**
 * One execution of one key in this process, and the callers who share it.
 *
 * asking (the store says that another process executes: ask again) -> executing (under a lease that is renewed) ->
 * landed: the result is remembered, or the operation failed and the key is free. While asking, a flight whose callers
 * have all gone ends; once executing it goes on, since what it has begun is worth knowing.
 */
import { AbortedError, ExecutionsFullError } from '../errors.ts'
import type { ExecuteSettings } from './options.ts'
import { resultOfText, textOfResult } from './result.ts'
import type { ExecutionLease, IdempotencyStore } from './store.ts'

/** Keys that are under way in one process and one store. */
const FLIGHTS_MAX = 100_000
/** Pauses between two questions whether another process has done it. */
const ASK_FIRST_MS = 20
const ASK_LAST_MS = 250

type Flights = Map<string, Flight>

const flightsByStore = new WeakMap<IdempotencyStore, Flights>()

export function flightsOf(store: IdempotencyStore): Flights {
  let flights = flightsByStore.get(store)
  if (flights === undefined) {
    flights = new Map()
    flightsByStore.set(store, flights)
  }
  return flights
}

export class Flight {
  readonly #flights: Flights
  readonly #settings: ExecuteSettings
  readonly #lease: ExecutionLease
  readonly #landed: Promise<unknown>
  #callers = 0

  /** Takes off at once, and is among `flights` until it has landed. Throws `ExecutionsFullError`. */
  constructor(flights: Flights, key: string, operation: () => unknown, settings: ExecuteSettings) {
    if (flights.size >= FLIGHTS_MAX) throw new ExecutionsFullError(FLIGHTS_MAX)
    this.#flights = flights
    this.#settings = settings
    this.#lease = { key, token: settings.runtime.newId() }
    flights.set(key, this)
    this.#landed = this.#fly(operation).finally(() => this.#leave())
    // Each caller gets the error for itself, and there may be none left.
    this.#landed.catch(() => {})
  }

  /** The result for one more caller. */
  join(signal: AbortSignal | undefined): Promise<unknown> {
    this.#callers++
    if (signal === undefined) return this.#landed
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.#callers--
        reject(new AbortedError(signal.reason, 'the call was aborted by its signal; what it waited for may go on'))
      }
      signal.addEventListener('abort', onAbort, { once: true })
      this.#landed.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
    })
  }

  async #fly(operation: () => unknown): Promise<unknown> {
    const { store, ttlMs, onStoreError } = this.#settings
    const known = await this.#begin()
    if (known !== undefined) return resultOfText(known)
    const stopRenewing = this.#keepRenewing()
    try {
      const result = await this.#execute(operation)
      let value = textOfResult(result)
      try {
        ;({ value } = await store.complete({ ...this.#lease, value, ttlMs }))
      } catch (error) {
        onStoreError(error)
      }
      return resultOfText(value)
    } finally {
      stopRenewing()
    }
  }

  /** Resolves to a known result, or to undefined when the key is ours to execute. */
  async #begin(): Promise<string | undefined> {
    const { store, leaseMs } = this.#settings
    for (let pauseMs = ASK_FIRST_MS; ; pauseMs = Math.min(2 * pauseMs, ASK_LAST_MS)) {
      const begun = await store.begin({ ...this.#lease, leaseMs })
      if (begun.state === 'done') return begun.value
      if (this.#callers === 0) {
        // Whoever comes from now on begins anew.
        this.#leave()
        if (begun.state === 'held') await this.#abandon()
        throw new AbortedError(undefined, 'nobody waits for it any more')
      }
      if (begun.state === 'held') return undefined
      await this.#pause(Math.min(pauseMs, Math.max(1, begun.leftMs)))
    }
  }

  async #execute(operation: () => unknown): Promise<unknown> {
    try {
      return await operation()
    } catch (error) {
      await this.#abandon()
      throw error
    }
  }

  async #abandon(): Promise<void> {
    try {
      await this.#settings.store.abandon(this.#lease)
    } catch (error) {
      // The lease ends by itself.
      this.#settings.onStoreError(error)
    }
  }

  #keepRenewing(): () => void {
    const { store, leaseMs, runtime, onStoreError } = this.#settings
    let isStopped = false
    const renew = async (): Promise<void> => {
      try {
        if ((await store.renew({ ...this.#lease, leaseMs })) === 'lapsed') isStopped = true
      } catch (error) {
        onStoreError(error)
      }
      if (!isStopped) cancel = runtime.clock.timer(leaseMs / 3, () => void renew())
    }
    let cancel = runtime.clock.timer(leaseMs / 3, () => void renew())
    return () => {
      isStopped = true
      cancel()
    }
  }

  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.#settings.runtime.clock.timer(delayMs, resolve, 'held')
    })
  }

  #leave(): void {
    if (this.#flights.get(this.#lease.key) === this) this.#flights.delete(this.#lease.key)
  }
}
