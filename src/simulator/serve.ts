/**
 * The simulator on a socket. Every reply is written to the socket here, because half of the point is what no framework
 * does: breaking connections in the middle.
 */
import { createAdaptorServer } from '@hono/node-server'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

import { OptionsError } from '../errors.ts'
import { type Reply, statusAnswer } from './answers.ts'
import { halfOf } from './network.ts'

export interface SimulatorServer {
  /** The root, without a slash at its end: `http://127.0.0.1:40123`. Track's base URL is this and `/api/v1`. */
  readonly url: string
  readonly port: number
  /** Ends the open connections and frees the port, which from then on refuses. What is remembered stays. */
  readonly close: () => Promise<void>
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

/** What answers: the exchange itself, or one with a control API before it (`control.ts`). */
export interface Answering {
  reply(request: Request): Promise<Reply>
  readonly faults: { readonly refusesAll: boolean }
}

const CONNECTIONS_MAX = 10_000
/** Longer than clients keep a connection, so that none is closed under a request that is on its way. */
const KEEP_ALIVE_MS = 60_000

/** Rejects when the port is taken. */
export async function serve(exchange: Answering, port: number, host: string): Promise<SimulatorServer> {
  const server = createAdaptorServer({
    fetch: async (request, env) => {
      const { outgoing } = env as { readonly incoming: IncomingMessage; readonly outgoing: ServerResponse }
      write(outgoing, await replyTo(exchange, request))
      return RESPONSE_ALREADY_SENT
    },
    // The globals belong to the program that embeds us.
    overrideGlobalObjects: false,
    serverOptions: { keepAliveTimeout: KEEP_ALIVE_MS },
  }) as Server
  server.maxConnections = CONNECTIONS_MAX
  server.on('connection', (socket) => {
    if (exchange.faults.refusesAll) socket.resetAndDestroy()
  })
  await listening(server, port, host)
  const address = server.address() as AddressInfo
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      // The error of a server that is closed already is none.
      server.close(() => resolve())
      server.closeAllConnections()
    })
  return { url: urlOf(address, host), port: address.port, close, [Symbol.asyncDispose]: close }
}

/** Undefined when the client has gone: there is nobody to write to. */
async function replyTo(exchange: Answering, request: Request): Promise<Reply | undefined> {
  try {
    return await exchange.reply(request)
  } catch (error) {
    if (!(error instanceof OptionsError)) return undefined
    return { ...statusAnswer(500, 'text'), body: `simulator: ${error.message}\n` }
  }
}

function write(outgoing: ServerResponse, reply: Reply | undefined): void {
  switch (reply?.kind) {
    case 'answer':
      outgoing.writeHead(reply.status, reply.headers)
      outgoing.end(reply.body ?? undefined)
      return
    case 'half': {
      const body = reply.answer.body ?? ''
      outgoing.writeHead(reply.answer.status, { ...reply.answer.headers, 'content-length': Buffer.byteLength(body) })
      outgoing.write(halfOf(body), () => outgoing.destroy())
      return
    }
    case 'refused':
    case 'reset':
      outgoing.socket?.resetAndDestroy()
      return
    case 'hang':
    case undefined:
      outgoing.destroy()
      return
  }
}

function listening(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

function urlOf(address: AddressInfo, host: string): string {
  const name = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '[::1]' : host.includes(':') ? `[${host}]` : host
  return `http://${name}:${address.port}`
}
