/** The options of a listener: one interface, one frozen set of defaults, checked and resolved once. */
import { isIPv4, isIPv6 } from 'node:net'

import { OptionsError } from '../errors.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { systemRuntime } from '../runtime/system.ts'

/** Certificates as PEM texts, not as paths. TLS 1.2 is the oldest version that is spoken. */
export interface TlsOptions {
  /** The certificate, with the intermediate ones behind it. */
  readonly cert: string
  /** Its private key. */
  readonly key: string
  /** The authorities whose client certificates are accepted. @defaultValue none */
  readonly ca?: string | undefined
  /** Ends a connection whose client shows no certificate of `ca`. @defaultValue false */
  readonly requireClientCert?: boolean | undefined
}

/** Why a connection or a request was ended before a handler saw it. */
export type Refused = 'too-many' | 'too-slow' | 'malformed' | 'tls'

export interface ListenOptions {
  /** The address or name to bind: of this machine alone, if `allowRemote` is not set. @defaultValue '127.0.0.1' */
  readonly host?: string | undefined
  /** 0 takes a free one. */
  readonly port: number
  /** Lets `host` be an address that other machines can reach. @defaultValue false */
  readonly allowRemote?: boolean | undefined
  /** Speaks HTTPS. @defaultValue plain HTTP */
  readonly tls?: TlsOptions | null | undefined
  /** Bytes of a request's target and headers; more is answered with 431. @defaultValue 16384 */
  readonly headerBytesMax?: number | undefined
  /** Headers of a request; more are answered with 431. @defaultValue 100 */
  readonly headersMax?: number | undefined
  /** From the first byte of a request to the end of its headers, and for a TLS handshake; longer is answered with 408. @defaultValue 10000 */
  readonly headersTimeoutMs?: number | undefined
  /** From the first byte of a request to the last of its body; longer is answered with 408. @defaultValue 30000 */
  readonly requestTimeoutMs?: number | undefined
  /** How long a client may take nothing of its answer before its connection is ended. @defaultValue 30000 */
  readonly answerTimeoutMs?: number | undefined
  /**
   * How long a connection without a request is kept. Longer than clients keep theirs (Go 90 seconds, the others less),
   * so that it is the client who ends it and no request meets a closed connection. @defaultValue 120000
   */
  readonly idleTimeoutMs?: number | undefined
  /** Once the listener closes: how long a connection must have been silent before it is ended. @defaultValue 1000 */
  readonly lingerMs?: number | undefined
  /** Connections at the same time; further ones are ended at once. @defaultValue 20000 */
  readonly connectionsMax?: number | undefined
  /** Requests that one connection may have sent without waiting for their answers; further ones get 503. @defaultValue 100 */
  readonly pipelinedMax?: number | undefined
  /** Hears of every connection and request that is ended before a handler has seen it. */
  readonly refused?: ((what: Refused) => void) | undefined
  /** Hears of what the handler throws; the client only gets a 500 that says nothing of it. */
  readonly failed?: ((error: unknown) => void) | undefined
  /** Asked for each new connection; true resets it. For simulators of a server that is down. */
  readonly resets?: (() => boolean) | undefined
  /** Its clock measures the waits of this library; those of Node's parser are real time. @defaultValue the real one */
  readonly runtime?: Runtime | undefined
}

export type ListenSettings = {
  readonly [Name in keyof ListenOptions]-?: Exclude<ListenOptions[Name], undefined>
}

const LISTEN_DEFAULTS = Object.freeze({
  host: '127.0.0.1',
  allowRemote: false,
  headerBytesMax: 16_384,
  headersMax: 100,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  answerTimeoutMs: 30_000,
  idleTimeoutMs: 120_000,
  lingerMs: 1_000,
  connectionsMax: 20_000,
  pipelinedMax: 100,
} as const)

const OPTION_NAMES: Readonly<Record<keyof ListenOptions, true>> = {
  host: true,
  port: true,
  allowRemote: true,
  tls: true,
  headerBytesMax: true,
  headersMax: true,
  headersTimeoutMs: true,
  requestTimeoutMs: true,
  answerTimeoutMs: true,
  idleTimeoutMs: true,
  lingerMs: true,
  connectionsMax: true,
  pipelinedMax: true,
  refused: true,
  failed: true,
  resets: true,
  runtime: true,
}

const TIMEOUT_MS_MAX = 86_400_000

/** @throws OptionsError that names the first option that is wrong */
export function resolveListenOptions(options: ListenOptions): ListenSettings {
  for (const name of Object.keys(options)) {
    if (!Object.hasOwn(OPTION_NAMES, name)) throw new OptionsError(name, 'is not known here')
  }
  const whole = (field: NumberField, min: number, max: number): number =>
    wholeOf(field, options[field] ?? LISTEN_DEFAULTS[field], min, max)
  const settings: ListenSettings = {
    host: hostOf(options),
    port: wholeOf('port', options.port, 0, 65_535),
    allowRemote: booleanOf('allowRemote', options.allowRemote),
    tls: tlsOf(options.tls ?? null),
    headerBytesMax: whole('headerBytesMax', 256, 1_048_576),
    headersMax: whole('headersMax', 1, 10_000),
    headersTimeoutMs: whole('headersTimeoutMs', 1, TIMEOUT_MS_MAX),
    requestTimeoutMs: whole('requestTimeoutMs', 1, TIMEOUT_MS_MAX),
    answerTimeoutMs: whole('answerTimeoutMs', 1, TIMEOUT_MS_MAX),
    idleTimeoutMs: whole('idleTimeoutMs', 1, TIMEOUT_MS_MAX),
    lingerMs: whole('lingerMs', 1, TIMEOUT_MS_MAX),
    connectionsMax: whole('connectionsMax', 1, 1_000_000),
    pipelinedMax: whole('pipelinedMax', 1, 10_000),
    refused: guarded(options.refused),
    failed: guarded(options.failed),
    resets: options.resets ?? (() => false),
    runtime: options.runtime ?? systemRuntime,
  }
  if (settings.requestTimeoutMs < settings.headersTimeoutMs) {
    throw new OptionsError(
      'requestTimeoutMs',
      `must not be below headersTimeoutMs (${settings.headersTimeoutMs}), which it includes, but is ${settings.requestTimeoutMs}`,
    )
  }
  return settings
}

/** A listener that throws harms nothing. */
function guarded<Said>(listener: ((said: Said) => void) | undefined): (said: Said) => void {
  return (said) => {
    try {
      listener?.(said)
    } catch {
      // It is not ours to tell.
    }
  }
}

type NumberField = Exclude<keyof typeof LISTEN_DEFAULTS, 'host' | 'allowRemote'>

function wholeOf(field: string, value: unknown, min: number, max: number): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max) {
    const found = typeof value === 'number' ? String(value) : typeof value
    throw new OptionsError(field, `must be a whole number from ${min} to ${max}, not ${found}`)
  }
  return value
}

function booleanOf(field: string, value: unknown): boolean {
  if (value !== undefined && typeof value !== 'boolean') {
    throw new OptionsError(field, `must be true or false, not ${typeof value}`)
  }
  return value === true
}

function hostOf(options: ListenOptions): string {
  const host: unknown = options.host ?? LISTEN_DEFAULTS.host
  if (typeof host !== 'string' || host === '') throw new OptionsError('host', 'must be an address or a name')
  if (host.includes('/')) throw new OptionsError('host', 'must be an address or a name; paths of sockets are not taken')
  if (host.startsWith('[') && host.endsWith(']')) throw new OptionsError('host', 'must be written without brackets')
  if (options.allowRemote !== true && !isLoopback(host)) throw remoteRefusal(host)
  return host
}

export function remoteRefusal(host: string): OptionsError {
  return new OptionsError(
    'host',
    `${host} can be reached from other machines, and whoever reaches it may send as you. Use 127.0.0.1, ::1 or ` +
      'localhost, or set allowRemote to true where that is wanted, best with TLS and behind a firewall',
  )
}

/** Whether only this machine can reach it. A name is none but `localhost`, for what the others mean is not known yet. */
export function isLoopback(host: string): boolean {
  if (isIPv4(host)) return host.startsWith('127.')
  if (isIPv6(host)) return new URL(`http://[${withoutZone(host)}]`).hostname.match(LOOPBACK_6) !== null
  return host.toLowerCase() === 'localhost'
}

/** As a URL writes it: `::1`, and the IPv4 ones (`::ffff:127.0.0.1`). */
const LOOPBACK_6 = /^\[::(?:1|ffff:7f[\da-f]{2}:[\da-f]{1,4})\]$/

function withoutZone(host: string): string {
  return host.replace(/%.*$/, '')
}

/** @throws OptionsError when a text is missing or is not PEM */
export function tlsOf(tls: TlsOptions | null): TlsOptions | null {
  if (tls === null) return null
  if (typeof tls !== 'object') throw new OptionsError('tls', `must be an object, not ${typeof tls}`)
  pem('tls.cert', tls.cert)
  pem('tls.key', tls.key)
  if (tls.ca !== undefined) pem('tls.ca', tls.ca)
  if (booleanOf('tls.requireClientCert', tls.requireClientCert) && tls.ca === undefined) {
    throw new OptionsError('tls.ca', 'is required with requireClientCert: it says whose certificates are accepted')
  }
  return tls
}

function pem(field: string, text: unknown): void {
  if (typeof text !== 'string') throw new OptionsError(field, `must be a PEM text, not ${typeof text}`)
  if (!text.includes('-----BEGIN ')) {
    throw new OptionsError(field, 'must be a PEM text (its content, not a path): there is no "-----BEGIN" in it')
  }
}
