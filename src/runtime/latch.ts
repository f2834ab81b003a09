/**
 * The meeting point of events and a loop: anyone may `open` it, any number of times; the loop waits for it, or for a
 * time, and finds it closed again afterwards. An `open` that comes while the loop is busy is not lost.
 */
import type { CancelTimer, Clock } from './clock.ts'

export interface Latch {
  open(): void
  /** Resolves when the latch was opened, or after `delayMs`; `Infinity` waits for an opening alone. */
  wait(delayMs: number): Promise<void>
}

export function createLatch(clock: Clock): Latch {
  let opened = false
  let release: (() => void) | undefined
  return {
    open() {
      opened = true
      release?.()
    },
    async wait(delayMs) {
      if (!opened && delayMs > 0) {
        let cancel: CancelTimer | undefined
        await new Promise<void>((resolve) => {
          release = resolve
          if (delayMs !== Infinity) cancel = clock.timer(delayMs, resolve)
        })
        release = undefined
        cancel?.()
      }
      opened = false
    },
  }
}
