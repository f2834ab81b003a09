/** A real Redis on a port of its own, in a folder of its own. */
import { connect } from 'node:net'

import {
  type Folder,
  onFreePort,
  startProcess,
  type ServerProcess,
  temporary,
  type TestServer,
  untilReady,
} from './process.ts'

export interface RedisServer extends TestServer {
  readonly url: string
}

/**
 * @param settings of its configuration, over those of a durable one: `{ maxmemory: '10mb' }`
 * @param parent where its folder lies
 */
export async function startRedis(
  settings: Readonly<Record<string, string>> = {},
  parent?: string,
): Promise<RedisServer> {
  const folder = temporary('redis', parent)
  return onFreePort(async (port) => {
    const start = (): Promise<ServerProcess> => startOnce(folder, port, settings)
    let server = await start()
    return {
      port,
      url: `redis://127.0.0.1:${port}`,
      kill: () => server.signal('SIGKILL'),
      freeze: () => server.freeze(),
      thaw: () => server.thaw(),
      restart: async () => {
        await server.signal('SIGKILL')
        server = await start()
      },
      stop: async () => {
        await server.signal('SIGKILL')
        folder.remove()
      },
    }
  })
}

async function startOnce(
  folder: Folder,
  port: number,
  settings: Readonly<Record<string, string>>,
): Promise<ServerProcess> {
  const all = {
    port: String(port),
    bind: '127.0.0.1',
    dir: folder.path,
    appendonly: 'yes',
    appendfsync: 'everysec',
    save: '',
    'maxmemory-policy': 'noeviction',
    ...settings,
  }
  const args = Object.entries(all).flatMap(([name, value]) => [`--${name}`, value])
  const server = startProcess({ command: 'redis-server', args })
  await untilReady(server, () => answersPing(port))
  return server
}

/** Also false while it still loads its file. */
function answersPing(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    let answer = ''
    socket.once('connect', () => socket.write('PING\r\n'))
    socket.setEncoding('latin1').on('data', (text: string) => {
      answer += text
      if (answer.includes('\n')) socket.destroy()
    })
    socket.once('error', () => {})
    socket.once('close', () => resolve(answer.startsWith('+PONG')))
    socket.setTimeout(1_000, () => socket.destroy())
  })
}
