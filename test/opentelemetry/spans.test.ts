/** Spans: a call is traced from its caller to the request that delivers it, also across a restart, and tells nothing private. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'

import { context, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base'

import { ResilientCustomerIO, sqliteOutbox, systemRuntime } from '../../src/index.ts'
import { instrument, type Instrumentation } from '../../src/opentelemetry/index.ts'
import { createSimulator } from '../../src/simulator/index.ts'
import { createWorld } from '../client/world.ts'

context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())

function createTracer() {
  const exporter = new InMemorySpanExporter()
  const tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
  const named = (name: string): readonly ReadableSpan[] =>
    exporter.getFinishedSpans().filter((span) => span.name === name)
  return {
    tracerProvider,
    tracer: tracerProvider.getTracer('test'),
    spans: () => exporter.getFinishedSpans(),
    accepts: () => named('accept customer.io'),
    sends: () => named('send customer.io'),
  }
}

function createTracedWorld() {
  const traced = createTracer()
  let telemetry: Instrumentation | undefined
  const world = createWorld({ tracing: { begin: (given) => telemetry!.tracing.begin(given) } })
  telemetry = instrument({ tracerProvider: traced.tracerProvider, runtime: world.runtime })
  telemetry.watch('main', world.cio)
  return { ...world, ...traced, telemetry }
}

const linksOf = (span: ReadableSpan): readonly string[] => span.links.map((link) => link.context.spanId).sort()
const idOf = (span: ReadableSpan): string => span.spanContext().spanId

test('a call is a producer span in the trace of its caller; the batch links to the span of each of its calls', async () => {
  const { cio, soon, tracer, accepts, sends, runtime, telemetry } = createTracedWorld()
  cio.pause()
  const parents = ['1', '2', '3'].map((id) => {
    const parent = tracer.startSpan(`handler ${id}`)
    return { parent, call: context.with(trace.setSpan(ROOT_CONTEXT, parent), () => cio.identify(id, { plan: 'pro' })) }
  })
  for (const { parent, call } of parents) {
    await soon(call)
    parent.end()
  }
  const startMs = runtime.clock.wallMs()
  cio.resume()
  await soon(cio.drain())
  assert.deepEqual(
    accepts().map((span) => [span.kind, span.parentSpanContext?.spanId, span.spanContext().traceId]),
    parents.map(({ parent }) => [SpanKind.PRODUCER, parent.spanContext().spanId, parent.spanContext().traceId]),
  )
  const [send] = sends()
  assert.equal(sends().length, 1)
  assert.equal(send?.kind, SpanKind.CLIENT)
  assert.equal(send?.parentSpanContext, undefined)
  assert.deepEqual(linksOf(send), accepts().map(idOf).sort())
  assert.equal(send?.attributes['messaging.batch.message_count'], 3)
  assert.equal(send?.attributes['http.response.status_code'], 200)
  assert.equal(send?.attributes['holdfast.workspace'], 'main')
  assert.equal(send?.status.code, SpanStatusCode.UNSET)
  assert.ok(send.startTime[0] * 1_000 >= startMs - 1_000 && send.duration[0] === 0 && send.duration[1] > 0)
  telemetry.close()
  await soon(cio.close())
})

test('a request of one call is in its trace; a failed one says how, and the next attempt links to the same call', async () => {
  const { cio, soon, simulator, accepts, sends, telemetry } = createTracedWorld()
  simulator.faults.add({ kind: 'status', status: 503, times: 1 })
  await soon(cio.identify('1', {}))
  await soon(cio.drain())
  const [accept] = accepts()
  assert.equal(sends().length, 2)
  for (const send of sends()) {
    assert.deepEqual(linksOf(send), [idOf(accept!)])
    assert.equal(send.parentSpanContext?.spanId, idOf(accept!))
    assert.equal(send.spanContext().traceId, accept!.spanContext().traceId)
  }
  const [failed, good] = sends()
  assert.deepEqual(
    [failed?.status.code, failed?.attributes['error.type'], failed?.attributes['http.response.status_code']],
    [SpanStatusCode.ERROR, 'status-503', 503],
  )
  assert.equal(good?.attributes['error.type'], undefined)
  telemetry.close()
  await soon(cio.close())
})

test('a call that is refused is a span with its code', async () => {
  const { cio, soon, accepts, telemetry } = createTracedWorld()
  await soon(cio.identify('', {}).catch(() => {}))
  const [span] = accepts()
  assert.deepEqual([span?.status.code, span?.attributes['error.type']], [SpanStatusCode.ERROR, 'INVALID_CALL'])
  telemetry.close()
  await soon(cio.close())
})

test('a context that comes with the call is the parent, unless a span of the same trace is active', async () => {
  const { cio, soon, tracer, accepts, telemetry } = createTracedWorld()
  const remote = { traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`, tracestate: 'vendor=1' }
  const unrelated = tracer.startSpan('unrelated')
  await soon(context.with(trace.setSpan(ROOT_CONTEXT, unrelated), () => cio.identify('1', {}, { trace: remote })))
  const [first] = accepts()
  assert.equal(first?.parentSpanContext?.spanId, 'b'.repeat(16))
  assert.equal(first?.spanContext().traceId, 'a'.repeat(32))
  assert.equal(first?.spanContext().traceState?.serialize(), 'vendor=1')
  const parent = trace.setSpanContext(ROOT_CONTEXT, first.spanContext())
  const server = tracer.startSpan('server', {}, parent)
  await soon(context.with(trace.setSpan(ROOT_CONTEXT, server), () => cio.identify('1', {}, { trace: remote })))
  assert.equal(accepts()[1]?.parentSpanContext?.spanId, server.spanContext().spanId)
  telemetry.close()
  await soon(cio.close())
})

test('no span holds a person, a payload or a credential', async () => {
  const { cio, soon, spans, telemetry } = createTracedWorld()
  await soon(cio.identify('ada@example.com', { plan: 'secret-plan' }))
  await soon(cio.track('ada@example.com', 'secret-event', { total: 12 }))
  await soon(cio.drain())
  assert.ok(spans().length >= 3)
  const text = JSON.stringify(
    spans().map(({ name, attributes, events, status }) => ({ name, attributes, events, status })),
  )
  for (const secret of ['ada', 'secret', 'Basic', '"key"']) assert.ok(!text.includes(secret), secret)
  telemetry.close()
  await soon(cio.close())
})

test('without a tracer that records, what came with a call is stored as it came', async () => {
  const telemetry = instrument()
  const { cio, soon, events } = createWorld({ tracing: telemetry.tracing })
  const remote = { traceparent: `00-${'c'.repeat(32)}-${'d'.repeat(16)}-01` }
  await soon(cio.identify('1', {}, { trace: remote }))
  await soon(cio.identify('2', {}))
  await soon(cio.drain())
  const traces = events.flatMap((event) => (event.type === 'request' ? (event.traces ?? []) : []))
  assert.deepEqual(traces, [remote])
  telemetry.close()
  await soon(cio.close())
})

test('the link holds across a restart: what one process accepted and another one sent', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-spans-'))
  try {
    const { tracerProvider, accepts, sends } = createTracer()
    const simulator = createSimulator({ siteId: 'site', apiKey: 'key' })
    const runtime = { ...systemRuntime, fetch: simulator.fetch }
    const start = (): { readonly cio: ResilientCustomerIO; readonly telemetry: Instrumentation } => {
      const telemetry = instrument({ tracerProvider })
      const outbox = sqliteOutbox({ path: join(folder, 'outbox.db') })
      const cio = new ResilientCustomerIO({
        siteId: 'site',
        apiKey: 'key',
        runtime,
        outbox,
        tracing: telemetry.tracing,
      })
      telemetry.watch('main', cio)
      return { cio, telemetry }
    }
    const before = start()
    before.cio.pause()
    await Promise.all(['1', '2'].map((id) => before.cio.identify(id, {})))
    await before.cio.close()
    before.telemetry.close()
    assert.equal(sends().length, 0)
    const after = start()
    await after.cio.drain()
    await after.cio.close()
    after.telemetry.close()
    assert.equal(accepts().length, 2)
    assert.deepEqual(sends().flatMap(linksOf).sort(), accepts().map(idOf).sort())
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

test('options are known, and what is closed hears nothing more', async () => {
  assert.throws(() => instrument({ tracer: 1 } as object), { code: 'INVALID_OPTIONS', field: 'tracer' })
  const { cio, soon, sends, telemetry } = createTracedWorld()
  telemetry.close()
  await soon(cio.identify('1', {}))
  await soon(cio.drain())
  assert.equal(sends().length, 0)
  await soon(cio.close())
})
