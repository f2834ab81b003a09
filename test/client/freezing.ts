/**
 * A process that is stopped and goes on later, as by SIGSTOP or a machine that is paused: time passes, what it had sent
 * arrives, and nothing of its own runs until it goes on; then everything that came meanwhile comes at once.
 */
import type { OpenOutbox, Outbox } from '../../src/outbox/outbox.ts'
import type { Clock } from '../../src/runtime/clock.ts'
import type { Fetch } from '../../src/runtime/runtime.ts'

export interface Freezer {
  freeze(): void
  thaw(): void
  /** At once, or when it goes on. */
  whenRunning(act: () => void): void
  /** The same things, as a process that can be frozen sees them. */
  clock(clock: Clock): Clock
  fetch(fetch: Fetch): Fetch
  outbox(open: OpenOutbox): OpenOutbox
}

export function createFreezer(): Freezer {
  let isFrozen = false
  let waiting: (() => void)[] = []

  function whenRunning(act: () => void): void {
    if (isFrozen) waiting.push(act)
    else act()
  }

  function later<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      promise.then(
        (value) => whenRunning(() => resolve(value)),
        (error: unknown) => whenRunning(() => reject(error)),
      )
    })
  }

  return {
    whenRunning,
    freeze() {
      isFrozen = true
    },
    thaw() {
      isFrozen = false
      const acts = waiting
      waiting = []
      for (const act of acts) act()
    },
    clock: (clock) => ({
      wallMs: () => clock.wallMs(),
      monotonicMs: () => clock.monotonicMs(),
      timer(delayMs, fire) {
        let isCancelled = false
        const cancel = clock.timer(delayMs, () => whenRunning(() => isCancelled || fire()))
        return () => {
          isCancelled = true
          cancel()
        }
      },
    }),
    fetch: (fetch) => (request) => later(fetch(request)),
    outbox: (open) => async (context) => {
      const outbox = await open({ ...context, notice: (notice) => whenRunning(() => context.notice(notice)) })
      return new Proxy(outbox, {
        get(target, name: keyof Outbox) {
          const value: unknown = Reflect.get(target, name)
          if (typeof value !== 'function') return value
          return (...args: readonly unknown[]) => {
            const result: unknown = Reflect.apply(value, target, args)
            return result instanceof Promise ? later(result) : result
          }
        },
      })
    },
  }
}
