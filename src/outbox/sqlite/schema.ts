/**
 * The tables. Entries stand in sequence order and have no index on their lanes: pages of such an index are touched at
 * random and cost more than all the rest. Who may go is known from memory instead (`turns.ts`, `tail.ts`).
 *
 * - `state`: one row. The last sequence ever given (never one twice), the account, and who delivers; read at the start
 *   of every transaction, and written back with whatever the transaction changes.
 * - `entry`: what waits. `lanes` is null for one lane, else a JSON array of all. `crc` covers all but `attempts`.
 * - `dead_letter`: the same, and why it died.
 * - `tombstone`: what became of entries of which nothing else is left to tell that they were not delivered. For one that was
 *   handed over to another outbox `moved_to` is a text.
 * - `known_key`: ids of keyed entries.
 * - `execution`: leases and results of `executeIdempotent` (`executions.ts`).
 * - `pause`: one row while delivery is paused for all handles (`pause.ts`).
 */

/** `user_version` of the file. A higher one is of a later version of this package. */
export const SCHEMA_VERSION = 1

/** `application_id` of the file: "HFob". */
export const APPLICATION_ID = 0x48_46_6f_62

const entryColumns = `
  seq INTEGER PRIMARY KEY,
  id TEXT,
  lane TEXT,
  lanes TEXT,
  type TEXT,
  priority INTEGER,
  accepted_at INTEGER,
  expires_at INTEGER,
  campaign_at INTEGER,
  keyed INTEGER,
  attempts INTEGER,
  crc INTEGER,
  body TEXT`

/**
 * Came after the others, in the same schema version: earlier versions of this package do without it, and go on to open
 * a file that has it. Made behind those before it also where it is made later, so its root page is the same.
 */
export const EXECUTION_SCHEMA = `
CREATE TABLE execution (
  seq INTEGER PRIMARY KEY,
  key TEXT UNIQUE,
  token TEXT,
  at INTEGER,
  ms INTEGER,
  chars INTEGER,
  upto INTEGER,
  value TEXT
);
`

/** Came after `execution`, in the same way. */
export const PAUSE_SCHEMA = `
CREATE TABLE pause (seq INTEGER PRIMARY KEY CHECK (seq = 1), who TEXT NOT NULL, why TEXT NOT NULL, at INTEGER NOT NULL);
`

/** In this order, so that the same version of SQLite gives each table the same root page: `rescue.ts` builds on it. */
export const SCHEMA: string = `
CREATE TABLE state (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  workspace TEXT NOT NULL,
  sequence INTEGER NOT NULL DEFAULT 0,
  forgotten_to INTEGER NOT NULL DEFAULT 0,
  waiting INTEGER NOT NULL DEFAULT 0,
  waiting_bytes INTEGER NOT NULL DEFAULT 0,
  dead_letters INTEGER NOT NULL DEFAULT 0,
  dead_bytes INTEGER NOT NULL DEFAULT 0,
  accepted INTEGER NOT NULL DEFAULT 0,
  delivered INTEGER NOT NULL DEFAULT 0,
  dead INTEGER NOT NULL DEFAULT 0,
  expired INTEGER NOT NULL DEFAULT 0,
  purged INTEGER NOT NULL DEFAULT 0,
  dropped INTEGER NOT NULL DEFAULT 0,
  duplicates INTEGER NOT NULL DEFAULT 0,
  fence INTEGER NOT NULL DEFAULT 0,
  owner INTEGER NOT NULL DEFAULT 0,
  beat INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE entry (${entryColumns}
);
CREATE TABLE dead_letter (${entryColumns},
  reason TEXT,
  status INTEGER,
  field TEXT,
  message TEXT,
  died_at INTEGER
);
CREATE TABLE tombstone (seq INTEGER PRIMARY KEY, state TEXT, moved_to INTEGER);
CREATE TABLE known_key (id TEXT PRIMARY KEY, seq INTEGER, at INTEGER) WITHOUT ROWID;
CREATE INDEX known_key_age ON known_key (seq, at);
${EXECUTION_SCHEMA}${PAUSE_SCHEMA}`

/** Entries that the cursor has met while their lane was not free. Of this connection only, and never synced. */
export const PARKED = `CREATE TEMP TABLE parked (lane TEXT, seq INTEGER, PRIMARY KEY (lane, seq)) WITHOUT ROWID`
