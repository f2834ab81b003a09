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
