/** Waiting for a promise whose every wait is on virtual time. */
import type { VirtualClock } from '../src/testing/virtual-clock.ts'

/** Moves the clock until the promise is settled; gives what it gives. */
export async function settled<T>(promise: Promise<T>, clock: Pick<VirtualClock, 'advance'>): Promise<T> {
  const state = { isSettled: false }
  const result = promise.finally(() => (state.isSettled = true))
  result.catch(() => {})
  for (let waits = 0; !state.isSettled; waits++) {
    if (waits > 100_000) throw new Error('a promise does not settle on virtual time')
    await clock.advance(5)
  }
  return result
}
