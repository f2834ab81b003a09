/** The listener over TLS, and each kind of client at the wrong kind of port. */
import assert from 'node:assert/strict'
import { request } from 'node:https'
import { connect as connectPlain } from 'node:net'
import { test } from 'node:test'
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls'

import { generate } from 'selfsigned'

import { answer } from '../../src/http/answer.ts'
import { listen, type Listening } from '../../src/http/listen.ts'
import { using } from '../using.ts'
import { until } from '../until.ts'
import { answersIn, echo, GET, JSON_TYPE, LAST_GET, raw } from './talking.ts'

interface Pair {
  readonly cert: string
  readonly key: string
}

async function pair(name: string): Promise<Pair> {
  const made = await generate([{ name: 'commonName', value: name }], { keySize: 2048, algorithm: 'sha256' })
  return { cert: made.cert, key: made.private }
}

const [first, second, client] = await Promise.all([pair('first'), pair('second'), pair('client')])

/** Connects and says what became of it: the server's name and its answer, or the code of the error. */
function talk(
  port: number,
  options: ConnectionOptions = {},
): Promise<{ readonly name: string; readonly text: string }> {
  return new Promise((resolve) => {
    let name = ''
    let text = ''
    const socket: TLSSocket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options }, () => {
      name = String(socket.getPeerCertificate().subject?.CN)
      socket.write(LAST_GET)
    })
    socket.setEncoding('latin1')
    socket.on('data', (chunk: string) => {
      text += chunk
    })
    socket.on('error', (error: NodeJS.ErrnoException) => {
      text += `<${error.code}>`
    })
    socket.on('close', () => resolve({ name, text }))
  })
}

test(
  'TLS is spoken from version 1.2 on',
  using(async (use) => {
    const server = use(await echo({ tls: first }))
    assert.equal(server.url, `https://127.0.0.1:${server.port}`)
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      const { name, text } = await talk(server.port, { minVersion: version, maxVersion: version })
      assert.deepEqual([name, answersIn(text)[0]?.status], ['first', 200])
    }
    const old = await talk(server.port, { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' })
    assert.match(old.text, /^<ERR_SSL_\w*VERSION\w*>$/)
    await until(() => server.refused.length === 1)
    assert.deepEqual(server.refused, ['tls'])
  }),
)

test(
  'another certificate is used from the next connection on; one that cannot be used changes nothing',
  using(async (use) => {
    const server = use(await echo({ tls: first }))
    const open = connect({ port: server.port, host: '127.0.0.1', rejectUnauthorized: false })
    await new Promise<void>((resolve) => open.once('secureConnect', () => resolve()))
    server.changeTls(second)
    assert.equal((await talk(server.port)).name, 'second')
    for (const [wrong, field] of [
      [{ cert: first.cert, key: second.key }, 'tls'],
      [{ cert: 'no certificate', key: second.key }, 'tls.cert'],
      [{ cert: first.cert, key: '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----' }, 'tls'],
      [{ ...first, ca: client.cert, requireClientCert: true }, 'tls.requireClientCert'],
    ] as const) {
      assert.throws(() => server.changeTls(wrong), { code: 'INVALID_OPTIONS', field })
    }
    assert.equal((await talk(server.port)).name, 'second')
    // The open connection goes on.
    const answered = new Promise<string>((resolve) => open.once('data', (chunk: Buffer) => resolve(String(chunk))))
    open.write(GET)
    assert.match(await answered, /^HTTP\/1\.1 200 /)
    open.destroy()
  }),
)

test(
  'a client certificate is asked for where it is required',
  using(async (use) => {
    const server = use(await echo({ tls: { ...first, ca: client.cert, requireClientCert: true } }))
    assert.equal(answersIn((await talk(server.port, client)).text)[0]?.status, 200)
    // In TLS 1.3 the client's part of the handshake is over before its certificate is looked at.
    for (const wrong of [{}, second]) assert.doesNotMatch((await talk(server.port, wrong)).text, /HTTP/)
    assert.equal(server.targets.length, 1)
    await until(() => server.refused.length === 2)
    assert.deepEqual(server.refused, ['tls', 'tls'])
  }),
)

test('a certificate and a key that do not fit are an OptionsError, without their text', async () => {
  const handler = async (): Promise<Response> => answer(200, JSON_TYPE, '{}')
  await assert.rejects(listen(handler, { port: 0, tls: { cert: first.cert, key: second.key } }), (error: Error) => {
    assert.match(error.message, /^tls: the certificate and its key cannot be used \(ERR_\w+\): /)
    assert.equal(error.message.includes('BEGIN'), false)
    return true
  })
  await assert.rejects(listen(handler, { port: 0, tls: { ...first, requireClientCert: true } }), { field: 'tls.ca' })
  const plain = await listen(handler, { port: 0 })
  assert.throws(() => plain.changeTls(first), { code: 'INVALID_OPTIONS', field: 'tls' })
  await plain.close({ timeoutMs: 0 })
})

test(
  'plain HTTP at the port of TLS ends at once and costs nothing; so does TLS at the port of HTTP',
  using(async (use) => {
    const tls = use(await echo({ tls: first }))
    assert.match(await raw(tls.port, GET), /^(<ECONNRESET>)?$/)
    await until(() => tls.refused.length === 1)
    assert.deepEqual(tls.refused, ['tls'])
    assert.equal(tls.connections, 0)
    const plain = use(await echo())
    assert.match((await talk(plain.port)).text, /^<(EPROTO|ERR_SSL_\w+)>$/)
    assert.deepEqual(plain.refused, ['tls'])
    assert.deepEqual([...tls.targets, ...plain.targets], [])
  }),
)

test(
  'a handshake that does not go on is ended after the time for headers',
  using(async (use) => {
    const server = use(await echo({ tls: first, headersTimeoutMs: 150 }))
    assert.match(await raw(server.port, ''), /^(<ECONNRESET>)?$/)
    await until(() => server.refused.length === 1)
    assert.deepEqual(server.refused, ['tls'])
  }),
)

/** Calls one after the other on one connection until the first that fails. */
async function callUntilRefused(server: Listening): Promise<{ readonly done: number; readonly last: string }> {
  for (let done = 0; ; done++) {
    const last = await new Promise<string>((resolve) => {
      const call = request(`${server.url}/a`, { rejectUnauthorized: false }, (got) => {
        got.resume().on('end', () => resolve(String(got.statusCode)))
      })
      call.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''))
      call.end()
    })
    if (last !== '200') return { done, last }
  }
}

test(
  'a listener of TLS ends as well without a reset, a handshake that stands still included',
  using(async (use) => {
    const server = use(await echo({ tls: first, headersTimeoutMs: 1_000, lingerMs: 300 }))
    const callers = Array.from({ length: 16 }, () => callUntilRefused(server))
    await until(() => server.targets.length > 200)
    const still = connectPlain(server.port, '127.0.0.1')
    await new Promise<void>((resolve) => still.once('connect', () => resolve()))
    assert.deepEqual(await server.close({ timeoutMs: 20_000 }), { reset: 0 })
    const ends = await Promise.all(callers)
    assert.deepEqual([...new Set(ends.map(({ last }) => last))], ['ECONNREFUSED'])
    assert.equal(
      ends.reduce((sum, { done }) => sum + done, 0),
      server.targets.length,
    )
  }),
)
