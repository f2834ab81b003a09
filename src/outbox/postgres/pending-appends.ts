/**
 * Calls of append that wait for their statement. What comes while statements are under way shares the next one. Several
 * run at once, on connections of their own, as long as no lane is in two of them: the order of a lane is that of the calls.
 */
import { OutboxFullError } from '../../errors.ts'
import { RETRY_FULL_MS } from '../limits.ts'
import type { AppendResult } from '../outbox.ts'
import { ROWS_MAX } from './append-sql.ts'
import type { EntryRow } from './rows.ts'

const STATEMENTS_MAX = 4
/** So that large calls are statements of their own, side by side, rather than one after the other. */
const GROUP_ROWS_MAX = 500
const GROUP_BYTES_MAX = 4 * 1024 * 1024
const PENDING_BYTES_MAX = 64 * 1024 * 1024

/** The entries of one call, each id once. */
export interface AppendCall {
  readonly rows: readonly EntryRow[]
  readonly bytes: number
  /** How many entries were given. */
  readonly given: number
  /** For each of them, the row that it is; undefined where each is a row of its own. */
  readonly rowOf: readonly number[] | undefined
}

interface Pending {
  readonly call: AppendCall
  readonly resolve: (results: readonly AppendResult[]) => void
  readonly reject: (error: unknown) => void
}

/** What became of each call of a group. */
export type Appended = readonly (readonly AppendResult[] | Error)[]

export class PendingAppends {
  readonly #store: (calls: readonly AppendCall[]) => Promise<Appended>
  #queue: Pending[] = []
  #bytes = 0
  #running = 0
  /** Of each statement that is under way, the lanes in it. */
  readonly #lanes = new Set<ReadonlySet<string>>()
  #idle: (() => void)[] = []

  /** @param store stores the calls of one group, each whole or not at all; rejects when that is so for all of them */
  constructor(store: (calls: readonly AppendCall[]) => Promise<Appended>) {
    this.#store = store
  }

  add(call: AppendCall): Promise<readonly AppendResult[]> {
    if (this.#bytes > 0 && this.#bytes + call.bytes > PENDING_BYTES_MAX) {
      const used = { bound: 'pending', limit: PENDING_BYTES_MAX, used: this.#bytes } as const
      return Promise.reject(new OutboxFullError({ ...used, retryAfterMs: RETRY_FULL_MS }))
    }
    this.#bytes += call.bytes
    return new Promise((resolve, reject) => {
      this.#queue.push({ call, resolve, reject })
      // So that calls of one turn of the event loop share a statement.
      if (this.#queue.length === 1) queueMicrotask(() => this.#next())
    })
  }

  /** Resolves when everything that was added has its answer. */
  async finished(): Promise<void> {
    while (this.#queue.length > 0 || this.#running > 0) await new Promise<void>((resolve) => this.#idle.push(resolve))
  }

  #next(): void {
    while (this.#running < STATEMENTS_MAX) {
      const group = this.#takeGroup()
      if (group.length === 0) break
      this.#running++
      void this.#run(group)
    }
    if (this.#running > 0 || this.#queue.length > 0) return
    for (const resolve of this.#idle.splice(0)) resolve()
  }

  #takeGroup(): readonly Pending[] {
    let rows = 0
    let bytes = 0
    let length = 0
    for (const { call } of this.#queue) {
      rows += call.rows.length
      bytes += call.bytes
      if (length > 0 && (rows > GROUP_ROWS_MAX || bytes > GROUP_BYTES_MAX)) break
      if (this.#running > 0 && this.#isUnderWay(call)) break
      length++
      if (call.rows.length > ROWS_MAX) break
    }
    return this.#queue.splice(0, length)
  }

  async #run(group: readonly Pending[]): Promise<void> {
    const calls = group.map(({ call }) => call)
    const lanes = new Set<string>()
    for (const { rows } of calls) for (const row of rows) for (const lane of row.lanes ?? [row.lane]) lanes.add(lane)
    this.#lanes.add(lanes)
    const appended = await this.#store(calls).catch((error: unknown): Appended => calls.map(() => error as Error))
    this.#lanes.delete(lanes)
    for (const [index, { call, resolve, reject }] of group.entries()) {
      this.#bytes -= call.bytes
      const result = appended[index]!
      if (result instanceof Error) reject(result)
      else resolve(result)
    }
    this.#running--
    this.#next()
  }

  #isUnderWay({ rows }: AppendCall): boolean {
    for (const lanes of this.#lanes) {
      for (const { lane, lanes: all } of rows) {
        if (all === null ? lanes.has(lane) : all.some((each) => lanes.has(each))) return true
      }
    }
    return false
  }
}
