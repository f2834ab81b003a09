/**
 * The connection over which the outbox reads and writes. A command is tried once, at once, and is answered within its
 * time whatever has become of the server: nothing waits for a connection to come back, for the caller has somewhere
 * else to go meanwhile. The connection comes back by itself.
 */
import { createHash } from 'node:crypto'

import { OutboxError } from '../../errors.ts'
import type { CancelTimer, Clock } from '../../runtime/clock.ts'
import { wholeNumber } from '../limits.ts'
import { openClient } from './open-client.ts'
import { mastersOf, type RedisClient, type RedisConnection } from './redis-client.ts'
import { answerCode, failureOf, unavailable } from './redis-failure.ts'
import { openSubscriber, type Subscriber } from './subscriber.ts'

export type { RedisConnection, RedisInstanceLike, RedisOptionsLike } from './redis-client.ts'

/** Lua. All keys of one call lie in one hash slot. */
export interface RedisScript {
  readonly name: string
  readonly source: string
}

export interface RedisLink {
  /** Whether a command would be tried now. */
  readonly available: boolean
  /**
   * Runs a script; loads it where the server does not know it. Resolves to its answer, text as strings. Rejects with
   * `OutboxError` `OUTBOX_UNAVAILABLE`: at once when there is no connection, and when Redis refuses (out of memory,
   * read-only, loading, ...), with `mayBeStored` false; with `mayBeStored` true when no answer came in time, when the
   * connection broke meanwhile, and when the script ended in an error of its own.
   */
  run(script: RedisScript, keys: readonly string[], args: readonly (string | number | Buffer)[]): Promise<unknown>
  /** One command; rejects as `run` does. */
  command(name: string, args: readonly (string | number)[]): Promise<unknown>
  /** The same on each master of a cluster, or on the one server. Rejects when one of them fails. */
  everywhere(name: string, args: readonly (string | number)[]): Promise<readonly unknown[]>
  /**
   * Hears the messages of a channel, on a connection of its own that comes back by itself; what is said while it is
   * away is not heard. Resolves once it hears; rejects with `OutboxError` when that takes too long.
   */
  subscribe(channel: string, heard: (message: string) => void): Promise<void>
  /** Tells each change of `available`, until the function that is returned is called. */
  watch(listener: (available: boolean) => void): () => void
  /** Waits for the commands under way, each of which has its bound, and ends the connections. */
  close(): Promise<void>
}

export interface LinkOptions {
  readonly connection: RedisConnection
  /** How long a command may take. */
  readonly commandTimeoutMs: number
  readonly clock: Clock
}

/** How often the server is asked for a sign of life, so that a call is not the first to find it gone. */
const PULSE_MS = 2_000
const PROBE_AGAIN_MS = 250
const PROBE_MS_MAX = 10_000
/** A connection that is made but not ready for so long is made anew: the server accepts and says nothing. */
const HANDSHAKE_MS_MAX = 10_000
/** How often a read-only server is left, in the hope of finding the new master behind the same name. */
const LEAVE_REPLICA_MS = 1_000

/**
 * Opens a link.
 * @returns once it is ready, after 5 seconds at most
 * @throws OutboxError `OUTBOX_UNAVAILABLE` when the first try fails or takes too long; nothing is left open then
 * @throws OptionsError for a connection that cannot be one
 * @example const link = await openLink({ connection: 'redis://localhost', commandTimeoutMs: 500, clock })
 */
export async function openLink(options: LinkOptions): Promise<RedisLink> {
  wholeNumber('commandTimeoutMs', options.commandTimeoutMs, 1)
  return new Link(options, await openClient(options.connection, 'fail-fast', options.clock))
}

class Link implements RedisLink {
  readonly #options: LinkOptions
  readonly #client: RedisClient
  readonly #clock: Clock
  readonly #shas = new Map<string, string>()
  readonly #listeners = new Set<(available: boolean) => void>()
  /** An answer did not come: nothing more is tried until there is a sign of life. */
  #silent = false
  #closing: Promise<void> | null = null
  #told = true
  #underWay = 0
  #idle: (() => void) | null = null
  #pulse: CancelTimer = () => {}
  #probeTimer: CancelTimer = () => {}
  #handshakeSinceMs: number | null = null
  #leftReplicaMs = -Infinity
  #subscriber: Promise<Subscriber> | null = null

  constructor(options: LinkOptions, client: RedisClient) {
    this.#options = options
    this.#client = client
    this.#clock = options.clock
    client.on('ready', () => {
      this.#silent = false
      this.#tell()
    })
    for (const event of ['close', 'reconnecting', 'end']) client.on(event, () => this.#tell())
    this.#armPulse()
  }

  get available(): boolean {
    return this.#isUp && this.#closing === null
  }

  get #isUp(): boolean {
    return this.#client.status === 'ready' && !this.#silent
  }

  run(script: RedisScript, keys: readonly string[], args: readonly (string | number | Buffer)[]): Promise<unknown> {
    const rest = [keys.length, ...keys, ...args]
    const probeKey = keys[0] ?? ''
    return this.#counted(async () => {
      try {
        return await this.#send(this.#client, 'evalsha', [this.#shaOf(script), ...rest], probeKey)
      } catch (error) {
        if (answerCode(error) !== 'NOSCRIPT') throw error
      }
      return this.#send(this.#client, 'eval', [script.source, ...rest], probeKey)
    })
  }

  command(name: string, args: readonly (string | number)[]): Promise<unknown> {
    return this.#counted(() => this.#send(this.#client, name, args, String(args[0] ?? '')))
  }

  everywhere(name: string, args: readonly (string | number)[]): Promise<readonly unknown[]> {
    const ask = (node: RedisClient): Promise<unknown> => this.#send(node, name, args, '')
    return this.#counted(() => Promise.all(mastersOf(this.#client).map(ask)))
  }

  async subscribe(channel: string, heard: (message: string) => void): Promise<void> {
    if (this.#closing !== null) throw closed()
    this.#subscriber ??= openSubscriber(this.#options.connection, this.#clock)
    const opening = this.#subscriber
    try {
      await (await opening).subscribe(channel, heard)
    } catch (error) {
      if (await failedToOpen(opening)) this.#subscriber = null
      throw error
    }
  }

  watch(listener: (available: boolean) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#pulse()
    this.#probeTimer()
    if (this.#underWay > 0) await new Promise<void>((resolve) => (this.#idle = resolve))
    await this.#subscriber?.then(
      (subscriber) => subscriber.close(),
      () => {},
    )
    this.#client.disconnect()
    this.#tell()
    this.#listeners.clear()
  }

  #shaOf(script: RedisScript): string {
    let sha = this.#shas.get(script.source)
    if (sha === undefined) {
      sha = createHash('sha1').update(script.source).digest('hex')
      this.#shas.set(script.source, sha)
    }
    return sha
  }

  /** What has begun before the link was closed is waited for. */
  async #counted<Answer>(call: () => Promise<Answer>): Promise<Answer> {
    if (this.#closing !== null) throw closed()
    this.#underWay++
    try {
      return await call()
    } catch (error) {
      throw this.#failed(error)
    } finally {
      if (--this.#underWay === 0) this.#idle?.()
    }
  }

  /** Rejects with what ioredis says, or with an `OutboxError`. */
  #send(
    to: Pick<RedisClient, 'call'>,
    name: string,
    args: readonly (string | number | Buffer)[],
    probeKey: string,
  ): Promise<unknown> {
    if (!this.#isUp) return Promise.reject(unavailable('Redis cannot be reached', false))
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    let isOpen = true
    const { commandTimeoutMs } = this.#options
    const expire = (): void => {
      if (!isOpen) return
      this.#fallSilent(probeKey)
      reject(unavailable(`Redis did not answer within ${commandTimeoutMs} ms`, true))
    }
    // A busy process comes to its timers before it has read what lies in its sockets.
    const cancel = this.#clock.timer(commandTimeoutMs, () => setImmediate(expire))
    const end = (): void => {
      isOpen = false
      cancel()
    }
    to.call(name, args).then(
      (answer) => {
        end()
        resolve(answer)
      },
      (error: unknown) => {
        end()
        reject(error)
      },
    )
    return promise
  }

  #failed(error: unknown): OutboxError {
    if (error instanceof OutboxError) return error
    if (answerCode(error) === 'READONLY') this.#leaveReplica()
    return failureOf(error, wasSent(error))
  }

  #leaveReplica(): void {
    const nowMs = this.#clock.monotonicMs()
    if (this.#client.isCluster || nowMs - this.#leftReplicaMs < LEAVE_REPLICA_MS) return
    this.#leftReplicaMs = nowMs
    this.#client.disconnect(true)
  }

  #fallSilent(probeKey: string): void {
    if (this.#silent) return
    this.#silent = true
    this.#tell()
    this.#probe(probeKey)
  }

  /** Asks until there is an answer, of the node of a cluster that had none. */
  #probe(key: string): void {
    if (this.#closing !== null || !this.#silent) return
    let isOpen = true
    const end = (answered: boolean): void => {
      if (!isOpen) return
      isOpen = false
      this.#probeTimer()
      if (answered) {
        this.#silent = false
        this.#tell()
      } else {
        this.#probeTimer = this.#clock.timer(PROBE_AGAIN_MS, () => this.#probe(key))
      }
    }
    this.#probeTimer = this.#clock.timer(PROBE_MS_MAX, () => {
      if (!this.#client.isCluster) this.#client.disconnect(true)
      end(false)
    })
    this.#client.call('exists', [key]).then(
      () => end(true),
      (error: unknown) => end(answerCode(error) !== null),
    )
  }

  #armPulse(): void {
    this.#pulse = this.#clock.timer(PULSE_MS, () => {
      this.#beat()
      this.#armPulse()
    })
  }

  #beat(): void {
    this.#watchHandshake()
    if (this.available && this.#underWay === 0) this.command('ping', []).catch(() => {})
  }

  #watchHandshake(): void {
    if (this.#client.isCluster || this.#client.status !== 'connect') {
      this.#handshakeSinceMs = null
      return
    }
    this.#handshakeSinceMs ??= this.#clock.monotonicMs()
    if (this.#clock.monotonicMs() - this.#handshakeSinceMs < HANDSHAKE_MS_MAX) return
    this.#handshakeSinceMs = null
    this.#client.disconnect(true)
  }

  #tell(): void {
    const now = this.available
    if (now === this.#told) return
    this.#told = now
    for (const listener of this.#listeners) listener(now)
  }
}

function closed(): OutboxError {
  return new OutboxError('OUTBOX_CLOSED', 'the connection to Redis was closed')
}

/** ioredis says so when it has not written the command, or was told by every node that it is another one's. */
function wasSent(error: unknown): boolean {
  const text = error instanceof Error ? error.message : ''
  return !/enableOfflineQueue options is false|^Too many Cluster redirections/.test(text)
}

async function failedToOpen(opening: Promise<unknown>): Promise<boolean> {
  return opening.then(
    () => false,
    () => true,
  )
}
