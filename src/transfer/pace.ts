/** So many operations a second, on the monotonic clock; what was not used is saved for a second at most. */
import { type Clock, sleep } from '../runtime/clock.ts'

export interface Pace {
  /** Resolves when so many may go; at once when the signal aborts. */
  take(count: number, signal: AbortSignal): Promise<void>
}

export function createPace(clock: Clock, perSecond: number): Pace {
  if (perSecond === Infinity) return { take: () => Promise.resolve() }
  let freeAtMs = clock.monotonicMs()
  return {
    async take(count, signal) {
      const nowMs = clock.monotonicMs()
      freeAtMs = Math.max(freeAtMs, nowMs - 1_000)
      const waitMs = freeAtMs + (count * 1_000) / perSecond - nowMs
      freeAtMs += (count * 1_000) / perSecond
      if (waitMs > 0) await sleep(clock, waitMs, signal, 'held')
    },
  }
}
