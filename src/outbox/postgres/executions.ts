/** Executions of `executeIdempotent`, on the server's clock. Keys and values are JSON texts there: they may hold any character. */
import { type Begun, type IdempotencyStore, RESULT_TTL_MS } from '../../idempotency/store.ts'
import type { OutboxLimits } from '../limits.ts'
import type { Database } from './database.ts'

const TRIES_MAX = 100

type Bounds = Pick<Required<OutboxLimits>, 'maxResults' | 'maxResultChars'>

/** @param s the schema, quoted */
export function postgresExecutions(database: Database, s: string, bounds: Bounds): IdempotencyStore {
  // What is beyond the bounds is looked for after each hundredth part of them.
  const sweepEvery = Math.max(1, Math.floor(Math.min(bounds.maxResults / 100, bounds.maxResultChars / 1_000_000)))

  return {
    async begin({ key, token, leaseMs }) {
      for (let tries = 1; ; tries++) {
        const begun = await beginOnce(database, s, JSON.stringify(key), token, leaseMs)
        // It may have ended between the two looks.
        if (begun !== undefined) return begun
        if (tries === TRIES_MAX) return { state: 'running', leftMs: leaseMs }
      }
    },
    async renew({ key, token, leaseMs }) {
      const rows = await database.query(
        `UPDATE ${s}.executions SET until = clock_timestamp() + $3::float8 * interval '1 millisecond'
        WHERE key = $1 AND token = $2 AND value IS NULL AND until > clock_timestamp() RETURNING key`,
        [JSON.stringify(key), token, leaseMs],
      )
      return rows.length > 0 ? 'held' : 'lapsed'
    },
    async complete({ key, token, value, ttlMs = RESULT_TTL_MS }) {
      const [row] = await database.query(
        `INSERT INTO ${s}.executions AS x (key, token, until, value, number, chars)
        VALUES ($1, $2, clock_timestamp() + $3::float8 * interval '1 millisecond', $4, nextval('${s}.results'), $5)
        ON CONFLICT (key) DO UPDATE SET
          token = CASE WHEN x.value IS NULL OR x.until <= clock_timestamp() THEN excluded.token ELSE x.token END,
          until = CASE WHEN x.value IS NULL OR x.until <= clock_timestamp() THEN excluded.until ELSE x.until END,
          number = CASE WHEN x.value IS NULL OR x.until <= clock_timestamp() THEN excluded.number ELSE x.number END,
          chars = CASE WHEN x.value IS NULL OR x.until <= clock_timestamp() THEN excluded.chars ELSE x.chars END,
          value = CASE WHEN x.value IS NULL OR x.until <= clock_timestamp() THEN excluded.value ELSE x.value END
        RETURNING value, number::text AS number`,
        [JSON.stringify(key), token, ttlMs, JSON.stringify(value), key.length + value.length],
      )
      const number = Number(row?.['number'])
      if (number % sweepEvery === 0) await sweep(database, s, bounds)
      return { value: JSON.parse(row?.['value'] as string) as string }
    },
    async abandon({ key, token }) {
      await database.query(`DELETE FROM ${s}.executions WHERE key = $1 AND token = $2 AND value IS NULL`, [
        JSON.stringify(key),
        token,
      ])
    },
  }
}

async function beginOnce(
  database: Database,
  s: string,
  key: string,
  token: string,
  leaseMs: number,
): Promise<Begun | undefined> {
  const taken = await database.query(
    `INSERT INTO ${s}.executions AS x (key, token, until)
    VALUES ($1, $2, clock_timestamp() + $3::float8 * interval '1 millisecond')
    ON CONFLICT (key) DO UPDATE SET token = excluded.token, until = excluded.until, value = NULL, number = NULL, chars = NULL
      WHERE x.until <= clock_timestamp()
    RETURNING key`,
    [key, token, leaseMs],
  )
  if (taken.length > 0) return { state: 'held' }
  const [row] = await database.query(
    `SELECT value, (extract(epoch FROM until - clock_timestamp()) * 1000)::float8 AS left_ms FROM ${s}.executions
    WHERE key = $1 AND until > clock_timestamp()`,
    [key],
  )
  if (row === undefined) return undefined
  if (row['value'] !== null) return { state: 'done', value: JSON.parse(row['value'] as string) as string }
  return { state: 'running', leftMs: Number(row['left_ms']) }
}

/** Forgets the oldest results beyond the bounds, and what is over. */
async function sweep(database: Database, s: string, { maxResults, maxResultChars }: Bounds): Promise<void> {
  await database.query(
    `DELETE FROM ${s}.executions x USING (
      SELECT r.number FROM (
        SELECT r.number, row_number() OVER w AS nth, sum(r.chars) OVER w AS chars
        FROM ${s}.executions r WHERE r.value IS NOT NULL WINDOW w AS (ORDER BY r.number DESC)) r
      WHERE r.nth > $1 OR r.chars > $2) beyond
    WHERE x.number = beyond.number AND x.value IS NOT NULL`,
    [maxResults, maxResultChars],
  )
}

/** Removes leases and results whose time is over. */
export async function forgetExecutions(database: Database, s: string): Promise<void> {
  await database.query(`DELETE FROM ${s}.executions WHERE until <= clock_timestamp()`)
}
