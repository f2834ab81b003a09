/**
 * Virtual time for libraries that know only the globals: `Date`, `performance.now`, `setTimeout`, `setInterval`,
 * `AbortSignal.timeout` and `Math.random` of this process become functions of one clock and one seed. For a process
 * that does nothing else: nothing is put back. Install it before the libraries are loaded.
 */
import type { CancelTimer } from '../../../src/runtime/clock.ts'
import { seededRandom } from '../../../src/testing/seeded-random.ts'
import { VirtualClock } from '../../../src/testing/virtual-clock.ts'

class VirtualTimer {
  readonly #repeats: boolean
  readonly #delayMs: number
  readonly #fire: () => void
  #cancel: CancelTimer = () => {}

  constructor(delayMs: number, repeats: boolean, fire: () => void) {
    // As the real one: what is no delay, or too long for it, fires after a millisecond.
    this.#delayMs = delayMs >= 1 && delayMs < 2 ** 31 ? delayMs : 1
    this.#repeats = repeats
    this.#fire = fire
    this.#arm()
  }

  #arm(): void {
    this.#cancel = world.clock.timer(this.#delayMs, () => {
      if (this.#repeats) this.#arm()
      this.#fire()
    })
  }

  clear(): void {
    this.#cancel()
  }

  refresh(): this {
    this.#cancel()
    this.#arm()
    return this
  }

  ref(): this {
    return this
  }

  unref(): this {
    return this
  }

  hasRef(): boolean {
    return false
  }
}

const world = { clock: new VirtualClock(), random: seededRandom(1) }

/** A new clock at 0 and a new sequence of chance; what waited on the old clock waits for ever. */
export function newWorld(seed: number): { readonly clock: VirtualClock; readonly random: () => number } {
  world.clock = new VirtualClock()
  world.random = seededRandom(seed)
  return world
}

type Callback = (...args: readonly unknown[]) => void

function starter(
  repeats: boolean,
): (callback: Callback, delayMs?: number, ...args: readonly unknown[]) => VirtualTimer {
  return (callback, delayMs = 1, ...args) => new VirtualTimer(delayMs, repeats, () => callback(...args))
}

function clear(timer: unknown): void {
  if (timer instanceof VirtualTimer) timer.clear()
}

export function installVirtualTime(): void {
  const RealDate = Date
  class VirtualDate extends RealDate {
    constructor(...args: readonly [] | readonly [number | string]) {
      super(args.length === 0 ? world.clock.wallMs() : args[0])
    }

    static override now(): number {
      return world.clock.wallMs()
    }
  }
  Object.assign(globalThis, {
    Date: VirtualDate,
    setTimeout: starter(false),
    setInterval: starter(true),
    clearTimeout: clear,
    clearInterval: clear,
  })
  performance.now = () => world.clock.monotonicMs()
  Math.random = () => world.random()
  AbortSignal.timeout = (delayMs) => {
    const controller = new AbortController()
    world.clock.timer(delayMs, () => controller.abort(new DOMException('timed out', 'TimeoutError')))
    return controller.signal
  }
}
