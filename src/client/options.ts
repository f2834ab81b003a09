/** The options of the client: one interface, one frozen set of defaults, checked and resolved once. */
import type { DirectOptions } from '../delivery/direct-call.ts'
import type { EngineOptions } from '../delivery/options.ts'
import type { Target } from '../delivery/sender.ts'
import { OptionsError } from '../errors.ts'
import type { Tracing } from '../observe/tracing.ts'
import type { OpenOutbox } from '../outbox/outbox.ts'
import { CALL_TYPES, type CallType } from '../protocol/call.ts'
import { BATCH_BYTES_MAX } from '../protocol/limits.ts'
import { regionOfRoot } from '../protocol/region-answer.ts'
import { type Region, trackHost } from '../protocol/regions.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { systemRuntime } from '../runtime/system.ts'
import type { QuestionSettings } from './region-question.ts'
import { resolveTimeouts, type TimeoutOptions, type Timeouts } from './timeouts.ts'

export interface ClientOptions {
  /** Site ID of the workspace. Taken from the `TrackClient` when one is given. */
  readonly siteId?: string | undefined
  /** Track API key of the workspace. Taken from the `TrackClient` when one is given. */
  readonly apiKey?: string | undefined
  /** Where the workspace lives. @defaultValue 'us' */
  readonly region?: Region
  /** Another root than the region's: a relay, a simulator, a proxy. With or without `/api/v1` at its end. */
  readonly baseUrl?: string
  /** Headers beside the protocol's own. */
  readonly headers?: Readonly<Record<string, string>>
  /** Where operations are stored. @defaultValue `sqliteOutbox()` in the folder `holdfast-data` */
  readonly outbox?: OpenOutbox
  /**
   * `outbox`: a call resolves once it is stored, and is delivered from there. `direct`: it is tried at once and stored
   * only when it cannot be delivered now; `batch()`, calls with an `idempotencyKey` (or a key from
   * their content, see `dedupe`) and `bulk` ones are stored as ever.
   * @defaultValue 'outbox'
   */
  readonly mode?: 'outbox' | 'direct'
  /** In mode `direct`: `false` throws a `RequestError` where a call would be stored. @defaultValue true */
  readonly fallbackEnabled?: boolean
  /** In mode `direct`: how a call is tried before it is stored. */
  readonly direct?: {
    /** Attempts that may fail; an answer 429 makes everybody wait and is none. @defaultValue 4 */
    readonly attempts?: number
    /** First wait after a failed attempt, in milliseconds; doubles with each, with full jitter. @defaultValue 250 */
    readonly baseMs?: number
    /** No such wait is longer. @defaultValue 10000 */
    readonly capMs?: number
  }
  /** What to do with a call that Customer.io's documented limits rule out. @defaultValue 'reject' */
  readonly lint?: 'reject' | 'warn' | 'off'
  /**
   * What a customer id is in this workspace. `auto`: one whose shape leaves no doubt shares batches, the others go out
   * one by one on the v1 API, which decides by itself. `id` or `email` settles it, and everything shares batches.
   * @defaultValue 'auto'
   */
  readonly personIdentifier?: 'auto' | 'id' | 'email'
  /** Requests under way at the same time. @defaultValue 8 */
  readonly concurrency?: number
  readonly rateLimit?: {
    /** Ceiling of requests per second; the client goes below it by itself when Customer.io answers 429. @defaultValue 100 */
    readonly perSecond?: number
  }
  readonly batch?: {
    /** @defaultValue 100 */
    readonly operationsMax?: number
    /** @defaultValue 475000 */
    readonly bytesMax?: number
  }
  /** How long an attempt, a call, a probe and `close()` may take. */
  readonly timeouts?: TimeoutOptions
  readonly health?: {
    /** `health({ probe: 'active' })` asks Customer.io at most once in this time, in milliseconds. @defaultValue 30000 */
    readonly intervalMs?: number
  }
  readonly retry?: {
    /** First wait of a failed operation; doubles with each attempt, with full jitter. @defaultValue 1000 */
    readonly baseMs?: number
    /** @defaultValue 60000 */
    readonly capMs?: number
  }
  /** Operations older than this become dead letters `expired` instead of being sent; for all, or by type of call. @defaultValue none */
  readonly maxAgeMs?: number | Partial<Readonly<Record<CallType, number>>>
  /** Events that are too old to trigger a campaign (72 hours): send them all the same, or make them dead letters. @defaultValue 'deliver' */
  readonly afterCampaignWindow?: 'deliver' | 'dead-letter'
  /**
   * What makes two calls one. `key`: the same `idempotencyKey`, nothing else. `content`: events, forms and metrics
   * without a key of their own are given one that is made from their content: person, type of call, name and data.
   * So two equal events in the outbox's window of an hour are one; and as both go out under the same id, Customer.io
   * may take them for one even later. Where a person can do the same thing twice, give the event something that tells
   * the two apart: an order number in its data, a `timestamp`, or an `idempotencyKey`, which wins. Calls that set a
   * state (identify, devices, segments ...) are never left out: a second one may be the way back from another state.
   * @defaultValue 'key'
   */
  readonly dedupe?: 'key' | 'content'
  /** Traces calls and their deliveries, as `instrument()` of `holdfast/opentelemetry` gives it. @defaultValue none */
  readonly tracing?: Tracing
  /** Time, chance, ids and network. For tests. @defaultValue the real ones */
  readonly runtime?: Runtime
}

const clientDefaults = Object.freeze({
  mode: 'outbox',
  lint: 'reject',
  personIdentifier: 'auto',
  concurrency: 8,
  requestsPerSecond: 100,
  batchOperationsMax: 100,
  healthIntervalMs: 30_000,
  retryBaseMs: 1_000,
  retryCapMs: 60_000,
  directAttempts: 4,
  directBaseMs: 250,
  directCapMs: 10_000,
  afterCampaignWindow: 'deliver',
} as const)

const OPTION_NAMES: Readonly<Record<keyof ClientOptions, true>> = {
  siteId: true,
  apiKey: true,
  region: true,
  baseUrl: true,
  headers: true,
  outbox: true,
  mode: true,
  fallbackEnabled: true,
  direct: true,
  lint: true,
  personIdentifier: true,
  concurrency: true,
  rateLimit: true,
  batch: true,
  timeouts: true,
  health: true,
  retry: true,
  maxAgeMs: true,
  afterCampaignWindow: true,
  dedupe: true,
  tracing: true,
  runtime: true,
}

const DIRECT_NAMES = { attempts: true, baseMs: true, capMs: true } as const

/** Everything decided. */
export interface ClientSettings {
  readonly target: Target
  readonly engine: EngineOptions
  /** Only in mode `direct`. */
  readonly direct: DirectOptions | undefined
  readonly concurrency: number
  readonly requestsPerSecond: number
  readonly timeouts: Timeouts
  readonly health: QuestionSettings
  readonly lint: 'reject' | 'warn' | 'off'
  readonly dedupe: 'key' | 'content'
  readonly maxAgeMs: (type: CallType) => number | undefined
  readonly tracing: Tracing | undefined
  readonly runtime: Runtime
}

export function resolveOptions(options: ClientOptions): ClientSettings {
  known(options, OPTION_NAMES, '')
  const { rateLimit = {} } = options
  const timeouts = resolveTimeouts(options.timeouts)
  const engine = engineOf(options, timeouts)
  return {
    target: targetOf(options),
    engine,
    direct: directOf(options, engine, timeouts),
    concurrency: whole('concurrency', options.concurrency, clientDefaults.concurrency, 1_000),
    requestsPerSecond: positive('rateLimit.perSecond', rateLimit.perSecond, clientDefaults.requestsPerSecond),
    timeouts,
    health: {
      intervalMs: healthIntervalOf(options.health),
      timeoutMs: timeouts.probeMs,
      region: expectedRegionOf(options),
    },
    lint: oneOf('lint', options.lint, ['reject', 'warn', 'off'], clientDefaults.lint),
    dedupe: oneOf('dedupe', options.dedupe, ['key', 'content'], 'key'),
    maxAgeMs: maxAgeOf(options.maxAgeMs),
    tracing: tracingOf(options.tracing),
    runtime: options.runtime ?? systemRuntime,
  }
}

function engineOf(options: ClientOptions, timeouts: Timeouts): EngineOptions {
  const { batch = {}, retry = {} } = options
  return {
    batch: {
      operationsMax: whole('batch.operationsMax', batch.operationsMax, clientDefaults.batchOperationsMax, 1_000),
      bytesMax: whole('batch.bytesMax', batch.bytesMax, BATCH_BYTES_MAX, BATCH_BYTES_MAX),
    },
    mapping: {
      personIdentifier: oneOf('personIdentifier', options.personIdentifier, ['auto', 'id', 'email'], 'auto'),
    },
    verdict: {
      retryBaseMs: positive('retry.baseMs', retry.baseMs, clientDefaults.retryBaseMs),
      retryCapMs: positive('retry.capMs', retry.capMs, clientDefaults.retryCapMs),
      afterCampaignWindow: oneOf(
        'afterCampaignWindow',
        options.afterCampaignWindow,
        ['deliver', 'dead-letter'],
        clientDefaults.afterCampaignWindow,
      ),
    },
    callTimeoutMs: timeouts.callMs,
    batchTimeoutMs: timeouts.batchMs,
    leaseMs: timeouts.leaseMs,
  }
}

function directOf(options: ClientOptions, engine: EngineOptions, timeouts: Timeouts): DirectOptions | undefined {
  const { direct = {}, fallbackEnabled = true } = options
  if (typeof direct !== 'object' || direct === null) throw new OptionsError('direct', 'must be an object')
  known(direct, DIRECT_NAMES, 'direct.')
  if (typeof fallbackEnabled !== 'boolean') throw new OptionsError('fallbackEnabled', 'must be true or false')
  const resolved = {
    attemptsMax: whole('direct.attempts', direct.attempts, clientDefaults.directAttempts, 100),
    backoff: {
      baseMs: positive('direct.baseMs', direct.baseMs, clientDefaults.directBaseMs),
      capMs: positive('direct.capMs', direct.capMs, clientDefaults.directCapMs),
      jitter: 'full',
    },
    callTimeoutMs: engine.callTimeoutMs,
    deadlineMs: timeouts.deadlineMs,
    fallbackEnabled,
    afterCampaignWindow: engine.verdict.afterCampaignWindow,
  } as const
  if (oneOf('mode', options.mode, ['outbox', 'direct'], clientDefaults.mode) === 'direct') return resolved
  if (!fallbackEnabled) throw new OptionsError('fallbackEnabled', "can be false in mode 'direct' only")
  return undefined
}

/** Where requests go, and as whom. */
export function targetOf(options: Pick<ClientOptions, 'siteId' | 'apiKey' | 'region' | 'baseUrl' | 'headers'>): Target {
  return {
    root: rootOf(options),
    siteId: secret('siteId', options.siteId),
    apiKey: secret('apiKey', options.apiKey),
    headers: options.headers ?? {},
  }
}

/** Where the account is thought to live: by the host, else as was said; a proxy's host says nothing. */
export function expectedRegionOf(options: Pick<ClientOptions, 'region' | 'baseUrl'>): Region | null {
  return regionOfRoot(rootOf(options)) ?? options.region ?? null
}

function healthIntervalOf(health: ClientOptions['health'] = {}): number {
  if (typeof health !== 'object' || health === null) throw new OptionsError('health', 'must be an object')
  known(health, { intervalMs: true }, 'health.')
  return positive('health.intervalMs', health.intervalMs, clientDefaults.healthIntervalMs)
}

/** The root of the host: `https://track.customer.io`, or the base URL without the `/api/v1` that SDKs have at its end. */
function rootOf(options: Pick<ClientOptions, 'region' | 'baseUrl'>): string {
  const region = oneOf('region', options.region, ['us', 'eu'], 'us')
  if (options.baseUrl === undefined) return trackHost(region)
  let url: URL
  try {
    url = new URL(options.baseUrl)
  } catch {
    throw new OptionsError('baseUrl', 'must be an absolute URL')
  }
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw new OptionsError('baseUrl', 'must be http or https')
  if (url.username !== '' || url.password !== '') throw new OptionsError('baseUrl', 'must not hold credentials')
  return `${url.origin}${url.pathname.replace(/(?:\/api\/v[12])?\/*$/, '')}`
}

/** A name that is not known is a slip of the pen: an option that is silently ignored is found out in the next outage. */
export function known(options: object, names: Readonly<Record<string, true>>, prefix: string): void {
  for (const name of Object.keys(options)) {
    if (!Object.hasOwn(names, name)) throw new OptionsError(prefix + name, 'is not known here')
  }
}

function secret(field: string, value: unknown): string {
  if (typeof value !== 'string' || value === '') throw new OptionsError(field, 'is required, a text that is not empty')
  return value
}

function positive(field: string, value: number | undefined, fallback: number): number {
  if (value === undefined) return fallback
  if (typeof value !== 'number' || !(value > 0)) throw new OptionsError(field, 'must be a number above 0')
  return value
}

function whole(field: string, value: number | undefined, fallback: number, max: number): number {
  const number = positive(field, value, fallback)
  if (!Number.isInteger(number) || number > max)
    throw new OptionsError(field, `must be a whole number from 1 to ${max}`)
  return number
}

function oneOf<const T extends string>(field: string, value: T | undefined, allowed: readonly T[], fallback: T): T {
  if (value === undefined) return fallback
  if (!allowed.includes(value)) throw new OptionsError(field, `must be one of ${allowed.join(', ')}`)
  return value
}

function tracingOf(tracing: Tracing | undefined): Tracing | undefined {
  if (tracing === undefined || typeof tracing?.begin === 'function') return tracing
  throw new OptionsError('tracing', 'must be the `tracing` of an instrumentation')
}

function maxAgeOf(option: ClientOptions['maxAgeMs']): ClientSettings['maxAgeMs'] {
  if (option === undefined) return () => undefined
  if (typeof option === 'number') {
    const maxAgeMs = positive('maxAgeMs', option, 0)
    return () => maxAgeMs
  }
  known(option, CALL_TYPES, 'maxAgeMs.')
  for (const [type, value] of Object.entries(option)) positive(`maxAgeMs.${type}`, value, 0)
  return (type) => option[type]
}
