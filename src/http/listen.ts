/** A fetch handler on a socket, for the relay, its admin API, health and metrics, and the simulator. */
import { type Server } from 'node:http'
import { Server as NetServer, type Socket } from 'node:net'
import { Server as TlsServer } from 'node:tls'

import { OptionsError } from '../errors.ts'
import { bind, urlOf } from './bind.ts'
import { Connections } from './connections.ts'
import { type ListenOptions, type ListenSettings, resolveListenOptions, type TlsOptions, tlsOf } from './options.ts'
import { type Handler, Requests } from './requests.ts'
import { contextOf, serverOf, wrongTls } from './server.ts'

export type { Arrival, Handler } from './requests.ts'
export type { ListenOptions, Refused, TlsOptions } from './options.ts'

export interface Listening {
  /** The root, without a slash at its end: `http://127.0.0.1:8484`. */
  readonly url: string
  readonly host: string
  readonly port: number
  /** Connections that are open now. */
  readonly connections: number
  /**
   * Uses another certificate for the connections that come from now on.
   * @throws OptionsError when it cannot be used (the one before stays), or when the listener speaks plain HTTP
   */
  readonly changeTls: (tls: TlsOptions) => void
  /**
   * Takes no new connection any more. Each open one is ended by its next answer, or once it has been silent for
   * `lingerMs`. Calling it again does nothing.
   */
  readonly stopAccepting: () => void
  /**
   * Stops accepting, and resolves once every request was answered and every connection has ended, or after `timeoutMs`:
   * then what is left is ended at once, and `reset` says how many of those connections had a request or a part of an
   * answer on them. A later call with less time shortens the wait of the first.
   */
  readonly close: (options?: { readonly timeoutMs?: number }) => Promise<{ readonly reset: number }>
  /** Closes without waiting. */
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

const CLOSE_TIMEOUT_MS = 10_000
/** The loop takes up one connection in a turn, and at a port that is never quiet it must end somewhere. */
const TURNS_MAX = 5_000

/**
 * Gives each request that arrives on a socket to `handler`, in the order in which a connection sent them, and sends back
 * what it resolves to. HTTP/1.0 and HTTP/1.1, plain or over TLS. What two servers could read differently is refused
 * with a 400 and never reaches the handler; a handler that rejects is a 500 that tells nothing.
 *
 * The length of a body is the handler's to bound: read `content-length` first, or `request.body` piece by piece. A
 * client that asked for `100-continue` is told to go on when the handler begins to read.
 *
 * Resolves once the port is open.
 *
 * ```ts
 * const listening = await listen(async () => answer(200, { 'content-type': 'application/json' }, '{}'), { port: 8484 })
 * process.once('SIGTERM', () => void listening.close({ timeoutMs: 25_000 }))
 * ```
 * @throws OptionsError when an option is wrong, among them an address that other machines reach without `allowRemote`
 * @throws ListenError when the port is taken or forbidden, or the address is none of this machine
 */
export async function listen(handler: Handler, options: ListenOptions): Promise<Listening> {
  const settings = resolveListenOptions(options)
  const listener = new Listener(handler, settings)
  const address = await bind(listener.server, settings)
  return {
    url: urlOf(address, settings.host, settings.tls === null ? 'http' : 'https'),
    host: settings.host,
    port: address.port,
    get connections() {
      return listener.connections.size
    },
    changeTls: (tls) => listener.changeTls(tls),
    stopAccepting: () => listener.stopAccepting(),
    close: ({ timeoutMs = CLOSE_TIMEOUT_MS } = {}) => listener.close(timeoutMs),
    [Symbol.asyncDispose]: async () => {
      await listener.close(0)
    },
  }
}

class Listener {
  readonly server: Server
  readonly connections: Connections
  /** Connections that were taken up at the port so far. */
  #taken = 0
  readonly #settings: ListenSettings
  readonly #requests: Requests
  /** The sockets below TLS, from before their handshake. */
  readonly #raw = new Set<Socket>()
  readonly #closed = Promise.withResolvers<{ readonly reset: number }>()
  #state: 'serving' | 'stopping' | 'stopped' | 'closed' = 'serving'
  #reset = 0

  constructor(handler: Handler, settings: ListenSettings) {
    this.#settings = settings
    const onQuiet = (): void => this.#closeIfQuiet()
    this.connections = new Connections(settings, onQuiet)
    this.#requests = new Requests(handler, settings, this.connections, onQuiet)
    this.server = madeServer(settings)
    this.#attend()
  }

  changeTls(tls: TlsOptions): void {
    const { server } = this
    if (!(server instanceof TlsServer)) throw new OptionsError('tls', 'this listener speaks plain HTTP')
    const changed = tlsOf(tls)!
    const before = this.#settings.tls?.requireClientCert === true
    if ((changed.requireClientCert === true) !== before) {
      throw new OptionsError('tls.requireClientCert', 'cannot be changed while the listener runs')
    }
    try {
      server.setSecureContext(contextOf(changed))
    } catch (error) {
      throw wrongTls(error)
    }
  }

  stopAccepting(): void {
    if (this.#state !== 'serving') return
    this.#state = 'stopping'
    this.#closePortWhenTaken(TURNS_MAX)
  }

  /**
   * What waits at the port would be reset by closing it, so it is closed after a turn of the loop that took up nothing.
   * The open connections go on as ever until then: a client that is told to close its own comes back with a new one.
   */
  #closePortWhenTaken(turnsLeft: number): void {
    const taken = this.#taken
    // The second one runs behind a whole turn, the first one maybe in the middle of this.
    setImmediate(() => {
      setImmediate(() => {
        if (this.#state !== 'stopping') return
        if (this.#taken !== taken && turnsLeft > 0) return this.#closePortWhenTaken(turnsLeft - 1)
        // Of the plain server: that of HTTP ends idle connections at once, whatever is on its way to them.
        NetServer.prototype.close.call(this.server, () => undefined)
        this.#state = 'stopped'
        this.connections.stop()
        this.#closeIfQuiet()
      })
    })
  }

  close(timeoutMs: number): Promise<{ readonly reset: number }> {
    this.stopAccepting()
    if (timeoutMs <= 0) this.#destroy()
    const cancel = this.#settings.runtime.clock.timer(timeoutMs, () => this.#destroy(), 'held')
    return this.#closed.promise.finally(cancel)
  }

  #attend(): void {
    const { server } = this
    const requests = this.#requests
    const settings = this.#settings
    server.on('connection', () => this.#taken++)
    const open = (socket: Socket): void => {
      if (settings.resets()) socket.resetAndDestroy()
      else this.connections.add(socket)
    }
    if (settings.tls === null) server.on('connection', open)
    else {
      server.on('connection', (socket: Socket) => {
        this.#raw.add(socket)
        socket.once('close', () => {
          this.#raw.delete(socket)
          this.#closeIfQuiet()
        })
      })
      server.on('secureConnection', open)
    }
    server.on('request', (incoming, outgoing) => requests.take(incoming, outgoing))
    server.on('checkContinue', (incoming, outgoing) => requests.takeExpecting(incoming, outgoing))
    server.on('checkExpectation', (incoming, outgoing) => requests.refuseExpectation(incoming, outgoing))
    server.on('connect', (_incoming, socket) => requests.refuseTunnel(socket as Socket))
    server.on('clientError', (error, socket) => requests.failed(error, socket as Socket))
    server.on('drop', () => settings.refused('too-many'))
  }

  #closeIfQuiet(): void {
    if (this.#state !== 'stopped' || this.connections.size > 0 || this.#requests.underWay > 0) return
    // One below TLS is in the middle of its handshake, or about to end.
    if (this.#raw.size === 0) this.#finish()
  }

  #destroy(): void {
    this.#reset += this.connections.destroyAll()
    for (const socket of this.#raw) socket.destroy()
    this.#finish()
  }

  #finish(): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    // Ends also the checks of its timeouts.
    this.server.close(() => this.#closed.resolve({ reset: this.#reset }))
  }
}

function madeServer(settings: ListenSettings): Server {
  try {
    return serverOf(settings)
  } catch (error) {
    throw wrongTls(error)
  }
}
