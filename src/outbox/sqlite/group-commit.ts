/**
 * Group commit, on the caller's side: calls of one turn of the event loop, and all that come while a commit is under
 * way, travel together. Groups are bounded, and so is the memory of what waits for its commit.
 *
 * Where many callers wait in turns, the callers' thread and the outbox's would work in turns too: all callers go on
 * when a commit ends, and the next begins when they have all appended. So a group that is large enough leaves at once:
 * the rest of the callers works while it is committed.
 */
import { OutboxFullError, type HoldfastError } from '../../errors.ts'
import type { AppendResult, LeaseState, NewEntry, Settlement } from '../outbox.ts'
import { emptyGroup, packEntry, unpackAppended, unpackError, type PackedGroup, type PackedGroupResult } from './wire.ts'

const GROUP_ENTRIES_MAX = 2_000
const GROUP_BYTES_MAX = 4 * 1024 * 1024
/**
 * A group with so many calls does not wait for the end of the turn. With fewer, the cost of a commit is not spread
 * over enough of them: with 256 callers, 32 gave 0.4 times and 64 gave 0.8 times the throughput of 128.
 */
const EARLY_CALLS = 128
/** A commit takes milliseconds; on a disk that hangs nothing helps but waiting. */
const RETRY_PENDING_MS = 100

interface Waiter<Answer> {
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: HoldfastError) => void
}

interface WaitingGroup {
  readonly packed: PackedGroup
  readonly appends: Waiter<readonly AppendResult[]>[]
  readonly settlements: Waiter<readonly LeaseState[]>[]
  bytes: number
}

export class GroupCommit {
  readonly #commit: (group: PackedGroup) => Promise<PackedGroupResult>
  readonly #maxPendingBytes: number
  readonly #waiting: WaitingGroup[] = []
  #pendingBytes = 0
  #scheduled = false
  #underWay = false
  readonly #whenIdle: (() => void)[] = []

  constructor(maxPendingBytes: number, commit: (group: PackedGroup) => Promise<PackedGroupResult>) {
    this.#maxPendingBytes = maxPendingBytes
    this.#commit = commit
  }

  append(entries: readonly NewEntry[]): Promise<readonly AppendResult[]> {
    let bytes = 0
    for (const { body } of entries) bytes += body.length
    if (this.#pendingBytes > 0 && this.#pendingBytes + bytes > this.#maxPendingBytes) {
      const details = { bound: 'pending', limit: this.#maxPendingBytes, used: this.#pendingBytes } as const
      return Promise.reject(new OutboxFullError({ ...details, retryAfterMs: RETRY_PENDING_MS }))
    }
    this.#pendingBytes += bytes
    const group = this.#open()
    group.bytes += bytes
    group.packed.calls.push(entries.length)
    for (const entry of entries) packEntry(group.packed.entries, entry, 0, 0)
    return new Promise((resolve, reject) => {
      group.appends.push({ resolve, reject })
      if (!this.#underWay && group.appends.length >= EARLY_CALLS) void this.#flush()
    })
  }

  settle(settlements: readonly Settlement[]): Promise<readonly LeaseState[]> {
    const group = this.#open()
    group.packed.settlements.push(settlements)
    return new Promise((resolve, reject) => {
      group.settlements.push({ resolve, reject })
    })
  }

  /** Resolves when nothing waits for its commit any more. */
  idle(): Promise<void> {
    if (this.#waiting.length === 0 && !this.#underWay) return Promise.resolve()
    return new Promise((resolve) => {
      this.#whenIdle.push(resolve)
    })
  }

  /** The group that the next call joins. */
  #open(): WaitingGroup {
    let group = this.#waiting.at(-1)
    if (group === undefined || group.packed.entries.ids.length >= GROUP_ENTRIES_MAX || group.bytes >= GROUP_BYTES_MAX) {
      group = { packed: emptyGroup(), appends: [], settlements: [], bytes: 0 }
      this.#waiting.push(group)
    }
    this.#schedule()
    return group
  }

  /** After the current turn, so that all who append in it, or go on in it because a commit ended, come along. */
  #schedule(): void {
    if (this.#scheduled || this.#underWay || this.#waiting.length === 0) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      void this.#flush()
    })
  }

  async #flush(): Promise<void> {
    const group = this.#waiting.shift()
    if (group === undefined) return
    this.#underWay = true
    let tell: () => void
    try {
      const result = await this.#commit(group.packed)
      tell = () => this.#answer(group, result)
    } catch (error) {
      tell = () => {
        for (const { reject } of [...group.appends, ...group.settlements]) reject(error as HoldfastError)
      }
    }
    this.#underWay = false
    this.#pendingBytes -= group.bytes
    // The disk is what everybody waits for: it gets its next work before those who have theirs are told.
    if ((this.#waiting[0]?.appends.length ?? 0) >= EARLY_CALLS) void this.#flush()
    else this.#schedule()
    tell()
    if (this.#waiting.length === 0 && !this.#underWay) for (const resolve of this.#whenIdle.splice(0)) resolve()
  }

  #answer(group: WaitingGroup, result: PackedGroupResult): void {
    for (const [index, { resolve, reject }] of group.appends.entries()) {
      const answer = result.appends[index]!
      if (typeof answer === 'object' && 'code' in answer) reject(unpackError(answer))
      else resolve(unpackAppended(answer))
    }
    for (const [index, { resolve }] of group.settlements.entries()) resolve(result.settlements[index]!)
  }
}
