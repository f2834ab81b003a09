/** `ready`: a worker waits before it claims, and what holds the calls holds the workers. */
import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { test } from 'node:test'

import { QueueFullError } from '../../src/resilience/limit-errors.ts'
import { StatusError, world, type World } from './pipeline-world.ts'

/** Lets workers wait; gives the names of those that were let go, with the time, in order. */
function workers(made: World): { readonly log: string[]; readonly wait: (...names: string[]) => void } {
  const log: string[] = []
  const wait = (...names: string[]): void => {
    for (const name of names) {
      made.pipeline.ready('a').then(
        () => log.push(`${name}@${Math.round(made.clock.monotonicMs())}`),
        (error: unknown) => assert.fail(String(error)),
      )
    }
  }
  return { log, wait }
}

test('where nothing holds, it resolves at once', async () => {
  const made = world()
  const { log, wait } = workers(made)
  wait('w')
  await made.clock.advance(0)
  assert.deepEqual(log, ['w@0'])
  assert.equal(made.clock.pending, 0)
})

test('an open circuit holds all workers; then one goes, and the others see what becomes of its probe', async () => {
  const made = world()
  const { log, wait } = workers(made)
  await made.open()
  wait('w1', 'w2', 'w3')
  await made.clock.advance(4_399)
  assert.deepEqual(log, [])
  await made.clock.advance(1)
  assert.deepEqual(log, ['w1@4400'])
  made.call('probe')
  await made.clock.advance(500)
  assert.deepEqual(log, ['w1@4400'])
  made.started[0]!.resolve()
  await made.clock.advance(0)
  assert.deepEqual(log, ['w1@4400', 'w2@4900'])
  made.call('probe 2')
  made.started[1]!.reject(new StatusError(503))
  await made.clock.advance(4_000)
  assert.equal(log.length, 2, 'the circuit is open again')
  await made.clock.advance(400)
  assert.deepEqual(log.at(-1), 'w3@9300')
})

test('a worker that is let go and makes no call does not keep the others waiting', async () => {
  const made = world()
  const { log, wait } = workers(made)
  await made.open()
  wait('idle', 'busy')
  await made.clock.advance(4_400)
  assert.deepEqual(log, ['idle@4400'])
  await made.clock.advance(1_000)
  assert.deepEqual(log, ['idle@4400', 'busy@5400'])
})

test('a cooldown holds workers, and then they go as fast as the rate lets their calls', async () => {
  const made = world({ limits: { a: { perSecond: 10, burst: 1 }, b: { perSecond: 1 } }, retry: false })
  const readyAtMs: number[] = []
  const startedAtMs: number[] = []
  await made.run([new StatusError(429, 3_000)])
  for (let worker = 0; worker < 5; worker++) {
    made.pipeline
      .ready('a')
      .then(() => {
        readyAtMs.push(made.clock.monotonicMs())
        return made.pipeline.execute('a', () => startedAtMs.push(made.clock.monotonicMs()))
      })
      .catch((error: unknown) => assert.fail(String(error)))
  }
  await made.clock.advance(2_999)
  assert.deepEqual(readyAtMs, [])
  await made.clock.advance(5_000)
  assert.equal(readyAtMs.length, 5)
  for (const [index, atMs] of startedAtMs.entries()) {
    assert.ok(atMs - readyAtMs[index]! <= 2, 'no call waits for what its worker has waited for')
    assert.ok(index === 0 || atMs - startedAtMs[index - 1]! >= 100)
  }
})

test('a lack of slots holds workers until one comes free', async () => {
  const made = world({ limits: { a: { perSecond: Infinity, concurrency: 1 }, b: { perSecond: 1 } } })
  const { log, wait } = workers(made)
  made.call('x')
  wait('w1', 'w2')
  await made.clock.advance(700)
  assert.deepEqual(log, [])
  made.started[0]!.resolve()
  await made.clock.advance(0)
  assert.deepEqual(log, ['w1@700'], 'one slot is one worker')
  made.call('y')
  made.started[1]!.resolve()
  await made.clock.advance(0)
  assert.deepEqual(log, ['w1@700', 'w2@700'])
})

test('an isolation holds workers until its release', async () => {
  const made = world()
  const { log, wait } = workers(made)
  const release = made.pipeline.isolate()
  wait('w')
  await made.clock.advance(3_600_000)
  assert.deepEqual([log.length, made.clock.pending], [0, 0])
  release()
  await made.clock.advance(0)
  assert.deepEqual(log, ['w@3600000'])
})

test('refused credentials hold workers for their minute', async () => {
  const made = world()
  const { log, wait } = workers(made)
  for (let call = 0; call < 5; call++) await made.run([401])
  wait('w')
  await made.clock.advance(59_999)
  assert.deepEqual(log, [])
  await made.clock.advance(1)
  assert.deepEqual(log, ['w@60000'])
})

test('an abort ends it at once with its reason and leaves nothing behind', async () => {
  const made = world()
  await made.open()
  const controller = new AbortController()
  const waiting = made.pipeline.ready('a', controller.signal).catch((error: unknown) => error)
  await made.clock.advance(100)
  assert.equal(getEventListeners(controller.signal, 'abort').length, 1)
  controller.abort('why')
  assert.equal(await waiting, 'why')
  assert.equal(getEventListeners(controller.signal, 'abort').length, 0)
  await assert.rejects(made.pipeline.ready('a', controller.signal), (error) => error === 'why')
  await made.clock.advance(25)
  assert.equal(made.clock.pending, 0)
})

test('too many workers are refused', async () => {
  const made = world({ limits: { a: { perSecond: 1, queue: 1 }, b: { perSecond: 1 } } })
  made.pipeline.isolate()
  const first = made.pipeline.ready('a')
  await assert.rejects(made.pipeline.ready('a'), QueueFullError)
  first.catch(() => {})
})

test('workers with ready burn no job in an outage: each job is attempted about as often as probes are made', async () => {
  const made = world({ retry: false, limits: { a: { perSecond: 50 }, b: { perSecond: 1 } } })
  const { clock, pipeline } = made
  let attempts = 0
  let refused = 0
  const work = async (): Promise<void> => {
    while (clock.monotonicMs() < 60_000) {
      await pipeline.ready('a')
      const result = await pipeline.tryExecute('a', async () => {
        attempts++
        await new Promise<void>((resolve) => clock.timer(20, resolve))
        throw new StatusError(503)
      })
      if (!result.ok && result.attempts === 0) refused++
    }
  }
  const done = Promise.all(Array.from({ length: 8 }, work))
  await clock.advance(120_000)
  await done
  assert.ok(attempts < 40, `${attempts} attempts`)
  assert.ok(refused <= 8, `${refused} refused`)
})
