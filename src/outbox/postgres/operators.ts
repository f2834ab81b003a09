/** What operators ask of the store: lists, what became of entries, dead letters, purges. */
import type { DeadDetail, DeadSelection, EntryState, ListedEntry, ListPage, ListQuery, Position } from '../outbox.ts'
import type { Database } from './database.ts'
import { numberOf, positionOf, positionOfRow } from './positions.ts'
import { entryOf, laneNumber } from './rows.ts'

/** How far what was replayed, and again, is followed. */
const HOPS_MAX = 100
/** Of one call of a function that removes or moves rows. */
const ROWS_MAX = 10_000

export class Operators {
  readonly #database: Database
  readonly #schema: string

  /** @param schema quoted */
  constructor(database: Database, schema: string) {
    this.#database = database
    this.#schema = schema
  }

  async lookup(positions: readonly Position[]): Promise<readonly EntryState[]> {
    const numbers = positions.map(numberOf)
    const states = new Map<number, EntryState>()
    const follow = new Map<number, number>()
    let asked = [...new Set(numbers)].filter((number) => number !== 0)
    for (let hop = 0; asked.length > 0 && hop < HOPS_MAX; hop++) {
      const moved = await this.#lookupOnce(asked, states)
      for (const [from, to] of moved) follow.set(from, to)
      asked = [...new Set(moved.values())].filter((number) => !states.has(number))
    }
    return numbers.map((number) => {
      let at = number
      for (let hop = 0; hop < HOPS_MAX && follow.has(at); hop++) at = follow.get(at)!
      return states.get(at) ?? { state: 'unknown' }
    })
  }

  /** Of those that moved, where to. */
  async #lookupOnce(numbers: readonly number[], states: Map<number, EntryState>): Promise<ReadonlyMap<number, number>> {
    const s = this.#schema
    const rows = await this.#database.query(
      `SELECT p.number::text AS number, w.turn IS NOT NULL OR j.turn IS NOT NULL AS waits, coalesce(d.detail, k.detail) AS detail,
        o.state, o.moved_to::text AS moved_to,
        p.number > 0 AND p.number / 4096 <= (SELECT CASE WHEN b.is_called THEN b.last_value ELSE 0 END FROM ${s}.blocks b)
          AND p.number > coalesce((SELECT c.value::bigint FROM ${s}.control c WHERE c.name = 'forgotten to'), 0) AS given
      FROM unnest($1::bigint[]) p(number)
        LEFT JOIN ${s}.entries w ON w.turn = p.number AND w.joined IS NULL
        LEFT JOIN ${s}.entries j ON j.joined = -p.number
        LEFT JOIN ${s}.dead d ON d.turn = p.number AND d.joined IS NULL
        LEFT JOIN ${s}.dead k ON k.joined = -p.number
        LEFT JOIN LATERAL (SELECT x.state, x.moved_to FROM ${s}.departed x WHERE x.position = p.number
          ORDER BY x.number DESC LIMIT 1) o ON true`,
      [numbers],
    )
    const moved = new Map<number, number>()
    for (const row of rows) {
      const number = Number(row['number'])
      if (row['moved_to'] === null || row['waits'] === true || row['detail'] !== null) states.set(number, stateOf(row))
      else moved.set(number, Number(row['moved_to']))
    }
    return moved
  }

  async list(query: ListQuery): Promise<ListPage> {
    const s = this.#schema
    const values: unknown[] = []
    const value = (given: unknown): string => `$${values.push(given)}`
    const newestFirst = query.order === 'newest-first'
    const conditions = ['true']
    if (query.after !== undefined) {
      const after = await this.#turnOf(query.after)
      conditions.push(`e.turn ${newestFirst ? '<' : '>'} ${value(after)}`)
    }
    if (query.lane !== undefined) conditions.push(inLane(value(laneNumber(query.lane))))
    if (query.id !== undefined && query.from === 'dead') conditions.push(`e.id = ${value(query.id)}`)
    if (query.id !== undefined && query.from === 'waiting') {
      const number = await this.#numberOf(query.id)
      if (number === undefined) return { entries: [], after: null }
      conditions.push(number < 0 ? `e.joined = ${value(-number)}` : `e.turn = ${value(number)}`)
    }
    if (query.reason !== undefined) {
      if (query.from === 'waiting') return { entries: [], after: null }
      conditions.push(`e.reason = ${value(query.reason)}`)
    }
    const table = `${s}.${query.from === 'waiting' ? 'entries' : 'dead'}`
    const order = newestFirst ? 'DESC' : 'ASC'
    // A lane is looked for by its own index, however much waits before it.
    const found = `SELECT e.turn FROM ${table} e WHERE ${conditions.join(' AND ')}`
    const attempts = query.from === 'waiting' ? 'coalesce(r.attempts, 0)' : 'e.attempts'
    const rows = await this.#database.query(
      `WITH found AS ${query.lane === undefined ? 'NOT MATERIALIZED' : 'MATERIALIZED'} (${found}),
      page AS MATERIALIZED (SELECT f.turn FROM found f ORDER BY f.turn ${order} LIMIT ${value(query.limit + 1)})
      SELECT e.*, ${attempts} AS attempts FROM page p JOIN ${table} e ON e.turn = p.turn
        LEFT JOIN ${s}.retries r ON r.turn = e.turn ORDER BY e.turn ${order}`,
      values,
    )
    const page = rows.slice(0, query.limit)
    const last = page.at(-1)
    return {
      entries: page.map(listedOf),
      after: last === undefined || rows.length <= query.limit ? null : positionOf(Number(last['turn'])),
    }
  }

  async resolveDead(selection: DeadSelection, how: 'replay' | 'drop'): Promise<number> {
    const numbers = 'positions' in selection ? selection.positions.map(numberOf).filter((number) => number !== 0) : null
    const { reason = null, lane } = 'positions' in selection ? { reason: null, lane: undefined } : selection
    const [newest] = await this.#database.query(`SELECT max(d.turn)::text AS turn FROM ${this.#schema}.dead d`)
    if (newest?.['turn'] === null) return 0
    return this.#inParts(`${how}_dead($1::bigint[], $2::bigint[], $3, $4, $5, $6)`, [
      numbers?.filter((number) => number > 0) ?? null,
      numbers?.filter((number) => number < 0).map((number) => -number) ?? null,
      reason,
      lane === undefined ? null : laneNumber(lane),
      newest?.['turn'],
    ])
  }

  purge(lane: string): Promise<number> {
    return this.#inParts('purge($1, $2)', [laneNumber(lane)])
  }

  /** Calls a function, with the most that it may take as its last value, until it takes less. */
  async #inParts(call: string, values: readonly unknown[]): Promise<number> {
    let sum = 0
    for (;;) {
      const text = `SELECT ${this.#schema}.${call}::text AS count`
      const [row] = await this.#database.query(text, [...values, ROWS_MAX])
      const count = Number(row?.['count'])
      sum += count
      if (count < ROWS_MAX) return sum
    }
  }

  async mayHold(lanes: readonly string[]): Promise<boolean> {
    const [row] = await this.#database.query(
      `SELECT EXISTS (SELECT 1 FROM ${this.#schema}.entries e WHERE e.lane = ANY ($1::bigint[]))
        OR EXISTS (SELECT 1 FROM ${this.#schema}.entries e WHERE e.lanes && $1::bigint[]) AS yes`,
      [lanes.map(laneNumber)],
    )
    return row?.['yes'] === true
  }

  /** Each entry that waits has its id in another table, which has an index on them. */
  async #numberOf(id: string): Promise<number | undefined> {
    const [row] = await this.#database.query(
      `SELECT i.position::text AS position FROM ${this.#schema}.ids i WHERE i.id = $1`,
      [id],
    )
    return row === undefined ? undefined : Number(row['position'])
  }

  async #turnOf(position: Position): Promise<number> {
    const number = numberOf(position)
    if (number >= 0) return number
    const s = this.#schema
    const [row] = await this.#database.query(
      `SELECT e.turn FROM ${s}.entries e WHERE e.joined = $1 UNION ALL SELECT d.turn FROM ${s}.dead d WHERE d.joined = $1`,
      [-number],
    )
    return row === undefined ? -number : Number(row['turn'])
  }
}

function inLane(number: string): string {
  return `(e.lane = ${number}::bigint OR e.lanes @> ARRAY[${number}::bigint])`
}

function stateOf(row: Readonly<Record<string, unknown>>): EntryState {
  if (row['waits'] === true) return { state: 'waiting' }
  if (row['detail'] !== null) return { state: 'dead', ...(JSON.parse(row['detail'] as string) as DeadDetail) }
  if (row['state'] !== null) return { state: row['state'] as 'delivered' | 'purged' | 'dropped' }
  return { state: row['given'] === true ? 'delivered' : 'unknown' }
}

function listedOf(row: Readonly<Record<string, unknown>>): ListedEntry {
  const { detail } = row
  return {
    ...entryOf(row),
    position: positionOfRow(row as never),
    attempts: Number(row['attempts']),
    ...(detail === undefined
      ? {}
      : { dead: { ...(JSON.parse(detail as string) as DeadDetail), atMs: Number(row['at_ms']) } }),
  }
}
