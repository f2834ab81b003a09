/**
 * The claim, inside the server: one call, so that the lock that orders the claims of all handles is never held by a
 * process that stands still, and no row goes over the network under it. It gives back numbers of rows; what they hold
 * is read afterwards, under the lease.
 *
 * The heads: rows are read in the order of their turns. A row may go when it is the first that was read of each of its
 * lanes and none of those is busy; whatever was read of a lane bars what comes later in it. All of it is read as of one
 * moment (`STABLE`), or a row could be missed whose successor is seen.
 */
import { CLASS } from './tables.ts'

const PAGE_MAX = 5_000

/** Plans are kept for long, and must suit the table when it has grown; costs say nothing of that while it is empty. */
export const settings = `SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET jit = off SET lock_timeout = '5s'`

interface Scan {
  readonly name: string
  /** Narrows what is read. */
  readonly where: string
  /** Of a row `r` that is ready by what was read, whether it is. */
  readonly isHead: string
}

function headsFunction(s: string, { name, where, isHead }: Scan): string {
  return `
CREATE OR REPLACE FUNCTION ${s}.${name}(
  after bigint, busy bigint[], want integer, bytes_max bigint, first_fits boolean,
  OUT turns bigint[], OUT lanes bigint[], OUT taken integer, OUT bytes bigint, OUT more boolean)
LANGUAGE plpgsql STABLE ${settings} AS $$
DECLARE
  at bigint := after;
  seen bigint[] := busy;
  page_max integer := want + 1;
  page record;
BEGIN
  turns := '{}'; lanes := '{}'; taken := 0; bytes := 0; more := false;
  IF want < 1 THEN RETURN; END IF;
  LOOP
    WITH page AS MATERIALIZED (
      SELECT e.turn, e.lane, e.lanes, octet_length(e.body)::bigint AS bytes
      FROM ${s}.entries e
      WHERE e.turn > at AND (e.lanes IS NOT NULL OR e.lane NOT IN (SELECT unnest(seen))) ${where}
      ORDER BY e.turn LIMIT page_max
    ), pairs AS MATERIALIZED (
      SELECT p.turn, p.lane FROM page p WHERE p.lanes IS NULL
      UNION ALL
      SELECT p.turn, u.lane FROM page p, unnest(p.lanes) u(lane) WHERE p.lanes IS NOT NULL
    ), firsts AS (
      SELECT p.turn, p.lane,
        p.turn = min(p.turn) OVER (PARTITION BY p.lane) AND p.lane NOT IN (SELECT unnest(seen)) AS free
      FROM pairs p
    ), ready AS (
      SELECT f.turn, array_agg(f.lane) AS lanes FROM firsts f GROUP BY f.turn HAVING bool_and(f.free)
    ), fitting AS (
      SELECT r.turn, r.lanes, count(*) OVER w AS nth, sum(p.bytes) OVER w AS upto
      FROM ready r JOIN page p USING (turn) ${isHead}
      WINDOW w AS (ORDER BY r.turn)
    ), chosen AS MATERIALIZED (
      SELECT f.* FROM fitting f
      WHERE f.nth <= want - taken
        AND (bytes + f.upto <= bytes_max OR (first_fits AND taken = 0 AND f.nth = 1))
    )
    SELECT (SELECT count(*) FROM page) AS rows, (SELECT max(p.turn) FROM page p) AS at,
      (SELECT array_agg(DISTINCT p.lane) FROM pairs p) AS lanes,
      (SELECT count(*) FROM fitting) AS ready, (SELECT count(*) FROM chosen) AS chosen,
      (SELECT coalesce(max(c.upto), 0) FROM chosen c) AS chosen_bytes,
      x.turns AS chosen_turns, x.lanes AS chosen_lanes
    INTO page
    FROM (SELECT array_agg(c.turn) AS turns, array_agg(u.lane) AS lanes FROM chosen c, unnest(c.lanes) u(lane)) x;
    IF page.rows = 0 THEN RETURN; END IF;
    turns := turns || coalesce(page.chosen_turns, '{}');
    lanes := lanes || coalesce(page.chosen_lanes, '{}');
    taken := taken + page.chosen;
    bytes := bytes + page.chosen_bytes;
    more := page.ready > page.chosen OR (taken >= want AND page.rows = page_max);
    EXIT WHEN more OR taken >= want OR page.rows < page_max;
    at := page.at;
    seen := seen || page.lanes;
    page_max := least(page_max * 4, ${PAGE_MAX});
  END LOOP;
END $$;
`
}

/** @param s the schema, quoted; `lock` the number of the lock that orders claims */
export function claimFunctions(s: string, lock: bigint): string {
  const inOrder = headsFunction(s, { name: 'heads', where: '', isHead: '' })
  const express = headsFunction(s, {
    name: 'express_heads',
    where: `AND e.class = ${CLASS.express}`,
    isHead: `WHERE NOT EXISTS (SELECT 1 FROM ${s}.entries b WHERE b.lane = ANY (r.lanes) AND b.turn < r.turn)
        AND NOT EXISTS (SELECT 1 FROM ${s}.entries b WHERE b.lanes && r.lanes AND b.turn < r.turn)`,
  })
  return `${inOrder}${express}
CREATE OR REPLACE FUNCTION ${s}.claim(
  lease text, holder text, want integer, bytes_max bigint, lease_ms float8, share integer, scan_from bigint,
  OUT turns bigint[], OUT next_ms float8)
LANGUAGE plpgsql ${settings} AS $$
DECLARE
  now_at timestamptz;
  busy bigint[];
  got record;
  all_turns bigint[] := '{}';
  all_lanes bigint[] := '{}';
  left_n integer := want;
  left_bytes bigint := bytes_max;
  more boolean := false;
BEGIN
  PERFORM pg_advisory_xact_lock(${lock});
  now_at := clock_timestamp();
  DELETE FROM ${s}.leases l USING (SELECT o.id FROM ${s}.leases o WHERE o.until <= now_at FOR UPDATE SKIP LOCKED) over
  WHERE l.id = over.id;
  SELECT coalesce(array_agg(b.lane), '{}') INTO busy FROM (
    SELECT unnest(l.lanes) AS lane FROM ${s}.leases l
    UNION ALL SELECT unnest(r.lanes) FROM ${s}.retries r WHERE r.due > now_at) b;
  PERFORM 1 FROM ${s}.entries e WHERE e.class = ${CLASS.express} ORDER BY e.turn LIMIT 1;
  IF FOUND THEN
    SELECT * INTO got FROM ${s}.heads(scan_from, busy, least(share, left_n), bytes_max / 4, true);
    all_turns := got.turns; all_lanes := got.lanes;
    left_n := left_n - got.taken; left_bytes := left_bytes - got.bytes;
    SELECT * INTO got FROM ${s}.express_heads(scan_from, busy || all_lanes, left_n, left_bytes, all_turns = '{}');
    all_turns := all_turns || got.turns; all_lanes := all_lanes || got.lanes;
    left_n := left_n - got.taken; left_bytes := left_bytes - got.bytes; more := got.more;
  END IF;
  SELECT * INTO got FROM ${s}.heads(scan_from, busy || all_lanes, left_n, left_bytes, all_turns = '{}');
  all_turns := all_turns || got.turns; all_lanes := all_lanes || got.lanes;
  more := more OR got.more OR left_n = 0;
  IF all_turns <> '{}' THEN
    INSERT INTO ${s}.leases VALUES
      (lease, holder, clock_timestamp() + lease_ms * interval '1 millisecond', all_turns, all_lanes);
  END IF;
  SELECT coalesce(array_agg(DISTINCT u.turn), '{}') INTO turns FROM unnest(all_turns) u(turn);
  IF more THEN
    next_ms := 0;
  ELSE
    SELECT extract(epoch FROM min(t.at) - clock_timestamp()) * 1000 INTO next_ms FROM (
      SELECT min(l.until) AS at FROM ${s}.leases l
      UNION ALL SELECT min(r.due) FROM ${s}.retries r WHERE r.due > now_at) t;
  END IF;
END $$;
`
}
