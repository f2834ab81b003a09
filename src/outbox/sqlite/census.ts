/**
 * The stored rows counted, to be held against the account; and the tightest campaign window that is still open. Both
 * need a look at every row, so in a large outbox they are done in steps on a connection of their own, which sees one
 * moment of the file all the while, and the result is kept for some time.
 */
import type { Runtime } from '../../runtime/runtime.ts'
import { CAMPAIGN_WINDOW_MS } from '../limits.ts'
import { Database } from './database.ts'
import { StateTransactions, type State } from './state.ts'
import { finish, type Steps } from './steps.ts'

export interface CensusResult {
  readonly lost: number
  readonly oldestCampaignAtMs: number | null
}

/** Up to so many rows are counted each time, at once: some 5 ms. */
const SMALL_ROWS = 20_000
const SLICE_ROWS = 10_000
/** A result is good for a minute, and for a hundred times as long as counting took. */
const GOOD_MS = 60_000
const GOOD_FACTOR = 100

export class Census {
  readonly #path: string
  readonly #transactions: StateTransactions
  readonly #database: Database
  readonly #runtime: Pick<Runtime, 'clock' | 'random'>
  #last: (CensusResult & { readonly goodUntilMs: number }) | undefined
  #running = false

  constructor(
    path: string,
    database: Database,
    transactions: StateTransactions,
    runtime: Pick<Runtime, 'clock' | 'random'>,
  ) {
    this.#path = path
    this.#database = database
    this.#transactions = transactions
    this.#runtime = runtime
  }

  *take(): Steps<CensusResult> {
    const { clock, random } = this.#runtime
    const small = this.#transactions.read((state) =>
      state.waiting + state.deadLetters <= SMALL_ROWS ? finish(this.#count(this.#database, state)) : undefined,
    )
    if (small !== undefined) return small
    const startMs = clock.monotonicMs()
    if (this.#last !== undefined && (this.#running || startMs < this.#last.goodUntilMs)) return this.#last
    this.#running = true
    const database = new Database(this.#path, { random, readOnly: true })
    try {
      const counted = yield* this.#count(database, new StateTransactions(database).look())
      const endMs = clock.monotonicMs()
      this.#last = { ...counted, goodUntilMs: endMs + Math.max(GOOD_MS, (endMs - startMs) * GOOD_FACTOR) }
      return counted
    } finally {
      this.#running = false
      database.close()
    }
  }

  *#count(database: Database, state: Readonly<State>): Steps<CensusResult> {
    const openFromMs = this.#runtime.clock.wallMs() - CAMPAIGN_WINDOW_MS
    let rows = 0
    let oldest: number | null = null
    for (const table of ['entry', 'dead_letter'] as const) {
      const campaign = table === 'entry' ? 'campaign_at' : 'NULL'
      const slice = database.prepare(
        `SELECT count(*), max(seq), min(CASE WHEN at > ? THEN at END)
         FROM (SELECT seq, ${campaign} AS at FROM ${table} WHERE seq > ? ORDER BY seq LIMIT ${SLICE_ROWS})`,
      )
      for (let after = 0; ;) {
        const [count, last, at] = slice.get(openFromMs, after)!
        rows += Number(count)
        if (typeof at === 'number' && (oldest === null || at < oldest)) oldest = at
        if (Number(count) < SLICE_ROWS) break
        after = Number(last)
        yield
      }
    }
    const { accepted, delivered, purged, dropped } = state
    return { lost: accepted - delivered - purged - dropped - rows, oldestCampaignAtMs: oldest }
  }
}
