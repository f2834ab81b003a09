/**
 * A BullMQ worker that is made anew when it has heard nothing for long: workers have been known to fall silent after a
 * connection came back. How long depends on how many processes share the jobs, so it is learned.
 */
import type { Clock } from '../../runtime/clock.ts'
import type { Worker } from './bullmq.ts'
import { within } from './patience.ts'
import type { RedisClient } from './redis-client.ts'

export interface MadeWorker {
  readonly made: Worker
  readonly copies: readonly RedisClient[]
}

const SILENCE_MS_MIN = 30_000
const SILENCE_MS_MAX = 900_000
const CLOSE_MS_MAX = 2_000

export class WatchedWorker {
  readonly #clock: Clock
  readonly #make: () => MadeWorker
  #current: MadeWorker
  #heardMs: number
  #silenceMs = SILENCE_MS_MIN

  constructor(clock: Clock, make: () => MadeWorker) {
    this.#clock = clock
    this.#make = make
    this.#current = make()
    this.#heardMs = clock.monotonicMs()
  }

  /** It has got a job. */
  heard(): void {
    const nowMs = this.#clock.monotonicMs()
    if (nowMs - this.#heardMs < this.#silenceMs / 4) this.#silenceMs = Math.max(this.#silenceMs / 2, SILENCE_MS_MIN)
    this.#heardMs = nowMs
  }

  /** It cannot have heard anything up to now. */
  excuse(): void {
    this.#heardMs = this.#clock.monotonicMs()
  }

  check(): void {
    if (this.#clock.monotonicMs() - this.#heardMs < this.#silenceMs) return
    this.excuse()
    this.#silenceMs = Math.min(this.#silenceMs * 2, SILENCE_MS_MAX)
    void closeWorker(this.#clock, this.#current, 'hard')
    this.#current = this.#make()
  }

  close(how: 'soft' | 'hard'): Promise<void> {
    return closeWorker(this.#clock, this.#current, how)
  }
}

/** @param how `soft`: the job that it has is finished first, if that is soon. */
export async function closeWorker(clock: Clock, { made, copies }: MadeWorker, how: 'soft' | 'hard'): Promise<void> {
  const closing = made.close(how === 'hard').catch(() => {})
  if (how === 'soft') await within(clock, CLOSE_MS_MAX, closing)
  for (const copy of copies) copy.disconnect()
}
