/** A real Postgres on a port of its own, in a folder of its own. It refuses to run as root, so root starts it as `postgres`. */
import { execFileSync, spawnSync } from 'node:child_process'
import { chownSync, existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

import { Client } from 'pg'

import {
  type Folder,
  onFreePort,
  startProcess,
  type ServerProcess,
  temporary,
  type TestServer,
  untilReady,
} from './process.ts'

export interface PostgresServer extends TestServer {
  /** Of the database `postgres`, as its superuser. */
  readonly connectionString: string
  /** A database of its own; its connection string. */
  database(): Promise<string>
}

/**
 * @param settings of its configuration: `{ max_connections: '20' }`
 * @param parent where its folder lies; whoever `postgres` is must be able to go through it
 */
export async function startPostgres(
  settings: Readonly<Record<string, string>> = {},
  parent?: string,
): Promise<PostgresServer> {
  const folder = temporary('postgres', parent)
  const user = postgresUser()
  if (user !== undefined) chownSync(folder.path, user.uid, user.gid)
  const data = join(folder.path, 'data')
  execFileSync(
    program('initdb'),
    ['--pgdata', data, '--username', 'postgres', '--auth', 'trust', '--encoding', 'UTF8', '--no-sync'],
    { stdio: ['ignore', 'ignore', 'inherit'], ...user, env: { ...process.env, LC_ALL: 'C' } },
  )
  return onFreePort(async (port) => {
    const start = (): Promise<ServerProcess> => startOnce(data, folder, port, settings, user)
    const connectionString = `postgres://postgres@127.0.0.1:${port}/postgres`
    let server = await start()
    let databases = 0
    return {
      port,
      connectionString,
      kill: () => killAll(server),
      freeze: () => forAll(server, 'SIGSTOP'),
      thaw: () => forAll(server, 'SIGCONT'),
      restart: async () => {
        await killAll(server)
        server = await start()
      },
      database: async () => {
        const name = `test_${process.pid}_${++databases}`
        const client = new Client({ connectionString })
        await client.connect()
        await client.query(`CREATE DATABASE ${name}`)
        await client.end()
        return `postgres://postgres@127.0.0.1:${port}/${name}`
      },
      stop: async () => {
        await killAll(server)
        folder.remove()
      },
    }
  })
}

interface User {
  readonly uid: number
  readonly gid: number
}

/** Whom to run as, where we are root. */
export function postgresUser(): User | undefined {
  if (process.getuid?.() !== 0) return undefined
  const id = (flag: string): number => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }))
  return { uid: id('-u'), gid: id('-g') }
}

/** Debian keeps the programs of each version in a folder of their own. */
export function program(name: string): string {
  const root = '/usr/lib/postgresql'
  const versions = existsSync(root) ? readdirSync(root).sort((a, b) => Number(b) - Number(a)) : []
  const found = versions.map((version) => join(root, version, 'bin', name)).find((path) => existsSync(path))
  return found ?? name
}

async function startOnce(
  data: string,
  folder: Folder,
  port: number,
  settings: Readonly<Record<string, string>>,
  user: User | undefined,
): Promise<ServerProcess> {
  const all = { listen_addresses: '127.0.0.1', unix_socket_directories: folder.path, fsync: 'on', ...settings }
  const flags = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const server = startProcess({
    command: program('postgres'),
    args: ['-D', data, '-p', String(port), ...flags],
    ...user,
  })
  await untilReady(server, async () => {
    const client = new Client({
      connectionString: `postgres://postgres@127.0.0.1:${port}/postgres`,
      connectionTimeoutMillis: 2_000,
    })
    client.on('error', () => {})
    await client.connect()
    await client.query('SELECT 1')
    await client.end()
    return true
  })
  return server
}

/** The children of the postmaster notice its death, but only in their own time. */
function childrenOf(pid: number): readonly number[] {
  const { stdout } = spawnSync('pgrep', ['-P', String(pid)], { encoding: 'utf8' })
  return stdout.split('\n').filter(Boolean).map(Number)
}

function forAll(server: ServerProcess, signal: NodeJS.Signals): void {
  for (const pid of [server.pid, ...childrenOf(server.pid)]) send(pid, signal)
}

async function killAll(server: ServerProcess): Promise<void> {
  // So that it makes no child that is not in the list; the ones that it has would hold its shared memory.
  server.freeze()
  const children = childrenOf(server.pid)
  await server.signal('SIGKILL')
  for (const pid of children) send(pid, 'SIGKILL')
  while (children.some(isThere)) await new Promise((resolve) => setTimeout(resolve, 5))
}

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // It has ended meanwhile.
  }
}
