/**
 * What happens to entries of a caller's transaction when it commits. A number drawn at the append is no order of
 * commits, and a key that is claimed at the append would make transactions wait for each other; so both are done at the
 * commit, for all entries of the transaction at once, the ids in their order, so that two commits cannot lock each other
 * out. Until then the rows stand under the turn that the append drew, which `joined` keeps: it is what the caller was told.
 */
import { settings } from './claim-function.ts'
import { BLOCK, CLASS } from './tables.ts'

/** @param s the schema, quoted */
export function admissionFunction(s: string): string {
  return `
CREATE OR REPLACE FUNCTION ${s}.class_of(bulk boolean, of_lane bigint, of_lanes bigint[]) RETURNS smallint
LANGUAGE plpgsql ${settings} AS $$
BEGIN
  IF bulk THEN RETURN ${CLASS.backlog}; END IF;
  PERFORM 1 FROM ${s}.entries e WHERE e.class = ${CLASS.backlog} ORDER BY e.turn LIMIT 1;
  IF NOT FOUND THEN RETURN ${CLASS.plain}; END IF;
  -- By the index on the lane: with + 0 the one of the whole backlog does not fit.
  PERFORM 1 FROM ${s}.entries e
  WHERE e.lane = ANY (coalesce(of_lanes, ARRAY[of_lane])) AND e.class + 0 = ${CLASS.backlog} LIMIT 1;
  IF FOUND THEN RETURN ${CLASS.backlog}; END IF;
  PERFORM 1 FROM ${s}.entries e
  WHERE e.lanes && coalesce(of_lanes, ARRAY[of_lane]) AND e.class + 0 = ${CLASS.backlog} LIMIT 1;
  IF FOUND THEN RETURN ${CLASS.backlog}; END IF;
  RETURN ${CLASS.express};
END $$;

CREATE OR REPLACE FUNCTION ${s}.admit() RETURNS trigger
LANGUAGE plpgsql ${settings} AS $$
DECLARE
  sums record;
  refused bigint := 0;
BEGIN
  PERFORM 1 FROM ${s}.entries e WHERE e.joined = NEW.joined AND e.turn = e.joined;
  -- The first row of the transaction has taken all the others along.
  IF NOT FOUND THEN RETURN NULL; END IF;
  DELETE FROM ${s}.ids i USING ${s}.entries p
  WHERE p.turn = p.joined AND i.id = p.id AND i.until <= clock_timestamp()
    AND NOT EXISTS (SELECT 1 FROM ${s}.entries w WHERE w.turn = i.position OR w.joined = -i.position);
  INSERT INTO ${s}.ids (id, position, until)
  SELECT p.id, -p.joined, clock_timestamp() + p.keep_ms * interval '1 millisecond'
  FROM ${s}.entries p WHERE p.turn = p.joined ORDER BY p.id
  ON CONFLICT (id) DO NOTHING;
  WITH repeated AS (
    DELETE FROM ${s}.entries p USING ${s}.ids i
    WHERE p.turn = p.joined AND i.id = p.id AND i.position <> -p.joined
    RETURNING p.joined, i.position
  ), remembered AS (
    INSERT INTO ${s}.departed (position, moved_to) SELECT -r.joined, r.position FROM repeated r
  )
  SELECT count(*) INTO refused FROM repeated;
  SELECT count(*) AS n, coalesce(sum(octet_length(p.body)), 0) AS bytes
  INTO sums FROM ${s}.entries p WHERE p.turn = p.joined;
  INSERT INTO ${s}.tallies (accepted, duplicates, waiting_bytes) VALUES (sums.n, refused, sums.bytes);
  WITH placed AS (
    SELECT p.joined, row_number() OVER (ORDER BY p.joined) - 1 AS nth FROM ${s}.entries p WHERE p.turn = p.joined
  ), blocks AS MATERIALIZED (
    SELECT g.block, nextval('${s}.blocks') AS number
    FROM generate_series(0, (sums.n - 1) / ${BLOCK - 1}) g(block) WHERE sums.n > 0
  )
  UPDATE ${s}.entries e SET turn = b.number * ${BLOCK} + p.nth % ${BLOCK - 1} + 1,
    class = ${s}.class_of(e.class = ${CLASS.backlog}, e.lane, e.lanes)
  FROM placed p JOIN blocks b ON b.block = p.nth / ${BLOCK - 1}
  WHERE e.joined = p.joined AND e.turn = e.joined;
  RETURN NULL;
END $$;

DROP TRIGGER IF EXISTS admit ON ${s}.entries;
CREATE CONSTRAINT TRIGGER admit AFTER INSERT ON ${s}.entries DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.joined IS NOT NULL) EXECUTE FUNCTION ${s}.admit();
`
}
