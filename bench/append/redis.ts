/** A Redis of our own, in a folder of our own, that syncs every write to the disk before it answers. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'

import { Redis } from 'ioredis'

export interface RedisServer extends AsyncDisposable {
  readonly port: number
}

const START_TRIES = 3

export async function startRedis(folder: string): Promise<RedisServer> {
  install()
  mkdirSync(folder, { recursive: true })
  for (let left = START_TRIES; ; left--) {
    try {
      return await start(folder, await freePort())
    } catch (error) {
      // Somebody else took the port between the question and the start.
      if (left === 1) throw error
    }
  }
}

/** Debian's package, when it is missing and we may. */
function install(): void {
  const program = fileURLToPath(new URL('../../scripts/debian-packages.mjs', import.meta.url))
  const { status } = spawnSync(process.execPath, [program, 'redis-server'], { stdio: ['ignore', 2, 2] })
  if (status !== 0) throw new Error('redis-server is needed for this case; the message above says what to do')
}

async function start(folder: string, port: number): Promise<RedisServer> {
  const settings = {
    port: String(port),
    bind: '127.0.0.1',
    dir: folder,
    appendonly: 'yes',
    appendfsync: 'always',
    // Neither snapshots nor rewrites: they would only cost the other side something.
    save: '',
    'auto-aof-rewrite-percentage': '0',
  }
  const flags = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value])
  const server = spawn('redis-server', flags, { stdio: ['ignore', 'ignore', 'inherit'] })
  const ended = once(server, 'exit')
  const kill = (): void => void server.kill()
  process.once('exit', kill)
  const stop = async (): Promise<void> => {
    server.kill()
    await ended
    process.off('exit', kill)
  }
  const client = new Redis({ port, lazyConnect: true, maxRetriesPerRequest: null, retryStrategy: () => 20 })
  // An attempt that is refused while the server starts is expected.
  client.on('error', () => {})
  const answered = client.config('GET', 'appendfsync')
  const early = ended.then(() => Promise.reject(new Error(`redis-server did not start on port ${port}`)))
  early.catch(() => {})
  try {
    const answer: unknown = await Promise.race([answered, early])
    if (!Array.isArray(answer) || answer[1] !== 'always') throw new Error('redis-server does not sync every write')
  } catch (error) {
    answered.catch(() => {})
    server.kill()
    throw error
  } finally {
    client.disconnect()
  }
  return { port, [Symbol.asyncDispose]: stop }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  probe.close()
  await once(probe, 'close')
  return port
}
