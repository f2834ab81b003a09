/**
 * One request from the parser to its answer: what is refused, the handler, and whether the connection goes on.
 *
 * Requests that one connection has sent without waiting are given to the handler in their order; Node holds their
 * answers back until those before them are written. Only the newest of them may close the connection, for closing it
 * with an older one would lose the answers between.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

import { requestListener } from './adaptor.ts'
import { answer } from './answer.ts'
import type { Connection, Connections } from './connections.ts'
import type { ListenSettings } from './options.ts'
import { bodyOf, rawAnswer, type Refusal, refusalOf, refusalOfError } from './refusal.ts'
import { NO_TUNNEL, TOO_MANY_PIPELINED, UNKNOWN_EXPECTATION, UNREADABLE_TARGET } from './refusal.ts'
import { wantsClose, writeAnswer, writeParts } from './write-answer.ts'

/** Where a request came from, and what can be known of it without the cost of a whole `Request`. */
export interface Arrival {
  /** The same object for all requests of a connection. */
  readonly connection: object
  /** The request target as it was sent, before any URL parser. */
  readonly target: string
  /** The headers as the parser gave them; what came twice is joined by commas. */
  readonly headers: Pick<Headers, 'get'>
  /** The client has gone: nobody will read an answer. */
  readonly isGone: boolean
  /** The client's address; empty when it has gone already. */
  readonly remoteAddress: string
}

/** Asked for only as far as somebody wants to know: measured, `Request.headers` and `Request.signal` cost 10 microseconds. */
class SocketArrival implements Arrival {
  readonly connection: Connection
  readonly #incoming: IncomingMessage

  constructor(connection: Connection, incoming: IncomingMessage) {
    this.connection = connection
    this.#incoming = incoming
  }

  get target(): string {
    return this.#incoming.url ?? ''
  }

  get headers(): Pick<Headers, 'get'> {
    return this
  }

  get(name: string): string | null {
    const value = this.#incoming.headers[name]
    return typeof value === 'string' ? value : (value?.join(', ') ?? null)
  }

  get isGone(): boolean {
    return this.connection.socket.destroyed
  }

  get remoteAddress(): string {
    return this.connection.socket.remoteAddress ?? ''
  }
}

export type Handler = (request: Request, arrival: Arrival) => Promise<Response>

const JSON_TYPE = { 'content-type': 'application/json' }
/** What remains of a body that nobody reads is read and thrown away up to this; above it the connection ends. */
const UNREAD_BYTES_MAX = 65_536
/** Of a connection that sends on after its last answer. */
const IGNORED_MAX = 1_000

export class Requests {
  /** Calls of the handler that have not returned. */
  underWay = 0
  readonly #handler: Handler
  readonly #settings: ListenSettings
  readonly #connections: Connections
  readonly #onIdle: () => void
  readonly #listener: (incoming: IncomingMessage, outgoing: ServerResponse) => void
  /** Asked for 100-continue, and nobody has read their body yet. */
  readonly #expecting = new WeakSet<IncomingMessage>()

  constructor(handler: Handler, settings: ListenSettings, connections: Connections, onIdle: () => void) {
    this.#handler = handler
    this.#settings = settings
    this.#connections = connections
    this.#onIdle = onIdle
    this.#listener = requestListener({
      exchange: (request, incoming, outgoing) => this.#exchange(request, incoming, outgoing),
      unreadable: (incoming, outgoing) => this.#refuse(incoming, outgoing, UNREADABLE_TARGET),
    })
  }

  take(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const connection = this.#connections.of(incoming.socket)
    if (connection === undefined) return
    if (connection.ended) {
      if (++connection.ignored > IGNORED_MAX) connection.socket.destroy()
      return
    }
    connection.newest = { incoming, outgoing }
    const refusal =
      refusalOf(incoming, this.#settings.headersMax) ??
      (connection.unanswered >= this.#settings.pipelinedMax ? TOO_MANY_PIPELINED : undefined)
    if (refusal !== undefined) return this.#refuse(incoming, outgoing, refusal)
    this.#listener(incoming, outgoing)
  }

  /** The client is told to go on when the handler begins to read, so a handler can refuse a body unsent. */
  takeExpecting(incoming: IncomingMessage, outgoing: ServerResponse): void {
    this.#expecting.add(incoming)
    const read = incoming._read.bind(incoming)
    incoming._read = (bytes) => {
      incoming._read = read
      if (!outgoing.headersSent) {
        this.#expecting.delete(incoming)
        outgoing.writeContinue()
      }
      read(bytes)
    }
    this.take(incoming, outgoing)
  }

  refuseExpectation(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const connection = this.#connections.of(incoming.socket)
    if (connection === undefined || connection.ended) return
    connection.newest = { incoming, outgoing }
    this.#refuse(incoming, outgoing, UNKNOWN_EXPECTATION)
  }

  refuseTunnel(socket: Socket): void {
    this.#settings.refused('malformed')
    // Node has taken its own listeners away.
    socket.on('error', () => undefined)
    const connection = this.#connections.of(socket)
    if (connection === undefined || connection.unanswered > 0) {
      socket.destroy()
      return
    }
    socket.write(rawAnswer(NO_TUNNEL))
    this.#connections.endSlowly(connection)
    socket.resume()
  }

  /** What came is no HTTP, or came too slowly, or the connection broke. */
  failed(error: NodeJS.ErrnoException & { readonly rawPacket?: Uint8Array }, socket: Socket): void {
    const connection = this.#connections.of(socket)
    if (connection === undefined) {
      this.#settings.refused('tls')
      socket.destroy()
      return
    }
    if (connection.ended) return
    const refusal = refusalOfError(error.code)
    if (refusal === undefined || !socket.writable) {
      if (error.code !== 'HPE_CLOSED_CONNECTION') socket.destroy()
      return
    }
    this.#settings.refused(reasonOf(refusal, error.rawPacket))
    const { newest } = connection
    connection.ended = true
    if (newest !== undefined && !newest.incoming.complete && !newest.outgoing.headersSent) {
      // Node forgets a request with its answer; its reader would wait for the rest for ever.
      socket.once('close', () => newest.incoming.destroy())
      this.#write(newest.outgoing, connection, refusal)
      return
    }
    const end = (): void => {
      // A client that has only opened the connection gets no answer to what it has not asked.
      if (socket.bytesRead > 0) socket.write(rawAnswer(refusal))
      this.#connections.endSlowly(connection)
    }
    if (newest === undefined || newest.outgoing.writableFinished) end()
    else newest.outgoing.once('finish', end)
  }

  async #exchange(request: Request, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const connection = this.#connections.of(incoming.socket)
    if (connection === undefined) return
    connection.unanswered++
    this.underWay++
    try {
      const response = await this.#responseTo(request, outgoing, new SocketArrival(connection, incoming))
      // The rest of a chunked body that nobody reads is mostly here already, and then the connection can go on.
      if (!incoming.complete && incoming.headers['transfer-encoding'] !== undefined) await nextTurn()
      if (isOver(outgoing)) return
      this.#decideEnd(connection, incoming, outgoing, response)
      await writeAnswer(response, outgoing)
    } catch (error) {
      this.#settings.failed(error)
      if (outgoing.headersSent) outgoing.destroy()
      else writeParts(FAILED, outgoing)
    } finally {
      connection.unanswered--
      if (--this.underWay === 0) this.#onIdle()
    }
  }

  async #responseTo(request: Request, outgoing: ServerResponse, arrival: Arrival): Promise<Response> {
    try {
      const response: unknown = await this.#handler(request, arrival)
      if (response instanceof Response) return response
      throw new TypeError('the handler did not give a Response')
    } catch (error) {
      if (!isOver(outgoing)) this.#settings.failed(error)
      return answer(FAILED.status, FAILED.headers, FAILED.body)
    }
  }

  #decideEnd(connection: Connection, incoming: IncomingMessage, outgoing: ServerResponse, response: Response): void {
    const unread = !incoming.complete && this.#isTooMuch(incoming)
    const ends = unread || this.#connections.stopping || wantsClose(response) || incoming.headers.upgrade !== undefined
    if (!ends || !connection.isNewest(outgoing)) return
    connection.ended = true
    outgoing.shouldKeepAlive = false
    if (unread) this.#endsSlowly(connection)
  }

  #isTooMuch(incoming: IncomingMessage): boolean {
    const length = Number(incoming.headers['content-length'])
    return this.#expecting.has(incoming) || !(length <= UNREAD_BYTES_MAX)
  }

  #refuse(incoming: IncomingMessage, outgoing: ServerResponse, refusal: Refusal): void {
    const connection = this.#connections.of(incoming.socket)
    if (connection === undefined) return
    this.#settings.refused('malformed')
    connection.ended = true
    this.#write(outgoing, connection, refusal)
  }

  #write(outgoing: ServerResponse, connection: Connection, refusal: Refusal): void {
    outgoing.shouldKeepAlive = false
    this.#endsSlowly(connection)
    writeParts({ status: refusal.status, headers: JSON_TYPE, body: bodyOf(refusal) }, outgoing)
  }

  /** Node closes a socket with `destroySoon` after its last answer, whatever the client is still sending. */
  #endsSlowly(connection: Connection): void {
    connection.socket.destroySoon = () => this.#connections.endSlowly(connection)
  }
}

const FAILED = { status: 500, headers: JSON_TYPE, body: '{"meta":{"error":"internal error"}}' } as const

/** Refused in the meantime, for its body is malformed or late; or the client has gone. */
function isOver(outgoing: ServerResponse): boolean {
  return outgoing.headersSent || outgoing.destroyed
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}

/** The first byte of a TLS handshake. */
const TLS_HANDSHAKE = 22

function reasonOf(refusal: Refusal, rawPacket: Uint8Array | undefined): 'too-slow' | 'malformed' | 'tls' {
  if (refusal.status === 408) return 'too-slow'
  return rawPacket?.[0] === TLS_HANDSHAKE ? 'tls' : 'malformed'
}
