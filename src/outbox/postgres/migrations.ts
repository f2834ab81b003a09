/** The schema as SQL, and how it gets into a database: by somebody's decision, never by opening. */
import { hash } from 'node:crypto'

import { OutboxError } from '../../errors.ts'
import { admissionFunction } from './admission-function.ts'
import { claimFunctions } from './claim-function.ts'
import type { Database } from './database.ts'
import { operatorFunctions } from './operator-functions.ts'
import { settleFunctions } from './settle-functions.ts'
import { tables } from './tables.ts'

export const SCHEMA_VERSION = 1

export function quoted(schema: string): string {
  return `"${schema}"`
}

/** Numbers of the advisory locks: of claims, of replays (that one and 1), of appends near a bound (2), of migrations (3). */
export function lockNumber(schema: string): bigint {
  return hash('sha256', `holdfast ${schema}`, 'buffer').readBigInt64BE(0) & ~7n
}

/** All statements of the newest version. Each may be run on any earlier one, and again. */
export function schemaSql(schema: string): string {
  const s = quoted(schema)
  const lock = lockNumber(schema)
  return `SELECT pg_advisory_xact_lock(${lock + 3n});
CREATE SCHEMA IF NOT EXISTS ${s};
CREATE TABLE IF NOT EXISTS ${s}.versions (version integer PRIMARY KEY, at timestamptz NOT NULL DEFAULT now());
${tables(s)}${claimFunctions(s, lock)}${settleFunctions(s)}${admissionFunction(s)}${operatorFunctions(s, lock)}
INSERT INTO ${s}.versions (version) VALUES (${SCHEMA_VERSION}) ON CONFLICT DO NOTHING;
`
}

/** The version of what is there; null where nothing is. */
export async function versionOf(database: Database, schema: string): Promise<number | null> {
  const name = `${quoted(schema)}.versions`
  const [there] = await database.query('SELECT to_regclass($1) IS NOT NULL AS yes', [name])
  if (there?.['yes'] !== true) return null
  const [row] = await database.query(`SELECT max(version) AS version FROM ${name}`)
  return row?.['version'] === null ? null : Number(row?.['version'])
}

/** Resolves to the version that was there before. */
export async function migrate(database: Database, schema: string): Promise<number | null> {
  const before = await versionOf(database, schema)
  refuseNewer(before)
  if (before !== SCHEMA_VERSION)
    await database.transaction(`SET LOCAL lock_timeout = '60s'`, (query) => query(schemaSql(schema)))
  return before
}

/** @throws OutboxError for a schema that this version of the package cannot use */
export async function checkVersion(database: Database, schema: string): Promise<void> {
  const version = await versionOf(database, schema)
  refuseNewer(version)
  if (version === SCHEMA_VERSION) return
  const found = version === null ? 'has no tables of an outbox' : `has the outbox of an earlier version (${version})`
  throw new OutboxError('OUTBOX_UNAVAILABLE', `the schema ${schema} ${found}; run \`holdfast migrate\``)
}

function refuseNewer(version: number | null): void {
  if (version === null || version <= SCHEMA_VERSION) return
  const message = `the outbox was made by a later version (schema ${version}, known up to ${SCHEMA_VERSION})`
  throw new OutboxError('OUTBOX_NEWER_VERSION', message)
}
