/** Closing, on virtual time: what it waits for, when it ends, and how a second call makes it end sooner. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { isHoldfastError, memoryOutbox, OptionsError } from '../../src/index.ts'
import type { OpenOutbox, Outbox } from '../../src/outbox/outbox.ts'
import { createWorld, type World } from './world.ts'

/** When the promise settles, in milliseconds from now. */
async function timed<T>({ runtime, soon }: World, promise: Promise<T>): Promise<{ value: T; tookMs: number }> {
  const fromMs = runtime.clock.monotonicMs()
  const ended = promise.then((value) => ({ value, tookMs: runtime.clock.monotonicMs() - fromMs }))
  return soon(ended)
}

test('requests under way finish within the time, and what was given back has not been tried', async () => {
  const world = createWorld({ concurrency: 1, batch: { operationsMax: 1 } }, { latencyMs: 800 })
  const { cio, soon, simulator, runtime } = world
  for (const person of ['1', '2', '3']) await soon(cio.track(person, 'a'))
  await runtime.clock.advance(100)
  const { value, tookMs } = await timed(world, cio.close())
  assert.deepEqual(value, { waiting: 2, deadLetters: 0 })
  assert.ok(tookMs > 500 && tookMs <= 800, `${tookMs} ms`)
  assert.equal(simulator.ledger.requests().length, 1, 'nothing new is sent')
  assert.equal(simulator.ledger.count({ applied: true }), 1)
  assert.equal(runtime.clock.pending, 0, 'no timer is left')
})

const seconds: readonly (readonly [string, number | undefined, { timeoutMs?: number } | undefined, number, number])[] =
  [
    ['one close ends at its own time', 5_000, undefined, 0, 5_000],
    ['one close without a time ends after ten seconds', undefined, undefined, 0, 10_000],
    ['a second close with no time ends it at once', 60_000, { timeoutMs: 0 }, 1_000, 1_000],
    ['a second close that is shorter ends it sooner', 60_000, { timeoutMs: 500 }, 1_000, 1_500],
    ['a second close that is longer does not put it off', 2_000, { timeoutMs: 60_000 }, 1_000, 2_000],
    ['a second close of the same time does not put it off', 2_000, { timeoutMs: 2_000 }, 1_000, 2_000],
    ['a second close without a time ends a long one after ten seconds', 60_000, {}, 1_000, 11_000],
    [
      'a first close may last as long as it takes, and a second one ends it',
      Infinity,
      { timeoutMs: 0 },
      25_000,
      25_000,
    ],
  ]

for (const [name, firstMs, second, afterMs, endMs] of seconds) {
  test(`a request that hangs: ${name}, with one report`, async () => {
    // A long attempt, so that only closing ends it.
    const world = createWorld({ timeouts: { callMs: 600_000 } })
    const { cio, soon, simulator, runtime, events } = world
    simulator.down('timeout')
    const receipt = await soon(cio.track('1', 'a'))
    await runtime.clock.advance(100)
    const first = timed(world, cio.close(firstMs === undefined ? {} : { timeoutMs: firstMs }))
    await runtime.clock.advance(afterMs)
    const other = second === undefined ? cio.close() : cio.close(second)
    const { value, tookMs } = await first
    assert.deepEqual(value, { waiting: 1, deadLetters: 0 })
    assert.equal(await soon(other), value)
    assert.ok(Math.abs(tookMs - endMs) <= 10, `${tookMs} ms`)
    assert.deepEqual(await receipt.settled(), { state: 'waiting' })
    assert.equal(events.filter(({ type }) => type === 'closed').length, 1)
    assert.equal(runtime.clock.pending, 0, 'no timer is left')
  })
}

test('the time of close is an option, and a close that is over ends again at once', async () => {
  const world = createWorld({ timeouts: { callMs: 600_000, closeMs: 0 } })
  const { cio, soon, simulator, runtime } = world
  simulator.down('timeout')
  await soon(cio.track('1', 'a'))
  await runtime.clock.advance(100)
  const first = await timed(world, cio.close())
  assert.ok(first.tookMs <= 10, `${first.tookMs} ms`)
  const again = await timed(world, cio.close({ timeoutMs: 60_000 }))
  assert.equal(again.value, first.value)
  assert.equal(again.tookMs, 0)
})

test('a wrong time is an error that names it, and closes nothing', async () => {
  const { cio, soon } = createWorld()
  for (const timeoutMs of [-1, Number.NaN, '5s', null]) {
    const error = await cio.close({ timeoutMs: timeoutMs as never }).catch((reason: unknown) => reason)
    assert.ok(error instanceof OptionsError && error.field === 'timeoutMs', String(timeoutMs))
  }
  assert.equal((await soon(cio.track('1', 'a'))).state, 'stored')
  await soon(cio.close())
})

interface Shared {
  readonly open: OpenOutbox
  /** The one behind all of them. */
  outbox: Outbox | undefined
  closed: number
}

/** One memory outbox, given to each client that opens it, through `change`. */
function shared(change: (outbox: Outbox) => Partial<Outbox>): Shared {
  const plain = memoryOutbox()
  const state: Shared = {
    closed: 0,
    outbox: undefined,
    open: async (context) => {
      const inner = state.outbox ?? (await plain(context))
      state.outbox = inner
      const own: Outbox = {
        append: (entries) => inner.append(entries),
        claim: (want) => inner.claim(want),
        renew: (leases, leaseMs) => inner.renew(leases, leaseMs),
        settle: (settlements) => inner.settle(settlements),
        stats: () => inner.stats(),
        mayHold: (lanes) => inner.mayHold(lanes),
        lookup: (positions) => inner.lookup(positions),
        list: (query) => inner.list(query),
        resolveDead: (selection, how) => inner.resolveDead(selection, how),
        purge: (lane) => inner.purge(lane),
        tell: (hint) => inner.tell(hint),
        setPaused: (pause) => inner.setPaused(pause),
        executions: inner.executions,
        close: () => {
          state.closed++
          return Promise.resolve()
        },
      }
      return Object.assign(own, change(inner))
    },
  }
  return state
}

test('leases are released: the next client on the same outbox delivers at once what this one gave up', async () => {
  const outbox = shared(() => ({}))
  const world = createWorld({ outbox: outbox.open })
  const { cio, soon, simulator, runtime } = world
  simulator.down('timeout')
  await soon(cio.track('1', 'a'))
  await runtime.clock.advance(100)
  assert.equal((await soon(cio.stats())).inFlight, 1)
  await soon(cio.close({ timeoutMs: 0 }))
  assert.equal(outbox.closed, 1)
  assert.equal((await outbox.outbox?.stats())?.inFlight, 0)
  simulator.up()
  const next = createWorld({ outbox: outbox.open, runtime: world.runtime })
  const drained = next.cio.drain()
  await runtime.clock.advance(2_000)
  assert.deepEqual(await drained, { drained: true, waiting: 0 }, 'a lease would have lasted for a minute and a half')
  const closed = next.cio.close()
  await runtime.clock.advance(100)
  await closed
})

test('a call that is being stored is stored first: its caller gets the receipt, the report counts it', async () => {
  const world = createWorld({
    outbox: (context) =>
      shared((outbox) => ({
        append: async (entries) => {
          await new Promise<void>((resolve) => context.runtime.clock.timer(1_500, resolve))
          return outbox.append(entries)
        },
      })).open(context),
  })
  const { cio, runtime } = world
  const receipt = cio.track('1', 'a')
  await runtime.clock.advance(10)
  const { value, tookMs } = await timed(world, cio.close({ timeoutMs: 0 }))
  assert.equal((await receipt).state, 'stored')
  assert.deepEqual(value, { waiting: 1, deadLetters: 0 })
  assert.ok(tookMs <= 1_500, `${tookMs} ms`)
})

test('an outbox that neither stores nor answers holds up the end for two seconds, not for ever', async () => {
  const state = { closed: 0 }
  const world = createWorld({
    outbox: (context) =>
      shared(() => ({
        append: () => new Promise(() => {}),
        close: () => Promise.resolve(void state.closed++),
      })).open(context),
  })
  const { cio, runtime } = world
  void cio.track('1', 'a')
  await runtime.clock.advance(10)
  const { value, tookMs } = await timed(world, cio.close({ timeoutMs: 1_000 }))
  assert.deepEqual(value, { waiting: 0, deadLetters: 0 })
  assert.ok(tookMs >= 3_000 && tookMs <= 3_010, `${tookMs} ms`)
  assert.equal(state.closed, 1)
})

test('an outbox that does not open is not waited for; when it opens late it is given back', async () => {
  let opened: (() => void) | undefined
  const inner = shared(() => ({}))
  const world = createWorld({
    outbox: async (context) => {
      await new Promise<void>((resolve) => (opened = resolve))
      return inner.open(context)
    },
  })
  const { cio, runtime, soon } = world
  const call = cio.track('1', 'a').catch((error: unknown) => error)
  const first = timed(world, cio.close({ timeoutMs: 60_000 }))
  await runtime.clock.advance(1_000)
  void cio.close({ timeoutMs: 0 })
  const { value, tookMs } = await first
  assert.deepEqual(value, { waiting: null, deadLetters: null })
  assert.ok(tookMs >= 3_000 && tookMs <= 3_010, `${tookMs} ms`)
  assert.equal((await soon(cio.health())).status, 'stopping')
  opened?.()
  await runtime.clock.advance(1)
  assert.equal(inner.closed, 1)
  const receipt = (await soon(call)) as { readonly state?: string }
  assert.equal(receipt.state, 'stored', 'a call from before the end that can still be stored is stored')
})

test('an outbox that cannot be opened leaves a report that does not know', async () => {
  const world = createWorld({ outbox: () => Promise.reject(new Error('no disk')) })
  await world.runtime.clock.advance(1)
  const { value, tookMs } = await timed(world, world.cio.close())
  assert.deepEqual([value, tookMs], [{ waiting: null, deadLetters: null }, 0])
  const error = await world.cio.track('1', 'a').catch((reason: unknown) => reason)
  assert.ok(isHoldfastError(error) && error.code === 'CLIENT_CLOSED')
  assert.equal(world.runtime.clock.pending, 0)
})
