/**
 * The open connections of a listener, and how they end.
 *
 * While the listener serves, one sweep a second finds clients that take nothing of their answers. Once it stops, no
 * connection is ended under a request that is on its way: a connection says `connection: close` on its newest answer,
 * and one without a request is ended only after it has been silent for `lingerMs`. It is ended one half at a time:
 * what the client has sent in the same moment is still read, for a socket that is closed with bytes unread resets the
 * connection, and with it the answer that the client may not have read yet.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

import type { CancelTimer } from '../runtime/clock.ts'
import type { ListenSettings } from './options.ts'

export class Connection {
  readonly socket: Socket
  /** Requests that the handler has and has not answered. */
  unanswered = 0
  newest: { readonly incoming: IncomingMessage; readonly outgoing: ServerResponse } | undefined
  /** The last answer was given or the end was sent: no request that arrives from now on is looked at. */
  ended = false
  /** Requests that were not looked at. */
  ignored = 0
  /** As they were when the last sweep saw a change, and when that was. */
  bytesRead = 0
  bytesTaken = 0
  changedMs = 0

  constructor(socket: Socket) {
    this.socket = socket
  }

  isNewest(outgoing: ServerResponse): boolean {
    return this.newest?.outgoing === outgoing
  }

  /** Nothing is asked and nothing has still to be written. */
  get isIdle(): boolean {
    return this.unanswered === 0 && this.socket.writableLength === 0
  }
}

const SWEEP_MS_MAX = 1_000

export class Connections {
  readonly #bySocket = new Map<Socket, Connection>()
  readonly #settings: ListenSettings
  readonly #onEmpty: () => void
  #stopping = false
  #cancelSweep: CancelTimer | undefined

  constructor(settings: ListenSettings, onEmpty: () => void) {
    this.#settings = settings
    this.#onEmpty = onEmpty
  }

  get size(): number {
    return this.#bySocket.size
  }

  get stopping(): boolean {
    return this.#stopping
  }

  of(socket: Socket): Connection | undefined {
    return this.#bySocket.get(socket)
  }

  add(socket: Socket): void {
    const connection = new Connection(socket)
    connection.changedMs = this.#settings.runtime.clock.monotonicMs()
    this.#bySocket.set(socket, connection)
    socket.once('close', () => {
      this.#bySocket.delete(socket)
      if (this.#bySocket.size > 0) return
      this.#cancelSweep?.()
      this.#cancelSweep = undefined
      this.#onEmpty()
    })
    if (this.#cancelSweep === undefined) this.#sweepLater()
  }

  /** From now on idle connections are ended. */
  stop(): void {
    this.#stopping = true
    const nowMs = this.#settings.runtime.clock.monotonicMs()
    for (const connection of this.#bySocket.values()) {
      connection.bytesRead = connection.socket.bytesRead
      connection.changedMs = nowMs
    }
    this.#cancelSweep?.()
    if (this.#bySocket.size > 0) this.#sweepLater()
  }

  /** Ends what is left at once. @returns how many connections had a request or a part of an answer on them */
  destroyAll(): number {
    let reset = 0
    for (const connection of this.#bySocket.values()) {
      if (!connection.isIdle) reset++
      connection.socket.destroy()
    }
    return reset
  }

  /** Ends the writing half at once and the other one when the client does, or soon. For a client that may still send. */
  endSlowly(connection: Connection): void {
    const { socket } = connection
    connection.ended = true
    socket.end()
    const cancel = this.#settings.runtime.clock.timer(this.#settings.lingerMs, () => socket.destroy())
    socket.once('close', cancel)
  }

  #sweepLater(): void {
    const waitMs = this.#stopping ? this.#settings.lingerMs : this.#settings.answerTimeoutMs
    const cancel = this.#settings.runtime.clock.timer(Math.min(Math.ceil(waitMs / 4), SWEEP_MS_MAX), () => {
      // After what has arrived in the meantime was read: a loop that was busy must not take it for silence.
      setImmediate(() => {
        if (this.#cancelSweep !== cancel) return
        this.#sweep()
        this.#sweepLater()
      })
    })
    this.#cancelSweep = cancel
  }

  #sweep(): void {
    const nowMs = this.#settings.runtime.clock.monotonicMs()
    for (const connection of this.#bySocket.values()) {
      const { socket } = connection
      // An idle connection holds no request: measured, that is a fifth of what it holds.
      if (connection.newest?.outgoing.writableFinished === true) connection.newest = undefined
      if (socket.writableLength > 0) this.#endIfStuck(connection, nowMs)
      else if (this.#stopping && !connection.ended && connection.unanswered === 0) this.#endIfSilent(connection, nowMs)
      else connection.changedMs = nowMs
    }
  }

  #endIfStuck(connection: Connection, nowMs: number): void {
    const { socket } = connection
    const taken = socket.bytesWritten - socket.writableLength
    if (taken !== connection.bytesTaken) {
      connection.bytesTaken = taken
      connection.changedMs = nowMs
    } else if (nowMs - connection.changedMs >= this.#settings.answerTimeoutMs) {
      this.#settings.refused('too-slow')
      socket.destroy()
    }
  }

  #endIfSilent(connection: Connection, nowMs: number): void {
    const { bytesRead } = connection.socket
    if (bytesRead !== connection.bytesRead) {
      connection.bytesRead = bytesRead
      connection.changedMs = nowMs
    } else if (nowMs - connection.changedMs >= this.#settings.lingerMs) {
      this.endSlowly(connection)
    }
  }
}
