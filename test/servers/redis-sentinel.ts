/** A real Redis Sentinel, alone, which decides fast. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { Redis } from 'ioredis'

import { until } from '../until.ts'
import { onFreePort, startProcess, temporary, untilReady } from './process.ts'

export interface RedisSentinel {
  readonly port: number
  /** Of the master, as clients ask for it. */
  readonly name: string
  /** Resolves once it knows a replica to which it can fail over. */
  knowsReplica(): Promise<void>
  stop(): Promise<void>
}

const NAME = 'main'
const DOWN_MS = 300

export async function startSentinel(masterPort: number): Promise<RedisSentinel> {
  const folder = temporary('sentinel')
  return onFreePort(async (port) => {
    const config = join(folder.path, 'sentinel.conf')
    const lines = [
      `port ${port}`,
      'bind 127.0.0.1',
      `dir ${folder.path}`,
      `sentinel monitor ${NAME} 127.0.0.1 ${masterPort} 1`,
      `sentinel down-after-milliseconds ${NAME} ${DOWN_MS}`,
      `sentinel failover-timeout ${NAME} 3000`,
    ]
    writeFileSync(config, `${lines.join('\n')}\n`)
    const server = startProcess({ command: 'redis-server', args: [config, '--sentinel'] })
    const ask = async (...args: readonly string[]): Promise<unknown> => {
      const client = new Redis({ host: '127.0.0.1', port, retryStrategy: () => null, enableReadyCheck: false })
      client.on('error', () => {})
      try {
        return await client.call('sentinel', [...args])
      } finally {
        client.disconnect()
      }
    }
    await untilReady(server, async () => Array.isArray(await ask('masters')))
    return {
      port,
      name: NAME,
      knowsReplica: () => until(async () => String(await ask('replicas', NAME)).includes('master-link-status,ok')),
      stop: async () => {
        await server.signal('SIGKILL')
        folder.remove()
      },
    }
  })
}
