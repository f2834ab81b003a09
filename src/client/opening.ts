/**
 * An outbox that opens in the background. Calls that come first wait for it; one that cannot be opened refuses them with
 * its typed error, and is tried again: by a later call, and by itself after waits that grow. So a disk that was mended and
 * a server that is back need no restart, also in a process that only delivers.
 *
 * `idle`: nothing is tried right now; `last` is what the newest try gave. `trying`. `open`. `ended`: the client closes,
 * nothing is tried any more.
 */
import { ClosedError } from '../errors.ts'
import { unreachable } from '../runtime/assert.ts'
import type { CancelTimer, Clock } from '../runtime/clock.ts'
import type { Random } from '../runtime/runtime.ts'
import type { Outbox } from '../outbox/outbox.ts'

/** A call begins at most one try in this time; also the first wait of the tries that nobody asked for. */
const RETRY_MS = 1_000
/** No such wait is longer. */
const RETRY_MS_MAX = 30_000
/** Each is shorter by chance, so that many processes do not come at once. */
const JITTER = 0.25

export interface Opening {
  /** The outbox, once it is open. Rejects with the reason why it is not. */
  ready(): Promise<Outbox>
  /** The open outbox, without waiting. */
  readonly opened: Outbox | undefined
  /** Why the newest try that has ended failed. */
  readonly error: unknown
  /** Begins no more tries. Resolves to the outbox, if it is open or one that is under way opens it. */
  end(): Promise<Outbox | undefined>
}

type State =
  | { readonly kind: 'idle'; readonly last: Promise<Outbox> | undefined; readonly againAtMs: number }
  | { readonly kind: 'trying'; readonly outbox: Promise<Outbox> }
  | { readonly kind: 'open'; readonly outbox: Outbox }
  | { readonly kind: 'ended' }

export interface OpeningParts {
  readonly open: () => Promise<Outbox>
  readonly clock: Clock
  readonly random: Random
  readonly whenOpen: (outbox: Outbox) => void
}

export function createOpening(parts: OpeningParts): Opening {
  return new BackgroundOpening(parts)
}

class BackgroundOpening implements Opening {
  readonly #parts: OpeningParts
  #state: State = { kind: 'idle', last: undefined, againAtMs: -Infinity }
  error: unknown
  #isEnded = false
  #failures = 0
  #cancelRetry: CancelTimer | undefined

  constructor(parts: OpeningParts) {
    this.#parts = parts
  }

  get opened(): Outbox | undefined {
    return this.#state.kind === 'open' ? this.#state.outbox : undefined
  }

  ready(): Promise<Outbox> {
    const state = this.#state
    switch (state.kind) {
      case 'open':
        return Promise.resolve(state.outbox)
      case 'trying':
        return state.outbox
      case 'ended':
        return Promise.reject(this.error ?? new ClosedError())
      case 'idle':
        if (state.last !== undefined && this.#parts.clock.monotonicMs() < state.againAtMs) return state.last
        return this.#try()
      default:
        return unreachable(state)
    }
  }

  end(): Promise<Outbox | undefined> {
    this.#isEnded = true
    this.#cancelRetry?.()
    if (this.#state.kind === 'open') return Promise.resolve(this.#state.outbox)
    if (this.#state.kind === 'trying') return this.#state.outbox.catch(() => undefined)
    this.#state = { kind: 'ended' }
    return Promise.resolve(undefined)
  }

  #try(): Promise<Outbox> {
    this.#cancelRetry?.()
    const outbox = this.#attempt()
    // Whoever waits for it is told; nobody needs to.
    outbox.catch(() => {})
    this.#state = { kind: 'trying', outbox }
    return outbox
  }

  async #attempt(): Promise<Outbox> {
    try {
      const outbox = await this.#open()
      this.error = undefined
      this.#state = { kind: 'open', outbox }
      this.#parts.whenOpen(outbox)
      return outbox
    } catch (cause) {
      this.error = cause
      this.#failed()
      throw cause
    }
  }

  /** One that throws at once rejects: what is tried has its end later, when `trying` is the state. */
  #open(): Promise<Outbox> {
    try {
      return this.#parts.open()
    } catch (cause) {
      return Promise.reject(cause)
    }
  }

  #failed(): void {
    const { clock, random } = this.#parts
    if (this.#isEnded) {
      this.#state = { kind: 'ended' }
      return
    }
    const last = this.#state.kind === 'trying' ? this.#state.outbox : undefined
    this.#state = { kind: 'idle', last, againAtMs: clock.monotonicMs() + RETRY_MS }
    const waitMs = Math.min(RETRY_MS_MAX, RETRY_MS * 2 ** this.#failures++)
    // At least the time between two tries of callers.
    const shortenedMs = Math.max(RETRY_MS, waitMs * (1 - JITTER * random()))
    this.#cancelRetry = clock.timer(shortenedMs, () => void this.#try())
  }
}
