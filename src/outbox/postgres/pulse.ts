/**
 * What a handle learns of the others, by looking twice a second: that they appended, how many they are, what they have
 * learned of the provider, whether delivery is paused. A sign of life goes the other way.
 */
import type { CancelTimer, Clock } from '../../runtime/clock.ts'
import type { OutboxNotice, ProviderHint, SharedPause } from '../outbox.ts'
import type { Database } from './database.ts'
import type { Floor } from './floor.ts'
import type { UsedEstimate } from './used.ts'
import { usedSql } from './append-sql.ts'

const BEAT_MS = 500
/** Beats between two signs of life. */
const SIGN_EVERY = 4
/** A handle that was not heard of for so long is not counted any more. */
const SILENT = `interval '8 seconds'`

export interface PulseParts {
  readonly database: Database
  /** The schema, quoted. */
  readonly schema: string
  readonly handle: string
  readonly clock: Clock
  readonly used: UsedEstimate
  readonly floor: Floor
  readonly notice: (notice: OutboxNotice) => void
  /** It gives no sign of life, so it does not count and never leads. */
  readonly looks: boolean
  /** After each look that succeeded. */
  readonly looked: (look: Look) => Promise<void>
}

export interface Look {
  /** Which of the handles looks after what all share. */
  readonly leads: boolean
  readonly tallies: number
}

export class Pulse {
  readonly #parts: PulseParts
  #cancel: CancelTimer | undefined
  #beating: Promise<void> | undefined
  #isStopped = false
  #beats = 0
  /** The newest block of all, and the ones of this handle that are newer than the last look. */
  #lastBlock: number | undefined
  #ownBlocks = new Set<number>()
  /** Somebody drew a block at the last look, and may have committed only since. */
  #mayFollow = false
  #lastHint: number | undefined
  #pause: string | null = null
  #handles = 0

  constructor(parts: PulseParts) {
    this.#parts = parts
  }

  /** The first look; throws as it does. */
  async start(): Promise<void> {
    await this.#look()
    this.#later()
  }

  /** A block that this handle has filled. */
  drew(block: number): void {
    this.#ownBlocks.add(block)
  }

  /** Looks now; what is told, is told by the time it resolves. */
  async beat(): Promise<void> {
    await this.#beating
    await this.#look()
  }

  /** Looks soon, where somebody says that there is something to see. */
  wake(): void {
    if (this.#isStopped || this.#beating !== undefined) return
    this.#cancel?.()
    this.#run()
  }

  /** Never rejects: a hint may be lost. */
  async tell(hint: ProviderHint): Promise<void> {
    const { database, schema, handle } = this.#parts
    const text = `INSERT INTO ${schema}.hints (handle, hint, at) VALUES ($1, $2, clock_timestamp())`
    await database.query(text, [handle, JSON.stringify(hint)]).catch(() => {})
  }

  async setPaused(pause: SharedPause | null): Promise<void> {
    const { database, schema } = this.#parts
    await (pause === null
      ? database.query(`DELETE FROM ${schema}.control WHERE name = 'pause'`)
      : database.query(
          `INSERT INTO ${schema}.control (name, value) VALUES ('pause', $1)
          ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
          [JSON.stringify(pause)],
        ))
    await this.beat()
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    this.#cancel?.()
    await this.#beating
    const { database, schema, handle } = this.#parts
    await database.query(`DELETE FROM ${schema}.handles WHERE id = $1`, [handle])
  }

  #later(): void {
    if (!this.#isStopped) this.#cancel = this.#parts.clock.timer(BEAT_MS, () => this.#run())
  }

  #run(): void {
    this.#beating = this.#look()
      // The server is away: whoever claims or appends says so.
      .catch(() => {})
      .finally(() => {
        this.#beating = undefined
        this.#later()
      })
  }

  async #look(): Promise<void> {
    const { database, schema: s, handle, notice, used, floor, looks } = this.#parts
    if (!looks && this.#beats++ % SIGN_EVERY === 0) {
      const [sign] = await database.query(
        `INSERT INTO ${s}.handles (id, seen) VALUES ($1, clock_timestamp())
        ON CONFLICT (id) DO UPDATE SET seen = excluded.seen RETURNING pg_current_xact_id()::text AS transaction`,
        [handle],
      )
      floor.drew(BigInt(sign?.['transaction'] as string))
    }
    const [row = {}] = await database.query(
      `SELECT (SELECT CASE WHEN b.is_called THEN b.last_value ELSE 0 END FROM ${s}.blocks b)::text AS block,
        (SELECT c.value FROM ${s}.control c WHERE c.name = 'pause') AS pause,
        (SELECT count(*) FROM ${s}.handles h WHERE h.seen > clock_timestamp() - ${SILENT}) AS handles,
        (SELECT min(h.id) FROM ${s}.handles h WHERE h.seen > clock_timestamp() - ${SILENT}) AS leader,
        (SELECT coalesce(max(n.number), 0) FROM ${s}.hints n)::text AS hint,
        (SELECT json_agg(n.hint ORDER BY n.number)::text FROM ${s}.hints n WHERE n.number > $1 AND n.handle <> $2) AS hints,
        (SELECT count(*) FROM ${s}.tallies) AS tallies, u.operations, u.bytes,
        pg_snapshot_xmin(pg_current_snapshot())::text AS oldest,
        (SELECT e.turn FROM ${s}.entries e WHERE e.turn > $3 ORDER BY e.turn LIMIT 1)::text AS first
      FROM (${usedSql(s)}) u`,
      [this.#lastHint ?? 0, handle, floor.turn],
    )
    floor.looked({
      block: Number(row['block']),
      oldest: BigInt(row['oldest'] as string),
      first: row['first'] === null ? undefined : Number(row['first']),
    })
    used.set({ operations: Number(row['operations']), bytes: Number(row['bytes']) })
    const handles = Number(row['handles'])
    if (handles !== this.#handles) notice({ type: 'handles', count: (this.#handles = handles) })
    this.#tellPause(row['pause'] as string | null)
    this.#tellHints(Number(row['hint']), row['hints'] as string | null)
    this.#tellAppends(Number(row['block']))
    await this.#parts.looked({ leads: row['leader'] === handle, tallies: Number(row['tallies']) })
  }

  #tellPause(pause: string | null): void {
    if (pause === this.#pause) return
    this.#pause = pause
    this.#parts.notice({ type: 'paused', pause: pause === null ? null : (JSON.parse(pause) as SharedPause) })
  }

  #tellHints(newest: number, hints: string | null): void {
    // What was said before this handle was there is old.
    const isFirst = this.#lastHint === undefined
    this.#lastHint = Math.max(newest, this.#lastHint ?? 0)
    if (isFirst) return
    const texts = JSON.parse(hints ?? '[]') as readonly string[]
    for (const hint of texts) this.#parts.notice({ type: 'hint', hint: JSON.parse(hint) as ProviderHint })
  }

  #tellAppends(block: number): void {
    const last = this.#lastBlock ?? block
    const own = [...this.#ownBlocks].filter((each) => each > last && each <= block).length
    const others = block - last > own
    if (others || this.#mayFollow) this.#parts.notice({ type: 'appended' })
    this.#mayFollow = others
    this.#lastBlock = block
    for (const each of this.#ownBlocks) if (each <= block) this.#ownBlocks.delete(each)
  }
}
