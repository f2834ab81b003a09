/**
 * The outage: for a moment answers are lost, then the load balancer's 502 pages alternate with refused connections, on
 * all providers alike.
 */
import { setTimeout as sleep } from 'node:timers/promises'

import type { Provider } from './provider.ts'

export const ANSWERS_LOST_MS = 300
const PAGES_MS = 700
const REFUSED_MS = 500

export class Outage {
  readonly #providers: readonly Provider[]
  readonly #end = new AbortController()
  #course: Promise<void> = Promise.resolve()

  constructor(providers: readonly Provider[]) {
    this.#providers = providers
  }

  begin(): void {
    this.#course = this.#run()
  }

  /** Resolves when Customer.io serves again. */
  async end(): Promise<void> {
    this.#end.abort()
    await this.#course
  }

  async #run(): Promise<void> {
    const providers = this.#providers
    for (const provider of providers) provider.loseAnswers(ANSWERS_LOST_MS)
    await this.#pause(ANSWERS_LOST_MS)
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
