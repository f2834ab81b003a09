/**
 * Circuit breakers by key (a host, a tenant, a credential), each made when it is first asked for.
 *
 * Invariants
 * 1. There are at most `keysMax`. For a new one the least recently used goes that is closed and has no call under way;
 *    where there is none, one that is closed; then one that nobody isolated. So an outage that is known is forgotten
 *    late, and someone's word last.
 * 2. Breakers share their options and nothing else: one key's failures never touch another's.
 */
import { OptionsError } from '../errors.ts'
import type { Transition } from './breaker-options.ts'
import { checkNumber } from './check-number.ts'
import { CircuitBreaker } from './circuit-breaker.ts'
import {
  resolveCircuitBreakerOptions,
  SharedOptions,
  type CircuitBreakerOptions,
  type ResolvedCircuitBreakerOptions,
} from './circuit-breaker-options.ts'
import { checkedListener, Subscribers, type Subscription } from './subscribers.ts'

/** Of all its breakers, and: */
export interface BreakerRegistryOptions extends Omit<CircuitBreakerOptions, 'onTransition'> {
  /** As the breaker's, with the `key`. */
  readonly onTransition?: (transition: KeyedTransition) => void
  /** Breakers that are kept. @defaultValue 1000 */
  readonly keysMax?: number
}

export interface KeyedTransition extends Transition {
  readonly key: string
}

/**
 * @example
 * ```ts
 * const breakers = new BreakerRegistry({ failureThreshold: 5, keysMax: 500 })
 * await breakers.get(url.host).execute(({ signal }) => fetch(url, { signal }))
 * ```
 */
export class BreakerRegistry {
  readonly #keysMax: number
  readonly #options: ResolvedCircuitBreakerOptions
  /** Least recently used first. */
  readonly #breakers = new Map<string, CircuitBreaker>()
  readonly #subscribers: Subscribers<KeyedTransition> = new Subscribers()

  /** @throws OptionsError naming the field */
  constructor(options: BreakerRegistryOptions = {}) {
    if (typeof options !== 'object' || options === null) throw new OptionsError('options', 'must be an object')
    const { keysMax = 1_000, onTransition, ...shared } = options
    checkNumber('keysMax', keysMax, { min: 1, integer: true })
    this.#keysMax = keysMax
    this.#options = resolveCircuitBreakerOptions(shared)
    if (onTransition !== undefined) this.#subscribers.keep(checkedListener('onTransition', onTransition))
  }

  /**
   * The key's breaker, made when there is none. Ask for each call anew: one that was kept elsewhere may have made room
   * here meanwhile, and a second one would then judge the same server.
   *
   * @throws OptionsError when the key is no string
   */
  get(key: string): CircuitBreaker {
    if (typeof key !== 'string') throw new OptionsError('key', `must be a string, not ${typeof key}`)
    let breaker = this.#breakers.get(key)
    if (breaker === undefined) {
      if (this.#breakers.size >= this.#keysMax) this.#breakers.delete(this.#leastNeeded())
      breaker = this.#make(key)
    } else {
      this.#breakers.delete(key)
    }
    this.#breakers.set(key, breaker)
    return breaker
  }

  /** The key's breaker where there is one. Does not count as use. */
  peek(key: string): CircuitBreaker | undefined {
    return this.#breakers.get(key)
  }

  /** Forgets the key. Calls under way through its breaker go on. False when there was none. */
  delete(key: string): boolean {
    return this.#breakers.delete(key)
  }

  get size(): number {
    return this.#breakers.size
  }

  /** Keys and breakers, the least recently used first. */
  [Symbol.iterator](): MapIterator<[string, CircuitBreaker]> {
    return this.#breakers.entries()
  }

  /** Tells of each change of state of each breaker, as `CircuitBreaker.subscribe` does, with its `key`. */
  subscribe(listener: (transition: KeyedTransition) => void): Subscription {
    return this.#subscribers.add(checkedListener('listener', listener))
  }

  #make(key: string): CircuitBreaker {
    return new CircuitBreaker(
      new SharedOptions(this.#options, (transition) => this.#subscribers.tell({ key, ...transition })),
    )
  }

  #leastNeeded(): string {
    let closed: string | undefined
    let open: string | undefined
    let oldest: string | undefined
    for (const [key, breaker] of this.#breakers) {
      oldest ??= key
      if (breaker.isolated) continue
      open ??= key
      if (breaker.state !== 'closed') continue
      if (breaker.inFlight === 0) return key
      closed ??= key
    }
    return closed ?? open ?? oldest!
  }
}
