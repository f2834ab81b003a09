import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Backend } from '../../demo/backend/backend.ts'

function backendOf(makesAgain: boolean): { readonly backend: Backend; readonly died: Promise<string> } {
  const { promise, resolve } = Promise.withResolvers<string>()
  const backend = new Backend({
    name: 'scripted',
    program: new URL('./scripted-backend.ts', import.meta.url),
    start: { url: 'http://127.0.0.1:1', siteId: 'site', apiKey: 'key', outboxPath: 'none' },
    makesAgain,
    told: () => {},
    died: resolve,
  })
  return { backend, died: promise }
}

/** The scripted backend answers even calls, fails those that end in 5, and never answers the other odd ones. */
async function answered(backend: Backend, n: number): Promise<void> {
  while (backend.asked.find((asked) => asked.n === n)?.fate.kind === 'under-way') {
    await new Promise((next) => setTimeout(next, 5))
  }
}

function fates(backend: Backend): unknown[] {
  return backend.asked.map(({ n, times, fate }) => [n, times, fate.kind])
}

test('a call that was under way at a kill -9 is made again by the next process', async () => {
  const { backend } = backendOf(true)
  await backend.start()
  backend.make([2, 3, 5, 6])
  await answered(backend, 6)
  assert.equal(await backend.kill(), 1)
  assert.equal(backend.isAlive, false)
  backend.make([])
  await backend.start()
  backend.make([8])
  await answered(backend, 8)
  assert.deepEqual(fates(backend), [
    [2, 1, 'acknowledged'],
    [3, 2, 'under-way'],
    [5, 1, 'failed'],
    [6, 1, 'acknowledged'],
    [8, 1, 'acknowledged'],
  ])
  assert.equal(backend.underWay, 1)
  assert.deepEqual(await backend.finish(1_000), { waiting: 0, deadLetters: 0 })
})

test('where nobody makes it again it is gone', async () => {
  const { backend } = backendOf(false)
  await backend.start()
  backend.make([2, 3])
  await answered(backend, 2)
  assert.equal(await backend.kill(), 1)
  assert.equal(await backend.kill(), 0)
  await backend.start()
  assert.deepEqual(fates(backend), [
    [2, 1, 'acknowledged'],
    [3, 1, 'gone'],
  ])
  await backend.finish(1_000)
})

test('a process that ends by itself is told of, with its last words', async () => {
  const { backend, died } = backendOf(true)
  await backend.start()
  backend.make([13])
  assert.match(await died, /^scripted ended \(3\): thirteen is too much$/)
  assert.equal(backend.isAlive, false)
})
