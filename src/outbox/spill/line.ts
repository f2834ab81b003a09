/**
 * The line in which appends stand, so that one producer's order is never broken by where they go.
 *
 * - `direct`: to the remote outbox, one group at a time; what comes meanwhile is the next group. When the remote outbox is
 *   away, the group and all behind it go to the file, in order.
 * - `spilling`: to the file. It keeps the order of calls by itself, so many are under way at once.
 * - `held`: nowhere, for the moment in which the last of the file goes over.
 *
 * Calls of a group are one append, so all of them are stored or none; where it is refused, each is made by itself.
 */
import { OutboxError, OutboxFullError } from '../../errors.ts'
import type { AppendResult, NewEntry } from '../outbox.ts'
import { sequenceOf } from '../position.ts'
import { isAway } from './away.ts'
import { spilledResult } from './names.ts'

/** What a script of a server should have at once. One call may have more. */
const GROUP_ENTRIES_MAX = 500
/** Characters of bodies. */
const GROUP_CHARS_MAX = 1024 * 1024
/** Characters of the bodies that stand in the line. */
const PENDING_CHARS_MAX = 64 * 1024 * 1024
const RETRY_PENDING_MS = 100

type Append = (entries: readonly NewEntry[]) => Promise<readonly AppendResult[]>

interface Call {
  readonly entries: readonly NewEntry[]
  readonly chars: number
  readonly resolve: (results: readonly AppendResult[]) => void
  readonly reject: (error: unknown) => void
  /** Of the remote outbox, when the call may be stored there all the same. */
  mayBeStored?: OutboxError
}

/** Calls that must go to the file, because the remote outbox is away. */
interface Unsent {
  readonly calls: readonly Call[]
  readonly error: unknown
}

export interface LineParts {
  readonly toRemote: Append
  readonly toFile: Append
  /** The remote outbox turned out to be away; `entries` are on their way to the file. */
  readonly began: (error: unknown, entries: number) => void
  /** The file refused a call, or was not there to do it. */
  readonly fileFailed: () => void
}

export class Line {
  readonly #parts: LineParts
  #state: 'direct' | 'spilling' | 'held' = 'spilling'
  #waiting: Call[] = []
  #pendingChars = 0
  /** Calls whose end is not known yet. */
  #open = 0
  #isSending = false
  #toFile = 0
  readonly #whenIdle: (() => void)[] = []
  readonly #whenFileIdle: (() => void)[] = []
  /** Sequence of the last entry in the file that must have gone over before appends go direct again. */
  mark = 0

  constructor(parts: LineParts) {
    this.#parts = parts
  }

  get state(): 'direct' | 'spilling' | 'held' {
    return this.#state
  }

  /** The caller sees to it that nothing of this producer is in the file when it says `direct`. */
  turn(state: 'direct' | 'spilling' | 'held'): void {
    this.#state = state
    this.#pump()
  }

  append(entries: readonly NewEntry[]): Promise<readonly AppendResult[]> {
    if (entries.length === 0) return Promise.resolve([])
    let chars = 0
    for (const { body } of entries) chars += body.length
    if (this.#pendingChars > 0 && this.#pendingChars + chars > PENDING_CHARS_MAX) {
      const details = { bound: 'pending', limit: PENDING_CHARS_MAX, used: this.#pendingChars } as const
      return Promise.reject(new OutboxFullError({ ...details, retryAfterMs: RETRY_PENDING_MS }))
    }
    this.#pendingChars += chars
    this.#open++
    return new Promise((resolve, reject) => {
      this.#waiting.push({ entries, chars, resolve, reject })
      this.#pump()
    })
  }

  /** Resolves when the end of every call is known. */
  idle(): Promise<void> {
    return this.#open === 0 ? Promise.resolve() : new Promise((resolve) => this.#whenIdle.push(resolve))
  }

  /** Resolves when nothing is on its way to the file. */
  fileIdle(): Promise<void> {
    return this.#toFile === 0 ? Promise.resolve() : new Promise((resolve) => this.#whenFileIdle.push(resolve))
  }

  #pump(): void {
    if (this.#state === 'spilling') {
      for (const call of this.#waiting.splice(0)) void this.#spill(call)
    } else if (this.#state === 'direct' && !this.#isSending && this.#waiting.length > 0) {
      void this.#send(this.#nextGroup())
    }
  }

  #nextGroup(): readonly Call[] {
    let entries = 0
    let chars = 0
    let calls = 0
    for (const call of this.#waiting) {
      entries += call.entries.length
      chars += call.chars
      if (calls > 0 && (entries > GROUP_ENTRIES_MAX || chars > GROUP_CHARS_MAX)) break
      calls++
    }
    return this.#waiting.splice(0, calls)
  }

  async #send(group: readonly Call[]): Promise<void> {
    this.#isSending = true
    const unsent = await this.#sendTogether(group)
    this.#isSending = false
    // In one go: whoever appends from now on stands behind these.
    if (unsent !== undefined) {
      this.#state = 'spilling'
      this.#parts.began(
        unsent.error,
        unsent.calls.reduce((sum, call) => sum + call.entries.length, 0),
      )
      for (const call of unsent.calls) void this.#spill(call)
    }
    this.#pump()
  }

  async #sendTogether(group: readonly Call[]): Promise<Unsent | undefined> {
    const [only] = group
    const entries = group.length === 1 ? only!.entries : group.flatMap((call) => call.entries)
    try {
      const results = await this.#parts.toRemote(entries)
      let from = 0
      for (const call of group) this.#resolve(call, results.slice(from, (from += call.entries.length)))
      return undefined
    } catch (error) {
      if (isAway(error)) {
        if (error instanceof OutboxError && error.mayBeStored) for (const call of group) call.mayBeStored = error
        return { calls: group, error }
      }
      if (group.length > 1) return this.#sendEach(group)
      this.#reject(only!, error)
      return undefined
    }
  }

  async #sendEach(group: readonly Call[]): Promise<Unsent | undefined> {
    for (const [index, call] of group.entries()) {
      const unsent = await this.#sendTogether([call])
      if (unsent !== undefined) return { calls: group.slice(index), error: unsent.error }
    }
    return undefined
  }

  async #spill(call: Call): Promise<void> {
    this.#toFile++
    try {
      const results = await this.#parts.toFile(call.entries)
      for (const { position } of results) this.mark = Math.max(this.mark, sequenceOf(position))
      this.#resolve(call, results.map(spilledResult))
    } catch (error) {
      this.#parts.fileFailed()
      this.#reject(call, call.mayBeStored ?? error)
    }
    this.#toFile--
    if (this.#toFile === 0) for (const resolve of this.#whenFileIdle.splice(0)) resolve()
  }

  #resolve(call: Call, results: readonly AppendResult[]): void {
    this.#ended(call)
    call.resolve(results)
  }

  #reject(call: Call, error: unknown): void {
    this.#ended(call)
    call.reject(error)
  }

  #ended({ chars }: Call): void {
    this.#pendingChars -= chars
    this.#open--
    if (this.#open === 0) for (const resolve of this.#whenIdle.splice(0)) resolve()
  }
}
