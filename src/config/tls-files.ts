/** The PEM files of `listen.tls`: whether they can be read, are what they should be, and belong together. */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { createSecureContext } from 'node:tls'

import { readSmallFile, type ReadFile } from './files.ts'
import { ConfigError, type ConfigProblem } from './problem.ts'
import type { TlsConfig } from './relay-config.ts'

const FILE_BYTES_MAX = 1_000_000
const DAY_MS = 86_400_000

/** So long before its end a certificate is spoken of. */
const WARN_DAYS = 14

export interface TlsFiles {
  /** PEM texts. */
  readonly cert: string
  readonly key: string
  readonly ca?: string
  readonly requireClientCert: boolean
  readonly warnings: readonly string[]
}

/**
 * Reads and checks them.
 *
 * @param nowMs wall time, to say whether the certificate has ended
 * @throws ConfigError naming each file that cannot be used
 * @example `const { cert, key } = readTlsFiles(config.listen.tls, runtime.clock.wallMs())`
 */
export function readTlsFiles(tls: TlsConfig, nowMs: number, readFile: ReadFile = readSmallFile): TlsFiles {
  const problems: ConfigProblem[] = []
  const warnings: string[] = []

  function read(name: 'certFile' | 'keyFile' | 'caFile', file: string): string | null {
    const content = readFile(file, FILE_BYTES_MAX)
    if ('unreadable' in content) {
      problems.push(problemOf('unreadable', name, file, `cannot be read: ${content.unreadable}`))
      return null
    }
    const wrong = name === 'keyFile' ? keyFault(content.text) : certificateFault(content.text)
    if (wrong !== null) problems.push(problemOf('wrong', name, file, wrong))
    if (name === 'keyFile' && content.worldReadable) {
      warnings.push(`every user of this machine can read the private key ${file}`)
    }
    return wrong === null ? content.text : null
  }

  const cert = read('certFile', tls.certFile)
  const key = read('keyFile', tls.keyFile)
  const ca = tls.caFile === null ? undefined : read('caFile', tls.caFile)
  if (cert !== null && key !== null && !belongTogether(cert, key)) {
    problems.push(problemOf('conflict', 'keyFile', tls.keyFile, `is not the key of the certificate ${tls.certFile}`))
  }
  const [first, ...others] = problems
  if (first !== undefined) throw new ConfigError([first, ...others])
  if (cert === null || key === null || ca === null) throw new Error('a file without a problem has its text')
  warnings.push(...ageWarnings(cert, tls.certFile, nowMs))
  return { cert, key, ...(ca === undefined ? {} : { ca }), requireClientCert: tls.requireClientCert, warnings }
}

function problemOf(code: ConfigProblem['code'], name: string, file: string, message: string): ConfigProblem {
  return { code, path: `listen.tls.${name}`, message, where: file }
}

function certificateFault(text: string): string | null {
  try {
    createSecureContext({ ca: text })
    return new X509Certificate(text).raw.length > 0 ? null : 'holds an empty certificate'
  } catch {
    return 'holds no certificate in PEM (-----BEGIN CERTIFICATE-----)'
  }
}

function keyFault(text: string): string | null {
  try {
    createPrivateKey(text)
    return null
  } catch {
    const encrypted = /ENCRYPTED/.test(text)
    return encrypted
      ? 'holds a private key with a passphrase; it must have none'
      : 'holds no private key in PEM (-----BEGIN PRIVATE KEY-----)'
  }
}

function belongTogether(cert: string, key: string): boolean {
  try {
    createSecureContext({ cert, key })
    return true
  } catch {
    return false
  }
}

function ageWarnings(cert: string, file: string, nowMs: number): string[] {
  const { validFromDate, validToDate, validFrom, validTo } = new X509Certificate(cert)
  if (validFromDate.getTime() > nowMs) return [`the certificate ${file} does not hold before ${validFrom}`]
  const leftMs = validToDate.getTime() - nowMs
  if (leftMs < 0) return [`the certificate ${file} has ended: ${validTo}`]
  if (leftMs < WARN_DAYS * DAY_MS) {
    return [`the certificate ${file} ends in ${Math.floor(leftMs / DAY_MS)} days: ${validTo}`]
  }
  return []
}
