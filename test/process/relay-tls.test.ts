/** A relay that speaks TLS, whose certificate is renewed under its old name while it runs. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { connect } from 'node:tls'

import { generate } from 'selfsigned'

import { scene } from './relay-scene.ts'

/** The fingerprint that a new connection sees. */
function fingerprintAt(url: string): Promise<string> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port), rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate().fingerprint256)
      socket.destroy()
    })
    socket.once('error', reject)
  })
}

test(
  'a certificate that was renewed under its old name is taken over by SIGHUP; one that is none is refused, and the old one stays',
  scene(async ({ folder, start }) => {
    const [certFile, keyFile] = [join(folder, 'tls.crt'), join(folder, 'tls.key')]
    const write = async (): Promise<void> => {
      const { cert, private: key } = await generate([{ name: 'commonName', value: 'localhost' }])
      writeFileSync(certFile, cert)
      writeFileSync(keyFile, key, { mode: 0o600 })
    }
    await write()
    const relay = start({ env: { HOLDFAST_LISTEN_TLS_CERT_FILE: certFile, HOLDFAST_LISTEN_TLS_KEY_FILE: keyFile } })
    const { url } = await relay.ready()
    assert.match(url, /^https:/)
    const first = await fingerprintAt(url)
    await write()
    relay.signal('SIGHUP')
    await relay.saw('reloaded')
    const second = await fingerprintAt(url)
    assert.notEqual(second, first)
    writeFileSync(certFile, 'nonsense')
    relay.signal('SIGHUP')
    await relay.saw('reload-refused')
    assert.equal(await fingerprintAt(url), second)
  }),
)
