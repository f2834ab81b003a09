/** The trace of a call travels with its operations: through the outbox, a restart and a retry, to the event of the request. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'

import { type HoldfastEvent, ResilientCustomerIO, sqliteOutbox, systemRuntime } from '../../src/index.ts'
import { callOf, storedOf } from '../../src/outbox/entry.ts'
import { createSimulator } from '../../src/simulator/index.ts'
import type { TraceContext } from '../../src/protocol/trace-context.ts'
import { createWorld } from './world.ts'

const traceOf = (n: number): TraceContext => ({
  traceparent: `00-${String(n).padStart(32, 'a')}-${String(n).padStart(16, 'b')}-01`,
  tracestate: `vendor=${n}`,
})

function tracesIn(events: readonly HoldfastEvent[]): readonly (readonly TraceContext[] | undefined)[] {
  return events.flatMap((event) => (event.type === 'request' ? [event.traces] : []))
}

test('a batch tells the traces of those of its operations that have one, each once, and sends none of it', async () => {
  const { cio, events, simulator, soon } = createWorld()
  cio.pause()
  await soon(cio.identify('1', { plan: 'a' }, { trace: traceOf(1) }))
  await soon(cio.identify('2', { plan: 'b' }))
  await soon(cio.identify('3', { plan: 'c' }, { trace: { traceparent: 'not a trace' } }))
  const operations = ['4', '5'].map((id) => ({
    type: 'person',
    action: 'identify',
    identifiers: { id },
    attributes: {},
  }))
  await soon(cio.batch(operations, { trace: traceOf(2) }))
  cio.resume()
  await soon(cio.drain())
  assert.deepEqual(tracesIn(events), [[traceOf(1), traceOf(2)]])
  const sent = simulator.ledger.requests().map((request) => JSON.stringify(request))
  assert.ok(sent.length > 0 && !sent.some((text) => text.includes('aaaaaaaa') || text.includes('vendor=')))
  await soon(cio.close())
})

test('a request without a trace has no such field', async () => {
  const { cio, events, soon } = createWorld()
  await soon(cio.identify('1', {}))
  await soon(cio.drain())
  assert.deepEqual(tracesIn(events), [undefined])
  assert.ok(!('traces' in events.find((event) => event.type === 'request')!))
  await soon(cio.close())
})

test('each attempt of a call tells its trace, also in mode direct', async () => {
  for (const mode of ['outbox', 'direct'] as const) {
    const world = createWorld({ mode })
    world.simulator.faults.add({ kind: 'status', status: 503, times: 1 })
    const receipt = await world.soon(world.cio.identify('1', {}, { trace: traceOf(3) }))
    await world.soon(receipt.settled())
    assert.deepEqual(tracesIn(world.events), [[traceOf(3)], [traceOf(3)]], mode)
    await world.soon(world.cio.close())
  }
})

test('at most 100 traces are told of one request', async () => {
  const { cio, events, soon } = createWorld({ batch: { operationsMax: 150 } })
  cio.pause()
  await soon(Promise.all(Array.from({ length: 150 }, (_, n) => cio.identify(`p${n}`, {}, { trace: traceOf(n + 1) }))))
  cio.resume()
  await soon(cio.drain())
  assert.deepEqual(
    tracesIn(events).map((traces) => traces?.length),
    [100],
  )
  await soon(cio.close())
})

test('the trace survives a restart in the file', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-trace-'))
  try {
    const simulator = createSimulator({
      siteId: 'site',
      apiKey: 'key',
      clock: systemRuntime.clock,
      random: Math.random,
    })
    const runtime = { ...systemRuntime, fetch: simulator.fetch }
    const options = { siteId: 'site', apiKey: 'key', runtime }
    const before = new ResilientCustomerIO({ ...options, outbox: sqliteOutbox({ path: join(folder, 'o.db') }) })
    before.pause()
    await before.identify('1', {}, { trace: traceOf(7) })
    await before.close()
    const after = new ResilientCustomerIO({ ...options, outbox: sqliteOutbox({ path: join(folder, 'o.db') }) })
    const events: HoldfastEvent[] = []
    after.on((event) => events.push(event))
    await after.drain()
    await after.close()
    assert.deepEqual(tracesIn(events), [[traceOf(7)]])
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

test('a body of the first version is read, and a stored trace that is malformed is left out', () => {
  const call = { type: 'suppress', dialect: 'v1', person: { by: 'path', value: '1' } }
  assert.deepEqual(storedOf(JSON.stringify({ v: 1, call })), { call })
  assert.deepEqual(storedOf(JSON.stringify({ v: 1, call, trace: { traceparent: 'x' } })), { call })
  assert.deepEqual(storedOf(JSON.stringify({ v: 1, call, trace: 7 })), { call })
  assert.deepEqual(storedOf(JSON.stringify({ v: 1, call, trace: null })), { call })
  assert.deepEqual(storedOf(JSON.stringify({ v: 1, call, trace: traceOf(1) })), { call, trace: traceOf(1) })
  assert.deepEqual(callOf(JSON.stringify({ v: 1, call, trace: traceOf(1) })), call)
  assert.throws(() => storedOf(JSON.stringify({ v: 2, call })), /unknown format/)
})

test('a tracer that throws harms no call', async () => {
  const broken = createWorld({
    tracing: {
      begin() {
        throw new Error('no tracer')
      },
    },
  })
  assert.equal((await broken.soon(broken.cio.identify('1', {}, { trace: traceOf(1) }))).state, 'stored')
  await broken.soon(broken.cio.drain())
  assert.deepEqual(tracesIn(broken.events), [[traceOf(1)]])
  const breaksLate = createWorld({
    tracing: {
      begin: () => ({
        context: traceOf(2),
        end() {
          throw new Error('no end')
        },
      }),
    },
  })
  assert.equal((await breaksLate.soon(breaksLate.cio.identify('1', {}, { trace: traceOf(1) }))).state, 'stored')
  await breaksLate.soon(breaksLate.cio.drain())
  assert.deepEqual(tracesIn(breaksLate.events), [[traceOf(2)]])
})

test('a tracer hears of each call once: how many operations, or the code of what refused it', async () => {
  const heard: unknown[] = []
  const { cio, soon } = createWorld({
    tracing: { begin: (given) => ({ context: given, end: (operations, code) => heard.push([operations, code]) }) },
  })
  await soon(cio.identify('1', {}))
  await soon(cio.identify('', {}).catch(() => {}))
  await soon(cio.close())
  await soon(cio.identify('1', {}).catch(() => {}))
  assert.deepEqual(heard, [
    [1, undefined],
    [1, 'INVALID_CALL'],
    [1, 'CLIENT_CLOSED'],
  ])
})
