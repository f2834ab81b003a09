import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createWorld } from './world.ts'
import { memoryOutbox, OutboxError } from '../../src/index.ts'
import type { OpenOutbox } from '../../src/outbox/outbox.ts'

test('calls that come before the outbox is open wait for it and keep their order', async () => {
  const open = memoryOutbox()
  const gate = Promise.withResolvers<void>()
  const { cio, simulator, soon, runtime } = createWorld({
    outbox: async (context) => {
      await gate.promise
      return open(context)
    },
  })
  const calls = Array.from({ length: 5 }, (_, n) => cio.track('1', `e${n}`))
  await runtime.clock.advance(1_000)
  assert.equal((await soon(cio.health())).status, 'starting')
  gate.resolve()
  await soon(Promise.all(calls))
  await soon(cio.drain())
  assert.deepEqual(
    simulator.ledger.events('1').map((entry) => entry.name),
    ['e0', 'e1', 'e2', 'e3', 'e4'],
  )
})

test('an outbox that cannot be opened refuses with its error, shows in the health, and is tried again', async () => {
  let tries = 0
  const working = memoryOutbox()
  const open: OpenOutbox = (context) => {
    tries++
    if (tries < 3) return Promise.reject(new OutboxError('OUTBOX_READ_ONLY', 'the folder cannot be written'))
    return working(context)
  }
  const { cio, soon, runtime } = createWorld({ outbox: open })
  const error = await soon(cio.track('1', 'a').catch((reason: unknown) => reason))
  assert.ok(error instanceof OutboxError && error.code === 'OUTBOX_READ_ONLY')
  assert.equal((await soon(cio.health())).status, 'failing')
  await soon(cio.track('1', 'a').catch(() => {}))
  assert.equal(tries, 1, 'not tried again within a second')
  await runtime.clock.advance(1_000)
  await soon(cio.track('1', 'a').catch(() => {}))
  await runtime.clock.advance(1_000)
  const receipt = await soon(cio.track('1', 'b'))
  assert.equal(tries, 3)
  assert.deepEqual(await soon(receipt.settled()), { state: 'delivered' })
  assert.equal((await soon(cio.health())).status, 'ok')
})

test('a client whose outbox never opened can be closed', async () => {
  const open: OpenOutbox = () => Promise.reject(new OutboxError('OUTBOX_UNAVAILABLE', 'no such folder'))
  const { cio, soon } = createWorld({ outbox: open })
  assert.deepEqual(await soon(cio.close()), { waiting: null, deadLetters: null })
})

/** Fails so often, then opens a memory outbox. */
function failing(times: number): { readonly open: OpenOutbox; readonly tries: () => number } {
  const working = memoryOutbox()
  let tries = 0
  const open: OpenOutbox = (context) => {
    tries++
    if (tries > times) return working(context)
    return Promise.reject(new OutboxError('OUTBOX_UNAVAILABLE', 'the server does not answer'))
  }
  return { open, tries: () => tries }
}

test('a client that nobody calls opens its outbox by itself when that is possible again', async () => {
  const { open, tries } = failing(4)
  const { cio, soon, runtime } = createWorld({ outbox: open })
  await runtime.clock.advance(0)
  assert.equal(tries(), 1)
  await runtime.clock.advance(2_900)
  assert.ok(tries() >= 2 && tries() <= 3, `${tries()} tries in 3 s`)
  assert.equal((await soon(cio.health())).status, 'failing')
  await runtime.clock.advance(20_000)
  assert.equal(tries(), 5)
  assert.equal((await soon(cio.health())).status, 'ok')
  assert.equal((await soon(cio.stats())).role, 'active', 'it delivers')
  await soon(cio.close())
})

test('the waits between tries grow to half a minute, and no call makes them more than one a second', async () => {
  const { open, tries } = failing(Infinity)
  const { cio, soon, runtime } = createWorld({ outbox: open })
  await runtime.clock.advance(600_000)
  assert.ok(tries() >= 20 && tries() <= 33, `${tries()} tries in ten minutes`)
  const before = tries()
  for (let call = 0; call < 100; call++) {
    await soon(cio.track('1', 'a').catch(() => {}))
    await runtime.clock.advance(95)
  }
  assert.ok(tries() - before <= 12, `${tries() - before} tries in ten seconds`)
  await soon(cio.close())
})

test('close ends the tries; one that is under way is given back when it opens', async () => {
  const { open, tries } = failing(Infinity)
  const { cio, soon, runtime } = createWorld({ outbox: open })
  await runtime.clock.advance(1_500)
  await soon(cio.close())
  const before = tries()
  await runtime.clock.advance(600_000)
  assert.equal(tries(), before)
  assert.equal(runtime.clock.pending, 0)
  await assert.rejects(soon(cio.ready()), { code: 'OUTBOX_UNAVAILABLE' })

  const late = Promise.withResolvers<void>()
  let isClosed = false
  const working = memoryOutbox()
  const second = createWorld({
    outbox: async (context) => {
      await late.promise
      const outbox = await working(context)
      const close = outbox.close.bind(outbox)
      outbox.close = async () => {
        isClosed = true
        await close()
      }
      return outbox
    },
  })
  await second.soon(second.cio.close({ timeoutMs: 100 }))
  late.resolve()
  await second.runtime.clock.advance(0)
  assert.ok(isClosed)
})

test('an outbox that throws at once is one that cannot be opened', async () => {
  const working = memoryOutbox()
  let tries = 0
  const { cio, soon } = createWorld({
    outbox: (context) => {
      if (tries++ === 0) throw new OutboxError('OUTBOX_UNAVAILABLE', 'no such folder')
      return working(context)
    },
  })
  await assert.rejects(soon(cio.identify('1')), { code: 'OUTBOX_UNAVAILABLE' })
  await soon(new Promise<void>((done) => cio.on((event) => event.type === 'role' && done())))
  assert.equal((await soon(cio.identify('1'))).state, 'stored')
  await soon(cio.close())
})
