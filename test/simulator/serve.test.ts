/** What only a socket can show. The faults over sockets are in failing.test.ts. */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test } from 'node:test'

import { createSimulator } from '../../src/simulator/index.ts'
import { AUTHORIZATION, requestOf } from './asking.ts'
import { using } from '../using.ts'

/** As they were before any test of this file has listened. */
const { Request: request, Response: response } = globalThis

const REGION = 'GET /api/v1/accounts/region'

/** Everything a connection gives back for a raw text, until its end. */
function raw(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let seen = ''
    const socket = connect(port, '127.0.0.1', () => socket.write(text))
    socket.setEncoding('utf8')
    socket.on('data', (chunk: string) => {
      seen += chunk
    })
    socket.on('close', () => resolve(seen))
    socket.on('error', reject)
  })
}

test(
  'a server tells its address, and after close the port refuses while the memory stays',
  using(async (use) => {
    const simulator = createSimulator()
    const server = await simulator.listen()
    assert.equal(server.url, `http://127.0.0.1:${server.port}`)
    const ask = (): Promise<Response> => fetch(requestOf('PUT /api/v1/customers/42', { body: {}, root: server.url }))
    assert.equal((await ask()).status, 200)
    await server.close()
    await server.close()
    await assert.rejects(ask(), (error: Error) => Reflect.get(error.cause ?? {}, 'code') === 'ECONNREFUSED')
    const again = use(await simulator.listen(server.port))
    assert.equal(again.port, server.port)
    assert.equal((await ask()).status, 200)
    assert.equal(simulator.ledger.count({ type: 'identify' }), 2)
    await assert.rejects(simulator.listen(server.port), { code: 'EADDRINUSE' })
  }),
)

test('close ends the requests that hang', async () => {
  const simulator = createSimulator()
  simulator.down('timeout')
  const server = await simulator.listen()
  const hanging = fetch(requestOf(REGION, { root: server.url }))
  while (simulator.ledger.requests().length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
  await server.close()
  await assert.rejects(hanging, TypeError)
})

test(
  'listening does not touch the globals of the program',
  using(async (use) => {
    const server = use(await createSimulator().listen())
    assert.equal((await fetch(requestOf(REGION, { root: server.url }))).status, 200)
    assert.equal(globalThis.Request, request)
    assert.equal(globalThis.Response, response)
  }),
)

test(
  'half a response has the whole length in its head and half of the body behind it',
  using(async (use) => {
    const simulator = createSimulator()
    const server = use(await simulator.listen())
    simulator.faults.add({ kind: 'half-response' })
    const body = '{"name":"order"}'
    const seen = await raw(
      server.port,
      `POST /api/v1/customers/42/events HTTP/1.1\r\nhost: x\r\nauthorization: ${AUTHORIZATION}\r\n` +
        `content-length: ${body.length}\r\n\r\n${body}`,
    )
    assert.match(seen, /^HTTP\/1\.1 200 OK\r\n/)
    assert.match(seen, /\r\ncontent-length: 3\r\n/)
    assert.match(seen, /\r\n\r\n\{$/)
  }),
)

test(
  'a body above the bound is refused, whether its length is announced or not',
  using(async (use) => {
    const simulator = createSimulator({ bodyBytesMax: 1_000 })
    const server = use(await simulator.listen())
    const head = `PUT /api/v1/customers/42 HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: ${AUTHORIZATION}\r\n`
    const long = JSON.stringify({ plan: 'x'.repeat(2_000) })
    assert.match(await raw(server.port, `${head}content-length: ${long.length}\r\n\r\n${long}`), /^HTTP\/1\.1 413 /)
    const chunk = `${long.length.toString(16)}\r\n${long}\r\n`
    assert.match(
      await raw(server.port, `${head}transfer-encoding: chunked\r\n\r\n${chunk}0\r\n\r\n`),
      /^HTTP\/1\.1 413 /,
    )
    assert.deepEqual(
      simulator.ledger.requests().map(({ status }) => status),
      [413, 413],
    )
  }),
)

test(
  'a chunked body below the bound is read whole',
  using(async (use) => {
    const simulator = createSimulator({ bodyBytesMax: 1_000 })
    const server = use(await simulator.listen())
    const head = `PUT /api/v1/customers/42 HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: ${AUTHORIZATION}\r\n`
    const seen = await raw(
      server.port,
      `${head}transfer-encoding: chunked\r\n\r\n8\r\n{"plan":\r\n6\r\n"pro"}\r\n0\r\n\r\n`,
    )
    assert.match(seen, /^HTTP\/1\.1 200 OK\r\n/)
    assert.equal(simulator.workspace.person('42')?.attributes['plan'], 'pro')
  }),
)

test(
  'a client that leaves in the middle of its body leaves nothing behind, and the next one is served',
  using(async (use) => {
    const simulator = createSimulator()
    const server = use(await simulator.listen())
    await new Promise<void>((resolve) => {
      const socket = connect(server.port, '127.0.0.1', () => {
        socket.write('PUT /api/v1/customers/42 HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{"a"', () => {
          socket.destroy()
          resolve()
        })
      })
    })
    assert.equal((await fetch(requestOf(REGION, { root: server.url }))).status, 200)
    assert.equal(simulator.ledger.count(), 0)
  }),
)

test(
  'a full ledger says so in words over a socket',
  using(async (use) => {
    const simulator = createSimulator({ ledgerMax: 1 })
    const server = use(await simulator.listen())
    await fetch(requestOf('PUT /api/v1/customers/42', { body: {}, root: server.url }))
    const response = await fetch(requestOf('PUT /api/v1/customers/42', { body: {}, root: server.url }))
    assert.equal(response.status, 500)
    assert.match(await response.text(), /^simulator: ledgerMax: /)
  }),
)

test(
  'while every connection is refused, one is ended before a word has been said on it',
  using(async (use) => {
    const simulator = createSimulator()
    const server = use(await simulator.listen())
    simulator.down('refused')
    const ended = new Promise<string>((resolve) => {
      const socket = connect(server.port, '127.0.0.1')
      socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''))
      socket.on('end', () => resolve('end'))
      socket.setTimeout(5_000, () => {
        socket.destroy()
        resolve('still open')
      })
    })
    assert.match(await ended, /^(ECONNRESET|end)$/)
    assert.equal(simulator.ledger.requests().length, 0)
    simulator.up()
    assert.equal((await fetch(requestOf(REGION, { root: server.url }))).status, 200)
  }),
)

test(
  'two servers at once share one workspace',
  using(async (use) => {
    const simulator = createSimulator()
    const first = use(await simulator.listen())
    const second = use(await simulator.listen())
    for (const { url } of [first, second]) {
      await fetch(requestOf('POST /api/v1/customers/42/events', { body: { name: 'a' }, root: url }))
    }
    assert.equal(simulator.workspace.person('42')?.events.length, 2)
  }),
)
