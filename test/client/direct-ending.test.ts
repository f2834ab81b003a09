/** Mode `direct`: what a caller's signal, the closing of the client, a restart and a second process do to its calls. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'

import { memoryOutbox, ResilientCustomerIO, type OpenOutbox } from '../../src/index.ts'
import { openInlineSqliteOutbox } from '../../src/outbox/sqlite/inline.ts'
import { createWorld, type World } from './world.ts'

/** A signal that counts its listeners. */
function countedSignal(): { readonly controller: AbortController; readonly listeners: () => number } {
  const controller = new AbortController()
  const { signal } = controller
  let listeners = 0
  const add = signal.addEventListener.bind(signal)
  const remove = signal.removeEventListener.bind(signal)
  signal.addEventListener = (...args: Parameters<typeof add>): void => {
    listeners++
    assert.ok(listeners <= 1, 'one listener at most')
    add(...args)
  }
  signal.removeEventListener = (...args: Parameters<typeof remove>): void => {
    listeners--
    remove(...args)
  }
  return { controller, listeners: () => listeners }
}

const waits: readonly {
  readonly wait: string
  readonly prepare: (world: World) => void
  readonly requests: number
}[] = [
  {
    wait: 'behind an earlier call of the same person',
    prepare: ({ simulator, cio }) => {
      simulator.faults.add({ kind: 'timeout', times: 1 })
      void cio.track('42', 'earlier')
    },
    requests: 1,
  },
  {
    wait: 'in the backoff after a failed attempt',
    prepare: ({ simulator }) => simulator.faults.add({ kind: 'status', status: 503, retryAfterSeconds: 10 }),
    requests: 1,
  },
  {
    wait: 'in a cooldown of the gate',
    prepare: ({ simulator }) => simulator.faults.add({ kind: 'status', status: 429, retryAfterSeconds: 10 }),
    requests: 1,
  },
  {
    wait: 'for a place among the requests under way',
    prepare: ({ simulator, cio }) => {
      simulator.faults.add({ kind: 'timeout' })
      for (let n = 0; n < 8; n++) void cio.track(`other-${n}`, 'slow')
    },
    requests: 8,
  },
  {
    wait: 'while its request is on its way',
    prepare: ({ simulator }) => simulator.faults.add({ kind: 'timeout' }),
    requests: 1,
  },
]

for (const { wait, prepare, requests } of waits) {
  test(`abort ${wait}: the call rejects at once, nothing of it is stored, and nothing is left behind`, async () => {
    const world = createWorld({ mode: 'direct' })
    const { cio, runtime, soon, simulator } = world
    await runtime.clock.advance(10)
    prepare(world)
    const { controller, listeners } = countedSignal()
    const call = cio.track('42', 'aborted', {}, { signal: controller.signal }).catch((error: unknown) => error)
    await runtime.clock.advance(1_000)
    const reason = new Error('the user went away')
    controller.abort(reason)
    const startedMs = runtime.clock.monotonicMs()
    const error = (await soon(call)) as Error & { code: string }
    assert.equal(error.code, 'ABORTED')
    assert.equal(error.cause, reason)
    assert.ok(runtime.clock.monotonicMs() - startedMs <= 5)
    assert.equal(listeners(), 0)
    assert.equal(simulator.ledger.requests().length, requests)
    simulator.faults.clear()
    assert.equal((await soon(cio.drain({ timeoutMs: 300_000 }))).drained, true)
    assert.equal(simulator.ledger.events('42').filter(({ name, applied }) => name === 'aborted' && applied).length, 0)
    await soon(cio.close())
  })
}

test('close: waits end at once and are stored, a request under way may finish, nothing is lost', async () => {
  const outbox = memoryOutbox()
  const { cio, simulator, runtime, soon } = createWorld({ mode: 'direct', outbox })
  simulator.faults.add({ kind: 'latency', latencyMs: 3_000, match: ({ person }) => person === 'slow' })
  simulator.faults.add({ kind: 'status', status: 503, match: ({ person }) => person === 'failing' })
  const calls = [cio.track('slow', 'under way'), cio.track('slow', 'behind it'), cio.track('failing', 'in its backoff')]
  await runtime.clock.advance(1_000)
  const closed = cio.close()
  await assert.rejects(cio.track('late', 'call'), { code: 'CLIENT_CLOSED' })
  const receipts = await soon(Promise.all(calls))
  assert.deepEqual(
    receipts.map(({ state }) => state),
    ['delivered', 'stored', 'stored'],
  )
  assert.deepEqual(await soon(closed), { waiting: 2, deadLetters: 0 })
  assert.equal(runtime.clock.pending, 0, 'no timer is left')
})

test('close: a request that hangs is ended after the timeout, and its call is stored', async () => {
  const { cio, simulator, runtime, soon } = createWorld({ mode: 'direct' })
  simulator.faults.add({ kind: 'timeout' })
  const call = cio.track('42', 'hangs')
  await runtime.clock.advance(100)
  const startedMs = runtime.clock.monotonicMs()
  assert.deepEqual(await soon(cio.close({ timeoutMs: 2_000 })), { waiting: 1, deadLetters: 0 })
  assert.ok(runtime.clock.monotonicMs() - startedMs < 2_100)
  assert.equal((await soon(call)).state, 'stored')
})

test('close again brings the end of a request that hangs nearer', async () => {
  const { cio, simulator, runtime, soon } = createWorld({ mode: 'direct' })
  simulator.faults.add({ kind: 'timeout' })
  const call = cio.track('42', 'hangs')
  await runtime.clock.advance(100)
  const closed = cio.close({ timeoutMs: Infinity })
  await runtime.clock.advance(1_000)
  assert.equal(runtime.clock.pending > 0, true)
  void cio.close({ timeoutMs: 0 })
  assert.deepEqual(await soon(closed), { waiting: 1, deadLetters: 0 })
  assert.ok(runtime.clock.monotonicMs() < 1_200)
  assert.equal((await soon(call)).state, 'stored')
  assert.equal(runtime.clock.pending, 0, 'no timer is left')
})

test('close without fallback: what is not delivered yet is thrown', async () => {
  const { cio, simulator, runtime, soon } = createWorld({ mode: 'direct', fallbackEnabled: false })
  simulator.faults.add({ kind: 'status', status: 503 })
  const call = cio.track('42', 'failing').catch((error: unknown) => error)
  await runtime.clock.advance(100)
  await soon(cio.close())
  const error = (await call) as { reason: string; status: number }
  assert.equal(error.reason, 'closing')
  assert.equal(error.status, 503)
})

function clientOn(world: World, outbox: OpenOutbox, more: object = {}): ResilientCustomerIO {
  return new ResilientCustomerIO({
    siteId: 'site',
    apiKey: 'key',
    mode: 'direct',
    runtime: world.runtime,
    outbox,
    ...more,
  })
}

test('a restart with stored operations of a person: later calls for them are stored behind, others are delivered', async () => {
  const outbox = memoryOutbox()
  const world = createWorld({ outbox })
  world.cio.pause()
  await world.soon(world.cio.track('42', 'before'))
  await world.soon(world.cio.close())
  // The other one holds the outbox back for a moment, so that it is seen what the new client does meanwhile.
  world.simulator.faults.add({
    kind: 'latency',
    latencyMs: 2_000,
    times: 1,
    match: ({ body }) => body.includes('before'),
  })
  const cio = clientOn(world, outbox)
  const [behind, other] = await world.soon(Promise.all([cio.track('42', 'after'), cio.track('43', 'other')]))
  assert.equal(behind.state, 'stored')
  assert.equal(other.state, 'delivered')
  await world.soon(cio.drain())
  assert.equal((await world.soon(cio.track('42', 'last'))).state, 'delivered')
  assert.deepEqual(
    world.simulator.ledger.events('42').map(({ name }) => name),
    ['before', 'after', 'last'],
  )
  await world.soon(cio.close())
})

test('two clients on one file: what one has stored, the other does not overtake', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-direct-'))
  try {
    const outbox = openInlineSqliteOutbox({ path: join(folder, 'outbox.db'), reserveBytes: 0 })
    const world = createWorld({ outbox })
    world.cio.pause()
    await world.soon(world.cio.track('42', 'first'))
    const second = clientOn(world, outbox)
    const states = await world.soon(Promise.all([second.track('42', 'second'), second.track('43', 'other')]))
    assert.deepEqual(
      states.map(({ state }) => state),
      ['stored', 'delivered'],
    )
    world.cio.resume()
    await world.soon(world.cio.drain())
    assert.equal((await world.soon(second.track('42', 'third'))).state, 'delivered')
    assert.deepEqual(
      world.simulator.ledger.events('42').map(({ name }) => name),
      ['first', 'second', 'third'],
    )
    await world.soon(second.close())
    await world.soon(world.cio.close())
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

test('without fallback a call waits for what is stored of its person, and fails when that takes too long', async () => {
  const { cio, simulator, runtime, soon } = createWorld({
    mode: 'direct',
    fallbackEnabled: false,
    retry: { capMs: 4_000 },
  })
  const fault = simulator.faults.add({ kind: 'status', status: 503, match: ({ body }) => body.includes('before') })
  await soon(cio.track('42', 'before', {}, { priority: 'bulk' }))
  const error = await soon(cio.track('42', 'too early')).catch((caught: unknown) => caught)
  assert.equal((error as { reason: string }).reason, 'stored-before')
  const waiting = cio.track('42', 'patient')
  await runtime.clock.advance(1_000)
  fault.remove()
  assert.equal((await soon(waiting)).state, 'delivered')
  assert.deepEqual(
    simulator.ledger.events('42').flatMap(({ name, applied }) => (applied ? [name] : [])),
    ['before', 'patient'],
  )
  await soon(cio.close())
})

test('an outbox that cannot be opened refuses a direct call: without it the order is not known', async () => {
  const { cio, soon, simulator } = createWorld({
    mode: 'direct',
    outbox: () => Promise.reject(new Error('no such disk')),
  })
  await assert.rejects(soon(cio.track('42', 'order')), /no such disk/)
  assert.equal(simulator.ledger.requests().length, 0)
})
