/** Stats: from the tallies, and from what is there, counted in the same snapshot while it is little. */
import { CAMPAIGN_WINDOW_MS, type OutboxLimits } from '../limits.ts'
import type { OutboxStats } from '../outbox.ts'
import type { Clock } from '../../runtime/clock.ts'
import type { Database } from './database.ts'

/** Up to here rows are counted each time. */
const SMALL = 10_000
const RECOUNT_MS = 300_000

interface Counted {
  readonly atMs: number
  readonly lost: number
  readonly oldestCampaignAtMs: number | null
}

export class Census {
  readonly #database: Database
  readonly #schema: string
  readonly #limits: Required<OutboxLimits>
  readonly #clock: Clock
  #counted: Counted | undefined
  #counting: Promise<void> | undefined

  /** @param schema quoted */
  constructor(database: Database, schema: string, limits: Required<OutboxLimits>, clock: Clock) {
    this.#database = database
    this.#schema = schema
    this.#limits = limits
    this.#clock = clock
  }

  async stats(): Promise<OutboxStats> {
    const s = this.#schema
    const [row = {}] = await this.#database.query(
      `WITH t AS MATERIALIZED (${this.#sums()})
      SELECT t.*, (SELECT e.head FROM ${s}.entries e ORDER BY e.turn LIMIT 1) AS oldest,
        (SELECT count(DISTINCT u.turn) FROM ${s}.leases l, unnest(l.turns) u(turn) WHERE l.until > clock_timestamp()) AS in_flight,
        (SELECT coalesce(sum(cardinality(r.lanes)), 0) FROM ${s}.retries r WHERE r.due > clock_timestamp()) AS lanes_held,
        CASE WHEN t.waiting + t.dead + t.expired <= ${SMALL} THEN
          t.waiting - (SELECT count(*) FROM ${s}.entries) + t.dead + t.expired - (SELECT count(*) FROM ${s}.dead) END AS lost,
        CASE WHEN t.waiting <= ${SMALL} THEN
          (SELECT min(e.campaign_at_ms) FROM ${s}.entries e WHERE e.campaign_at_ms > $1) END AS oldest_campaign_at_ms
      FROM t`,
      [this.#windowStartMs()],
    )
    const number = (name: string): number => Number(row[name] ?? 0)
    const isSmall = row['lost'] !== null
    if (!isSmall) this.#countLater()
    return {
      role: 'active',
      waiting: number('waiting'),
      waitingBytes: number('waiting_bytes'),
      inFlight: number('in_flight'),
      lanesHeld: number('lanes_held'),
      deadLetters: number('dead') + number('expired'),
      deadBytes: number('dead_bytes'),
      operationsMax: this.#limits.maxOperations,
      bytesMax: this.#limits.maxBytes,
      oldestAcceptedAtMs: row['oldest'] === null ? null : (JSON.parse(row['oldest'] as string) as number[])[3]!,
      oldestCampaignAtMs: isSmall
        ? nullable(row['oldest_campaign_at_ms'])
        : (this.#counted?.oldestCampaignAtMs ?? null),
      totals: {
        accepted: number('accepted'),
        delivered: number('delivered'),
        dead: number('dead'),
        expired: number('expired'),
        purged: number('purged'),
        dropped: number('dropped'),
        duplicates: number('duplicates'),
      },
      spilled: 0,
      lost: isSmall ? number('lost') : (this.#counted?.lost ?? 0),
    }
  }

  /** A count that is under way. */
  async finished(): Promise<void> {
    await this.#counting
  }

  #sums(): string {
    const names = [
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
    const sums = names.map((name) => `coalesce(sum(${name}), 0)::bigint AS ${name}`)
    const waiting = 'coalesce(sum(accepted - delivered - dead - expired - purged - dropped), 0)::bigint AS waiting'
    return `SELECT ${[...sums, waiting].join(', ')} FROM ${this.#schema}.tallies`
  }

  #windowStartMs(): number {
    return Math.round(this.#clock.wallMs() - CAMPAIGN_WINDOW_MS)
  }

  #countLater(): void {
    const nowMs = this.#clock.monotonicMs()
    if (this.#counting !== undefined || nowMs - (this.#counted?.atMs ?? -Infinity) < RECOUNT_MS) return
    this.#counting = this.#count(nowMs)
      // The next one who asks for stats starts it again.
      .catch(() => {})
      .finally(() => (this.#counting = undefined))
  }

  async #count(atMs: number): Promise<void> {
    const s = this.#schema
    const [row] = await this.#database.query(
      `WITH t AS MATERIALIZED (${this.#sums()})
      SELECT t.waiting + t.dead + t.expired - c.entries - (SELECT count(*) FROM ${s}.dead) AS lost, c.oldest_campaign_at_ms
      FROM t, (SELECT count(*) AS entries, min(e.campaign_at_ms) FILTER (WHERE e.campaign_at_ms > $1) AS oldest_campaign_at_ms
        FROM ${s}.entries e) c`,
      [this.#windowStartMs()],
    )
    this.#counted = {
      atMs,
      lost: Number(row?.['lost']),
      oldestCampaignAtMs: nullable(row?.['oldest_campaign_at_ms']),
    }
  }
}

function nullable(value: unknown): number | null {
  return value === null || value === undefined ? null : Number(value)
}
