/** What one of the handles does for all: adds tallies up, forgets ids, positions, hints and handles whose time is over. */
import type { Clock } from '../../runtime/clock.ts'
import { TOMBSTONES_MAX } from '../limits.ts'
import type { Database } from './database.ts'
import { forgetExecutions } from './executions.ts'
import type { Look } from './pulse.ts'

const TALLIES_MAX = 50
const SWEEP_EVERY_MS = 10_000
const IDS_EVERY_MS = 30_000
/** A page has about eighty ids. */
const PAGES_PER_STATEMENT = 1_000

const sums = [
  'accepted',
  'duplicates',
  'delivered',
  'dead',
  'expired',
  'purged',
  'dropped',
  'waiting_bytes',
  'dead_bytes',
]

export class Upkeep {
  readonly #database: Database
  readonly #schema: string
  readonly #clock: Clock
  #sweptMs = -Infinity
  #forgotIdsMs = -Infinity
  #running: Promise<void> | undefined
  #isStopped = false

  /** @param schema quoted */
  constructor(database: Database, schema: string, clock: Clock) {
    this.#database = database
    this.#schema = schema
    this.#clock = clock
  }

  /** Does what is due, beside whoever asks. */
  start(look: Look): void {
    if (!look.leads || this.#isStopped) return
    this.#running ??= this.#run(look)
      // The server is away, or busy; the next look comes soon.
      .catch(() => {})
      .finally(() => (this.#running = undefined))
  }

  /** Resolves when nothing of it runs any more. */
  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#running
  }

  async #run({ tallies }: Look): Promise<void> {
    if (tallies > TALLIES_MAX) await this.addUp()
    const nowMs = this.#clock.monotonicMs()
    if (nowMs - this.#sweptMs >= SWEEP_EVERY_MS) {
      this.#sweptMs = nowMs
      await this.sweep()
    }
    if (nowMs - this.#forgotIdsMs >= IDS_EVERY_MS) {
      this.#forgotIdsMs = nowMs
      await this.forgetIds()
    }
  }

  /** Replaces tallies by their sum. */
  async addUp(): Promise<void> {
    const s = this.#schema
    await this.#database.query(
      `WITH old AS (
        DELETE FROM ${s}.tallies t USING (SELECT o.ctid FROM ${s}.tallies o LIMIT 20000 FOR UPDATE SKIP LOCKED) chosen
        WHERE t.ctid = chosen.ctid RETURNING t.*)
      INSERT INTO ${s}.tallies (${sums.join(', ')})
      SELECT ${sums.map((name) => `sum(o.${name})`).join(', ')} FROM old o HAVING count(*) > 0`,
    )
  }

  async sweep(): Promise<void> {
    const s = this.#schema
    await this.#database.query(`DELETE FROM ${s}.hints WHERE at < clock_timestamp() - interval '1 minute'`)
    await this.#database.query(`DELETE FROM ${s}.handles WHERE seen < clock_timestamp() - interval '1 minute'`)
    await forgetExecutions(this.#database, s)
    await this.#database.query(
      `WITH gone AS (
        DELETE FROM ${s}.departed d WHERE d.number <= (SELECT max(n.number) FROM ${s}.departed n) - $1 RETURNING d.position)
      INSERT INTO ${s}.control AS c (name, value)
      SELECT 'forgotten to', max(g.position)::text FROM gone g HAVING max(g.position) > 0
      ON CONFLICT (name) DO UPDATE SET value = greatest(c.value::bigint, excluded.value::bigint)::text`,
      [TOMBSTONES_MAX],
    )
  }

  /**
   * Goes through the table from end to end: an index on the time would cost each append more than this costs in a minute.
   * Ids of entries that still wait stay.
   */
  async forgetIds(): Promise<void> {
    const s = this.#schema
    const [size] = await this.#database.query(
      `SELECT pg_relation_size('${s}.ids') / current_setting('block_size')::bigint AS pages`,
    )
    for (let page = 0; page < Number(size?.['pages']) && !this.#isStopped; page += PAGES_PER_STATEMENT) {
      await this.#database.query(
        `DELETE FROM ${s}.ids i
        WHERE i.ctid >= $1::text::tid AND i.ctid < $2::text::tid AND i.until <= clock_timestamp()
          AND NOT EXISTS (SELECT 1 FROM ${s}.entries w WHERE w.turn = i.position)
          AND NOT EXISTS (SELECT 1 FROM ${s}.entries w WHERE w.joined = -i.position)`,
        [`(${page},0)`, `(${page + PAGES_PER_STATEMENT},0)`],
      )
    }
  }
}
