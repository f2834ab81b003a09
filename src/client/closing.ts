/** The end of a client's waits while it closes: it can be brought nearer, never put off. */
import { OptionsError } from '../errors.ts'
import type { CancelTimer, Clock } from '../runtime/clock.ts'

/** What an outbox that is slow to open or to write gets beyond the end, so that a call under way is still stored. */
const STORE_MS_MAX = 2_000

export interface ClosingEnd {
  /** Ends the waits `timeoutMs` from now, unless they end sooner already. */
  within(timeoutMs: number): void
  /** What the promise gives; undefined when the end, and the outbox's time beyond it, came first. */
  orEnd<T>(promise: Promise<T>): Promise<T | undefined>
  /** Everything is closed: leaves no timer behind. */
  done(): void
}

export function createClosingEnd(clock: Clock): ClosingEnd {
  const ended = Promise.withResolvers<undefined>()
  let endMs = Infinity
  let cancel: CancelTimer | undefined
  return {
    within(timeoutMs) {
      const atMs = clock.monotonicMs() + timeoutMs
      if (atMs >= endMs) return
      endMs = atMs
      cancel?.()
      cancel = clock.timer(timeoutMs + STORE_MS_MAX, () => ended.resolve(undefined))
    },
    orEnd: (promise) => Promise.race([promise, ended.promise]),
    done: () => cancel?.(),
  }
}

/** @throws OptionsError when it is no number of milliseconds; Infinity waits as long as it takes */
export function checkCloseTimeout(timeoutMs: unknown): asserts timeoutMs is number {
  if (typeof timeoutMs !== 'number' || !(timeoutMs >= 0)) {
    throw new OptionsError('timeoutMs', 'must be a number of milliseconds, 0 or more')
  }
}
