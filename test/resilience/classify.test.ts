import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { test } from 'node:test'

import { TrackClient } from 'customerio-node'
import * as fc from 'fast-check'

import {
  AbortedError,
  ClosedError,
  OptionsError,
  OutboxFullError,
  RequestError,
  TimeoutError,
} from '../../src/errors.ts'
import { classify as classifyAnswer, type Outcome } from '../../src/protocol/outcome.ts'
import {
  callResultOf,
  classify,
  type CallOutcome,
  type Classification,
  type Fate,
  type Verdict,
} from '../../src/resilience/classify.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'

const clock = new VirtualClock(Date.UTC(1994, 10, 6, 8, 49, 30))
const DATE_IN_7_S = 'Sun, 06 Nov 1994 08:49:37 GMT'

function said(outcome: CallOutcome): Classification {
  return classify(outcome, clock)
}

const failed = (cause?: unknown): TypeError => new TypeError('fetch failed', { cause })
const coded = (code: string, more: object = {}): Error => Object.assign(new Error(code), { code }, more)
const thrown = (members: object): Error => Object.assign(new Error('refused'), members)

test('an answer means the same whatever carries it: a Response, fetch-like, axios, the official SDK', () => {
  const table: readonly (readonly [status: number, verdict: Verdict])[] = [
    [400, 'permanent'],
    [401, 'permanent'],
    [403, 'permanent'],
    [404, 'permanent'],
    [408, 'failure'],
    [413, 'permanent'],
    [422, 'permanent'],
    [425, 'failure'],
    [429, 'throttled'],
    [500, 'failure'],
    [502, 'failure'],
    [503, 'failure'],
    [504, 'failure'],
    [522, 'failure'],
    [524, 'failure'],
  ]
  for (const [status, verdict] of table) {
    const carriers: readonly CallOutcome[] = [
      { value: new Response(null, { status }) },
      { value: { status, headers: {}, data: '' } },
      { value: { status, ok: false } },
      { error: thrown({ status }) },
      { error: thrown({ statusCode: status }) },
      { error: thrown({ response: { status, headers: {} } }) },
      { error: thrown({ code: 'ERR_BAD_RESPONSE', response: { status } }) },
      { error: new Error('outer', { cause: thrown({ status }) }) },
      { error: new RequestError('no', { status }) },
    ]
    const expected =
      status === 401 || status === 403 ? { verdict, fate: 'known', unauthorized: true } : { verdict, fate: 'known' }
    for (const outcome of carriers) {
      assert.deepEqual(said(outcome), expected, String(status))
      assert.deepEqual(said({ ...outcome, sent: true }), expected, 'an answer came, so it is known')
    }
  }
})

test('it agrees with the table of the core about every status', () => {
  const verdicts: Readonly<Record<Outcome['kind'], Verdict>> = {
    delivered: 'success',
    retry: 'failure',
    throttled: 'throttled',
    unauthorized: 'permanent',
    refused: 'permanent',
    rejected: 'permanent',
    aborted: 'neutral',
  }
  for (let status = 200; status <= 599; status++) {
    for (const retryAfter of [null, '7', DATE_IN_7_S, '0', 'soon']) {
      const [core] = classifyAnswer({ status, retryAfter, body: '{}', nowWallMs: clock.wallMs() }, 1)
      assert.ok(core)
      const headers = retryAfter === null ? {} : { 'retry-after': retryAfter }
      // 207 is read from the body, which is the operation's matter; a redirect as a value was asked for.
      const expected = status === 207 || (status >= 300 && status < 400) ? 'success' : verdicts[core.kind]
      const value = said({ value: { status, ok: status < 300, headers } })
      assert.equal(value.verdict, expected, String(status))
      if (status < 300) continue
      const error = said({ error: thrown({ statusCode: status, response: { status, headers } }) })
      assert.equal(error.verdict, verdicts[core.kind], String(status))
      assert.equal(error.retryAfterMs, 'afterMs' in core ? core.afterMs : undefined, `${status} ${retryAfter}`)
    }
  }
})

test('an error with a good status was answered and applied, but not read', () => {
  assert.deepEqual(said({ error: thrown({ status: 200 }) }), { verdict: 'failure', fate: 'unknown' })
})

test('a status that is no answer is not taken for one', () => {
  const values: readonly unknown[] = [{ status: 500 }, { status: 'failed', ok: false }, { statusCode: 500 }, 500, null]
  for (const value of values) assert.deepEqual(said({ value }), { verdict: 'success' })
  for (const error of [{ status: 1 }, { status: 127 }, { status: '503' }, { status: Number.NaN }, { statusCode: 0 }]) {
    assert.deepEqual(said({ error: thrown(error) }), { verdict: 'failure', fate: 'known' })
  }
})

test('Retry-After is read as seconds or as a date against the wall clock, from any kind of headers', () => {
  const table: readonly (readonly [header: string, ms: number | undefined])[] = [
    ['7', 7_000],
    [DATE_IN_7_S, 7_000],
    ['0', undefined],
    ['-3', undefined],
    ['Sun, 06 Nov 1994 08:49:00 GMT', undefined],
    ['99999999', 300_000],
    ['soon', undefined],
  ]
  for (const [header, ms] of table) {
    const carriers: readonly CallOutcome[] = [
      { value: new Response(null, { status: 429, headers: { 'Retry-After': header } }) },
      { error: thrown({ status: 503, headers: new Headers({ 'retry-after': header }) }) },
      { error: thrown({ response: { status: 429, headers: { 'retry-after': header } } }) },
      { error: thrown({ response: { status: 429, headers: { 'Retry-After': header } } }) },
      { error: thrown({ statusCode: 429, response: { headers: { 'retry-after': [header] } } }) },
    ]
    for (const outcome of carriers) assert.equal(said(outcome).retryAfterMs, ms, header)
  }
  assert.equal(said({ error: thrown({ status: 429, headers: { 'retry-after': 7 } }) }).retryAfterMs, 7_000)
  assert.equal(said({ error: thrown({ status: 429, retryAfterMs: 40 }) }).retryAfterMs, 40)
  assert.equal(said({ error: thrown({ status: 404, headers: { 'retry-after': '7' } }) }).retryAfterMs, undefined)
})

test('a date is held against the clock that is told, also after it jumped', () => {
  const jumping = new VirtualClock(Date.UTC(1994, 10, 6, 8, 49, 30))
  const outcome = { error: thrown({ status: 429, headers: { 'retry-after': DATE_IN_7_S } }) }
  jumping.jumpWallMs(5_000)
  assert.equal(classify(outcome, jumping).retryAfterMs, 2_000)
  jumping.jumpWallMs(3_600_000)
  assert.equal(classify(outcome, jumping).retryAfterMs, undefined)
})

const NETWORK: readonly (readonly [error: Error, fate: Fate])[] = [
  [coded('ECONNREFUSED'), 'known'],
  [coded('ENOTFOUND'), 'known'],
  [coded('EAI_AGAIN'), 'known'],
  [coded('UND_ERR_CONNECT_TIMEOUT'), 'known'],
  [coded('CERT_HAS_EXPIRED'), 'known'],
  [coded('DEPTH_ZERO_SELF_SIGNED_CERT'), 'known'],
  [coded('UNABLE_TO_VERIFY_LEAF_SIGNATURE'), 'known'],
  [coded('ERR_TLS_CERT_ALTNAME_INVALID'), 'known'],
  [coded('ERR_SSL_WRONG_VERSION_NUMBER'), 'known'],
  [coded('EPROTO'), 'known'],
  [coded('ETIMEDOUT', { syscall: 'connect' }), 'known'],
  [coded('EHOSTUNREACH', { syscall: 'connect' }), 'known'],
  [coded('UND_ERR_CLOSED'), 'known'],
  [coded('ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC'), 'unknown'],
  [coded('ETIMEDOUT', { syscall: 'read' }), 'unknown'],
  [coded('ETIMEDOUT'), 'unknown'],
  [coded('EHOSTUNREACH'), 'unknown'],
  [coded('ECONNRESET'), 'unknown'],
  [coded('EPIPE'), 'unknown'],
  [coded('UND_ERR_SOCKET'), 'unknown'],
  [coded('UND_ERR_HEADERS_TIMEOUT'), 'unknown'],
  [coded('UND_ERR_BODY_TIMEOUT'), 'unknown'],
  [coded('HPE_INVALID_CONSTANT'), 'unknown'],
  [coded('ECONNABORTED'), 'unknown'],
  [coded('ERR_NETWORK'), 'unknown'],
  [coded('EOFTOMORROW'), 'unknown'],
  [new DOMException('too late', 'TimeoutError'), 'unknown'],
  [new TimeoutError(5), 'unknown'],
]

test('an error of the network says whether the request can have left, wherever in the chain it stands', () => {
  for (const [error, fate] of NETWORK) {
    const chains: readonly unknown[] = [
      error,
      failed(error),
      failed(new Error('outer', { cause: error })),
      new Error('mine', { cause: failed(error) }),
      failed(new AggregateError([new Error('no code'), error])),
      new RequestError('no', { cause: failed(error) }),
    ]
    for (const chain of chains) {
      const name = `${error.name} ${String(Reflect.get(error, 'code'))}`
      assert.deepEqual(said({ error: chain }), { verdict: 'failure', fate }, name)
      assert.equal(said({ error: chain, sent: false }).fate, 'known', name)
      assert.equal(said({ error: chain, sent: true }).fate, 'unknown', name)
    }
  }
})

test('fetch that hides the cause leaves the fate unknown; an error of the caller is taken at its word', () => {
  for (const error of [
    failed(),
    failed(new Error('?')),
    new TypeError('terminated'),
    new TypeError('Failed to fetch'),
  ]) {
    assert.deepEqual(said({ error }), { verdict: 'failure', fate: 'unknown' })
  }
  const plain: readonly unknown[] = [new Error('x'), 'x', undefined, null, 5, {}, coded('MINE'), new SyntaxError('x')]
  for (const error of plain) {
    assert.deepEqual(said({ error }), { verdict: 'failure', fate: 'known' })
    assert.equal(said({ error, sent: true }).fate, 'unknown')
  }
})

test("the caller's abort, a refusal of ours and a mistake in the code are neutral", () => {
  const neutral: readonly unknown[] = [
    new DOMException('ended', 'AbortError'),
    thrown({ name: 'CanceledError', code: 'ERR_CANCELED' }),
    coded('UND_ERR_ABORTED'),
    new AbortedError('mine'),
    new ClosedError(),
    new OptionsError('a', 'must be b'),
    new TypeError('Invalid URL', { cause: coded('ERR_INVALID_URL') }),
    coded('UND_ERR_INVALID_ARG'),
    new TypeError("Cannot read properties of undefined (reading 'x')"),
    new ReferenceError('x is not defined'),
  ]
  for (const error of neutral) assert.deepEqual(said({ error }), { verdict: 'neutral', fate: 'known' }, String(error))
  for (const error of [
    new DOMException('late', 'TimeoutError'),
    coded('ECONNRESET'),
    thrown({ status: 503 }),
    undefined,
  ]) {
    assert.equal(said({ error, aborted: true }).verdict, 'neutral')
  }
  const full = new OutboxFullError({ bound: 'bytes', limit: 1, used: 1, retryAfterMs: 30 })
  assert.deepEqual(said({ error: full }), { verdict: 'neutral', fate: 'known', retryAfterMs: 30 })
})

test('errors that go in circles, that are deep or that throw are plain failures', () => {
  const loop = new Error('loop')
  loop.cause = loop
  let deep: unknown = coded('ECONNRESET')
  for (let depth = 0; depth < 1_000; depth++) deep = new Error('deeper', { cause: deep })
  const hostile = new Proxy(new Error('x'), {
    get() {
      throw new Error('no')
    },
  })
  const headers = thrown({
    status: 429,
    headers: {
      get() {
        throw new Error('no')
      },
    },
  })
  for (const error of [loop, deep, hostile]) assert.deepEqual(said({ error }), { verdict: 'failure', fate: 'known' })
  assert.equal(said({ error: headers }).verdict, 'throttled')
  fc.assert(
    fc.property(fc.anything({ withNullPrototype: true }), fc.option(fc.boolean()), (anything, sent) => {
      const known = sent === null ? {} : { sent }
      assert.equal(said({ value: anything, ...known }).verdict, 'success')
      assert.equal(said({ error: anything, ...known }).verdict, 'failure')
    }),
    { seed: 31, numRuns: 500 },
  )
})

test('to a breaker a refusal is a success and an abort is nothing', () => {
  const table: Readonly<Record<Verdict, string>> = {
    success: 'success',
    permanent: 'success',
    failure: 'failure',
    throttled: 'neutral',
    neutral: 'neutral',
  }
  for (const [verdict, result] of Object.entries(table)) assert.equal(callResultOf(verdict as Verdict), result)
})

/** What `use` throws against a server that does one thing to each connection. */
async function thrownAgainst(
  onConnection: (socket: Socket) => void,
  use: (port: number) => Promise<unknown>,
): Promise<unknown> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    onConnection(socket)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  assert.ok(typeof address === 'object' && address !== null)
  try {
    return await use(address.port).then(
      () => assert.fail('it should have thrown'),
      (error: unknown) => error,
    )
  } finally {
    server.close()
  }
}

const answering = (status: string, headers: string) => (socket: Socket) => {
  socket.once('data', () =>
    socket.end(`HTTP/1.1 ${status}\r\n${headers}content-length: 2\r\nconnection: close\r\n\r\n{}`),
  )
}

function identify(port: number): Promise<unknown> {
  const client = new TrackClient('site', 'key', { url: `http://127.0.0.1:${port}/api/v1`, retry: { maxRetries: 0 } })
  return client.identify('1', {})
}

test('what the official SDK really throws is understood', async () => {
  const throttled = await thrownAgainst(answering('429 Too Many Requests', 'retry-after: 3\r\n'), identify)
  assert.deepEqual(said({ error: throttled }), { verdict: 'throttled', fate: 'known', retryAfterMs: 3_000 })
  const bad = await thrownAgainst(answering('400 Bad Request', ''), identify)
  assert.deepEqual(said({ error: bad }), { verdict: 'permanent', fate: 'known' })
  const reset = await thrownAgainst((socket) => socket.once('data', () => socket.resetAndDestroy()), identify)
  assert.deepEqual(said({ error: reset }), { verdict: 'failure', fate: 'unknown' })
})

test('what fetch really throws is understood', async () => {
  const get = (port: number) => fetch(`http://127.0.0.1:${port}/`)
  const closed = await thrownAgainst((socket) => socket.once('data', () => socket.end()), get)
  assert.deepEqual(said({ error: closed }), { verdict: 'failure', fate: 'unknown' })
  const noTls = await thrownAgainst(
    (socket) => socket.end('no TLS is spoken here, but plain text'),
    (port) => fetch(`https://127.0.0.1:${port}/`),
  )
  assert.deepEqual(said({ error: noTls }), { verdict: 'failure', fate: 'known' })
  let freed = 0
  await thrownAgainst(
    () => undefined,
    (port) => {
      freed = port
      return Promise.reject(new Error('closed'))
    },
  )
  const refused: unknown = await get(freed).catch((error: unknown) => error)
  assert.deepEqual(said({ error: refused }), { verdict: 'failure', fate: 'known' })
  const url: unknown = await fetch('nowhere').catch((error: unknown) => error)
  assert.deepEqual(said({ error: url }), { verdict: 'neutral', fate: 'known' })
})
