/** A process that is frozen between the call of `fetch` and the socket must not send what others have sent meanwhile. */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import { test } from 'node:test'

import { createSender, type Target } from '../../src/delivery/sender.ts'
import type { HttpParts } from '../../src/protocol/encode.ts'
import type { Clock } from '../../src/runtime/clock.ts'
import type { Runtime } from '../../src/runtime/runtime.ts'
import { systemRuntime, systemRuntimeWith } from '../../src/runtime/system.ts'

const parts: HttpParts = { method: 'POST', path: '/api/v2/batch', body: '{"batch":["é"]}', auth: true }
const never = new AbortController().signal

/** Time that passes at a word, and whose timers are late: what a process finds when it goes on. */
function frozenClock(): Clock & { pass: (ms: number) => void } {
  let nowMs = 0
  return {
    wallMs: () => nowMs,
    monotonicMs: () => nowMs,
    timer: () => () => {},
    pass: (ms) => void (nowMs += ms),
  }
}

async function world(run: (root: string, arrived: readonly string[]) => Promise<void>): Promise<void> {
  const arrived: string[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (text: string) => (body += text))
    request.on('end', () => {
      arrived.push(`${request.headers['content-length']} ${request.headers['transfer-encoding']} ${body}`)
      response.end('{}')
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  try {
    await run(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, arrived)
  } finally {
    server.closeAllConnections()
    server.close()
  }
}

test('a body goes out whole, with its length and not in chunks', () =>
  world(async (root, arrived) => {
    const sender = createSender({ root, siteId: 'site', apiKey: 'key', headers: {} }, systemRuntime)
    const { outcomes } = await sender.send(parts, 1, 10_000, never)
    assert.deepEqual(outcomes, [{ kind: 'delivered' }])
    assert.deepEqual(arrived, ['16 undefined {"batch":["é"]}'])
  }))

/** A network whose connection takes its time: it asks for the body when the test lets it. */
function slowNetwork(): { readonly runtime: Runtime; readonly asked: Promise<AsyncIterable<Uint8Array>> } {
  const { promise: asked, resolve } = Promise.withResolvers<AsyncIterable<Uint8Array>>()
  const dispatcher = {
    dispatch: ({ body }: { readonly body: AsyncIterable<Uint8Array> }) => {
      resolve(body)
      return true
    },
  }
  return { runtime: systemRuntimeWith(dispatcher), asked }
}

async function textOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = []
  for await (const chunk of body) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}

const target: Target = { root: 'http://127.0.0.1:9999', siteId: 'site', apiKey: 'key', headers: {} }

test('a connection that is there in time gets the body', async () => {
  const clock = frozenClock()
  const { runtime, asked } = slowNetwork()
  void createSender(target, { ...runtime, clock }).send(parts, 2, 1_000, never)
  const body = await asked
  clock.pass(999)
  assert.equal(await textOf(body), parts.body)
})

test('what is given to a connection is not whole once the time of the attempt is over, though no timer has said so', async () => {
  const clock = frozenClock()
  const { runtime, asked } = slowNetwork()
  const attempt = createSender(target, { ...runtime, clock }).send(parts, 2, 1_000, never)
  const body = await asked
  // What would ask before it has a connection has done so by now.
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
  clock.pass(1_000)
  assert.notEqual(await textOf(body), parts.body)
  assert.deepEqual((await attempt).outcomes, [
    { kind: 'retry', reason: 'timeout' },
    { kind: 'retry', reason: 'timeout' },
  ])
})

test('the time of an attempt runs from the look at its leases, however long after that it is sent', async () => {
  const clock = frozenClock()
  const { runtime, asked } = slowNetwork()
  const lookedMs = clock.monotonicMs()
  clock.pass(1_000)
  const attempt = createSender(target, { ...runtime, clock }).send(parts, 1, 1_000, never, lookedMs)
  assert.notEqual(await asked.then(textOf), parts.body)
  assert.deepEqual((await attempt).outcomes, [{ kind: 'retry', reason: 'timeout' }])
})
