/**
 * What can be taken from an official `TrackClient` (customerio-node 4.4 or 5.x). The client itself is never called: it
 * would retry by itself, and each layer that retries multiplies the others.
 */
import { OptionsError } from '../errors.ts'

/** The parts of `TrackClient` that are read. Any 4.x or 5.x client fits. */
export interface TrackClientLike {
  readonly siteid: string
  readonly apikey: string
  readonly trackRoot: string
  readonly defaults?: object
}

export interface TakenSettings {
  readonly siteId: string
  readonly apiKey: string
  readonly baseUrl: string
  readonly timeoutMs?: number
  readonly headers?: Readonly<Record<string, string>>
  /** An undici dispatcher (proxy, TLS, keep-alive), passed on to `fetch` as it is. */
  readonly dispatcher?: object
}

export function isTrackClient(value: unknown): value is TrackClientLike {
  return typeof value === 'object' && value !== null && 'siteid' in value && 'apikey' in value && 'trackRoot' in value
}

/** Reads credentials, root, timeout, headers and dispatcher. Retry settings are left where they are. */
export function takeSettings(client: TrackClientLike): TakenSettings {
  for (const field of ['siteid', 'apikey', 'trackRoot'] as const) {
    if (typeof client[field] !== 'string') throw new OptionsError(`trackClient.${field}`, 'must be a string')
  }
  const defaults = (client.defaults ?? {}) as Readonly<Record<string, unknown>>
  const { timeout, headers, dispatcher, port } = defaults
  return {
    siteId: client.siteid,
    apiKey: client.apikey,
    // customerio-node 4.x ignores the port of its url and takes this one instead.
    baseUrl: port === undefined ? client.trackRoot : withPort(client.trackRoot, port),
    ...(typeof timeout === 'number' && timeout > 0 ? { timeoutMs: timeout } : {}),
    ...(typeof headers === 'object' && headers !== null ? { headers: textHeaders(headers) } : {}),
    ...(typeof dispatcher === 'object' && dispatcher !== null ? { dispatcher } : {}),
  }
}

function withPort(root: string, port: unknown): string {
  const url = new URL(root)
  url.port = String(port)
  return url.href
}

function textHeaders(headers: object): Readonly<Record<string, string>> {
  const entries = Object.entries(headers).filter(([, value]) => value !== undefined && value !== null)
  return Object.fromEntries(entries.map(([name, value]) => [name, String(value)]))
}
