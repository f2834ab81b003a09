/**
 * An outbox that opens in the background. Calls that come first wait for it; one that cannot be opened refuses them
 * with its typed error and is tried again by a later call, so that a disk that was mended needs no restart.
 */
import { assert } from '../runtime/assert.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Outbox } from '../outbox/outbox.ts'

/** At most one try of opening in this time. */
const RETRY_MS = 1_000

export interface Opening {
  /** The outbox, once it is open. Rejects with the reason why it is not. */
  ready(): Promise<Outbox>
  /** The open outbox, without waiting. */
  readonly opened: Outbox | undefined
  /** Why the newest try failed. */
  readonly error: unknown
}

export function createOpening(open: () => Promise<Outbox>, clock: Clock, whenOpen: (outbox: Outbox) => void): Opening {
  let opened: Outbox | undefined
  let opening: Promise<Outbox> | undefined
  let error: unknown
  let againAtMs = 0

  async function attempt(): Promise<Outbox> {
    try {
      opened = await open()
      error = undefined
      whenOpen(opened)
      return opened
    } catch (cause) {
      error = cause
      againAtMs = clock.monotonicMs() + RETRY_MS
      throw cause
    }
  }

  return {
    ready() {
      if (opened !== undefined) return Promise.resolve(opened)
      if (opening === undefined || (error !== undefined && clock.monotonicMs() >= againAtMs)) {
        error = undefined
        opening = attempt()
        // Whoever waits for it is told; nobody needs to.
        opening.catch(() => {})
      }
      assert(opening !== undefined, 'an opening has begun')
      return opening
    },
    get opened() {
      return opened
    },
    get error() {
      return error
    },
  }
}
