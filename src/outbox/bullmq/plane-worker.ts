/** A BullMQ worker with the connections that it has made for itself, and an end that does not depend on the server. */
import type { Clock } from '../../runtime/clock.ts'
import type { Worker } from './bullmq.ts'
import { within } from './patience.ts'
import type { PlaneClient } from './plane-client.ts'
import type { RedisClient } from './redis-client.ts'

const FINISH_MS_MAX = 2_000

export class PlaneWorker {
  readonly #clock: Clock
  readonly #worker: Worker
  readonly #copies: readonly RedisClient[]
  #active = 0
  #idle: (() => void) | null = null

  constructor(clock: Clock, plane: PlaneClient, make: () => Worker, failed: (error: unknown) => void) {
    this.#clock = clock
    const { made, copies } = plane.noting(make)
    this.#worker = made
    this.#copies = copies
    made.on('error', failed)
    made.on('active', () => this.#active++)
    made.on('completed', () => this.#end())
    made.on('failed', () => this.#end())
  }

  /**
   * @param how `soft`: the jobs that it has are finished first, if that is soon. One that is not is given to another
   * worker when its lock ends.
   */
  async close(how: 'soft' | 'hard'): Promise<void> {
    if (how === 'soft') await this.#finish()
    // Without force it would wait for the server, and for ever where that is gone, with its timers running.
    void this.#worker.close(true).catch(() => {})
    for (const copy of this.#copies) copy.disconnect()
  }

  async #finish(): Promise<void> {
    void this.#worker.pause(true).catch(() => {})
    if (this.#active === 0) return
    const idle = new Promise<void>((resolve) => (this.#idle = resolve))
    await within(this.#clock, FINISH_MS_MAX, idle, 'held')
  }

  #end(): void {
    if (--this.#active === 0) this.#idle?.()
  }
}
