/** A fetch function on a real socket of 127.0.0.1, as small as can be. */
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

export interface Bridge extends AsyncDisposable {
  readonly url: string
  readonly port: number
}

export async function bridge(fetch: (request: Request) => Promise<Response>, port: number = 0): Promise<Bridge> {
  const server = createServer((incoming, outgoing) => {
    void (async () => {
      const response = await fetch(requestOf(incoming))
      outgoing.writeHead(response.status, Object.fromEntries(response.headers))
      if (response.body === null) outgoing.end()
      // A reader that goes away in the middle is no failure here.
      else await pipeline(Readable.fromWeb(response.body), outgoing).catch(() => {})
    })()
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  const address = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${address.port}`,
    port: address.port,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
    },
  }
}

function requestOf(incoming: IncomingMessage): Request {
  const { method = 'GET', url = '/', headers } = incoming
  const hasBody = method !== 'GET' && method !== 'HEAD'
  const init = {
    method,
    headers: Object.entries(headers).map(([name, value]): [string, string] => [name, String(value)]),
    ...(hasBody ? { body: Readable.toWeb(incoming), duplex: 'half' } : {}),
  }
  return new Request(`http://${headers.host}${url}`, init as RequestInit)
}
