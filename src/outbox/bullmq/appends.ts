/**
 * Appends, on the caller's side: calls that come while others are under way travel together, each whole or not at all.
 * The memory of what waits for its answer is bounded.
 */
import { OutboxFullError } from '../../errors.ts'
import { KEYS_MAX, RESEND_MS, RETRY_FULL_MS, type OutboxLimits } from '../limits.ts'
import type { AppendResult, NewEntry } from '../outbox.ts'
import { positionOf } from '../position.ts'
import { minuteOf, storedEntry, storedLanes } from './entry-code.ts'
import type { RedisLink } from './link.ts'
import { appendScript } from './scripts/append.ts'

/** A script that takes longer than a few milliseconds would hold up everybody else in Redis. */
const GROUP_ENTRIES_MAX = 500
const GROUP_BYTES_MAX = 4 * 1024 * 1024
/** Redis works on one while the next are on their way. */
const UNDER_WAY_MAX = 4
const PENDING_BYTES_MAX = 64 * 1024 * 1024
const RETRY_PENDING_MS = 100
/** Ids without a key that are known again at most. */
const RESEND_IDS_MAX = 1_000_000

interface Call {
  readonly entries: readonly NewEntry[]
  readonly bytes: number
  readonly resolve: (results: readonly AppendResult[]) => void
  readonly reject: (error: unknown) => void
}

type Answer = readonly number[] | readonly ['operations' | 'bytes', number, number]

export class Appends {
  readonly #link: RedisLink
  readonly #base: string
  readonly #limits: Required<OutboxLimits>
  readonly #ring: () => void
  readonly #waiting: Call[] = []
  #pendingBytes = 0
  #underWay = 0
  #scheduled = false
  readonly #whenIdle: (() => void)[] = []

  /** @param ring told when somebody who delivers may be asleep */
  constructor(link: RedisLink, base: string, limits: Required<OutboxLimits>, ring: () => void) {
    this.#link = link
    this.#base = base
    this.#limits = limits
    this.#ring = ring
  }

  append(entries: readonly NewEntry[]): Promise<readonly AppendResult[]> {
    if (entries.length === 0) return Promise.resolve([])
    let bytes = 0
    for (const { body } of entries) bytes += body.length
    if (this.#pendingBytes > 0 && this.#pendingBytes + bytes > PENDING_BYTES_MAX) {
      const details = { bound: 'pending', limit: PENDING_BYTES_MAX, used: this.#pendingBytes } as const
      return Promise.reject(new OutboxFullError({ ...details, retryAfterMs: RETRY_PENDING_MS }))
    }
    this.#pendingBytes += bytes
    return new Promise((resolve, reject) => {
      this.#waiting.push({ entries, bytes, resolve, reject })
      this.#schedule()
    })
  }

  /** Resolves when nothing waits for its answer any more. */
  idle(): Promise<void> {
    if (this.#waiting.length === 0 && this.#underWay === 0) return Promise.resolve()
    return new Promise((resolve) => {
      this.#whenIdle.push(resolve)
    })
  }

  /** After the current turn, so that all who append in it travel together. */
  #schedule(): void {
    if (this.#scheduled || this.#waiting.length === 0 || this.#underWay >= UNDER_WAY_MAX) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      while (this.#waiting.length > 0 && this.#underWay < UNDER_WAY_MAX) void this.#send(this.#nextGroup())
    })
  }

  #nextGroup(): readonly Call[] {
    let entries = 0
    let bytes = 0
    let calls = 0
    for (const call of this.#waiting) {
      if (calls > 0 && (entries + call.entries.length > GROUP_ENTRIES_MAX || bytes + call.bytes > GROUP_BYTES_MAX))
        break
      calls++
      entries += call.entries.length
      bytes += call.bytes
    }
    return this.#waiting.splice(0, calls)
  }

  async #send(group: readonly Call[]): Promise<void> {
    this.#underWay++
    try {
      const answer = await this.#link.run(appendScript, [this.#base], this.#argumentsOf(group))
      const [isAsleep, answers] = answer as [number, readonly Answer[]]
      if (isAsleep === 1) this.#ring()
      for (const [index, call] of group.entries()) this.#settle(call, answers[index]!)
    } catch (error) {
      for (const { reject } of group) reject(error)
    }
    this.#underWay--
    for (const { bytes } of group) this.#pendingBytes -= bytes
    this.#schedule()
    if (this.#waiting.length === 0 && this.#underWay === 0) for (const resolve of this.#whenIdle.splice(0)) resolve()
  }

  #argumentsOf(group: readonly Call[]): (string | number)[] {
    const { maxOperations, maxBytes, rememberKeysMs } = this.#limits
    const args: (string | number)[] = [maxOperations, maxBytes, rememberKeysMs, KEYS_MAX, RESEND_MS, RESEND_IDS_MAX]
    args.push(group.length)
    for (const { entries } of group) {
      args.push(entries.length)
      for (const entry of entries) {
        const lanes = storedLanes(entry.lanes)
        const shape = lanes.length * 4 + (entry.keyed ? 2 : 0) + (entry.priority === 'live' ? 1 : 0)
        args.push(entry.id, storedEntry(entry, lanes), minuteOf(entry.campaignAtMs), shape)
        for (const lane of lanes) args.push(lane)
      }
    }
    return args
  }

  #settle({ resolve, reject }: Call, answer: Answer): void {
    const [bound, limit, used] = answer
    if (bound === 'operations' || bound === 'bytes') {
      reject(new OutboxFullError({ bound, limit, used, retryAfterMs: RETRY_FULL_MS }))
      return
    }
    resolve(
      (answer as readonly number[]).map((sequence) => ({
        state: sequence > 0 ? 'stored' : 'duplicate',
        position: positionOf(Math.abs(sequence)),
      })),
    )
  }
}
