/**
 * What operators do, inside the server: purge a lane, drop dead letters, put them at the end of their lanes again. Each
 * call takes so many rows at most, so that none is too long for one statement; it is called until it takes fewer.
 */
import { settings } from './claim-function.ts'
import { BLOCK } from './tables.ts'

/** The oldest dead letters of a selection: turns, joined ones, reason, lane, and the turn of the newest that is meant. */
function selected(s: string): string {
  return `SELECT d.turn FROM ${s}.dead d
    WHERE ($1 IS NULL OR d.turn = ANY ($1) OR d.joined = ANY ($2)) AND ($3 IS NULL OR d.reason = $3)
      AND ($4 IS NULL OR d.lane = $4 OR d.lanes @> ARRAY[$4]) AND d.turn <= $5
    ORDER BY d.turn LIMIT $6`
}

/** @param s the schema, quoted; `lock` the number of the lock that orders claims */
export function operatorFunctions(s: string, lock: bigint): string {
  return `${purgeFunction(s, lock)}${dropFunction(s)}${replayFunction(s, lock)}`
}

function purgeFunction(s: string, lock: bigint): string {
  return `
CREATE OR REPLACE FUNCTION ${s}.purge(gone_lane bigint, most integer, OUT purged bigint)
LANGUAGE plpgsql ${settings} AS $$
DECLARE
  gone_turns bigint[];
  sums record;
  dead_sums record;
BEGIN
  PERFORM pg_advisory_xact_lock(${lock});
  PERFORM 1 FROM ${s}.leases l ORDER BY l.id FOR UPDATE;
  WITH gone AS (
    DELETE FROM ${s}.entries e USING (
      SELECT c.turn FROM ${s}.entries c WHERE c.lane = gone_lane OR c.lanes @> ARRAY[gone_lane] LIMIT most) chosen
    WHERE e.turn = chosen.turn
    RETURNING e.turn, e.joined, octet_length(e.body) AS bytes
  ), remembered AS (
    INSERT INTO ${s}.departed (position, state) SELECT coalesce(-g.joined, g.turn), 'purged' FROM gone g ORDER BY g.turn
  )
  SELECT count(*) AS n, coalesce(sum(g.bytes), 0) AS bytes, coalesce(array_agg(g.turn), '{}') AS turns
  INTO sums FROM gone g;
  gone_turns := sums.turns;
  WITH gone AS (
    DELETE FROM ${s}.dead d USING (
      SELECT c.turn FROM ${s}.dead c WHERE c.lane = gone_lane OR c.lanes @> ARRAY[gone_lane] LIMIT most) chosen
    WHERE d.turn = chosen.turn
    RETURNING d.turn, d.joined, d.reason, octet_length(d.body) AS bytes
  ), remembered AS (
    INSERT INTO ${s}.departed (position, state) SELECT coalesce(-g.joined, g.turn), 'purged' FROM gone g ORDER BY g.turn
  )
  SELECT count(*) FILTER (WHERE g.reason <> 'expired') AS n, count(*) FILTER (WHERE g.reason = 'expired') AS expired,
    coalesce(sum(g.bytes), 0) AS bytes INTO dead_sums FROM gone g;
  DELETE FROM ${s}.retries r WHERE r.turn = ANY (gone_turns);
  UPDATE ${s}.leases l SET (turns, lanes) = (
    SELECT coalesce(array_agg(p.turn), '{}'), coalesce(array_agg(p.lane), '{}')
    FROM unnest(l.turns, l.lanes) p(turn, lane) WHERE p.turn NOT IN (SELECT unnest(gone_turns)))
  WHERE l.turns && gone_turns;
  DELETE FROM ${s}.leases l WHERE l.turns = '{}';
  purged := sums.n + dead_sums.n + dead_sums.expired;
  IF purged > 0 THEN
    INSERT INTO ${s}.tallies (purged, dead, expired, waiting_bytes, dead_bytes)
    VALUES (purged, -dead_sums.n, -dead_sums.expired, -sums.bytes, -dead_sums.bytes);
  END IF;
END $$;
`
}

function dropFunction(s: string): string {
  return `
CREATE OR REPLACE FUNCTION ${s}.drop_dead(bigint[], bigint[], text, bigint, bigint, integer, OUT dropped bigint)
LANGUAGE plpgsql ${settings} AS $$
DECLARE
  sums record;
BEGIN
  WITH gone AS (
    DELETE FROM ${s}.dead d USING (${selected(s)}) chosen WHERE d.turn = chosen.turn
    RETURNING d.turn, d.joined, d.reason, octet_length(d.body) AS bytes
  ), remembered AS (
    INSERT INTO ${s}.departed (position, state) SELECT coalesce(-g.joined, g.turn), 'dropped' FROM gone g ORDER BY g.turn
  )
  SELECT count(*) FILTER (WHERE g.reason <> 'expired') AS n, count(*) FILTER (WHERE g.reason = 'expired') AS expired,
    coalesce(sum(g.bytes), 0) AS bytes INTO sums FROM gone g;
  dropped := sums.n + sums.expired;
  IF dropped > 0 THEN
    INSERT INTO ${s}.tallies (dropped, dead, expired, dead_bytes)
    VALUES (dropped, -sums.n, -sums.expired, -sums.bytes);
  END IF;
END $$;
`
}

function replayFunction(s: string, lock: bigint): string {
  return `
CREATE OR REPLACE FUNCTION ${s}.replay_dead(bigint[], bigint[], text, bigint, bigint, integer, OUT replayed bigint)
LANGUAGE plpgsql ${settings} AS $$
DECLARE
  sums record;
  first_block bigint;
BEGIN
  PERFORM pg_advisory_xact_lock(${lock + 1n});
  PERFORM pg_current_xact_id();
  SELECT count(*) AS n INTO sums FROM (${selected(s)}) chosen;
  replayed := 0;
  IF sums.n = 0 THEN RETURN; END IF;
  -- Later blocks may be drawn by others meanwhile, so each block of these rows is drawn by itself.
  WITH chosen AS (
    SELECT d.turn, row_number() OVER (ORDER BY d.turn) - 1 AS nth FROM (${selected(s)}) d
  ), blocks AS MATERIALIZED (
    SELECT g.block, nextval('${s}.blocks') AS number FROM generate_series(0, (sums.n - 1) / ${BLOCK - 1}) g(block)
  ), gone AS (
    DELETE FROM ${s}.dead d USING chosen c WHERE d.turn = c.turn
    RETURNING d.*, c.nth
  ), again AS MATERIALIZED (
    SELECT g.*, b.number * ${BLOCK} + g.nth % ${BLOCK - 1} + 1 AS again
    FROM gone g JOIN blocks b ON b.block = g.nth / ${BLOCK - 1}
  ), remembered AS (
    INSERT INTO ${s}.departed (position, moved_to)
    SELECT coalesce(-a.joined, a.turn), a.again FROM again a ORDER BY a.again
  ), found AS (
    INSERT INTO ${s}.ids AS i (id, position, until)
    SELECT DISTINCT ON (a.id) a.id, a.again, now() + interval '15 minutes' FROM again a ORDER BY a.id, a.again DESC
    ON CONFLICT (id) DO UPDATE SET position = excluded.position, until = greatest(i.until, excluded.until)
  ), stored AS (
    INSERT INTO ${s}.entries (turn, lane, lanes, class, campaign_at_ms, id, head, body)
    SELECT a.again, a.lane, a.lanes, ${s}.class_of(a.head::json ->> 1 = 'bulk', a.lane, a.lanes), a.campaign_at_ms,
      a.id, a.head, a.body
    FROM again a ORDER BY a.again
  )
  SELECT count(*) FILTER (WHERE a.reason <> 'expired') AS n, count(*) FILTER (WHERE a.reason = 'expired') AS expired,
    coalesce(sum(octet_length(a.body)), 0) AS bytes INTO sums FROM again a;
  replayed := sums.n + sums.expired;
  INSERT INTO ${s}.tallies (dead, expired, waiting_bytes, dead_bytes)
  VALUES (-sums.n, -sums.expired, sums.bytes, -sums.bytes);
END $$;
`
}
