/** The end of a listener under load: nothing that was accepted is reset, and no answer is lost. */
import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { Agent, request as nodeRequest } from 'node:http'
import { connect, type Socket } from 'node:net'
import { test } from 'node:test'

import { answer } from '../../src/http/answer.ts'
import { listen, type Listening } from '../../src/http/listen.ts'
import { using } from '../using.ts'
import { until } from '../until.ts'
import { answersIn, echo, GET, JSON_TYPE, listenOn, raw } from './talking.ts'

/**
 * What became of one call: its status, or the code of its error. `isFirst` where no answer came over its connection
 * before it.
 */
interface Called {
  readonly end: string
  readonly isFirst: boolean
}

/** One call that carries its name, so that the handler can say whether it had it. */
type Call = (url: string, name: string, body: string) => Promise<Called>

function callerWithNode(): { readonly call: Call; readonly end: () => void } {
  const agent = new Agent({ keepAlive: true })
  const call: Call = (url, name, body) =>
    new Promise((resolve) => {
      const headers = { 'content-length': body.length, 'x-call': name }
      const sent = nodeRequest(`${url}/a`, { method: 'POST', agent, headers }, (got) => {
        let text = ''
        got.on('data', (chunk: Buffer) => {
          text += chunk.toString('latin1')
        })
        got.on('end', () => over(text === body ? String(got.statusCode) : 'another body'))
        got.on('error', failed)
      })
      const over = (end: string): void => resolve({ end, isFirst: !sent.reusedSocket })
      const failed = (error: NodeJS.ErrnoException): void => over(error.code ?? error.message)
      sent.on('error', failed)
      sent.end(body)
    })
  return { call, end: () => agent.destroy() }
}

function callerWithFetch(): { readonly call: Call; readonly end: () => void } {
  const reused = new Set<string>()
  // Fetch itself does not tell which connection it used.
  const onSent = (message: unknown): void => {
    const { headers, socket } = message as { readonly headers: string; readonly socket: Socket }
    const name = /\r\nx-call: (\S+)/i.exec(`\r\n${headers}`)?.[1]
    if (name !== undefined && socket.bytesRead > 0) reused.add(name)
  }
  subscribe('undici:client:sendHeaders', onSent)
  const call: Call = async (url, name, body) => {
    // Its connection is free again only after a turn; without it, fetch would open another one for every few calls.
    await new Promise((resolve) => setImmediate(resolve))
    let end: string
    try {
      const got = await fetch(`${url}/a`, { method: 'POST', body, headers: { 'x-call': name } })
      end = (await got.text()) === body ? String(got.status) : 'another body'
    } catch (error) {
      end = String(Reflect.get(Reflect.get(error as Error, 'cause') ?? {}, 'code') ?? error)
    }
    return { end, isFirst: !reused.has(name) }
  }
  return { call, end: () => unsubscribe('undici:client:sendHeaders', onSent) }
}

interface LastCall extends Called {
  readonly name: string
  readonly done: number
  /** Of those that are done, how many came over a connection that had been used before. */
  readonly again: number
}

/** Calls one after the other until the first that is not answered. */
async function callUntilRefused(call: Call, url: string, caller: number): Promise<LastCall> {
  let again = 0
  for (let done = 0; ; done++) {
    const name = `${caller}-${done}`
    const called = await call(url, name, `{"n":${caller}}`)
    if (called.end !== '200') return { ...called, name, done, again }
    if (!called.isFirst) again++
  }
}

/**
 * A closed port refuses. A connection that the system completed in the moment before, and that the process never took
 * up, is reset by it: the request on it is the connection's first, and the handler never had it.
 */
function isEndOfPort({ end, isFirst, name }: LastCall, taken: ReadonlySet<string>): boolean {
  return end === 'ECONNREFUSED' || (end === 'ECONNRESET' && isFirst && !taken.has(name))
}

for (const [client, made] of [
  ['node:http', callerWithNode],
  ['fetch', callerWithFetch],
] as const) {
  test(
    `64 callers of ${client} while the listener closes: each call is answered, until the port refuses`,
    using(async (use) => {
      const taken = new Set<string>()
      const server = use(
        await listenOn(async (request) => {
          taken.add(request.headers.get('x-call') ?? 'without a name')
          const body = await request.text()
          for (let turns = taken.size % 7; turns > 0; turns--) await new Promise((resolve) => setImmediate(resolve))
          return answer(200, JSON_TYPE, body)
        }),
      )
      const { call, end } = made()
      const callers = Array.from({ length: 64 }, (_, index) => callUntilRefused(call, server.url, index))
      await until(() => taken.size > 1_000)
      assert.deepEqual(await server.close({ timeoutMs: 20_000 }), { reset: 0 })
      const last = await Promise.all(callers)
      end()
      assert.deepEqual(
        last.filter((ended) => !isEndOfPort(ended, taken)),
        [],
      )
      assert.equal(
        last.reduce((sum, { done }) => sum + done, 0),
        taken.size,
      )
      assert.ok(last.some(({ again }) => again > 0))
      assert.equal(server.connections, 0)
    }),
  )
}

test(
  'requests on their way to idle connections when the listener closes are answered',
  using(async (use) => {
    const server = use(await echo({ lingerMs: 300 }))
    const sockets = await Promise.all(
      Array.from({ length: 100 }, async () => {
        const seen: { text: string; ended: boolean } = { text: '', ended: false }
        const socket = connect(server.port, '127.0.0.1')
        socket.setEncoding('latin1')
        socket.on('data', (chunk: string) => {
          seen.text += chunk
        })
        const end = new Promise<void>((resolve, reject) => {
          socket.on('close', () => resolve())
          socket.on('error', reject)
        })
        socket.write(GET)
        await until(() => answersIn(seen.text).length === 1)
        return { socket, seen, end }
      }),
    )
    // The same turn: these bytes are in the sockets when the listener begins to end.
    for (const { socket } of sockets) socket.write(GET)
    const closing = server.close({ timeoutMs: 20_000 })
    await Promise.all(sockets.map(({ end }) => end))
    assert.deepEqual(await closing, { reset: 0 })
    for (const { seen } of sockets) {
      assert.deepEqual(
        answersIn(seen.text).map(({ status }) => status),
        [200, 200],
      )
    }
  }),
)

test(
  'stopAccepting refuses new connections, lets those under way finish, and ends the idle ones after their silence',
  using(async (use) => {
    const go = Promise.withResolvers<void>()
    let calls = 0
    const server = use(
      await listenOn(
        async (_request, { target }) => {
          calls++
          if (target === '/a') await go.promise
          return answer(200, JSON_TYPE, target)
        },
        { lingerMs: 50 },
      ),
    )
    const idle = raw(server.port, 'GET /idle HTTP/1.1\r\nhost: x\r\n\r\n')
    const working = raw(server.port, GET)
    await until(() => calls === 2)
    server.stopAccepting()
    server.stopAccepting()
    assert.equal(answersIn(await idle)[0]?.body, '/idle')
    assert.equal(await raw(server.port, GET), '<ECONNREFUSED>')
    await until(() => server.connections === 1)
    go.resolve()
    const [only] = answersIn(await working)
    assert.match(only!.head, /\r\nconnection: close\b/)
    assert.deepEqual(await server.close(), { reset: 0 })
  }),
)

test(
  'connections that wait at the port when the listener closes are taken and answered',
  using(async (use) => {
    const server = use(await echo())
    const calls = Array.from({ length: 50 }, () => raw(server.port, GET))
    // The handshakes are the system's; the loop has accepted none of them yet.
    server.stopAccepting()
    for (const text of await Promise.all(calls)) assert.equal(answersIn(text)[0]?.status, 200)
    assert.equal(server.targets.length, 50)
  }),
)

test(
  'answers to requests that were sent without waiting are all given before the end',
  using(async (use) => {
    const go = Promise.withResolvers<void>()
    let calls = 0
    const server = use(
      await listenOn(async (_request, { target }) => {
        calls++
        // The newest is done first, before the listener closes; the older ones after.
        if (target === '/a') await go.promise
        return answer(200, JSON_TYPE, target)
      }),
    )
    const text = raw(server.port, `${GET}${GET}GET /b HTTP/1.1\r\nhost: x\r\n\r\n`)
    await until(() => calls === 3)
    const closing = server.close({ timeoutMs: 10_000 })
    go.resolve()
    assert.deepEqual(
      answersIn(await text).map(({ body }) => body),
      ['/a', '/a', '/b'],
    )
    assert.deepEqual(await closing, { reset: 0 })
  }),
)

test('after its time close ends what is left and says how many it was', async () => {
  const server = await listenOn(() => new Promise(() => undefined))
  const texts = [raw(server.port, GET), raw(server.port, GET)]
  const idle = raw(server.port, '')
  await until(() => server.connections === 3)
  const first = server.close({ timeoutMs: 60_000 })
  assert.deepEqual(await server.close({ timeoutMs: 20 }), { reset: 2 })
  assert.deepEqual(await first, { reset: 2 })
  await Promise.all([...texts, idle])
  assert.deepEqual(await server.close({ timeoutMs: 0 }), { reset: 2 })
})

test('a listener without connections closes at once, and its port can be taken again', async () => {
  const first = await echo()
  assert.deepEqual(await first.close({ timeoutMs: 60_000 }), { reset: 0 })
  const again: Listening = await listen(async () => answer(200, {}, null), { port: first.port })
  assert.equal(again.port, first.port)
  await again.close({ timeoutMs: 0 })
})

test('close waits for a handler whose client has gone', async () => {
  const go = Promise.withResolvers<void>()
  let called = false
  let returned = false
  const server = await listenOn(async () => {
    called = true
    await go.promise
    returned = true
    return answer(200, {}, null)
  })
  const socket = connect(server.port, '127.0.0.1', () => socket.write(GET))
  await until(() => called)
  socket.destroy()
  await until(() => server.connections === 0)
  const closing = server.close({ timeoutMs: 20_000 })
  setImmediate(() => setImmediate(() => go.resolve()))
  assert.deepEqual(await closing, { reset: 0 })
  assert.equal(returned, true)
})
