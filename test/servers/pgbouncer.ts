/** A real PgBouncer in transaction mode before a Postgres, on a port of its own. It refuses to run as root, as Postgres does. */
import { chownSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { Client } from 'pg'

import { postgresUser } from './postgres.ts'
import { onFreePort, startProcess, temporary, untilReady } from './process.ts'

export interface PgBouncerServer {
  readonly connectionString: string
  stop(): Promise<void>
}

/** @param connections to the server at most; clients may be many more */
export async function startPgBouncer(postgresPort: number, connections: number): Promise<PgBouncerServer> {
  const folder = temporary('pgbouncer')
  const user = postgresUser()
  return onFreePort(async (port) => {
    const users = join(folder.path, 'users')
    const file = join(folder.path, 'pgbouncer.ini')
    writeFileSync(users, '"postgres" ""\n')
    writeFileSync(
      file,
      `[databases]
* = host=127.0.0.1 port=${postgresPort} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = trust
auth_file = ${users}
pool_mode = transaction
default_pool_size = ${connections}
max_client_conn = 200
`,
    )
    if (user !== undefined) for (const path of [folder.path, users, file]) chownSync(path, user.uid, user.gid)
    const server = startProcess({ command: 'pgbouncer', args: [file], ...user })
    const connectionString = `postgres://postgres@127.0.0.1:${port}/postgres`
    await untilReady(server, async () => {
      const client = new Client({ connectionString, connectionTimeoutMillis: 2_000 })
      client.on('error', () => {})
      await client.connect()
      await client.query('SELECT 1')
      await client.end()
      return true
    })
    return {
      connectionString,
      stop: async () => {
        await server.signal('SIGKILL')
        folder.remove()
      },
    }
  })
}
