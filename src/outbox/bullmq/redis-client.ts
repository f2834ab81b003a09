/** Connections to Redis. The one file that imports ioredis; only when a connection has to be made from a URL or options. */
import type { Redis, RedisOptions } from 'ioredis'

import { OptionsError } from '../../errors.ts'

export type RedisOptionsLike = RedisOptions

/** What is asked of an instance: ioredis' `Redis` and `Cluster` have it, of whichever installed copy. */
export interface RedisInstanceLike {
  readonly status: string
  readonly options: object
  duplicate(...args: never[]): unknown
}

/**
 * Where Redis is: a URL (`redis://`, `rediss://`), the options of ioredis (also for Sentinel), or an ioredis `Redis` or
 * `Cluster`, whose options are copied; the instance itself is neither used nor closed.
 */
export type RedisConnection = string | RedisOptionsLike | RedisInstanceLike

/** What is used of ioredis' `Redis` and `Cluster`. */
export interface RedisClient {
  readonly status: string
  readonly isCluster: boolean
  call(command: string, args: readonly (string | number | Buffer)[]): Promise<unknown>
  subscribe(channel: string): Promise<unknown>
  unsubscribe(channel: string): Promise<unknown>
  connect(): Promise<void>
  disconnect(reconnect?: boolean): void
  /** Of a cluster. */
  nodes?(role: 'master'): readonly RedisClient[]
  on(event: string, listener: (...args: never[]) => void): unknown
  off(event: string, listener: (...args: never[]) => void): unknown
}

/** Each master of a cluster, or the one server. */
export function mastersOf(client: RedisClient): readonly RedisClient[] {
  return client.nodes?.('master') ?? [client]
}

/** `fail-fast`: a command is tried once, now, or rejected. `patient`: commands wait until the connection comes back. */
export type ClientKind = 'fail-fast' | 'patient'

const RECONNECT_MS_MIN = 50
const RECONNECT_MS_MAX = 2_000
const CONNECT_MS_MAX = 5_000
const KEEPALIVE_MS = 10_000
/** Silence after a command was sent, beyond which the connection is taken for dead. */
const SILENCE_MS_MAX = 5_000
/** BullMQ's workers wait for a job for 10 seconds before they ask again. */
const SILENCE_PATIENT_MS_MAX = 30_000
const REDIRECTIONS_MAX = 4
const REDIRECTIONS_PATIENT_MAX = 16
const RETRY_PATIENT_MS = 100
/** A server that does not take its leave is left. */
const DISCONNECT_MS_MAX = 500

/**
 * A connection of its own, not yet opened: `connect()` opens it, and it comes back by itself until `disconnect()`.
 * @throws OptionsError when `connection` is not one of its kinds, or has a `keyPrefix`
 */
export async function makeClient(
  connection: RedisConnection,
  kind: ClientKind,
  over: { readonly lazyConnect?: boolean } = {},
): Promise<RedisClient> {
  const template = await templateOf(connection)
  if ('keyPrefix' in template.options && Boolean(template.options.keyPrefix)) {
    throw new OptionsError('connection', 'must have no keyPrefix: use the outbox option `prefix`')
  }
  const own: OwnOptions = { ...kinds[kind], ...over }
  const client = (
    isCluster(template)
      ? (template.duplicate as (nodes: readonly never[], options: object) => unknown)([], clusterOptions(own))
      : (template.duplicate as (options: object) => unknown)({ ...own, retryStrategy: backoffMs })
  ) as RedisClient
  // Whoever uses it learns of failures from its commands and its status; without a listener ioredis prints them.
  client.on('error', () => {})
  return client
}

const common = {
  reconnectOnError: null,
  connectTimeout: CONNECT_MS_MAX,
  disconnectTimeout: DISCONNECT_MS_MAX,
  keepAlive: KEEPALIVE_MS,
  noDelay: true,
  enableReadyCheck: true,
  enableAutoPipelining: false,
  stringNumbers: false,
  replyMapping: 'legacy',
  monitor: false,
  // Ours also counts redirections, and looks once more before it gives up.
  commandTimeout: undefined,
}

const kinds = {
  'fail-fast': {
    ...common,
    lazyConnect: true,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    socketTimeout: SILENCE_MS_MAX,
  },
  // Without resending, ioredis would leave what was under way without any answer when it reconnects.
  patient: {
    ...common,
    lazyConnect: true,
    enableOfflineQueue: true,
    maxRetriesPerRequest: null,
    autoResendUnfulfilledCommands: true,
    autoResubscribe: true,
    socketTimeout: SILENCE_PATIENT_MS_MAX,
  },
}

type OwnOptions = (typeof kinds)[ClientKind]

function clusterOptions({ lazyConnect, enableOfflineQueue, ...node }: OwnOptions): object {
  return {
    lazyConnect,
    enableOfflineQueue,
    enableReadyCheck: true,
    enableAutoPipelining: false,
    scaleReads: 'master',
    clusterRetryStrategy: backoffMs,
    maxRedirections: enableOfflineQueue ? REDIRECTIONS_PATIENT_MAX : REDIRECTIONS_MAX,
    retryDelayOnFailover: enableOfflineQueue ? RETRY_PATIENT_MS : 0,
    retryDelayOnClusterDown: enableOfflineQueue ? RETRY_PATIENT_MS : 0,
    // A look at the slots that is under way at the end would plan the next one, for ever; a moved slot is told anyway.
    slotsRefreshInterval: undefined,
    redisOptions: node,
  }
}

function backoffMs(times: number): number {
  return Math.min(RECONNECT_MS_MIN * 2 ** Math.min(times, 10), RECONNECT_MS_MAX)
}

async function templateOf(connection: RedisConnection): Promise<RedisInstanceLike> {
  if (isInstance(connection)) return connection
  const checked = typeof connection === 'string' ? checkedUrl(connection) : checkedOptions(connection)
  const Redis = await importRedis()
  // Never opened: only its options are wanted, as ioredis understands them.
  const unopened = { lazyConnect: true }
  const template = typeof checked === 'string' ? new Redis(checked, unopened) : new Redis({ ...checked, ...unopened })
  template.on('error', () => {})
  template.disconnect()
  return template
}

async function importRedis(): Promise<RedisConstructor> {
  try {
    return (await import('ioredis')).Redis
  } catch {
    // Not as if Redis were away: time does not mend it, and nothing should spill for it.
    throw new OptionsError('connection', 'needs the package ioredis, 5 or later: npm install ioredis')
  }
}

/** Its own type has an overload for each way to give a port and a host. */
type RedisConstructor = new (from: string | object, options?: object) => Redis

function isInstance(connection: unknown): connection is RedisInstanceLike {
  return (
    typeof connection === 'object' &&
    connection !== null &&
    typeof Reflect.get(connection, 'duplicate') === 'function' &&
    typeof Reflect.get(connection, 'defineCommand') === 'function'
  )
}

function isCluster(instance: RedisInstanceLike): boolean {
  return Reflect.get(instance, 'isCluster') === true
}

function checkedUrl(url: string): string {
  if (!/^rediss?:\/\//.test(url) || !URL.canParse(url)) {
    throw new OptionsError(
      'connection',
      'must be a URL that begins with redis:// or rediss://, or options, or an ioredis instance',
    )
  }
  return url
}

function checkedOptions(options: unknown): RedisOptionsLike {
  const isPlain =
    typeof options === 'object' && options !== null && !Array.isArray(options) && !('duplicate' in options)
  if (!isPlain) {
    throw new OptionsError(
      'connection',
      'must be a redis:// URL, options of ioredis, or an ioredis Redis or Cluster instance',
    )
  }
  return options
}
