/**
 * Whether a lane has entries, asked of the rows: no index knows it, so the newest rows that memory has not seen yet are
 * looked through, up to a bound.
 */
import type { Database, Statement } from './database.ts'

/** About 1 ms. Behind a longer backlog the answer is that a lane may have entries. */
export const LANE_ROWS_MAX = 5_000

const WANTED = '(SELECT value FROM json_each(?))'

export class LaneRows {
  readonly #any: Statement
  readonly #beyond: Statement

  constructor(database: Database) {
    this.#any = database.prepare(
      `SELECT 1 FROM (SELECT lane, lanes FROM entry WHERE seq > ? ORDER BY seq LIMIT ${LANE_ROWS_MAX})
       WHERE lane IN ${WANTED}
          OR (lanes IS NOT NULL AND json_valid(lanes)
              AND EXISTS (SELECT 1 FROM json_each(lanes) WHERE value IN ${WANTED}))
       LIMIT 1`,
    )
    this.#beyond = database.prepare(`SELECT 1 FROM entry WHERE seq > ? ORDER BY seq LIMIT 1 OFFSET ${LANE_ROWS_MAX}`)
  }

  /** @param lanes as they are stored. @param after rows up to here are certainly of other lanes. */
  mayHold(lanes: readonly string[], after: number): boolean {
    const wanted = JSON.stringify(lanes)
    return this.#any.get(after, wanted, wanted) !== undefined || this.#beyond.get(after) !== undefined
  }
}
