/** The statements of an append. */
import { numberArray, textArray, wordArray } from './binary-arrays.ts'
import { BLOCK, CLASS } from './tables.ts'
import { numberOfWord, type EntryRow } from './rows.ts'

/** Rows that one statement takes: all stand in one block. */
export const ROWS_MAX = 2_000

const columns = 'turn, lane, lanes, class, campaign_at_ms, id, head, body'

/** Live entries are told apart by what waits only while there is a backlog to go past. */
function classOf(s: string, row: string): string {
  return `CASE WHEN ${row}.backlog = 1 THEN ${CLASS.backlog}
      WHEN (SELECT b.turn FROM ${s}.entries b WHERE b.class = ${CLASS.backlog} ORDER BY b.turn LIMIT 1) IS NULL THEN ${CLASS.plain}
      ELSE ${s}.class_of(false, ${row}.lane, ${row}.lanes::bigint[]) END`
}

/** Stores rows whose ids nobody has used. Gives the block: the first row is in its first place. */
export function insertSql(s: string): string {
  return `WITH block AS MATERIALIZED (SELECT pg_current_xact_id() AS transaction, nextval('${s}.blocks') AS number),
known AS (
  INSERT INTO ${s}.ids (id, position, until)
  SELECT n.id, b.number * ${BLOCK} + n.place, now() + n.keep_ms * interval '1 millisecond'
  FROM block b, unnest($1::text[], $6::bigint[]) WITH ORDINALITY n(id, keep_ms, place)),
stored AS (
  INSERT INTO ${s}.entries (${columns})
  SELECT b.number * ${BLOCK} + n.place, n.lane, n.lanes::bigint[], ${classOf(s, 'n')}, n.campaign_at_ms, n.id, n.head, n.body
  FROM block b, unnest($1::text[], $2::bigint[], $3::text[], $4::bigint[], $5::bigint[], $7::text[], $8::text[])
    WITH ORDINALITY n(id, lane, lanes, backlog, campaign_at_ms, head, body, place)),
counted AS (
  INSERT INTO ${s}.tallies (accepted, waiting_bytes) VALUES ($9, $10))
SELECT number::text AS block FROM block`
}

export function insertValues(rows: readonly EntryRow[], bytes: number): readonly unknown[] {
  return [
    textArray(rows.map((row) => row.id)),
    wordArray(rows.map((row) => row.lane)),
    textArray(rows.map((row) => arrayOf(row.lanes))),
    numberArray(rows.map((row) => Number(row.isBacklog))),
    numberArray(rows.map((row) => row.campaignAtMs)),
    numberArray(rows.map((row) => row.keepMs)),
    textArray(rows.map((row) => row.head)),
    textArray(rows.map((row) => row.body)),
    rows.length,
    bytes,
  ]
}

/** Forgets ids whose time is over and whose entry does not wait any more. */
export function forgetSql(s: string): string {
  return `DELETE FROM ${s}.ids i WHERE i.id = ANY ($1) AND i.until <= now()
  AND NOT EXISTS (SELECT 1 FROM ${s}.entries w WHERE w.turn = i.position)
  AND NOT EXISTS (SELECT 1 FROM ${s}.entries w WHERE w.joined = -i.position)`
}

export function knownSql(s: string): string {
  return `SELECT i.id, i.position::text AS position FROM ${s}.ids i WHERE i.id = ANY ($1)`
}

/** What counts against the bounds. */
export function usedSql(s: string): string {
  return `SELECT coalesce(sum(accepted - delivered - purged - dropped), 0)::text AS operations,
  coalesce(sum(waiting_bytes + dead_bytes), 0)::text AS bytes FROM ${s}.tallies`
}

/**
 * One statement for a caller's transaction, with one value, a JSON text, which every client library passes on alike. It
 * waits for nobody: what another transaction has written and not committed is not looked at, and the ids are claimed at
 * the commit.
 */
export function joinSql(s: string): string {
  return `WITH input AS MATERIALIZED (SELECT $1::text::json AS value),
block AS MATERIALIZED (SELECT pg_current_xact_id() AS transaction, nextval('${s}.blocks') AS number),
given AS MATERIALIZED (
  SELECT b.number * ${BLOCK} + n.place AS turn, n.*
  FROM block b, input i, json_to_recordset(i.value -> 'rows') AS n(
    place integer, id text, lane bigint, lanes bigint[], backlog boolean, campaign_at_ms bigint, keep_ms bigint,
    head text, body text)),
known AS MATERIALIZED (
  SELECT g.place, i.position FROM given g JOIN ${s}.ids i ON i.id = g.id
  WHERE i.until > now() OR EXISTS (SELECT 1 FROM ${s}.entries w WHERE w.turn = i.position)
    OR EXISTS (SELECT 1 FROM ${s}.entries w WHERE w.joined = -i.position)
  UNION ALL
  SELECT g.place, -p.joined FROM given g JOIN ${s}.entries p ON p.turn = p.joined AND p.id = g.id),
fresh AS MATERIALIZED (SELECT g.* FROM given g WHERE g.place NOT IN (SELECT k.place FROM known k)),
committed AS MATERIALIZED (${usedSql(s)}),
used AS MATERIALIZED (
  SELECT c.operations::bigint + count(p.turn) AS operations,
    c.bytes::bigint + coalesce(sum(octet_length(p.body)), 0) AS bytes
  FROM committed c LEFT JOIN ${s}.entries p ON p.turn = p.joined GROUP BY c.operations, c.bytes),
room AS MATERIALIZED (
  SELECT u.operations::text AS operations, u.bytes::text AS bytes, (i.value ->> 'repeated')::bigint AS repeated,
    u.operations + (SELECT count(*) FROM fresh) <= (i.value ->> 'operationsMax')::bigint AS fits,
    u.bytes + (SELECT coalesce(sum(octet_length(f.body)), 0) FROM fresh f)
      <= (i.value ->> 'bytesMax')::bigint AS fits_bytes
  FROM used u, input i),
stored AS (
  INSERT INTO ${s}.entries (turn, lane, lanes, class, joined, keep_ms, campaign_at_ms, id, head, body)
  SELECT f.turn, f.lane, f.lanes, CASE WHEN f.backlog THEN ${CLASS.backlog} ELSE ${CLASS.plain} END, f.turn, f.keep_ms,
    f.campaign_at_ms, f.id, f.head, f.body
  FROM fresh f, room r WHERE r.fits AND r.fits_bytes),
repeated AS (SELECT r.repeated + (SELECT count(*) FROM known) AS n FROM room r WHERE r.fits AND r.fits_bytes),
counted AS (
  INSERT INTO ${s}.tallies (duplicates) SELECT r.n FROM repeated r WHERE r.n > 0)
SELECT g.place::text AS place, g.turn::text AS turn, k.position::text AS position, r.operations, r.bytes,
  r.fits, r.fits_bytes
FROM given g CROSS JOIN room r LEFT JOIN known k ON k.place = g.place ORDER BY g.place`
}

export function joinValue(
  rows: readonly EntryRow[],
  { repeated, operationsMax, bytesMax }: { repeated: number; operationsMax: number; bytesMax: number },
): string {
  return JSON.stringify({
    rows: rows.map((row, index) => ({
      place: index + 1,
      id: row.id,
      lane: numberOfWord(row.lane),
      lanes: row.lanes?.map(numberOfWord) ?? null,
      backlog: row.isBacklog,
      campaign_at_ms: row.campaignAtMs,
      keep_ms: row.keepMs,
      head: row.head,
      body: row.body,
    })),
    repeated,
    operationsMax,
    bytesMax,
  })
}

function arrayOf(words: readonly string[] | null): string | null {
  return words === null ? null : `{${words.map(numberOfWord).join(',')}}`
}
