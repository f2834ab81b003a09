/**
 * How many retries all calls together may make: a token bucket that successes fill. In a brown-out, where most calls
 * succeed, it never runs dry; in an outage it caps what retries add to the load.
 *
 * - A token is taken when a retry is decided, before its wait: retries that wait count already. It is given back when
 *   the wait is aborted, as the retry then never was.
 * - Time alone also fills it, slowly, so that a process whose every call fails can still find out that the server is
 *   back.
 *
 * No timer and no clock: time comes in as `nowMs`, from one monotonic clock.
 */
import { OptionsError } from '../errors.ts'
import { checkNumber } from './check-number.ts'

export interface RetryBudgetOptions {
  /** Tokens it holds at most, and at the start. A retry costs one. @defaultValue 100 */
  readonly max?: number
  /** Tokens that each success adds. @defaultValue 0.5: loses no call in a brown-out of 30 % that more would save */
  readonly perSuccess?: number
  /** Tokens that each second adds. @defaultValue 1 */
  readonly perSecond?: number
  /** Called when a retry is refused, once until the next one is granted. What it throws is dropped. */
  readonly onExhausted?: () => void
}

export type ResolvedRetryBudgetOptions = Required<RetryBudgetOptions>

export const retryBudgetDefaults: ResolvedRetryBudgetOptions = Object.freeze({
  max: 100,
  perSuccess: 0.5,
  perSecond: 1,
  onExhausted: () => {},
})

export interface RetryBudgetView {
  /** What is in it now; a retry needs a whole one. */
  readonly tokens: number
  readonly max: number
  /** Since creation: retries it refused. */
  readonly refused: number
}

/** Shared by all calls to one server; made by `createRetryBudget`. */
export interface RetryBudget {
  /** Takes the token of one retry. False when there is none: give up. */
  tryTake(nowMs: number): boolean
  /** The retry whose token was taken is not made after all. */
  giveBack(): void
  succeeded(): void
  view(nowMs: number): RetryBudgetView
}

/**
 * A budget that retries share. One for each server; pass it to every `withRetry` that calls it.
 *
 * @param options how much it holds and what fills it; see `RetryBudgetOptions`
 * @throws OptionsError naming the field
 * @example
 * const budget = createRetryBudget()
 * await withRetry(() => cio.identify('1', { plan: 'pro' }), { budget, idempotent: true })
 */
export function createRetryBudget(options: RetryBudgetOptions = {}): RetryBudget {
  return new TokenBudget(resolve(options))
}

function resolve(options: RetryBudgetOptions): ResolvedRetryBudgetOptions {
  const resolved = {
    max: options.max ?? retryBudgetDefaults.max,
    perSuccess: options.perSuccess ?? retryBudgetDefaults.perSuccess,
    perSecond: options.perSecond ?? retryBudgetDefaults.perSecond,
    onExhausted: options.onExhausted ?? retryBudgetDefaults.onExhausted,
  }
  checkNumber('max', resolved.max, { min: 1 })
  checkNumber('perSuccess', resolved.perSuccess, { min: 0 })
  checkNumber('perSecond', resolved.perSecond, { min: 0 })
  if (resolved.perSuccess === 0 && resolved.perSecond === 0) {
    throw new OptionsError('perSecond', 'must be above 0 where perSuccess is 0: nothing would ever fill the budget')
  }
  if (typeof resolved.onExhausted !== 'function') throw new OptionsError('onExhausted', 'must be a function')
  return resolved
}

/** Ten tenths of a token are a token. */
const ROUNDING = 1e-6

class TokenBudget implements RetryBudget {
  readonly #options: ResolvedRetryBudgetOptions
  #tokens: number
  /** Undefined until time first comes in. */
  #filledAtMs: number | undefined
  #refused = 0
  #exhausted = false

  constructor(options: ResolvedRetryBudgetOptions) {
    this.#options = options
    this.#tokens = options.max
  }

  tryTake(nowMs: number): boolean {
    this.#fill(nowMs)
    if (this.#tokens >= 1 - ROUNDING) {
      this.#tokens = Math.max(0, this.#tokens - 1)
      this.#exhausted = false
      return true
    }
    this.#refused++
    if (!this.#exhausted) {
      this.#exhausted = true
      this.#tell()
    }
    return false
  }

  giveBack(): void {
    this.#add(1)
  }

  succeeded(): void {
    this.#add(this.#options.perSuccess)
  }

  view(nowMs: number): RetryBudgetView {
    this.#fill(nowMs)
    return { tokens: this.#tokens, max: this.#options.max, refused: this.#refused }
  }

  #fill(nowMs: number): void {
    const sinceMs = nowMs - (this.#filledAtMs ?? nowMs)
    if (sinceMs > 0) this.#add((sinceMs * this.#options.perSecond) / 1_000)
    if (this.#filledAtMs === undefined || sinceMs > 0) this.#filledAtMs = nowMs
  }

  #add(tokens: number): void {
    this.#tokens = Math.min(this.#options.max, this.#tokens + tokens)
  }

  #tell(): void {
    try {
      this.#options.onExhausted()
    } catch {
      // A listener's trouble is its own.
    }
  }
}
