/** What two servers in a row could read differently: each is refused with a 400, and the connection ends. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { using } from '../using.ts'
import { answersIn, echo, raw } from './talking.ts'

const POST = 'POST /a HTTP/1.1\r\nhost: x\r\n'
const CHUNKED = `${POST}transfer-encoding: chunked\r\n\r\n`
/** A second request behind the shape: it must never be seen. */
const SECOND = 'GET /second HTTP/1.1\r\nhost: x\r\n\r\n'

const headShapes: Readonly<Record<string, string>> = {
  'a length and a transfer coding': `${POST}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
  'a transfer coding and a length': `${POST}transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n`,
  'two lengths': `${POST}content-length: 3\r\ncontent-length: 4\r\n\r\nabcd`,
  'the same length twice': `${POST}content-length: 3\r\ncontent-length: 3\r\n\r\nabc`,
  'a list of lengths': `${POST}content-length: 3, 3\r\n\r\nabc`,
  'a length with a plus': `${POST}content-length: +3\r\n\r\nabc`,
  'a negative length': `${POST}content-length: -3\r\n\r\nabc`,
  'a hexadecimal length': `${POST}content-length: 0x3\r\n\r\nabc`,
  'an empty length': `${POST}content-length: \r\n\r\nabc`,
  'a length beyond every number': `${POST}content-length: 99999999999999999999999\r\n\r\nabc`,
  'a folded header': `${POST}x-a: b\r\n c\r\n\r\n`,
  'a folded length': `${POST}content-length:\r\n 3\r\n\r\nabc`,
  'line feeds alone': 'POST /a HTTP/1.1\nhost: x\n\n',
  'a line feed alone after the request line': 'GET /a HTTP/1.1\nhost: x\r\n\r\n',
  'a line feed alone after a header': `${POST}x-a: b\ncontent-length: 0\r\n\r\n`,
  'a line feed alone at the end of the head': `${POST}content-length: 0\r\n\n`,
  'a carriage return in a header': `${POST}x-a: b\rc: d\r\n\r\n`,
  'a space before the colon': `${POST}content-length : 3\r\n\r\nabc`,
  'a space in a name': `${POST}x a: 3\r\n\r\n`,
  'a space before the first header': 'POST /a HTTP/1.1\r\n host: x\r\n\r\n',
  'an empty name': `${POST}: x\r\n\r\n`,
  'a line without a colon': `${POST}xyz\r\n\r\n`,
  'a NUL in a value': `${POST}x-a: b\0c\r\n\r\n`,
  'a NUL in a name': `${POST}x\0a: b\r\n\r\n`,
  'a control character in a value': `${POST}x-a: b\u0001c\r\n\r\n`,
  'an unknown method': 'FOO /a HTTP/1.1\r\nhost: x\r\n\r\n',
  'a method in small letters': 'post /a HTTP/1.1\r\nhost: x\r\n\r\n',
  'no Host': 'GET /a HTTP/1.1\r\n\r\n',
  'two Hosts': 'GET /a HTTP/1.1\r\nhost: x\r\nhost: y\r\n\r\n',
  'the same Host twice': 'GET /a HTTP/1.1\r\nhost: x\r\nhost: x\r\n\r\n',
  'an empty Host': 'GET /a HTTP/1.1\r\nhost:\r\n\r\n',
  'a Host with a path': 'GET /a HTTP/1.1\r\nhost: x/y\r\n\r\n',
  'a Host with credentials': 'GET /a HTTP/1.1\r\nhost: u@x\r\n\r\n',
  'two Hosts in HTTP/1.0': 'GET /a HTTP/1.0\r\nhost: x\r\nhost: y\r\n\r\n',
  'a target with another host': 'GET http://other/a HTTP/1.1\r\nhost: x\r\n\r\n',
  'a target with credentials': 'GET http://u@x/a HTTP/1.1\r\nhost: x\r\n\r\n',
  'a target of another scheme': 'GET ftp://x/a HTTP/1.1\r\nhost: x\r\n\r\n',
  'a target that is a star': 'OPTIONS * HTTP/1.1\r\nhost: x\r\n\r\n',
  'a target without a slash': 'GET a HTTP/1.1\r\nhost: x\r\n\r\n',
  'a target with a backslash': 'GET /a\\b HTTP/1.1\r\nhost: x\r\n\r\n',
  'a target with a control character': 'GET /a\u0001b HTTP/1.1\r\nhost: x\r\n\r\n',
  'a target with a byte above 127': 'GET /a\u00ffb HTTP/1.1\r\nhost: x\r\n\r\n',
  'the preface of HTTP/2': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  'HTTP/2.0 as a version': 'GET /a HTTP/2.0\r\nhost: x\r\n\r\n',
  'HTTP/1.2 as a version': 'GET /a HTTP/1.2\r\nhost: x\r\n\r\n',
  'no version': 'GET /a\r\nhost: x\r\n\r\n',
  'a tunnel': 'CONNECT x:443 HTTP/1.1\r\nhost: x\r\n\r\n',
  'a coding below chunked': `${POST}transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
  'the coding identity': `${POST}transfer-encoding: identity\r\n\r\n`,
  'a coding that looks like chunked': `${POST}transfer-encoding: xchunked\r\n\r\n0\r\n\r\n`,
  'chunked twice': `${POST}transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
  'chunked behind a vertical tab': `${POST}transfer-encoding:\u000bchunked\r\n\r\n0\r\n\r\n`,
  'chunked in HTTP/1.0': 'POST /a HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
  'announced trailers': `${POST}trailer: x-a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nx-a: b\r\n\r\n`,
  'no HTTP at all': '\u0000\u0001\u0002\u0003'.repeat(100),
}

/** The handler has begun to read when these are seen; its read fails, and the client gets the 400 all the same. */
const bodyShapes: Readonly<Record<string, string>> = {
  'a chunk size that is no number': `${CHUNKED}xyz\r\nabc\r\n0\r\n\r\n`,
  'a negative chunk size': `${CHUNKED}-3\r\nabc\r\n0\r\n\r\n`,
  'a chunk size beyond every number': `${CHUNKED}fffffffffffffffffff\r\nabc\r\n0\r\n\r\n`,
  'a space behind a chunk size': `${CHUNKED}3 \r\nabc\r\n0\r\n\r\n`,
  'line feeds alone between chunks': `${CHUNKED}3\nabc\n0\n\n`,
  'a chunk longer than its size': `${CHUNKED}3\r\nabcd\r\n0\r\n\r\n`,
  'a line feed in a chunk extension': `${CHUNKED}3;a\nb\r\nabc\r\n0\r\n\r\n`,
  'a long chunk extension': `${CHUNKED}3;${'a'.repeat(20_000)}\r\nabc\r\n0\r\n\r\n`,
}

function refusal(text: string): string {
  const answers = answersIn(text)
  assert.equal(answers.length, 1, text)
  const [{ status, head, body }] = answers as [(typeof answers)[0]]
  assert.equal(status, 400)
  assert.match(head, /\r\nconnection: close\b/)
  assert.match(head, /\r\ncontent-type: application\/json\b/)
  const { meta } = JSON.parse(body) as { readonly meta: { readonly error: string } }
  return meta.error
}

for (const [name, bytes] of Object.entries(headShapes)) {
  test(
    `refused before the handler: ${name}`,
    using(async (use) => {
      const server = use(await echo())
      assert.notEqual(refusal(await raw(server.port, bytes + SECOND)), '')
      assert.deepEqual(server.targets, [])
      assert.deepEqual(server.refused, ['malformed'])
      assert.equal((await fetch(server.url)).status, 200)
    }),
  )
}

for (const [name, bytes] of Object.entries(bodyShapes)) {
  test(
    `refused in the body: ${name}`,
    using(async (use) => {
      const server = use(await echo())
      assert.notEqual(refusal(await raw(server.port, bytes + SECOND)), '')
      assert.deepEqual(server.targets, ['/a'])
      assert.deepEqual(server.refused, ['malformed'])
      assert.deepEqual(server.failed, [])
      // The handler has returned: its read did not wait for the rest.
      assert.deepEqual(await server.close({ timeoutMs: 60_000 }), { reset: 0 })
    }),
  )
}

test(
  'trailers that nobody announced are left out, and the request behind them is read',
  using(async (use) => {
    const server = use(await echo())
    const last = 'GET /b HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n'
    const text = await raw(server.port, `${CHUNKED}3\r\nabc\r\n0\r\nauthorization: b\r\n\r\n${last}`)
    assert.deepEqual(
      answersIn(text).map(({ body }) => body),
      ['abc', '{}'],
    )
  }),
)

test(
  'an upgrade is not made: the request is answered as any other, and the connection ends behind it',
  using(async (use) => {
    const server = use(await echo())
    const upgrade = 'GET /a HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n'
    const [only, ...more] = answersIn(await raw(server.port, upgrade + SECOND))
    assert.equal(only?.status, 200)
    assert.match(only.head, /\r\nconnection: close\b/)
    assert.deepEqual(more, [])
    assert.deepEqual(server.targets, ['/a'])
  }),
)

test(
  'a target with the own host is taken, and given on as it was sent',
  using(async (use) => {
    const server = use(await echo())
    await raw(server.port, 'GET http://X/a?b HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n')
    assert.deepEqual(server.targets, ['http://X/a?b'])
  }),
)

test(
  'a request that is no HTTP waits with its refusal for the answers before it',
  using(async (use) => {
    const server = use(await echo())
    const text = await raw(
      server.port,
      'GET /1 HTTP/1.1\r\nhost: x\r\n\r\nGET /2 HTTP/1.1\r\nhost: x\r\n\r\nnonsense\r\n\r\n',
    )
    assert.deepEqual(
      answersIn(text).map(({ status }) => status),
      [200, 200, 400],
    )
    assert.deepEqual(server.targets, ['/1', '/2'])
  }),
)
