/** The simulator's options, their defaults, and the one place where they are checked. */
import { OptionsError } from '../errors.ts'
import type { Region } from '../protocol/regions.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Random } from '../runtime/runtime.ts'
import { systemRuntime } from '../runtime/system.ts'
import { checkLatency, type LatencyMs } from './latency.ts'

export interface RateLimit {
  /** Requests a second; as many may come at once. */
  readonly perSecond: number
  /** Whether the 429 says when to come back. @defaultValue true */
  readonly retryAfter?: boolean
}

/** What may be changed while it runs, with `change()`. */
export interface ChangeableOptions {
  /** The site id that is let in. @defaultValue any */
  readonly siteId?: string
  /** The API key that is let in. @defaultValue any */
  readonly apiKey?: string
  /** How long an answer takes; half of it passes before the work is done. @defaultValue 0 */
  readonly latencyMs?: LatencyMs
  /** Requests above it get 429. @defaultValue none */
  readonly rateLimit?: RateLimit | null
}

export interface SimulatorOptions extends ChangeableOptions {
  /** @defaultValue real time */
  readonly clock?: Clock
  /** Chance for faults with a share and for latency ranges. @defaultValue `Math.random` */
  readonly random?: Random
  /** Where the account lives. @defaultValue 'us' */
  readonly region?: Region
  /**
   * What an EU account gets on the US host: a 301 to its own host, or service (Customer.io's description says that it
   * redirects). A US account on the EU host gets 401 either way.
   * @defaultValue 'redirect'
   */
  readonly wrongRegion?: 'redirect' | 'serve'
  /** Whether documented limits are enforced. Without it only what cannot be read is refused. @defaultValue true */
  readonly strict?: boolean
  /** How the workspace reads a v1 name: by its shape, or always as an id (`cio_` names apart). @defaultValue 'auto' */
  readonly personIdentifier?: 'auto' | 'id'
  /** The body of a 401. Plain text was recorded in 2021; today's is not known. @defaultValue 'text' */
  readonly unauthorizedAs?: 'text' | 'json'
  /** What a batch or entity over its documented size gets; which of the two is not known. @defaultValue 400 */
  readonly oversizedStatus?: 400 | 413
  /** Whether a batch item over 32 kB fails alone (207) or fails the batch; which of the two is not known. @defaultValue 'item' */
  readonly oversizedItem?: 'item' | 'batch'
  /** A longer request body is not read to its end. @defaultValue 5,000,000 */
  readonly bodyBytesMax?: number
  /** Whether arrivals are written down. @defaultValue true */
  readonly ledger?: boolean
  /** Operations, and as many requests, that the ledger holds before it refuses more. @defaultValue 1,000,000 */
  readonly ledgerMax?: number
  /** Whether calls change a workspace. Without it every acceptable call counts as applied, repeats too. @defaultValue true */
  readonly state?: boolean
  /** People, objects, events, metrics and the like that the workspace takes in before it refuses more. @defaultValue 2,000,000 */
  readonly stateMax?: number
}

export interface ResolvedOptions extends Required<Omit<SimulatorOptions, 'siteId' | 'apiKey'>> {
  readonly siteId: string | undefined
  readonly apiKey: string | undefined
}

export const SIMULATOR_DEFAULTS: ResolvedOptions = Object.freeze({
  clock: systemRuntime.clock,
  random: systemRuntime.random,
  siteId: undefined,
  apiKey: undefined,
  latencyMs: 0,
  rateLimit: null,
  region: 'us',
  wrongRegion: 'redirect',
  strict: true,
  personIdentifier: 'auto',
  unauthorizedAs: 'text',
  oversizedStatus: 400,
  oversizedItem: 'item',
  bodyBytesMax: 5_000_000,
  ledger: true,
  ledgerMax: 1_000_000,
  state: true,
  stateMax: 2_000_000,
})

/** @throws OptionsError naming the field */
export function resolveOptions(options: SimulatorOptions, base: ResolvedOptions = SIMULATOR_DEFAULTS): ResolvedOptions {
  const resolved: ResolvedOptions = { ...base, ...given(options) }
  oneOf('region', resolved.region, ['us', 'eu'])
  oneOf('wrongRegion', resolved.wrongRegion, ['redirect', 'serve'])
  oneOf('personIdentifier', resolved.personIdentifier, ['auto', 'id'])
  oneOf('unauthorizedAs', resolved.unauthorizedAs, ['text', 'json'])
  oneOf('oversizedStatus', resolved.oversizedStatus, [400, 413])
  oneOf('oversizedItem', resolved.oversizedItem, ['item', 'batch'])
  for (const field of ['strict', 'ledger', 'state'] as const) oneOf(field, resolved[field], [true, false])
  for (const field of ['siteId', 'apiKey'] as const) {
    const value: unknown = resolved[field]
    if (value !== undefined && (typeof value !== 'string' || value === ''))
      throw new OptionsError(field, 'must be a text')
  }
  for (const field of ['bodyBytesMax', 'ledgerMax', 'stateMax'] as const) {
    const value = resolved[field]
    if (!Number.isSafeInteger(value) || value < 1) throw new OptionsError(field, 'must be a whole number above 0')
  }
  checkLatency('latencyMs', resolved.latencyMs)
  const perSecond = resolved.rateLimit?.perSecond
  if (perSecond !== undefined && !(Number.isFinite(perSecond) && perSecond > 0)) {
    throw new OptionsError('rateLimit.perSecond', 'must be above 0')
  }
  return resolved
}

function oneOf<T>(field: string, value: T, allowed: readonly T[]): void {
  if (!allowed.includes(value)) throw new OptionsError(field, `must be one of ${allowed.join(', ')}`)
}

/** An option that is set to undefined is one that is not given. */
function given(options: SimulatorOptions): Partial<ResolvedOptions> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
}
