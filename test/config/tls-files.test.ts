import assert from 'node:assert/strict'
import { test } from 'node:test'

import { generate } from 'selfsigned'

import { ConfigError, readTlsFiles, type TlsConfig } from '../../src/config/index.ts'
import type { ReadFile } from '../../src/config/files.ts'

const DAY_MS = 86_400_000
const notBefore = Date.UTC(2026, 0, 1)
const attributes = [{ name: 'commonName', value: 'relay.example' }]
const dates = { notBeforeDate: new Date(notBefore), notAfterDate: new Date(notBefore + 90 * DAY_MS) }
const one = await generate(attributes, { ...dates, keySize: 2048 })
const other = await generate(attributes, { ...dates, keySize: 2048 })

const TLS: TlsConfig = { certFile: '/cert', keyFile: '/key', caFile: null, requireClientCert: false }
const GOOD = { '/cert': one.cert, '/key': one.private }

function read(files: Readonly<Record<string, string>>, tls: TlsConfig, atMs: number, worldReadable = false): string[] {
  const readFile: ReadFile = (path) =>
    files[path] === undefined ? { unreadable: 'there is no such file' } : { text: files[path], worldReadable }
  try {
    return [...readTlsFiles(tls, atMs, readFile).warnings]
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.problems.map(({ path, where, message }) => `${path} ${where}: ${message}`)
  }
}

test('files that belong together are read', () => {
  const files = readTlsFiles({ ...TLS, caFile: '/cert' }, notBefore + DAY_MS, (path) => ({
    text: path === '/key' ? one.private : one.cert,
    worldReadable: false,
  }))
  const { cert, key, ca, requireClientCert, warnings } = files
  assert.deepEqual(
    { cert, key, ca, requireClientCert, warnings },
    {
      cert: one.cert,
      key: one.private,
      ca: one.cert,
      requireClientCert: false,
      warnings: [],
    },
  )
})

test('each file that cannot be used is named', () => {
  const now = notBefore + DAY_MS
  assert.deepEqual(read({}, { ...TLS, caFile: '/ca' }, now), [
    'listen.tls.certFile /cert: cannot be read: there is no such file',
    'listen.tls.keyFile /key: cannot be read: there is no such file',
    'listen.tls.caFile /ca: cannot be read: there is no such file',
  ])
  assert.deepEqual(read({ '/cert': one.private, '/key': one.cert }, TLS, now), [
    'listen.tls.certFile /cert: holds no certificate in PEM (-----BEGIN CERTIFICATE-----)',
    'listen.tls.keyFile /key: holds no private key in PEM (-----BEGIN PRIVATE KEY-----)',
  ])
  assert.deepEqual(read({ '/cert': one.cert, '/key': other.private }, TLS, now), [
    'listen.tls.keyFile /key: is not the key of the certificate /cert',
  ])
  const locked = '-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n'
  assert.deepEqual(read({ ...GOOD, '/key': locked }, TLS, now), [
    'listen.tls.keyFile /key: holds a private key with a passphrase; it must have none',
  ])
})

test('a certificate near its end, or beyond it, is a warning', () => {
  const warned = (days: number): string => read(GOOD, TLS, notBefore + days * DAY_MS).join('; ')
  assert.equal(warned(70), '')
  assert.match(warned(80), /^the certificate \/cert ends in 10 days: /)
  assert.match(warned(91), /^the certificate \/cert has ended: /)
  assert.match(warned(-1), /^the certificate \/cert does not hold before /)
})

test('a private key that everybody can read is a warning', () => {
  assert.deepEqual(read(GOOD, TLS, notBefore + DAY_MS, true), [
    'every user of this machine can read the private key /key',
  ])
})
