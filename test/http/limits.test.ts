/** Each limit: what is beyond it, and that what is within it passes. */
import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { test } from 'node:test'

import { answer } from '../../src/http/answer.ts'
import { using } from '../using.ts'
import { until } from '../until.ts'
import { answersIn, echo, GET, JSON_TYPE, LAST_GET, listenOn, raw } from './talking.ts'

const SHORT = { headersTimeoutMs: 150, requestTimeoutMs: 300, lingerMs: 100 }

/** An open socket that counts nothing and reads nothing until asked. */
function dial(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket))
    socket.on('error', reject)
    socket.pause()
  })
}

test(
  'headers that are too long, and too many of them, are a 431',
  using(async (use) => {
    const server = use(await echo({ headerBytesMax: 1_000, headersMax: 10 }))
    const withHeaders = (headers: string): string => `GET /a HTTP/1.1\r\nhost: x\r\nconnection: close\r\n${headers}\r\n`
    for (const [headers, status] of [
      [`x: ${'a'.repeat(800)}\r\n`, 200],
      [`x: ${'a'.repeat(1_200)}\r\n`, 431],
      ['x: 1\r\n'.repeat(8), 200],
      ['x: 1\r\n'.repeat(9), 431],
    ] as const) {
      assert.equal(answersIn(await raw(server.port, withHeaders(headers)))[0]?.status, status, headers)
    }
    assert.equal(answersIn(await raw(server.port, `GET /${'a'.repeat(1_200)} HTTP/1.1\r\n\r\n`))[0]?.status, 431)
    assert.deepEqual(server.refused, ['malformed', 'malformed', 'malformed'])
    assert.equal(server.targets.length, 2)
  }),
)

test(
  'a head that comes too slowly is a 408, also behind another request; a connection on which nothing comes just ends',
  using(async (use) => {
    const server = use(await echo(SHORT))
    const [slow, second, silent] = await Promise.all([
      raw(server.port, 'POST /a HT'),
      raw(server.port, `${GET}POST /b HT`),
      raw(server.port, ''),
    ])
    assert.deepEqual(
      answersIn(slow).map(({ status }) => status),
      [408],
    )
    assert.deepEqual(
      answersIn(second).map(({ status }) => status),
      [200, 408],
    )
    assert.equal(silent, '')
    assert.deepEqual(server.refused, ['too-slow', 'too-slow', 'too-slow'])
  }),
)

test(
  'a body that comes too slowly is a 408, and the handler that reads it is let go',
  using(async (use) => {
    const server = use(await echo(SHORT))
    const text = await raw(server.port, 'POST /a HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nab')
    assert.deepEqual(
      answersIn(text).map(({ status }) => status),
      [408],
    )
    assert.deepEqual(server.failed, [])
    assert.deepEqual(await server.close({ timeoutMs: 5_000 }), { reset: 0 })
  }),
)

test(
  'a handler that takes long is waited for: the times bound the client only',
  using(async (use) => {
    const late: string[] = []
    const server = use(
      await listenOn(async (request, { target }) => {
        await request.text()
        // As long as it takes until a request that has come after this one is too late.
        if (target === '/last')
          late.push(await raw(server.port, 'POST /late HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n'))
        return answer(200, JSON_TYPE, '{}')
      }, SHORT),
    )
    assert.equal(answersIn(await raw(server.port, LAST_GET))[0]?.status, 200)
    assert.equal(answersIn(late[0]!)[0]?.status, 408)
  }),
)

test(
  'a connection without a request is ended after its time, and the time is told',
  using(async (use) => {
    const server = use(await echo({ idleTimeoutMs: 1_000 }))
    const [only, ...more] = answersIn(await raw(server.port, GET))
    assert.match(only!.head, /\r\nkeep-alive: timeout=1\b/)
    assert.deepEqual(more, [])
  }),
)

test(
  'connections above the limit are ended at once, and the ones below go on',
  using(async (use) => {
    const server = use(await echo({ connectionsMax: 2 }))
    const first = await dial(server.port)
    const second = await dial(server.port)
    await until(() => server.connections === 2)
    assert.match(await raw(server.port, ''), /^(<ECONNRESET>)?$/)
    assert.deepEqual(server.refused, ['too-many'])
    first.destroy()
    await until(() => server.connections === 1)
    assert.equal(answersIn(await raw(server.port, LAST_GET))[0]?.status, 200)
    second.destroy()
  }),
)

test(
  'requests sent without waiting are taken up to the limit; then a 503 behind the answers ends the connection',
  using(async (use) => {
    const go = Promise.withResolvers<void>()
    let calls = 0
    const server = use(
      await listenOn(
        async () => {
          calls++
          await go.promise
          return answer(200, JSON_TYPE, '{}')
        },
        { pipelinedMax: 3 },
      ),
    )
    const text = raw(server.port, GET.repeat(50))
    await until(() => calls === 3)
    go.resolve()
    assert.deepEqual(
      answersIn(await text).map(({ status }) => status),
      [200, 200, 200, 503],
    )
    assert.equal(calls, 3)
  }),
)

test(
  'a connection that floods on behind its last answer is ended',
  using(async (use) => {
    const server = use(await listenOn(() => new Promise(() => undefined), { pipelinedMax: 1 }))
    assert.match(await raw(server.port, GET.repeat(3_000)), /^(<ECONNRESET>|<EPIPE>)*$/)
    assert.equal(server.connections, 0)
  }),
)

test(
  'any number of requests, one after the other, is answered on one connection',
  using(async (use) => {
    const server = use(await echo({ pipelinedMax: 100 }))
    let seen = ''
    const socket = await dial(server.port)
    socket.setEncoding('latin1')
    socket.on('data', (chunk: string) => {
      seen += chunk
    })
    socket.resume()
    for (let round = 1; round <= 50; round++) {
      socket.write(GET.repeat(60))
      await until(() => seen.split('HTTP/1.1 200').length === round * 60 + 1)
    }
    assert.equal(server.targets.length, 3_000)
    socket.destroy()
  }),
)

test(
  'a client that takes nothing of its answer is ended after its time, whether the answer is one piece or many',
  using(async (use) => {
    const big = 'a'.repeat(30_000_000)
    const pieces = async function* (): AsyncGenerator<Uint8Array> {
      for (let index = 0; index < 30; index++) yield Buffer.alloc(1_000_000)
    }
    for (const respond of [() => answer(200, {}, big), () => new Response(ReadableStream.from(pieces()))]) {
      const refused: string[] = []
      const server = use(
        await listenOn(async () => respond(), { answerTimeoutMs: 200, refused: (what) => refused.push(what) }),
      )
      const socket = await dial(server.port)
      socket.off('error', () => undefined).on('error', () => undefined)
      socket.write(GET)
      await until(() => refused.length > 0)
      assert.deepEqual(refused, ['too-slow'])
      await until(() => server.connections === 0)
      socket.destroy()
    }
  }),
)

test(
  'a client that takes its answer slowly but steadily gets all of it',
  using(async (use) => {
    const big = 'a'.repeat(20_000_000)
    const server = use(await listenOn(async () => answer(200, {}, big), { answerTimeoutMs: 1_000 }))
    const socket = await dial(server.port)
    socket.write(LAST_GET)
    let bytes = 0
    const ended = new Promise<void>((resolve) => socket.on('end', resolve))
    socket.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      socket.pause()
      setImmediate(() => socket.resume())
    })
    socket.resume()
    await ended
    assert.ok(bytes > big.length)
  }),
)
