/** A circuit breaker on virtual time, and operations that end when they are told to. */
import { CircuitBreaker } from '../../src/resilience/circuit-breaker.ts'
import type { CircuitBreakerOptions } from '../../src/resilience/circuit-breaker-options.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'

export const down: Error = new Error('the server is down')

export function good(): string {
  return 'good'
}

export function bad(): never {
  throw down
}

export interface Circuit {
  readonly breaker: CircuitBreaker
  readonly clock: VirtualClock
}

/** Chance in the middle: no jitter either way. */
export function circuit(options: CircuitBreakerOptions = {}): Circuit {
  const clock = new VirtualClock()
  return { breaker: new CircuitBreaker({ clock, random: () => 0.5, ...options }), clock }
}

/** Open since now, with an open time of 5 s. */
export async function opened(options: CircuitBreakerOptions = {}): Promise<Circuit> {
  const made = circuit(options)
  await times(10, () => made.breaker.tryExecute(bad))
  return made
}

/** One after the other. */
export async function times<Result>(count: number, call: () => Promise<Result>): Promise<Result[]> {
  const results: Result[] = []
  for (let time = 0; time < count; time++) results.push(await call())
  return results
}

export interface Pending<Value> {
  readonly operation: () => Promise<Value>
  readonly resolve: (value: Value) => void
  readonly reject: (error: unknown) => void
}

export function pending<Value = string>(): Pending<Value> {
  const { promise, resolve, reject } = Promise.withResolvers<Value>()
  return { operation: () => promise, resolve, reject }
}

/** How a promise ended; undefined where it has not after all that can settle without time. */
export async function ending<Value>(
  promise: Promise<Value>,
): Promise<{ value: Value } | { error: unknown } | undefined> {
  let end: { value: Value } | { error: unknown } | undefined
  promise.then(
    (value) => (end = { value }),
    (error: unknown) => (end = { error }),
  )
  await new Promise((resolve) => setImmediate(resolve))
  return end
}

/** A signal that knows how many listeners it has. */
export function countedSignal(): { controller: AbortController; listeners: () => number; most: () => number } {
  const controller = new AbortController()
  const { signal } = controller
  let now = 0
  let most = 0
  const add = signal.addEventListener.bind(signal)
  const remove = signal.removeEventListener.bind(signal)
  signal.addEventListener = (...args: Parameters<typeof add>): void => {
    now++
    most = Math.max(most, now)
    add(...args)
  }
  signal.removeEventListener = (...args: Parameters<typeof remove>): void => {
    now--
    remove(...args)
  }
  return { controller, listeners: () => now, most: () => most }
}
