/** Node's server, as strict as it can be set. */
import { createServer, type Server, type ServerOptions } from 'node:http'
import { createServer as createTlsServer, type ServerOptions as TlsServerOptions } from 'node:https'

import { OptionsError } from '../errors.ts'
import type { ListenSettings, TlsOptions } from './options.ts'

const CHECKS_MS_MAX = 1_000

export function serverOf(settings: ListenSettings): Server {
  const strict: ServerOptions = {
    insecureHTTPParser: false,
    // Said by `refusalOf`, in Customer.io's shape; joined, so that a second Host is seen there.
    requireHostHeader: false,
    joinDuplicateHeaders: true,
    maxHeaderSize: settings.headerBytesMax,
    headersTimeout: settings.headersTimeoutMs,
    requestTimeout: settings.requestTimeoutMs,
    connectionsCheckingInterval: Math.min(Math.ceil(settings.headersTimeoutMs / 4), CHECKS_MS_MAX),
    keepAliveTimeout: settings.idleTimeoutMs,
  }
  const server =
    settings.tls === null
      ? createServer(strict)
      : createTlsServer({ ...strict, ...contextOf(settings.tls), handshakeTimeout: settings.headersTimeoutMs })
  server.maxConnections = settings.connectionsMax
  // It would drop the ones above the limit without a word, and what is read would not be what was sent.
  server.maxHeadersCount = 0
  server.timeout = 0
  return server
}

/** @throws OptionsError when the certificate and its key do not fit */
export function contextOf(tls: TlsOptions): TlsServerOptions {
  return {
    cert: tls.cert,
    key: tls.key,
    ...(tls.ca === undefined ? {} : { ca: tls.ca }),
    requestCert: tls.requireClientCert === true,
    rejectUnauthorized: tls.requireClientCert === true,
    minVersion: 'TLSv1.2',
  }
}

/** Whatever OpenSSL says of a certificate or a key, which never repeats their text. */
export function wrongTls(error: unknown): OptionsError {
  const code = error instanceof Error ? String(Reflect.get(error, 'code') ?? error.name) : 'unknown'
  return new OptionsError(
    'tls',
    `the certificate and its key cannot be used (${code}): are both PEM, and made for each other?`,
  )
}
