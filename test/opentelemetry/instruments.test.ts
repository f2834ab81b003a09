/** Prometheus and OpenTelemetry show the same metrics with the same values. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import {
  AggregationTemporality,
  DataPointType,
  InMemoryMetricExporter,
  MeterProvider,
  type MetricData,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'

import { createMetrics, METRICS, prometheusNameOf } from '../../src/metrics/index.ts'
import type { RelayListener } from '../../src/observe/relay-events.ts'
import { instrument } from '../../src/opentelemetry/index.ts'
import { createWorld } from '../client/world.ts'
import { readExposition, valueOf } from '../metrics/exposition.ts'

function createMeter() {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  // Collected by hand: it would export by itself once in an hour.
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 })
  const meterProvider = new MeterProvider({ readers: [reader] })
  return {
    meterProvider,
    collect: async (): Promise<readonly MetricData[]> => {
      exporter.reset()
      await meterProvider.forceFlush()
      return exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(({ metrics }) => metrics))
    },
  }
}

test('both show the same names, labels and values, of a client and of a relay', async () => {
  const { cio, runtime, simulator, soon } = createWorld()
  const { meterProvider, collect } = createMeter()
  const metrics = createMetrics({ runtime, version: '1.0.0' })
  const telemetry = instrument({ metrics, meterProvider, runtime })
  const listeners: RelayListener[] = []
  const relay = {
    workspaces: new Map([['main', cio]]),
    phase: 'serving' as const,
    on(listener: RelayListener) {
      listeners.push(listener)
      return cio.on((event) => listener({ type: 'workspace', workspace: 'main', event }))
    },
  }
  metrics.watchRelay(relay)
  metrics.watchConnections({ connections: 5 })
  metrics.configLoaded(true)
  simulator.faults.add({ kind: 'status', status: 503, times: 2 })
  simulator.faults.add({ kind: 'status', status: 429, times: 1 })
  for (const id of ['1', '2', '3']) await soon(cio.track(id, 'order', { total: 1 }))
  await soon(cio.drain())
  for (const listener of listeners) {
    listener({
      type: 'answered',
      workspace: 'main',
      route: 'track',
      status: 200,
      result: 'stored',
      operations: 1,
      duplicates: 0,
      bytes: 10,
      durationMs: 3,
    })
    listener({ type: 'connection', refused: 'tls' })
  }
  await soon(cio.track('4', 'order', {}))
  cio.pause()
  // Both at one moment of virtual time.
  const read = readExposition(await metrics.text())
  const exported = await collect()
  const names = new Map(METRICS.map((metric) => [metric.name, prometheusNameOf(metric)]))
  assert.deepEqual(exported.map(({ descriptor }) => names.get(descriptor.name)!).sort(), [...read.keys()].sort())
  let compared = 0
  for (const data of exported) {
    const name = names.get(data.descriptor.name)!
    // These two are not of the same moment.
    if (name.includes('resident_memory') || name.includes('event_loop')) continue
    for (const { attributes, value } of data.dataPoints) {
      const labels = attributes as Readonly<Record<string, string>>
      compared++
      if (typeof value === 'number') {
        assert.equal(valueOf(read, name, labels), value, `${name} ${JSON.stringify(labels)}`)
        continue
      }
      assert.ok('buckets' in value)
      assert.equal(valueOf(read, `${name}_count`, labels), value.count, name)
      assert.equal(valueOf(read, `${name}_sum`, labels), value.sum, name)
      let below = 0
      for (const [index, bound] of [...value.buckets.boundaries, Infinity].entries()) {
        below += value.buckets.counts[index]!
        const le = bound === Infinity ? '+Inf' : String(bound)
        assert.equal(valueOf(read, `${name}_bucket`, { ...labels, le }), below, `${name} ${le}`)
      }
    }
    const metric = METRICS.find((candidate) => candidate.name === data.descriptor.name)!
    assert.equal(data.descriptor.unit, metric.unit)
    assert.equal(data.descriptor.description, metric.help)
    if (metric.kind === 'counter') assert.ok(data.dataPointType === DataPointType.SUM && data.isMonotonic, name)
    if (metric.kind === 'gauge') assert.equal(data.dataPointType, DataPointType.GAUGE, name)
    if (metric.kind === 'histogram') assert.equal(data.dataPointType, DataPointType.HISTOGRAM, name)
  }
  assert.ok(compared > 100, `${compared} values were compared`)
  telemetry.close()
  metrics.close()
  await soon(cio.close())
  await meterProvider.shutdown()
})

test('without metrics of its own it makes some, and what is closed exports nothing more', async () => {
  const { cio, runtime, soon } = createWorld()
  const { meterProvider, collect } = createMeter()
  const telemetry = instrument({ meterProvider, runtime })
  const leave = telemetry.watch('main', cio)
  await soon(cio.identify('1', {}))
  const named = async (name: string): Promise<MetricData | undefined> =>
    (await soon(collect())).find(({ descriptor }) => descriptor.name === name)
  assert.equal((await named('holdfast.ops.accepted'))?.dataPoints[0]?.value, 1)
  assert.equal((await named('holdfast.accept.duration'))?.dataPoints.length, 1)
  leave()
  await soon(cio.identify('1', {}))
  // The SDK goes on showing what it was last told.
  assert.equal((await named('holdfast.ops.accepted'))?.dataPoints[0]?.value, 1)
  telemetry.watch('main', cio)
  assert.equal((await named('holdfast.ops.accepted'))?.dataPoints[0]?.value, 2)
  telemetry.close()
  await soon(cio.identify('1', {}))
  assert.notEqual((await named('holdfast.ops.accepted'))?.dataPoints[0]?.value, 3)
  await soon(cio.close())
  await meterProvider.shutdown()
})
