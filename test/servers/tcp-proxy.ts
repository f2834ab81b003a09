/** A way to a server that can swallow what goes over it, as a network does that forgets a connection without a word. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export interface TcpProxy {
  readonly port: number
  /** Connections that are open towards the client. */
  readonly open: number
  /** From now on nothing passes over the connections there are, and nobody is told. New ones are as good as ever. */
  forget(): void
  stop(): Promise<void>
}

interface Pair {
  readonly near: Socket
  readonly far: Socket
}

export async function startTcpProxy(targetPort: number): Promise<TcpProxy> {
  const pairs = new Set<Pair>()
  const server = createServer((near) => {
    const pair = { near, far: connect(targetPort, '127.0.0.1') }
    pairs.add(pair)
    near.pipe(pair.far)
    pair.far.pipe(near)
    near.on('error', () => {})
    pair.far.on('error', () => {})
    near.on('close', () => {
      pairs.delete(pair)
      pair.far.destroy()
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    get open() {
      return pairs.size
    },
    forget: () => {
      for (const { near, far } of pairs) {
        near.unpipe(far)
        far.unpipe(near)
        near.resume()
        far.resume()
      }
    },
    stop: async () => {
      for (const { near, far } of pairs) {
        near.destroy()
        far.destroy()
      }
      server.close()
      await once(server, 'close')
    },
  }
}
