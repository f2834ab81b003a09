/** A schema holds the outbox of one workspace: the first one that opens it. */
import { OutboxError } from '../../errors.ts'
import type { Database } from './database.ts'

/** @throws OutboxError where the schema belongs to another one */
export async function checkWorkspace(database: Database, schema: string, workspace: string): Promise<void> {
  const name = 'workspace'
  await database.query(`INSERT INTO ${schema}.control (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING`, [
    name,
    JSON.stringify(workspace),
  ])
  const [row] = await database.query(`SELECT value FROM ${schema}.control WHERE name = $1`, [name])
  if (row?.['value'] === JSON.stringify(workspace)) return
  throw new OutboxError(
    'OUTBOX_UNAVAILABLE',
    'the schema holds the outbox of another workspace; give each a schema of its own',
  )
}
