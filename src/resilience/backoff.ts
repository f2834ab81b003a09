/**
 * How long to wait before trying again: waits that grow, a spread so that many clients do not come back at once, and
 * a server's `Retry-After`, which a spread may lengthen but never shorten.
 *
 * Full jitter is the default: stateless, and of the simple forms the one that parts clients best.
 */
import { OptionsError } from '../errors.ts'
import { unreachable } from '../runtime/assert.ts'
import type { Random } from '../runtime/runtime.ts'
import { checkNumber } from './check-number.ts'

/**
 * - `full`: anywhere from 0 to the grown wait.
 * - `equal`: half of it, and anywhere in the other half.
 * - `none`: all of it. For tests, and where only one client exists.
 */
export type Jitter = 'full' | 'equal' | 'none'

export interface BackoffOptions {
  /** The first wait before jitter. @defaultValue 250 */
  readonly baseMs?: number
  /** No wait is longer. @defaultValue 10000 */
  readonly capMs?: number
  /** @defaultValue 'full' */
  readonly jitter?: Jitter
}

export type ResolvedBackoffOptions = Required<BackoffOptions>

export const backoffDefaults: ResolvedBackoffOptions = Object.freeze({ baseMs: 250, capMs: 10_000, jitter: 'full' })

export function resolveBackoffOptions(options: BackoffOptions = {}): ResolvedBackoffOptions {
  const resolved = { ...backoffDefaults, ...options }
  checkNumber('baseMs', resolved.baseMs, { min: 0 })
  checkNumber('capMs', resolved.capMs, { min: 0 })
  if (!['full', 'equal', 'none'].includes(resolved.jitter)) {
    throw new OptionsError('jitter', "must be 'full', 'equal' or 'none'")
  }
  return resolved
}

/**
 * The wait before the next attempt; doubles with each. Any number of attempts is safe: the wait never passes the cap.
 *
 * @param attempt waits that went before this one: 0 for the first
 */
export function backoffMs(attempt: number, options: ResolvedBackoffOptions, random: Random): number {
  const grownMs = grownWaitMs(attempt, { baseMs: options.baseMs, growth: 2, capMs: options.capMs })
  switch (options.jitter) {
    case 'full':
      return grownMs * random()
    case 'equal':
      return (grownMs * (1 + random())) / 2
    case 'none':
      return grownMs
    default:
      return unreachable(options.jitter)
  }
}

/** `baseMs * growth^step`, at most `capMs`. `step` 0 gives the base. */
export function grownWaitMs(
  step: number,
  shape: { readonly baseMs: number; readonly growth: number; readonly capMs: number },
): number {
  // 0 times an overflowed power would be NaN.
  if (shape.baseMs === 0) return 0
  return Math.min(shape.capMs, shape.baseMs * shape.growth ** Math.max(0, step))
}

/** A time spread evenly over `± share` of itself. */
export function spreadMs(valueMs: number, share: number, random: Random): number {
  return valueMs * (1 - share + 2 * share * random())
}

const RETRY_AFTER_SPREAD = 0.1

/**
 * How long a server's `Retry-After` makes us wait: 0 to 10 % longer than it says, never shorter, except that nothing
 * beyond `capMs` is believed. What is no time (negative, NaN) is no wait.
 */
export function retryAfterWaitMs(retryAfterMs: number, capMs: number, random: Random): number {
  return retryAfterMs > 0 ? Math.min(retryAfterMs, capMs) * (1 + RETRY_AFTER_SPREAD * random()) : 0
}

/** The longer of our own wait and the server's, where the server named one. */
export function withRetryAfterMs(
  waitMs: number,
  retryAfterMs: number | undefined,
  retryAfterCapMs: number,
  random: Random,
): number {
  return retryAfterMs === undefined ? waitMs : Math.max(waitMs, retryAfterWaitMs(retryAfterMs, retryAfterCapMs, random))
}
