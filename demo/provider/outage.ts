/**
 * The outage: half of the answers are lost for a while, then the load balancer's 502 pages alternate with refused
 * connections, on all providers alike.
 */
import { setTimeout as sleep } from 'node:timers/promises'

import type { Provider } from './provider.ts'

const PAGES_MS = 700
const REFUSED_MS = 500

export class Outage {
  readonly #providers: readonly Provider[]
  readonly #end = new AbortController()
  #course: Promise<void> = Promise.resolve()

  constructor(providers: readonly Provider[]) {
    this.#providers = providers
  }

  /** The worst moment for whoever tries again: the work may be done or not. */
  brownOut(): void {
    for (const provider of this.#providers) provider.loseAnswers()
  }

  goDown(): void {
    this.#course = this.#run()
  }

  /** Resolves when Customer.io serves again. */
  async end(): Promise<void> {
    this.#end.abort()
    await this.#course
  }

  async #run(): Promise<void> {
    const providers = this.#providers
    for (const provider of providers) provider.fail()
    while (!this.#end.signal.aborted) {
      await this.#pause(PAGES_MS)
      await Promise.all(providers.map((provider) => provider.refuse()))
      await this.#pause(REFUSED_MS)
      await Promise.all(providers.map((provider) => provider.accept()))
    }
    for (const provider of providers) provider.recover()
  }

  async #pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#end.signal }).catch(() => {})
  }
}
