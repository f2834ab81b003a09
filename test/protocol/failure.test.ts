import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { test } from 'node:test'

import * as fc from 'fast-check'

import { classifyFailure, type FailureContext, type Outcome } from '../../src/protocol/outcome.ts'

const OURS: FailureContext = { timedOut: false, aborted: false }

function reason(error: unknown): string {
  const outcome = classifyFailure(error, OURS)
  assert.ok(outcome.kind === 'retry')
  return outcome.reason
}

const failed = (cause: unknown): TypeError => new TypeError('fetch failed', { cause })
const coded = (code: string, cause?: unknown): Error => Object.assign(new Error(code, { cause }), { code })

const CODES: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'refused',
  ECONNRESET: 'reset',
  EPIPE: 'reset',
  UND_ERR_SOCKET: 'reset',
  ENOTFOUND: 'dns',
  EAI_AGAIN: 'dns',
  EAI_FAIL: 'dns',
  ETIMEDOUT: 'timeout',
  UND_ERR_CONNECT_TIMEOUT: 'timeout',
  UND_ERR_HEADERS_TIMEOUT: 'timeout',
  UND_ERR_BODY_TIMEOUT: 'timeout',
  CERT_HAS_EXPIRED: 'tls',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'tls',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'tls',
  ERR_TLS_CERT_ALTNAME_INVALID: 'tls',
  ERR_SSL_WRONG_VERSION_NUMBER: 'tls',
  EPROTO: 'tls',
  HPE_INVALID_CONSTANT: 'bad-answer',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'bad-answer',
  ENETUNREACH: 'network',
  EHOSTUNREACH: 'network',
  UND_ERR_CLOSED: 'network',
  E_OF_TOMORROW: 'network',
}

test('the code says why there was no answer, wherever in the chain of causes it stands', () => {
  for (const [code, expected] of Object.entries(CODES)) {
    for (const error of [
      coded(code),
      failed(coded(code)),
      failed(new Error('outer', { cause: coded(code) })),
      failed(new AggregateError([new Error('no code'), coded(code)])),
    ]) {
      assert.equal(reason(error), expected, code)
    }
  }
})

test('the outermost code wins', () => {
  assert.equal(reason(failed(coded('UND_ERR_SOCKET', coded('ECONNREFUSED')))), 'reset')
})

test('a timeout that is not our own is a timeout, and so is our own whatever was thrown', () => {
  assert.equal(reason(new DOMException('too late', 'TimeoutError')), 'timeout')
  const ended: Outcome = { kind: 'retry', reason: 'timeout' }
  const abort = new DOMException('ended', 'AbortError')
  assert.deepEqual(classifyFailure(abort, { timedOut: true, aborted: false }), ended)
  assert.deepEqual(classifyFailure(abort, { timedOut: true, aborted: true }), ended)
})

test("the caller's own abort says nothing about anyone, whatever was thrown", () => {
  for (const error of [new DOMException('ended', 'AbortError'), failed(coded('ECONNRESET')), 'my reason', undefined]) {
    assert.deepEqual(classifyFailure(error, { timedOut: false, aborted: true }), { kind: 'aborted' })
  }
})

test('an abort that nobody owns up to counts as trouble of the network', () => {
  assert.equal(reason(new DOMException('ended', 'AbortError')), 'network')
})

test('errors that go in circles, that are no errors or that throw are trouble of the network', () => {
  const loop = new Error('loop')
  loop.cause = loop
  const hostile = {
    get code(): string {
      throw new Error('no')
    },
  }
  for (const error of [loop, hostile, null, undefined, 5, 'x', {}, new AggregateError([])]) {
    assert.equal(reason(error), 'network')
  }
  let chain: unknown = coded('ECONNREFUSED')
  for (let depth = 0; depth < 1_000; depth++) chain = new Error('deeper', { cause: chain })
  assert.equal(reason(chain), 'network')
  fc.assert(
    fc.property(fc.anything(), (error) => {
      assert.equal(classifyFailure(error, OURS).kind, 'retry')
    }),
    { seed: 15 },
  )
})

/** Runs `use` with a server that does one thing to each connection. */
async function withServer(onConnection: (socket: Socket) => void, use: (port: number) => Promise<void>): Promise<void> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    onConnection(socket)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  assert.ok(typeof address === 'object' && address !== null)
  try {
    await use(address.port)
  } finally {
    server.close()
  }
}

async function thrownBy(url: string, init: RequestInit = {}): Promise<unknown> {
  try {
    await (await fetch(url, { method: 'POST', body: '{}', ...init })).text()
  } catch (error) {
    return error
  }
  throw new Error('the request was answered')
}

test('what fetch really throws is told apart: refused, reset, cut, no HTTP, no TLS, aborted', async () => {
  let closed = 0
  await withServer(
    () => undefined,
    async (port) => {
      closed = port
    },
  )
  assert.equal(reason(await thrownBy(`http://127.0.0.1:${closed}/`)), 'refused')
  await withServer(
    (socket) => socket.once('data', () => socket.resetAndDestroy()),
    async (port) => assert.equal(reason(await thrownBy(`http://127.0.0.1:${port}/`)), 'reset'),
  )
  await withServer(
    (socket) => socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{}')),
    async (port) => assert.equal(reason(await thrownBy(`http://127.0.0.1:${port}/`)), 'reset'),
  )
  await withServer(
    (socket) => socket.once('data', () => socket.end('SSH-2.0-OpenSSH\r\n\r\n')),
    async (port) => assert.equal(reason(await thrownBy(`http://127.0.0.1:${port}/`)), 'bad-answer'),
  )
  await withServer(
    (socket) => socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')),
    async (port) => assert.equal(reason(await thrownBy(`https://127.0.0.1:${port}/`)), 'tls'),
  )
  const signal = AbortSignal.abort(new DOMException('late', 'TimeoutError'))
  assert.equal(reason(await thrownBy('http://127.0.0.1:1/', { signal })), 'timeout')
})
