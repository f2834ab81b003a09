/**
 * How fast we may send: a token bucket whose rate finds the server's real limit, and one cooldown shared by all.
 *
 * - The bucket is in GCRA form: one number says when the next token is due. A token is never lent: what is taken counts.
 * - A 429 cuts the rate to `cutFactor`, once a second at most however many answers say the same, and begins a cooldown
 *   in which nothing is sent: as long as Retry-After says, else a time that doubles until the first success. What is
 *   cut is the rate in use: to cut what nobody uses would change nothing, as where many processes share one limit.
 * - Every second of success adds `raisePerSecond` up to the ceiling, and a quarter of it near the rate that was refused
 *   last, where the limit probably is. Idle time adds nothing: it proves nothing.
 * - Where several share the server's limit, each has its part of everything that is a rate: ceiling, floor, step and what
 *   it has learned. So together they are as one.
 *
 * Invariants
 * 1. Over any span, at most `burst` plus the ceiling's share of the span is taken.
 * 2. Nothing is taken in a cooldown, and no cooldown is shorter than its Retry-After (up to `retryAfterCapMs`).
 * 3. The rate stays between the floor and the ceiling. A ceiling of Infinity leaves the cooldown alone.
 *
 * No timer and no clock: time comes in as `nowMs`, from one monotonic clock. The concurrency is not touched: a server
 * that limits rates answers a 429 fast, so latency would say the opposite of the truth.
 */
import type { Random } from '../runtime/runtime.ts'
import { grownWaitMs, retryAfterWaitMs } from './backoff.ts'
import { checkNumber } from './check-number.ts'

export interface RateLimiterOptions {
  /** The ceiling, in takes a second. Infinity lifts the rate. @defaultValue 100 */
  readonly perSecond?: number
  /** Takes that may follow each other at once at the ceiling; fewer below it. @defaultValue a tenth of a second's takes, at least 1 */
  readonly burst?: number
  /** 429s never cut the rate below this (or the ceiling, where that is lower). @defaultValue 1 */
  readonly floorPerSecond?: number
  /** What a second of success adds; near the rate that was refused last, a quarter of it. @defaultValue 1 */
  readonly raisePerSecond?: number
  /** What is left of the rate after a 429. @defaultValue 0.7 */
  readonly cutFactor?: number
  /** The first cooldown where the 429 names no time. @defaultValue 1000 */
  readonly cooldownMs?: number
  /** No such cooldown is longer, before jitter. @defaultValue 15000 */
  readonly cooldownCapMs?: number
  /** Nothing longer is believed of a Retry-After. @defaultValue 60000 */
  readonly retryAfterCapMs?: number
}

export type ResolvedRateLimiterOptions = Required<RateLimiterOptions>

/** Without `burst`, which follows from the ceiling. */
export const rateLimiterDefaults: Omit<ResolvedRateLimiterOptions, 'burst'> = Object.freeze({
  perSecond: 100,
  floorPerSecond: 1,
  raisePerSecond: 1,
  cutFactor: 0.7,
  cooldownMs: 1_000,
  cooldownCapMs: 15_000,
  retryAfterCapMs: 60_000,
})

const BURST_SHARE = 0.1

export function resolveRateLimiterOptions(options: RateLimiterOptions = {}): ResolvedRateLimiterOptions {
  const { perSecond = rateLimiterDefaults.perSecond } = options
  const resolved = { ...rateLimiterDefaults, burst: Math.max(1, BURST_SHARE * perSecond), ...options, perSecond }
  const { floorPerSecond } = resolved
  checkNumber('perSecond', perSecond, { above: 0, infinite: true })
  checkNumber('floorPerSecond', floorPerSecond, { above: 0 })
  checkNumber('raisePerSecond', resolved.raisePerSecond, { above: 0 })
  checkNumber('cutFactor', resolved.cutFactor, { above: 0, max: 1 })
  checkNumber('cooldownMs', resolved.cooldownMs, { min: 0 })
  checkNumber('cooldownCapMs', resolved.cooldownCapMs, { min: 0 })
  checkNumber('retryAfterCapMs', resolved.retryAfterCapMs, { min: 0 })
  checkNumber('burst', resolved.burst, { min: 1, infinite: true })
  return { ...resolved, floorPerSecond: Math.min(floorPerSecond, perSecond) }
}

/** `reason` is why there is a wait, or null when there is none. */
export interface RateWait {
  readonly waitMs: number
  readonly reason: 'cooldown' | 'rate' | null
}

export type Taken = { readonly taken: true } | ({ readonly taken: false } & RateWait)

export interface RateLimiterView {
  /** The rate now. */
  readonly perSecond: number
  readonly ceilingPerSecond: number
  /** What is left of the cooldown; 0 when there is none. */
  readonly cooldownMs: number
  /** Since creation: how often 429s cut the rate. */
  readonly cuts: number
}

export interface RateLimiter {
  /** What a take would have to wait; takes nothing. */
  peek(nowMs: number): RateWait
  take(nowMs: number): Taken
  /**
   * What the take number `position` from now would have to wait (1: the next one), if all before it are taken as soon
   * as they may, no further 429 comes, and successes raise the rate as they do.
   */
  forecastMs(nowMs: number, position: number): number
  /**
   * A 429 came. True when it changed something that others should hear of: the rate was cut, or the cooldown now ends
   * more than a second later. Answers that only repeat the first are false.
   */
  throttled(nowMs: number, retryAfterMs?: number): boolean
  /** Another one that shares the server's limit was answered with 429: waits no longer than it does. True as in `throttled`. */
  throttledElsewhere(nowMs: number, waitMs: number): boolean
  /** A call was accepted. */
  succeeded(nowMs: number): void
  /**
   * Takes the part of one of `count`. A smaller part holds at once; a larger one is come to within seconds of success.
   * @param count at least 1
   */
  shareAmong(count: number): void
  view(nowMs: number): RateLimiterView
}

/** At most one cut in this time: the answers to one burst say one thing. */
const CUT_EVERY_MS = 1_000

/** A part that has become larger is taken by steps of this share of it, one each second. */
const REGAIN_SHARE = 0.2

/** Of an allowed rate that is not used, one cut takes this much at most before `cutFactor`: the use may be a lull. */
const UNUSED_SHARE = 0.5
/** From and to these shares of the rate that a 429 refused last, the rate rises by `NEAR_SHARE` of its usual step. */
const NEAR_FROM = 0.85
const NEAR_TO = 1.15
const NEAR_SHARE = 0.25

const NO_WAIT: RateWait = Object.freeze({ waitMs: 0, reason: null })
const TAKEN: Taken = Object.freeze({ taken: true })

/** @throws OptionsError naming the field */
export function createRateLimiter(options: RateLimiterOptions, random: Random): RateLimiter {
  return new AdaptiveRateLimiter(resolveRateLimiterOptions(options), random)
}

class AdaptiveRateLimiter implements RateLimiter {
  /** Of all who share the limit. */
  readonly #whole: ResolvedRateLimiterOptions
  #options: ResolvedRateLimiterOptions
  #sharers = 1
  /** What the rate comes back to by large steps: others have left, and a part of what they took is ours. */
  #regainTo = 0
  readonly #random: Random
  /** How far ahead of its due time a token may be taken, plus one interval. Time, so that it shrinks with the rate. */
  readonly #burstMs: number
  #perSecond: number
  /** When the bucket would be full again: each take moves it by one interval. */
  #fullAtMs = -Infinity
  #cooldownUntilMs = -Infinity
  #cutAtMs = -Infinity
  #raisedAtMs = -Infinity
  /** 429s since the last success, counted as cuts. */
  #cutsInARow = 0
  #cuts = 0
  /** The rate that the last 429 refused. */
  #refusedAt = 0
  /** Takes of about the last second, as of `#usedAtMs`. */
  #used = 0
  #usedAtMs = 0

  constructor(options: ResolvedRateLimiterOptions, random: Random) {
    this.#whole = options
    this.#options = options
    this.#random = random
    this.#perSecond = options.perSecond
    this.#burstMs = options.perSecond === Infinity ? 0 : (options.burst * 1_000) / options.perSecond
  }

  peek(nowMs: number): RateWait {
    if (nowMs < this.#cooldownUntilMs) {
      return { waitMs: Math.max(this.#cooldownUntilMs, this.#dueAtMs()) - nowMs, reason: 'cooldown' }
    }
    const dueAtMs = this.#dueAtMs()
    return nowMs < dueAtMs ? { waitMs: dueAtMs - nowMs, reason: 'rate' } : NO_WAIT
  }

  take(nowMs: number): Taken {
    const wait = this.peek(nowMs)
    if (wait.waitMs > 0) return { taken: false, ...wait }
    this.#fullAtMs = Math.max(this.#fullAtMs, nowMs) + this.#intervalMs()
    this.#used = this.#usedAt(nowMs) + 1
    this.#usedAtMs = nowMs
    return TAKEN
  }

  forecastMs(nowMs: number, position: number): number {
    const fromMs = Math.max(nowMs, this.#cooldownUntilMs)
    const dueAtMs = Math.max(this.#fullAtMs, fromMs) + this.#producedInMs(position - 1) - this.#aheadMs()
    return Math.max(fromMs, dueAtMs) - nowMs
  }

  throttled(nowMs: number, retryAfterMs?: number): boolean {
    const { cooldownMs, cooldownCapMs, retryAfterCapMs } = this.#options
    const cutsBefore = this.#cutsInARow
    const cut = this.#cut(nowMs)
    let waitMs = retryAfterWaitMs(retryAfterMs ?? 0, retryAfterCapMs, this.#random)
    if (cut) {
      // A Retry-After of 0 beside a 429 says nothing that could be kept.
      if (waitMs === 0) {
        const grownMs = grownWaitMs(cutsBefore, { baseMs: cooldownMs, growth: 2, capMs: cooldownCapMs })
        waitMs = retryAfterWaitMs(grownMs, cooldownCapMs, this.#random)
      }
    }
    return this.#coolDown(nowMs + waitMs) || cut
  }

  throttledElsewhere(nowMs: number, waitMs: number): boolean {
    const cut = this.#cut(nowMs)
    return this.#coolDown(nowMs + Math.min(waitMs, this.#options.retryAfterCapMs)) || cut
  }

  succeeded(nowMs: number): void {
    this.#cutsInARow = 0
    const { perSecond, raisePerSecond } = this.#options
    if (this.#perSecond >= perSecond) return
    const sinceMs = nowMs - Math.max(this.#raisedAtMs, this.#cutAtMs)
    this.#raisedAtMs = nowMs
    // Creeping up on the limit finds it as surely, and meets it less often.
    const near = this.#perSecond > NEAR_FROM * this.#refusedAt && this.#perSecond < NEAR_TO * this.#refusedAt
    const seconds = clamp(sinceMs, 0, 1_000) / 1_000
    const raise = near ? raisePerSecond * NEAR_SHARE : raisePerSecond
    const regained = Math.min(this.#regainTo, this.#perSecond + REGAIN_SHARE * this.#regainTo * seconds)
    this.#perSecond = Math.min(perSecond, Math.max(regained, this.#perSecond + raise * seconds))
  }

  shareAmong(count: number): void {
    const factor = this.#sharers / count
    if (factor === 1) return
    this.#sharers = count
    const { perSecond, floorPerSecond, raisePerSecond } = this.#whole
    this.#options = {
      ...this.#whole,
      perSecond: perSecond / count,
      floorPerSecond: floorPerSecond / count,
      raisePerSecond: raisePerSecond / count,
    }
    this.#refusedAt *= factor
    const part = Math.min(this.#options.perSecond, Math.max(this.#perSecond, this.#regainTo) * factor)
    this.#perSecond = Math.min(this.#perSecond, part)
    this.#regainTo = part
  }

  view(nowMs: number): RateLimiterView {
    return {
      perSecond: this.#perSecond,
      ceilingPerSecond: this.#options.perSecond,
      cooldownMs: Math.max(0, this.#cooldownUntilMs - nowMs),
      cuts: this.#cuts,
    }
  }

  /** Says whether it is time for a cut; then it is made. */
  #cut(nowMs: number): boolean {
    if (nowMs - this.#cutAtMs < CUT_EVERY_MS) return false
    const { cutFactor, floorPerSecond } = this.#options
    this.#refusedAt = this.#usedRate(nowMs)
    this.#perSecond = Math.max(floorPerSecond, this.#refusedAt * cutFactor)
    this.#regainTo = 0
    this.#cutAtMs = nowMs
    this.#cutsInARow++
    this.#cuts++
    return true
  }

  /** Says whether the cooldown has become longer by more than is worth no word. */
  #coolDown(untilMs: number): boolean {
    const beforeMs = this.#cooldownUntilMs
    this.#cooldownUntilMs = Math.max(beforeMs, untilMs)
    return this.#cooldownUntilMs - beforeMs > CUT_EVERY_MS
  }

  /** The rate that a 429 refuses: the one in use, where that is lower than what is allowed. */
  #usedRate(nowMs: number): number {
    const used = this.#usedAt(nowMs)
    // A late answer: what was in use when its call went is no longer known.
    if (used === 0) return this.#perSecond
    return Math.min(this.#perSecond, Math.max(used, this.#perSecond * UNUSED_SHARE))
  }

  /** Takes a second over about the last one. */
  #usedAt(nowMs: number): number {
    return this.#used * Math.max(0, 1 - (nowMs - this.#usedAtMs) / 1_000)
  }

  #intervalMs(): number {
    return 1_000 / this.#perSecond
  }

  #dueAtMs(): number {
    return this.#fullAtMs - this.#aheadMs()
  }

  #aheadMs(): number {
    return Math.max(0, this.#burstMs - this.#intervalMs())
  }

  /** How long so many tokens take, at a rate that rises to the ceiling and stays there. */
  #producedInMs(tokens: number): number {
    const { perSecond: ceiling, raisePerSecond: raise } = this.#options
    if (ceiling === Infinity) return 0
    const rate = this.#perSecond
    const risingS = (ceiling - rate) / raise
    const whileRising = (rate + ceiling) * 0.5 * risingS
    if (tokens > whileRising) return 1_000 * (risingS + (tokens - whileRising) / ceiling)
    return (1_000 * 2 * tokens) / (rate + Math.sqrt(rate * rate + 2 * raise * tokens))
  }
}

function clamp(value: number, min: number, max: number): number {
  return Math.min(Math.max(value, min), max)
}
