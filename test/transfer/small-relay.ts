/** As much of a relay as an import needs: it stores what comes under its idempotency key, in a client's outbox. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

import { memoryOutbox } from '../../src/index.ts'
import { decodeBatch, decodeCall } from '../../src/protocol/decode.ts'
import { routeOf } from '../../src/protocol/route.ts'
import { RelayClient } from '../../src/relay/relay-client.ts'
import { systemRuntime } from '../../src/runtime/system.ts'
import { createSimulator, type Simulator } from '../../src/simulator/index.ts'

export interface SmallRelay extends AsyncDisposable {
  readonly url: string
  readonly client: RelayClient
  readonly simulator: Simulator
  /** Operations that were known already. */
  readonly duplicates: () => number
}

/** @param stored told after a request was stored and before it is answered; false loses the answer */
export async function smallRelay(stored: () => boolean = () => true): Promise<SmallRelay> {
  const simulator = createSimulator({ siteId: 'site', apiKey: 'key' })
  const client = new RelayClient({
    siteId: 'site',
    apiKey: 'key',
    rateLimit: { perSecond: 10_000 },
    outbox: memoryOutbox(),
    runtime: { ...systemRuntime, fetch: simulator.fetch },
  })
  let duplicates = 0

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const text = Buffer.concat(chunks).toString()
    const body: unknown = text === '' ? undefined : JSON.parse(text)
    const key = String(request.headers['idempotency-key'])
    const route = routeOf(request.method ?? '', request.url ?? '')
    const batch = route.name === 'batch' ? decodeBatch(body) : undefined
    if (route.name === 'unknown' || route.name === 'region' || batch?.ok === false) {
      response.writeHead(404).end('{}')
      return
    }
    const items = batch?.items ?? (route.name === 'batch' ? [] : [decodeCall(route, body)])
    const { operations, refused } = await client.storeBatch(items, { idempotencyKey: key, priority: 'bulk' })
    duplicates += operations.filter(({ state }) => state === 'duplicate').length
    if (!stored()) {
      request.socket.destroy()
      return
    }
    const errors = refused.map(({ index, problems }) => ({ batch_index: index, ...problems[0] }))
    response.writeHead(errors.length > 0 ? 207 : 200, { 'content-type': 'application/json' })
    response.end(JSON.stringify(errors.length > 0 ? { errors } : {}))
  }

  const server = createServer((request, response) => {
    // A client that was killed in the middle of its request.
    handle(request, response).catch(() => response.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    client,
    simulator,
    duplicates: () => duplicates,
    async [Symbol.asyncDispose]() {
      server.close()
      server.closeAllConnections()
      await client.close()
    },
  }
}
