/**
 * Two clocks that are unfit for each other's use: the wall clock stamps (it may jump), the monotonic clock measures
 * waits (it never goes back, and means nothing in another process).
 */

/** Ends a timer. Calling it late or twice does nothing. */
export type CancelTimer = () => void

/** `held`: the process lives until the timer has fired or was cancelled. */
export type Hold = 'held' | 'free'

export interface Clock {
  /** Milliseconds since 1970, UTC. May jump in either direction. For stamps only. */
  wallMs(): number
  /** Milliseconds since some moment of this process. Never goes back. For waits only. */
  monotonicMs(): number
  /**
   * Calls `fire` once, `delayMs` from now at the earliest. Any delay is allowed, also 0 and more than 2^31. Keeps the
   * process alive only with `'held'`: for a wait that somebody awaits and that nothing else would end.
   */
  timer(delayMs: number, fire: () => void, hold?: Hold): CancelTimer
}

/** Waits `delayMs`, or until the signal aborts, whichever is first; leaves no listener and no timer behind. Never rejects. */
export function sleep(
  clock: Clock,
  delayMs: number,
  signal?: AbortSignal,
  hold: Hold = 'free',
): Promise<'elapsed' | 'aborted'> {
  if (signal?.aborted) return Promise.resolve('aborted')
  return new Promise((resolve) => {
    const onAbort = (): void => {
      cancel()
      resolve('aborted')
    }
    const onElapsed = (): void => {
      signal?.removeEventListener('abort', onAbort)
      resolve('elapsed')
    }
    const cancel = clock.timer(delayMs, onElapsed, hold)
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}
