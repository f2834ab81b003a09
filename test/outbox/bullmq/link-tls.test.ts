/** Redis over TLS. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { generate } from 'selfsigned'

import { openLink } from '../../../src/outbox/bullmq/link.ts'
import { freePort, temporary } from '../../servers/process.ts'
import { clock, count, failureOf, FOREVER_MS, scene } from './scene.ts'

test(
  'rediss: goes over TLS, and refuses at once whom it does not trust',
  scene(async ({ use, redis, link: openOn }) => {
    const folder = temporary('redis-tls')
    use({ [Symbol.asyncDispose]: async () => folder.remove() })
    const { cert, private: key } = await generate([{ name: 'commonName', value: 'localhost' }], { keySize: 2048 })
    writeFileSync(join(folder.path, 'cert.pem'), cert)
    writeFileSync(join(folder.path, 'key.pem'), key)
    const port = await freePort()
    await redis({
      'tls-port': String(port),
      'tls-cert-file': join(folder.path, 'cert.pem'),
      'tls-key-file': join(folder.path, 'key.pem'),
      'tls-ca-cert-file': join(folder.path, 'cert.pem'),
      'tls-auth-clients': 'no',
    })
    const link = await openOn({ host: 'localhost', port, tls: { ca: cert } })
    assert.equal(await link.run(count, ['{a}counter'], [1]), 1)
    const connection = `rediss://localhost:${port}`
    const stranger = await failureOf(openLink({ connection, commandTimeoutMs: FOREVER_MS, clock }))
    assert.equal(stranger.code, 'OUTBOX_UNAVAILABLE')
    assert.match(String(Reflect.get(stranger.cause as Error, 'code')), /SELF_SIGNED/)
  }),
)
