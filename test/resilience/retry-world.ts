/** What the tests of retries share: a clock, operations with a script, and a way to see how a call ended and when. */
import { getEventListeners } from 'node:events'

import type { AttemptContext } from '../../src/resilience/retry.ts'
import { withRetry } from '../../src/resilience/retry.ts'
import type { RetryOptions } from '../../src/resilience/retry-options.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'

export type End = ({ readonly value: unknown } | { readonly error: unknown }) & { readonly atMs: number }

export interface Call {
  /** When each attempt began. */
  readonly attemptsAtMs: readonly number[]
  /** Undefined while it has not ended. */
  readonly end: End | undefined
}

export interface World {
  readonly clock: VirtualClock
  /** Starts a call with no jitter unless the options say more. */
  readonly call: (operation: (context: AttemptContext) => unknown, options?: RetryOptions) => Call
}

export function createWorld(): World {
  const clock = new VirtualClock()
  return {
    clock,
    call(operation, options = {}) {
      const call: { attemptsAtMs: number[]; end: End | undefined } = { attemptsAtMs: [], end: undefined }
      const counted = (context: AttemptContext): unknown => {
        call.attemptsAtMs.push(clock.monotonicMs())
        return operation(context)
      }
      withRetry(counted, { jitter: false, clock, ...options }).then(
        (value) => (call.end = { value, atMs: clock.monotonicMs() }),
        (error: unknown) => (call.end = { error, atMs: clock.monotonicMs() }),
      )
      return call
    },
  }
}

/** Fails each time, with a new error of this shape. */
export function failing(members: object = {}): () => never {
  return () => {
    throw Object.assign(new Error('refused'), members)
  }
}

export const never = (): Promise<never> => new Promise(() => {})

export function listeners(signal: AbortSignal): number {
  return getEventListeners(signal, 'abort').length
}
