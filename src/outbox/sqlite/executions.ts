/**
 * `executions` of the contract as rows: a lease has no value, a result has one. Rows stand in the order in which they
 * were written, so the oldest can be found without another index; `upto` is the sum of `chars` up to a row, so what
 * all results take is a difference of two rows.
 *
 * Processes that share the file share its machine's wall clock, so leases and results end by that. A lease of the
 * future tells that the clock was set back: its time begins anew. One set forward ends leases early.
 */
import type { HoldfastError } from '../../errors.ts'
import type { Begun, IdempotencyStore } from '../../idempotency/store.ts'
import { RESULT_TTL_MS } from '../../idempotency/store.ts'
import type { Clock } from '../../runtime/clock.ts'
import { unreachable } from '../../runtime/assert.ts'
import type { OutboxLimits } from '../limits.ts'
import type { Commits } from './commits.ts'
import type { Database, Statement } from './database.ts'
import { EXECUTION_SCHEMA } from './schema.ts'
import type { StateTransactions } from './state.ts'

type Ask<Step extends keyof IdempotencyStore> = Parameters<IdempotencyStore[Step]>[0]

/** One call of the store, as it goes to the thread. */
export type ExecutionRequest = {
  readonly [Step in keyof IdempotencyStore]: { readonly step: Step; readonly ask: Ask<Step> }
}[keyof IdempotencyStore]

/** Of one that had to be refused its error. */
export type ExecutionAnswer = Awaited<ReturnType<IdempotencyStore[keyof IdempotencyStore]>> | HoldfastError

/** The store on the caller's side of the thread. */
export function executionStore(send: <Answer>(request: ExecutionRequest) => Promise<Answer>): IdempotencyStore {
  return {
    begin: (ask) => send({ step: 'begin', ask }),
    renew: (ask) => send({ step: 'renew', ask }),
    complete: (ask) => send({ step: 'complete', ask }),
    abandon: (ask) => send({ step: 'abandon', ask }),
  }
}

/** The bounds are looked after each time that so much of them was written. */
const PRUNES_PER_BOUND = 16
const RESULTS_PER_PRUNE_MAX = 256
/** Rows that one look goes through: many more than it must remove. */
const ROWS_PER_PRUNE = 2_000

interface Parts {
  readonly database: Database
  readonly transactions: StateTransactions
  readonly commits: Commits
  readonly clock: Pick<Clock, 'wallMs'>
  readonly limits: Required<OutboxLimits>
}

export class Executions {
  readonly #parts: Parts
  /** Made at the first use: a file of an earlier version has no table yet, and opens on a full disk all the same. */
  #rows: Rows | undefined
  #resultsSincePrune = 0
  #charsSincePrune = 0

  constructor(parts: Parts) {
    this.#parts = parts
  }

  /** One answer for each request. What must be written of them is one commit. */
  run(requests: readonly ExecutionRequest[]): readonly ExecutionAnswer[] {
    const rows = (this.#rows ??= rowsOf(this.#parts.database))
    const { transactions, commits, clock } = this.#parts
    // Most who ask again find that nothing has changed, which needs no commit.
    const known = transactions.read(() =>
      requests.map(({ step, ask }) => (step === 'begin' ? knownOf(rows, ask.key, clock.wallMs()) : undefined)),
    )
    const isToBegin = requests.some(({ step }, index) => step === 'begin' && known[index] === undefined)
    const noRoom = isToBegin ? commits.noRoom() : undefined
    const write = (): readonly ExecutionAnswer[] =>
      requests.map((request, index) => {
        if (request.step !== 'begin') return this.#write(rows, request)
        return known[index] ?? noRoom ?? this.#begin(rows, request.ask)
      })
    if (requests.some(({ step }) => step === 'complete')) return commits.commit(write)
    const isRead = requests.every(({ step }, index) => step === 'begin' && (known[index] ?? noRoom) !== undefined)
    return isRead ? write() : commits.commitLazily(write)
  }

  #write(rows: Rows, request: Exclude<ExecutionRequest, { readonly step: 'begin' }>): ExecutionAnswer {
    switch (request.step) {
      case 'renew':
        return this.#renew(rows, request.ask)
      case 'complete':
        return this.#complete(rows, request.ask)
      case 'abandon':
        rows.abandon.run(request.ask.key, request.ask.token)
        return undefined
      default:
        return unreachable(request)
    }
  }

  #begin(rows: Rows, { key, token, leaseMs }: Ask<'begin'>): Begun {
    const wallMs = this.#parts.clock.wallMs()
    const state = stateOf(rows, key, wallMs)
    if (state === 'future') {
      rows.restamp.run(wallMs, key)
      return { state: 'running', leftMs: Number(rows.find.get(key)![1]) }
    }
    if (state !== 'free') return state
    rows.insert.run(key, token, wallMs, Math.ceil(leaseMs), 0, totalOf(rows), null)
    return { state: 'held' }
  }

  #renew(rows: Rows, { key, token, leaseMs }: Ask<'renew'>): 'held' | 'lapsed' {
    const { changes } = rows.renew.run(this.#parts.clock.wallMs(), Math.ceil(leaseMs), key, token)
    return Number(changes) > 0 ? 'held' : 'lapsed'
  }

  #complete(rows: Rows, { key, token, value, ttlMs = RESULT_TTL_MS }: Ask<'complete'>): { readonly value: string } {
    const wallMs = this.#parts.clock.wallMs()
    const earlier = stateOf(rows, key, wallMs)
    if (typeof earlier === 'object' && earlier.state === 'done') return { value: earlier.value }
    const chars = key.length + value.length
    rows.removeKey.run(key)
    rows.insert.run(key, token, wallMs, Math.ceil(ttlMs), chars, totalOf(rows) + chars, value)
    this.#prune(rows, chars, wallMs)
    return { value }
  }

  /** Removes what is over its time or beyond the bounds, oldest first; no lease that is held. */
  #prune(rows: Rows, chars: number, wallMs: number): void {
    const { maxResults, maxResultChars } = this.#parts.limits
    const everyResults = Math.min(RESULTS_PER_PRUNE_MAX, Math.ceil(maxResults / PRUNES_PER_BOUND))
    const everyChars = maxResultChars / PRUNES_PER_BOUND
    this.#resultsSincePrune++
    this.#charsSincePrune += chars
    if (this.#resultsSincePrune < everyResults && this.#charsSincePrune < everyChars) return
    this.#resultsSincePrune = 0
    this.#charsSincePrune = 0
    const total = totalOf(rows)
    const beyond = Number(rows.beyond.get(maxResults - everyResults + 1)?.[0] ?? 0)
    for (const [sequence, at, ms, ownChars, upto, isResult] of rows.oldest.all(ROWS_PER_PRUNE)) {
      const isOver = wallMs - Number(at) >= Number(ms)
      const isTooMuch = total - Number(upto) + Number(ownChars) > maxResultChars - everyChars
      const isBeyond = Number(sequence) <= beyond || isTooMuch
      if (isOver || (isBeyond && isResult === 1)) rows.removeSequence.run(sequence!)
    }
  }
}

/** What can be answered without writing. */
function knownOf(rows: Rows, key: string, wallMs: number): Begun | undefined {
  const state = stateOf(rows, key, wallMs)
  return typeof state === 'object' ? state : undefined
}

/** `free` also when what stands there is over. `future`: a lease that was given after now. */
function stateOf(rows: Rows, key: string, wallMs: number): Exclude<Begun, { state: 'held' }> | 'free' | 'future' {
  const row = rows.find.get(key)
  if (row === undefined) return 'free'
  const [at, ms, value] = row
  const leftMs = Number(at) + Number(ms) - wallMs
  if (leftMs <= 0) return 'free'
  if (value !== null) return { state: 'done', value: String(value) }
  return wallMs < Number(at) ? 'future' : { state: 'running', leftMs }
}

function totalOf(rows: Rows): number {
  return Number(rows.last.get()?.[0] ?? 0)
}

type Rows = Readonly<Record<keyof typeof statements, Statement>>

const statements = {
  find: 'SELECT at, ms, value FROM execution WHERE key = ?',
  insert: 'INSERT OR REPLACE INTO execution (key, token, at, ms, chars, upto, value) VALUES (?, ?, ?, ?, ?, ?, ?)',
  restamp: 'UPDATE execution SET at = ? WHERE key = ?',
  renew: 'UPDATE execution SET at = ?, ms = ? WHERE key = ? AND token = ? AND value IS NULL',
  abandon: 'DELETE FROM execution WHERE key = ? AND token = ? AND value IS NULL',
  removeKey: 'DELETE FROM execution WHERE key = ?',
  removeSequence: 'DELETE FROM execution WHERE seq = ?',
  last: 'SELECT upto FROM execution ORDER BY seq DESC LIMIT 1',
  beyond: 'SELECT seq FROM execution ORDER BY seq DESC LIMIT 1 OFFSET ?',
  oldest: 'SELECT seq, at, ms, chars, upto, value IS NOT NULL FROM execution ORDER BY seq LIMIT ?',
} as const

function rowsOf(database: Database): Rows {
  const isMade = (): boolean => isTableMade(database)
  if (!isMade()) database.transaction('write', isMade, () => makeExecutionTable(database))
  const prepared = Object.entries(statements).map(([name, sql]) => [name, database.prepare(sql)] as const)
  return Object.fromEntries(prepared) as Rows
}

/** In a transaction. */
export function makeExecutionTable(database: Database): void {
  if (!isTableMade(database)) database.exec(EXECUTION_SCHEMA)
}

function isTableMade(database: Database): boolean {
  return database.number("SELECT count(*) FROM sqlite_schema WHERE name = 'execution'") > 0
}
