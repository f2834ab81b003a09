/**
 * The tables. An entry is one row of `entries` from its append to its end, and nothing of it is ever updated there,
 * so that an append costs one row and an end one dead row. What changes is beside it: `leases` (a row for each claim),
 * `retries` (a row for each entry that had to be tried again), `tallies` (a row of differences for each statement that
 * counts, added up from time to time: no statement waits for another one's counter).
 *
 * A row's `turn` is its place in the order: a block, drawn from a sequence for each statement, and the place in that
 * statement. `lane` is a hash of its first lane, `lanes` are all of them where it has several.
 */

/** Places in a block. */
export const BLOCK = 4_096

/** `class` of an entry: an express one may go past the backlog, which are bulk entries and what stands behind them. */
export const CLASS = { plain: 0, express: 1, backlog: 2 } as const

/** Small tables whose rows come and go with each claim: cleaned when a few pages of them are dead. */
const busy = `WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500,
  autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 100000)`

/** Large tables that are filled and emptied: cleaned after a fiftieth, without a rest. */
const large = `WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000,
  autovacuum_vacuum_insert_scale_factor = 0.2, autovacuum_vacuum_cost_delay = 0)`

/** @param s the schema, quoted */
export function tables(s: string): string {
  return `${waitingTables(s)}${endedTables(s)}${sharedTables(s)}`
}

/** What waits, and its state. */
function waitingTables(s: string): string {
  return `
CREATE SEQUENCE IF NOT EXISTS ${s}.blocks;

CREATE TABLE IF NOT EXISTS ${s}.entries (
  turn bigint NOT NULL,
  lane bigint NOT NULL,
  lanes bigint[],
  class smallint NOT NULL,
  joined bigint,
  keep_ms bigint,
  campaign_at_ms bigint,
  id text COLLATE "C" NOT NULL,
  head text NOT NULL,
  body text NOT NULL
) ${large};
CREATE UNIQUE INDEX IF NOT EXISTS entries_turn ON ${s}.entries (turn);
CREATE INDEX IF NOT EXISTS entries_lane ON ${s}.entries (lane);
CREATE INDEX IF NOT EXISTS entries_lanes ON ${s}.entries USING gin (lanes) WITH (fastupdate = off) WHERE lanes IS NOT NULL;
CREATE INDEX IF NOT EXISTS entries_express ON ${s}.entries (turn) WHERE class = ${CLASS.express};
CREATE INDEX IF NOT EXISTS entries_backlog ON ${s}.entries (turn) WHERE class = ${CLASS.backlog};
CREATE UNIQUE INDEX IF NOT EXISTS entries_joined ON ${s}.entries (joined) WHERE joined IS NOT NULL;
CREATE INDEX IF NOT EXISTS entries_pending ON ${s}.entries (joined) WHERE turn = joined;

CREATE TABLE IF NOT EXISTS ${s}.ids (
  id text COLLATE "C" PRIMARY KEY,
  position bigint NOT NULL,
  until timestamptz NOT NULL
) ${large};

CREATE TABLE IF NOT EXISTS ${s}.leases (
  id text COLLATE "C" PRIMARY KEY,
  holder text NOT NULL,
  until timestamptz NOT NULL,
  turns bigint[] NOT NULL,
  lanes bigint[] NOT NULL
) ${busy};

CREATE TABLE IF NOT EXISTS ${s}.retries (
  turn bigint PRIMARY KEY,
  attempts integer NOT NULL,
  due timestamptz NOT NULL,
  lanes bigint[] NOT NULL
) ${busy};
`
}

/** What became of entries. */
function endedTables(s: string): string {
  return `
CREATE TABLE IF NOT EXISTS ${s}.dead (
  turn bigint PRIMARY KEY,
  lane bigint NOT NULL,
  lanes bigint[],
  joined bigint,
  campaign_at_ms bigint,
  id text COLLATE "C" NOT NULL,
  attempts integer NOT NULL,
  reason text NOT NULL,
  detail text NOT NULL,
  at_ms bigint NOT NULL,
  head text NOT NULL,
  body text NOT NULL
);
CREATE INDEX IF NOT EXISTS dead_lane ON ${s}.dead (lane);
CREATE INDEX IF NOT EXISTS dead_lanes ON ${s}.dead USING gin (lanes) WHERE lanes IS NOT NULL;
CREATE INDEX IF NOT EXISTS dead_id ON ${s}.dead (id);
CREATE UNIQUE INDEX IF NOT EXISTS dead_joined ON ${s}.dead (joined) WHERE joined IS NOT NULL;

CREATE TABLE IF NOT EXISTS ${s}.departed (
  number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  position bigint NOT NULL,
  state text,
  moved_to bigint
);
CREATE INDEX IF NOT EXISTS departed_position ON ${s}.departed (position);

CREATE TABLE IF NOT EXISTS ${s}.tallies (
  accepted bigint NOT NULL DEFAULT 0,
  duplicates bigint NOT NULL DEFAULT 0,
  delivered bigint NOT NULL DEFAULT 0,
  dead bigint NOT NULL DEFAULT 0,
  expired bigint NOT NULL DEFAULT 0,
  purged bigint NOT NULL DEFAULT 0,
  dropped bigint NOT NULL DEFAULT 0,
  waiting_bytes bigint NOT NULL DEFAULT 0,
  dead_bytes bigint NOT NULL DEFAULT 0
) ${busy};
`
}

/** What the handles share besides. */
function sharedTables(s: string): string {
  return `
CREATE TABLE IF NOT EXISTS ${s}.executions (
  key text COLLATE "C" PRIMARY KEY,
  token text NOT NULL,
  until timestamptz NOT NULL,
  value text,
  number bigint,
  chars bigint
) ${busy};
CREATE INDEX IF NOT EXISTS executions_results ON ${s}.executions (number) INCLUDE (chars) WHERE value IS NOT NULL;
CREATE SEQUENCE IF NOT EXISTS ${s}.results;

CREATE TABLE IF NOT EXISTS ${s}.handles (
  id text COLLATE "C" PRIMARY KEY,
  seen timestamptz NOT NULL
) ${busy};

CREATE TABLE IF NOT EXISTS ${s}.hints (
  number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  handle text NOT NULL,
  hint text NOT NULL,
  at timestamptz NOT NULL
) ${busy};

CREATE TABLE IF NOT EXISTS ${s}.control (
  name text PRIMARY KEY,
  value text NOT NULL
);
`
}
