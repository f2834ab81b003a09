/** A process that is frozen between the call of `fetch` and the socket must not send what others have sent meanwhile. */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import { test } from 'node:test'

import { createSender } from '../../src/delivery/sender.ts'
import type { HttpParts } from '../../src/protocol/encode.ts'
import type { Clock } from '../../src/runtime/clock.ts'
import { systemRuntime } from '../../src/runtime/system.ts'

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

test('nothing is written to the connection once the time of the attempt is over, though no timer has said so', () =>
  world(async (root, arrived) => {
    const clock = frozenClock()
    const sender = createSender(
      { root, siteId: 'site', apiKey: 'key', headers: {} },
      {
        ...systemRuntime,
        clock,
        fetch: (request) => {
          const response = systemRuntime.fetch(request)
          // The request waits for its connection.
          clock.pass(1_000)
          return response
        },
      },
    )
    const late = await sender.send(parts, 2, 1_000, never)
    assert.deepEqual(late.outcomes, [
      { kind: 'retry', reason: 'timeout' },
      { kind: 'retry', reason: 'timeout' },
    ])
    const inTime = await sender.send(parts, 1, 1_001, never)
    assert.deepEqual(inTime.outcomes, [{ kind: 'delivered' }])
    assert.equal(arrived.length, 1)
  }))
