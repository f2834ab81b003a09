/** Each fault, one by one, through the function and over a socket: what the client sees, and what was applied. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

import { createSimulator, type Fault, type Simulator } from '../../src/simulator/index.ts'
import { until } from '../until.ts'
import { requestOf, type RequestOptions } from './asking.ts'
import { using } from '../using.ts'

/** What a client can tell: an answer, or the code of an error. */
type Seen = { readonly status: number; readonly text: string; readonly headers: Headers } | { readonly code: string }

type Ask = (line: string, options?: RequestOptions) => Promise<Seen>

const CREDENTIALS = { siteId: 'site', apiKey: 'key' }

async function see(fetch: (request: Request) => Promise<Response>, request: Request): Promise<Seen> {
  try {
    const response = await fetch(request)
    return { status: response.status, text: await response.text(), headers: response.headers }
  } catch (error) {
    return { code: codeOf(error) }
  }
}

/** `fetch` hides the reason in the cause; what the caller's own signal did is the error itself. */
function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return typeof error
  const { cause } = error as { readonly cause?: { readonly code?: string } }
  return cause?.code ?? error.name
}

const transports: Readonly<Record<string, (run: (simulator: Simulator, ask: Ask) => Promise<void>) => Promise<void>>> =
  {
    async function(run) {
      const simulator = createSimulator(CREDENTIALS)
      await run(simulator, (line, options) => see(simulator.fetch, requestOf(line, options)))
    },
    socket: (run) =>
      using(async (use) => {
        const simulator = createSimulator(CREDENTIALS)
        const server = use(await simulator.listen())
        await run(simulator, (line, options) =>
          see((request) => fetch(request, { redirect: 'manual' }), requestOf(line, { ...options, root: server.url })),
        )
      })(),
  }

const TRACK = 'POST /api/v1/customers/42/events'
const EVENT = { body: { name: 'order' } }

interface Case {
  readonly fault: Fault
  readonly seen: { readonly status?: number; readonly text?: RegExp; readonly code?: RegExp }
  readonly headers?: Readonly<Record<string, RegExp>>
  readonly applied: boolean
  /** The client gives up after a moment. */
  readonly impatient?: boolean
}

const BROKEN = /^(ECONNRESET|UND_ERR_SOCKET)$/

const cases: readonly Case[] = [
  { fault: { kind: 'status', status: 500 }, seen: { status: 500, text: /^\{"meta"/ }, applied: false },
  {
    fault: { kind: 'status', status: 502, html: true },
    seen: { status: 502, text: /^<!DOCTYPE html>/ },
    headers: { 'content-type': /^text\/html/ },
    applied: false,
  },
  {
    fault: { kind: 'status', status: 503, retryAfterSeconds: 7 },
    seen: { status: 503, text: /^\{"meta"/ },
    headers: { 'retry-after': /^7$/ },
    applied: false,
  },
  { fault: { kind: 'status', status: 500, applied: true }, seen: { status: 500 }, applied: true },
  { fault: { kind: 'status', status: 429 }, seen: { status: 429, text: /^\{"meta"/ }, applied: false },
  {
    fault: { kind: 'status', status: 429, retryAfterSeconds: 3, retryAfterDate: true },
    seen: { status: 429 },
    headers: { 'retry-after': /^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/ },
    applied: false,
  },
  {
    fault: { kind: 'status', status: 401, text: true },
    seen: { status: 401, text: /^Unauthorized request\n$/ },
    headers: { 'content-type': /^text\/plain/ },
    applied: false,
  },
  { fault: { kind: 'status', status: 403 }, seen: { status: 403, text: /^\{"meta"/ }, applied: false },
  { fault: { kind: 'status', status: 404 }, seen: { status: 404 }, applied: false },
  { fault: { kind: 'status', status: 200, html: true }, seen: { status: 200, text: /<html>/ }, applied: false },
  { fault: { kind: 'status', status: 204 }, seen: { status: 204, text: /^$/ }, applied: false },
  {
    fault: { kind: 'redirect', to: 'https://track-eu.customer.io' },
    seen: { status: 301 },
    headers: { location: /^https:\/\/track-eu\.customer\.io\/api\/v1\/customers\/42\/events$/ },
    applied: false,
  },
  {
    fault: { kind: 'redirect', status: 307, to: '/elsewhere' },
    seen: { status: 307 },
    headers: { location: /^\/elsewhere$/ },
    applied: false,
  },
  { fault: { kind: 'reset' }, seen: { code: BROKEN }, applied: false },
  { fault: { kind: 'reset', applied: true }, seen: { code: BROKEN }, applied: true },
  { fault: { kind: 'half-response' }, seen: { code: BROKEN }, applied: true },
  { fault: { kind: 'timeout' }, seen: { code: /^TimeoutError$/ }, applied: false, impatient: true },
  { fault: { kind: 'timeout', applied: true }, seen: { code: /^TimeoutError$/ }, applied: true, impatient: true },
  { fault: { kind: 'poison', item: () => true }, seen: { status: 400, text: /^\{"meta"/ }, applied: false },
  { fault: { kind: 'items', item: () => true }, seen: { status: 400, text: /^\{"meta"/ }, applied: false },
]

for (const [transport, withTransport] of Object.entries(transports)) {
  for (const { fault, seen, headers = {}, applied, impatient } of cases) {
    const name = JSON.stringify(fault)
    test(`${name} through a ${transport} does what it says, once, and the next request is served`, async () => {
      await withTransport(async (simulator, ask) => {
        const handle = simulator.faults.add({ ...fault, times: 1 })
        const first = await (impatient ? giveUpWhen(() => handle.struck === 1, ask) : ask(TRACK, EVENT))
        assert.equal(handle.struck, 1)
        if ('code' in first) assert.match(first.code, seen.code ?? /^none$/)
        else {
          assert.equal(first.status, seen.status)
          assert.match(first.text, seen.text ?? /(?:)/)
          for (const [header, value] of Object.entries(headers)) assert.match(first.headers.get(header) ?? '', value)
        }
        const [entry, ...more] = simulator.ledger.all()
        assert.deepEqual(more, [])
        assert.deepEqual([entry?.name, entry?.applied, entry?.person], ['order', applied, '42'])
        assert.equal(entry?.fate, seen.code === undefined ? 'answered' : 'cut')
        assert.equal(simulator.workspace.person('42')?.events.length ?? 0, applied ? 1 : 0)
        const second = await ask(TRACK, EVENT)
        assert.equal('status' in second && second.status, 200)
      })
    })
  }

  test(`a refused request through a ${transport} never arrives`, async () => {
    await withTransport(async (simulator, ask) => {
      simulator.faults.add({ kind: 'refused', times: 1 })
      const seen = await ask(TRACK, EVENT)
      assert.match('code' in seen ? seen.code : 'none', /^(ECONNREFUSED|ECONNRESET|UND_ERR_SOCKET)$/)
      assert.equal(simulator.ledger.count(), 0)
      assert.deepEqual(
        simulator.ledger.requests().map(({ status, fate, operations }) => [status, fate, operations]),
        [[null, 'cut', 0]],
      )
    })
  })

  test(`poison through a ${transport} refuses every batch that holds it and no other`, async () => {
    await withTransport(async (simulator, ask) => {
      const handle = simulator.faults.add({
        kind: 'poison',
        item: (call) => call.type === 'event' && call.name === 'bad',
      })
      const send = async (...names: string[]): Promise<Seen> =>
        ask('POST /api/v2/batch', {
          body: {
            batch: names.map((name) => ({ type: 'person', action: 'event', identifiers: { id: name }, name })),
          },
        })
      const whole = await send('a', 'bad', 'c')
      assert.ok('status' in whole)
      assert.equal(whole.status, 400)
      assert.match(whole.text, /^\{"errors":\[\{"reason":"malformed"/)
      assert.equal(simulator.ledger.count({ applied: true }), 0)
      for (const [names, status] of [
        [['a'], 200],
        [['bad'], 400],
        [['c', 'd'], 200],
      ] as const) {
        const part = await send(...names)
        assert.equal('status' in part && part.status, status, names.join())
      }
      assert.equal(handle.struck, 2)
      assert.deepEqual(
        simulator.ledger.applied().map(({ name }) => name),
        ['a', 'c', 'd'],
      )
    })
  })

  test(`an items fault through a ${transport} gives a 207 that names the chosen ones; the others are applied`, async () => {
    await withTransport(async (simulator, ask) => {
      simulator.faults.add({
        kind: 'items',
        item: (_, index) => index === 1,
        field: 'attributes.plan',
        message: 'property value cannot be longer than 1000 bytes',
      })
      const batch = ['1', '2', '3'].map((id) => ({ type: 'person', action: 'identify', identifiers: { id } }))
      const seen = await ask('POST /api/v2/batch', { body: { batch } })
      assert.ok('status' in seen)
      assert.equal(seen.status, 207)
      assert.deepEqual(JSON.parse(seen.text), {
        errors: [
          {
            batch_index: 1,
            reason: 'invalid',
            field: 'attributes.plan',
            message: 'property value cannot be longer than 1000 bytes',
          },
        ],
      })
      assert.deepEqual(
        simulator.workspace.people().map(({ id }) => id),
        ['1', '3'],
      )
    })
  })

  test(`a client that gives up while the answer travels through a ${transport} was served all the same`, async () => {
    await withTransport(async (simulator, ask) => {
      simulator.faults.add({ kind: 'latency', latencyMs: 1_000, times: 1 })
      const seen = await giveUpWhen(() => simulator.ledger.count() === 1, ask)
      assert.equal('code' in seen && seen.code, 'TimeoutError')
      await until(() => simulator.ledger.all()[0]?.fate === 'cut')
      const [entry] = simulator.ledger.all()
      assert.deepEqual([entry?.applied, entry?.status], [true, null])
    })
  })

  test(`a client that gives up before the work through a ${transport} leaves it undone`, async () => {
    await withTransport(async (simulator, ask) => {
      const handle = simulator.faults.add({ kind: 'latency', latencyMs: 60_000, times: 1 })
      const seen = await giveUpWhen(() => handle.struck === 1, ask)
      assert.equal('code' in seen && seen.code, 'TimeoutError')
      await until(() => simulator.ledger.all().length === 1)
      const [entry] = simulator.ledger.all()
      assert.deepEqual([entry?.applied, entry?.fate, entry?.status], [false, 'cut', null])
    })
  })

  test(`down and up through a ${transport} are one outage of each kind`, async () => {
    await withTransport(async (simulator, ask) => {
      const table = [
        [undefined, 502],
        ['bad-gateway', 502],
        ['unavailable', 503],
        ['refused', 'error'],
        ['reset', 'error'],
        ['timeout', 'error'],
      ] as const
      for (const [outage, wanted] of table) {
        simulator.down(outage)
        const before = simulator.ledger.requests().length
        const seen = await (outage === 'timeout'
          ? giveUpWhen(() => simulator.ledger.requests().length > before, ask)
          : ask(TRACK, EVENT))
        assert.equal('status' in seen ? seen.status : 'error', wanted, outage ?? 'none')
      }
      simulator.up()
      simulator.up()
      const seen = await ask(TRACK, EVENT)
      assert.equal('status' in seen && seen.status, 200)
      assert.equal(simulator.faults.size, 0)
    })
  })
}

/** Asks, and ends that as a client's timeout does, as soon as something holds. */
async function giveUpWhen(holds: () => boolean, ask: Ask): Promise<Seen> {
  const controller = new AbortController()
  const asked = ask(TRACK, { ...EVENT, signal: controller.signal })
  await until(holds)
  controller.abort(new DOMException('the client gave up', 'TimeoutError'))
  return asked
}

test('a request that hangs hears of its abort although nobody but the simulator knows it, and garbage is collected', async () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const simulator = createSimulator(CREDENTIALS)
  simulator.faults.add({ kind: 'timeout' })
  const controller = new AbortController()
  const answer = simulator.fetch(requestOf(TRACK, { ...EVENT, signal: controller.signal }))
  for (let turn = 0; turn < 5; turn++) {
    await new Promise((resolve) => setImmediate(resolve))
    collect()
  }
  controller.abort(new Error('given up'))
  await assert.rejects(answer, { message: 'given up' })
})
