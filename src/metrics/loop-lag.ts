/** How late timers come: an event loop that is busy fires them late. */
import type { CancelTimer, Clock } from '../runtime/clock.ts'

const EVERY_MS = 500
const SAMPLES = 20

export interface LoopLag {
  /** The most of the last 10 seconds, in milliseconds. */
  readonly maxMs: number
  close(): void
}

export function watchLoopLag(clock: Clock): LoopLag {
  const samples = Array.from({ length: SAMPLES }, () => 0)
  let next = 0
  let cancel: CancelTimer

  function sample(): void {
    const dueMs = clock.monotonicMs() + EVERY_MS
    cancel = clock.timer(EVERY_MS, () => {
      samples[next] = Math.max(0, clock.monotonicMs() - dueMs)
      next = (next + 1) % SAMPLES
      sample()
    })
  }

  sample()
  return {
    get maxMs() {
      return Math.max(...samples)
    },
    close: () => cancel(),
  }
}
