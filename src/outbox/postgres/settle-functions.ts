/**
 * Verdicts, written inside the server in one call. The rows of the leases are locked first, so of two settlements of
 * one entry, of a settlement and the end of its lease, and of a settlement and a purge, one comes before the other.
 */
import { settings } from './claim-function.ts'

/** What a verdict is called in a settlement; without kinds all are delivered. */
export const KIND = { delivered: 0, again: 1, unsent: 2, dead: 3 } as const

/** @param s the schema, quoted */
export function settleFunctions(s: string): string {
  return `
CREATE OR REPLACE FUNCTION ${s}.settle(
  given_leases text[], given_numbers bigint[], given_positions bigint[], given_kinds smallint[], given_delays float8[],
  given_reasons text[], given_details text[], wall_ms bigint, OUT held integer[])
LANGUAGE plpgsql ${settings} AS $$
DECLARE
  now_at timestamptz;
  held_turns bigint[];
  turns_out bigint[];
  turns_dead bigint[];
  turns_again bigint[];
  sums record;
  dead_sums record;
BEGIN
  PERFORM 1 FROM ${s}.leases l WHERE l.id = ANY (given_leases) ORDER BY l.id FOR UPDATE;
  now_at := clock_timestamp();
  ${heldSql(s)}
  IF held = '{}' THEN RETURN; END IF;

  WITH gone AS (
    DELETE FROM ${s}.entries e WHERE e.turn = ANY (turns_out) RETURNING e.joined, octet_length(e.body) AS bytes
  ), remembered AS (
    INSERT INTO ${s}.departed (position, state)
    SELECT -g.joined, 'delivered' FROM gone g WHERE g.joined IS NOT NULL
  )
  SELECT count(*) AS n, coalesce(sum(g.bytes), 0) AS bytes INTO sums FROM gone g;

  SELECT 0::bigint AS n, 0::bigint AS expired, 0::bigint AS bytes INTO dead_sums;
  IF turns_dead IS NOT NULL THEN
    WITH buried AS (
      DELETE FROM ${s}.entries e WHERE e.turn = ANY (turns_dead) RETURNING e.*
    ), letters AS (
      INSERT INTO ${s}.dead
        (turn, lane, lanes, joined, campaign_at_ms, id, attempts, reason, detail, at_ms, head, body)
      SELECT b.turn, b.lane, b.lanes, b.joined, b.campaign_at_ms, b.id, coalesce(r.attempts, 0),
        given_reasons[h.ord], given_details[h.ord], wall_ms, b.head, b.body
      FROM buried b JOIN unnest(held, held_turns) h(ord, turn) ON h.turn = b.turn
        LEFT JOIN ${s}.retries r ON r.turn = b.turn
      RETURNING reason, octet_length(body) AS bytes
    )
    SELECT count(*) FILTER (WHERE l.reason <> 'expired') AS n, count(*) FILTER (WHERE l.reason = 'expired') AS expired,
      sum(l.bytes) AS bytes INTO dead_sums FROM letters l;
  END IF;

  IF turns_again IS NOT NULL THEN
    INSERT INTO ${s}.retries AS r (turn, attempts, due, lanes)
    SELECT e.turn, CASE WHEN given_kinds[h.ord] = ${KIND.again} THEN 1 ELSE 0 END,
      now_at + given_delays[h.ord] * interval '1 millisecond', coalesce(e.lanes, ARRAY[e.lane])
    FROM unnest(held, held_turns) h(ord, turn) JOIN ${s}.entries e ON e.turn = h.turn
    WHERE e.turn = ANY (turns_again) ORDER BY e.turn
    ON CONFLICT (turn) DO UPDATE SET attempts = r.attempts + excluded.attempts, due = excluded.due;
  END IF;

  PERFORM 1 FROM ${s}.retries r LIMIT 1;
  IF FOUND THEN
    DELETE FROM ${s}.retries r WHERE r.turn = ANY (turns_out || turns_dead);
  END IF;
  DELETE FROM ${s}.leases l WHERE l.id = ANY (given_leases) AND l.until > now_at
    AND NOT EXISTS (SELECT 1 FROM unnest(l.turns) t(turn) WHERE t.turn NOT IN (SELECT unnest(held_turns)));
  UPDATE ${s}.leases l SET (turns, lanes) = (
    SELECT array_agg(p.turn), array_agg(p.lane) FROM unnest(l.turns, l.lanes) p(turn, lane)
    WHERE p.turn NOT IN (SELECT unnest(held_turns)))
  WHERE l.id = ANY (given_leases) AND l.until > now_at;
  IF sums.n + dead_sums.n + dead_sums.expired > 0 THEN
    INSERT INTO ${s}.tallies (delivered, dead, expired, waiting_bytes, dead_bytes)
    VALUES (sums.n, dead_sums.n, dead_sums.expired, -sums.bytes - dead_sums.bytes, dead_sums.bytes);
  END IF;
END $$;
`
}

/** Of what is given, what its lease still gives the right to settle: places in the arrays, and turns. */
function heldSql(s: string): string {
  return `SELECT coalesce(array_agg(x.ord), '{}'), coalesce(array_agg(x.turn), '{}'),
    coalesce(array_agg(x.turn) FILTER (WHERE given_kinds IS NULL OR given_kinds[x.ord] = ${KIND.delivered}), '{}'),
    array_agg(x.turn) FILTER (WHERE given_kinds[x.ord] = ${KIND.dead}),
    array_agg(x.turn) FILTER (WHERE given_kinds[x.ord] IN (${KIND.again}, ${KIND.unsent}))
  INTO held, held_turns, turns_out, turns_dead, turns_again
  FROM (
    SELECT min(g.ord)::integer AS ord, g.turn FROM (
      SELECT u.ord, u.lease, CASE WHEN u.position > 0 THEN u.position
        ELSE (SELECT e.turn FROM ${s}.entries e WHERE e.joined = -u.position) END AS turn
      FROM unnest(given_numbers, given_positions) WITH ORDINALITY u(lease, position, ord)) g
    -- As a hashed set: what is in the arrays is nothing that the planner could know.
    WHERE ((given_leases[g.lease], g.turn) IN (
      SELECT l.id, t.turn FROM ${s}.leases l, unnest(l.turns) t(turn)
      WHERE l.id = ANY (given_leases) AND l.until > now_at)) IS TRUE
    GROUP BY g.turn) x;`
}
