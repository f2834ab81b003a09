/** The admin API of a running relay as functions. Every failure is an `AdminError`: nobody there, not let in, refused, broken. */
import { OptionsError } from '../errors.ts'
import type { JsonValue } from '../protocol/json.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Fetch } from '../runtime/runtime.ts'
import { AdminError, isAdminErrorCode } from './admin-error.ts'
import { chunksOf } from './answer-stream.ts'
import { type AdminClient, DRAIN_MS_MAX, type EventFilter, type StreamItem } from './contract.ts'
import { isLoopback } from './guard.ts'
import { valuesOf } from './ndjson.ts'

export interface AdminClientOptions {
  /** The root of the admin listener, for example `http://127.0.0.1:8485`. A loopback address. */
  readonly url: string
  /** Undefined asks without one, to learn whether anybody is there. */
  readonly token: string | undefined
  readonly fetch: Fetch
  readonly clock: Clock
  /** For one answer, in milliseconds. @defaultValue 10000 */
  readonly timeoutMs?: number
}

/** Beyond this no answer of a relay goes. */
const ANSWER_BYTES_MAX = 64_000_000

/**
 * Makes the client. Asks nothing yet.
 * @throws OptionsError for an address that is none, or not of this machine
 * @example `await adminClient({ url: 'http://127.0.0.1:8485', token, fetch: runtime.fetch, clock: runtime.clock }).status()`
 */
export function adminClient(options: AdminClientOptions): AdminClient {
  const ask = asker(options)
  const of = (workspace: string, rest: string): string => `/workspaces/${encodeURIComponent(workspace)}/${rest}`
  return {
    source: rootOf(options.url),
    isOffline: false,
    about: () => ask('GET', '/about'),
    status: () => ask('GET', '/status'),
    queue: (workspace, query = {}) => ask('GET', of(workspace, `queue${queryText(query)}`)),
    dead: (workspace, query = {}) => ask('GET', of(workspace, `dead${queryText(query)}`)),
    deadGroups: (workspace) => ask('GET', of(workspace, 'dead/groups')),
    resolveDead: (workspace, how, { choice, ...rest }) =>
      ask('POST', of(workspace, `dead/${how}`), { ...choice, ...rest }),
    purge: (workspace, command) => ask('POST', of(workspace, 'purge'), command),
    pause: (workspace, reason) => ask('POST', of(workspace, 'pause'), { reason }),
    resume: (workspace, reason) => ask('POST', of(workspace, 'resume'), { reason }),
    drain: (workspace, timeoutMs) => {
      const waitMs = Math.min(DRAIN_MS_MAX, Math.max(0, Math.floor(timeoutMs)))
      return ask('POST', of(workspace, 'drain'), { timeoutMs: waitMs }, waitMs)
    },
    probe: (workspace) => ask('POST', of(workspace, 'probe')),
    reload: (reason) => ask('POST', '/reload', { reason }),
    config: () => ask('GET', '/config'),
    events: (filter, signal) => eventsOf(options, filter, signal),
    close: () => Promise.resolve(),
  }
}

function asker(options: AdminClientOptions) {
  const { clock, timeoutMs = 10_000 } = options
  return async <Answer>(method: 'GET' | 'POST', path: string, body?: object, extraMs: number = 0): Promise<Answer> => {
    const limitMs = timeoutMs + extraMs
    const controller = new AbortController()
    const late = Promise.withResolvers<never>()
    const cancel = clock.timer(
      limitMs,
      () => {
        controller.abort()
        late.reject(
          new AdminError('unreachable', `the relay at ${rootOf(options.url)} did not answer within ${limitMs} ms`),
        )
      },
      'held',
    )
    const answer = exchange<Answer>(options, method, path, body, controller.signal)
    try {
      return await Promise.race([answer, late.promise])
    } finally {
      cancel()
    }
  }
}

async function exchange<Answer>(
  options: AdminClientOptions,
  method: 'GET' | 'POST',
  path: string,
  body: object | undefined,
  signal: AbortSignal,
): Promise<Answer> {
  const response = await send(options, method, path, body, signal)
  const value = await jsonOf(response, signal)
  if (!response.ok) throw errorOf(response.status, value)
  return value as Answer
}

async function* eventsOf(
  options: AdminClientOptions,
  { workspace, types }: EventFilter,
  signal: AbortSignal,
): AsyncGenerator<StreamItem, void, undefined> {
  const query = queryText({ workspace, type: types?.join(',') })
  try {
    const response = await send(options, 'GET', `/events${query}`, undefined, signal)
    if (!response.ok) throw errorOf(response.status, await jsonOf(response, signal))
    for await (const value of valuesOf(chunksOf(response.body, signal))) yield value as StreamItem
  } catch (error) {
    if (signal.aborted) return
    throw error instanceof AdminError ? error : unreachable(options.url, error)
  }
}

async function send(
  { url, token, fetch }: AdminClientOptions,
  method: 'GET' | 'POST',
  path: string,
  body: object | undefined,
  signal: AbortSignal,
): Promise<Response> {
  const headers = {
    accept: 'application/json',
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
  }
  const request = new Request(`${rootOf(url)}/admin/v1${path}`, {
    method,
    headers,
    redirect: 'manual',
    signal,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  try {
    return await fetch(request)
  } catch (error) {
    throw unreachable(url, error)
  }
}

function unreachable(url: string, cause: unknown): AdminError {
  return new AdminError('unreachable', `no relay answers at ${rootOf(url)}`, { cause })
}

async function jsonOf(response: Response, signal: AbortSignal): Promise<JsonValue> {
  const bad = (cause?: unknown): AdminError =>
    new AdminError('bad-answer', `what answers is no relay (status ${response.status})`, { cause })
  const parts: Uint8Array[] = []
  let bytes = 0
  try {
    for await (const part of chunksOf(response.body, signal)) {
      bytes += part.byteLength
      if (bytes > ANSWER_BYTES_MAX) break
      parts.push(part)
    }
  } catch (cause) {
    throw new AdminError('unreachable', 'the connection to the relay broke', { cause })
  }
  if (bytes > ANSWER_BYTES_MAX) throw bad()
  try {
    return JSON.parse(Buffer.concat(parts).toString('utf8')) as JsonValue
  } catch (cause) {
    throw bad(cause)
  }
}

function errorOf(status: number, value: JsonValue): AdminError {
  const { error } = Object(value) as { readonly error?: { readonly [name: string]: unknown } }
  const { code, message, field } = Object(error) as Readonly<Record<string, unknown>>
  if (!isAdminErrorCode(code) || typeof message !== 'string') {
    return new AdminError('bad-answer', `what answers is no relay (status ${status})`)
  }
  return new AdminError(code, message, typeof field === 'string' ? { field } : {})
}

function rootOf(text: string): string {
  let url: URL
  try {
    url = new URL(text)
  } catch {
    throw new OptionsError('url', 'must be an address such as http://127.0.0.1:8485')
  }
  if (url.protocol !== 'http:' || !isLoopback(url.hostname)) {
    throw new OptionsError('url', 'must be http on a loopback address: a relay serves its admin API nowhere else')
  }
  return url.origin
}

function queryText(query: object): string {
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== false) parameters.set(name, value === true ? '1' : String(value))
  }
  return parameters.size === 0 ? '' : `?${parameters.toString()}`
}
