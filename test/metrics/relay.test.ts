/** A relay as its metrics see it: answers, connections, phases, and workspaces that come, change and go. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createMetrics, type MeasuredClient } from '../../src/metrics/index.ts'
import type { RelayEvent, RelayListener, RelayPhase, RelayResult } from '../../src/observe/relay-events.ts'
import { createWorld } from '../client/world.ts'
import { readExposition, valueOf } from './exposition.ts'

function createRelayWorld() {
  const world = createWorld()
  const listeners = new Set<RelayListener>()
  const workspaces = new Map<string, MeasuredClient>([['main', world.cio]])
  const relay = {
    workspaces,
    phase: 'starting' as RelayPhase,
    on(listener: RelayListener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
  const emit = (event: RelayEvent): void => {
    for (const listener of listeners) listener(event)
  }
  world.cio.on((event) => emit({ type: 'workspace', workspace: 'main', event }))
  const metrics = createMetrics({ runtime: world.runtime })
  const read = async (): Promise<ReturnType<typeof readExposition>> => readExposition(await world.soon(metrics.text()))
  return { ...world, listeners, workspaces, relay, emit, metrics, read }
}

function answered(workspace: string | null, status: number, result: RelayResult, route = 'identify'): RelayEvent {
  return { type: 'answered', workspace, route, status, result, operations: 1, duplicates: 0, bytes: 100, durationMs: 4 }
}

test('answers are counted by route, status and result; those of nobody under none', async () => {
  const { metrics, relay, emit, read, cio, soon } = createRelayWorld()
  metrics.watchRelay(relay)
  emit(answered('main', 200, 'stored'))
  emit(answered('main', 200, 'stored'))
  emit(answered('main', 429, 'full', 'batch'))
  emit(answered(null, 401, 'unauthorized'))
  emit(answered('gone', 599, 'aborted', 'nowhere'))
  const now = await read()
  const requests = 'holdfast_relay_requests_total'
  assert.equal(valueOf(now, requests, { workspace: 'main', route: 'identify', status: '200', result: 'stored' }), 2)
  assert.equal(valueOf(now, requests, { workspace: 'main', route: 'batch', status: '429', result: 'full' }), 1)
  assert.equal(valueOf(now, requests, { workspace: 'none', status: '401', result: 'unauthorized' }), 1)
  assert.equal(valueOf(now, requests, { workspace: 'none', route: 'other', status: 'other' }), 1)
  assert.equal(valueOf(now, 'holdfast_relay_received_bytes_total', { workspace: 'main' }), 300)
  const labels = { workspace: 'main', route: 'identify', le: '0.005' }
  assert.equal(valueOf(now, 'holdfast_relay_request_duration_seconds_bucket', labels), 2)
  metrics.close()
  await soon(cio.close())
})

test('phases and connections that were turned away are shown', async () => {
  const { metrics, relay, emit, read, cio, soon } = createRelayWorld()
  metrics.watchRelay(relay)
  const phase = async (): Promise<readonly string[]> =>
    (await read())
      .get('holdfast_relay_phase')!
      .samples.flatMap(({ labels, value }) => (value === 1 ? labels['phase']! : []))
  assert.deepEqual(await phase(), ['starting'])
  emit({ type: 'phase', from: 'starting', to: 'serving' })
  assert.deepEqual(await phase(), ['serving'])
  emit({ type: 'connection', refused: 'too-many' })
  const now = await read()
  assert.equal(valueOf(now, 'holdfast_relay_connections_refused_total', { reason: 'too-many' }), 1)
  assert.equal(valueOf(now, 'holdfast_relay_connections_refused_total', { reason: 'tls' }), 0)
  metrics.close()
  await soon(cio.close())
})

test('a workspace whose client is swapped keeps its counts; one that is removed goes; a new one comes', async () => {
  const { metrics, relay, workspaces, emit, read, cio, soon } = createRelayWorld()
  const { cio: next } = createWorld()
  metrics.watchRelay(relay)
  await soon(cio.identify('1', {}))
  await soon(cio.drain())
  workspaces.set('main', next)
  emit({ type: 'workspaces', added: 0, changed: 1, removed: 0 })
  assert.equal(valueOf(await read(), 'holdfast_accept_duration_seconds_count', { workspace: 'main' }), 1)
  workspaces.set('second', cio)
  workspaces.delete('main')
  emit({ type: 'workspaces', added: 1, changed: 0, removed: 1 })
  const now = await read()
  assert.equal(valueOf(now, 'holdfast_ops_accepted_total', { workspace: 'second' }), 1)
  assert.equal(valueOf(now, 'holdfast_ops_accepted_total', { workspace: 'main' }), undefined)
  // What the client of a removed workspace still says brings it not back.
  emit({
    type: 'workspace',
    workspace: 'main',
    event: { type: 'accepted', operations: 1, duplicates: 0, durationMs: 1 },
  })
  assert.ok(!(await metrics.text()).includes('"main"'))
  metrics.close()
  await soon(cio.close())
})

test('a workspace that begins to speak before it is announced is counted', async () => {
  const { metrics, relay, workspaces, emit, read, cio, soon } = createRelayWorld()
  metrics.watchRelay(relay)
  workspaces.set('second', workspaces.get('main')!)
  emit({ type: 'workspace', workspace: 'second', event: { type: 'refused', code: 'OUTBOX_FULL', operations: 3 } })
  assert.equal(valueOf(await read(), 'holdfast_ops_refused_total', { workspace: 'second', reason: 'full' }), 3)
  metrics.close()
  await soon(cio.close())
})

test('one relay is watched at a time, beside clients of other names', async () => {
  const { metrics, relay, listeners, cio, soon } = createRelayWorld()
  const leave = metrics.watchRelay(relay)
  assert.throws(() => metrics.watchRelay(relay), { code: 'INVALID_OPTIONS', field: 'relay' })
  assert.throws(() => metrics.watch('main', cio), { code: 'INVALID_OPTIONS', field: 'workspace' })
  leave()
  assert.equal(listeners.size, 0)
  assert.ok(!(await soon(metrics.text())).includes('"main"'))
  metrics.watch('main', cio)
  assert.throws(() => metrics.watchRelay(relay), { code: 'INVALID_OPTIONS', field: 'workspace' })
  metrics.close()
  await soon(cio.close())
})
