/** The server that the simulations of the bench send to: what it serves decides every figure of theirs. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Server, type ServerOptions } from '../../bench/resilience/simulation/server.ts'
import { seededRandom } from '../../src/testing/seeded-random.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'

function world(options: Partial<ServerOptions> = {}): { readonly clock: VirtualClock; readonly server: Server } {
  const clock = new VirtualClock()
  return { clock, server: new Server({ clock, random: seededRandom(7), limitPerSecond: 10, ...options }) }
}

function countOf(statuses: readonly number[], status: number): number {
  return statuses.filter((one) => one === status).length
}

test('of a burst it serves as many as its limit, and as many again a second later', async () => {
  const { clock, server } = world()
  for (const _ of [1, 2]) {
    const burst = Promise.all(Array.from({ length: 25 }, () => server.request()))
    await clock.advance(1_200)
    const statuses = await burst
    assert.equal(countOf(statuses, 200), 10)
    assert.equal(countOf(statuses, 429), 15)
  }
  assert.equal(server.counts.sent, 50)
  assert.equal(server.counts.throttled, 30)
})

test('an answer takes 60 to 140 ms', async () => {
  const { clock, server } = world({ limitPerSecond: 1_000 })
  const tookMs = await (async () => {
    const requests = Array.from({ length: 500 }, async () => {
      await server.request()
      return clock.monotonicMs()
    })
    await clock.advance(1_000)
    return Promise.all(requests)
  })()
  assert.ok(Math.min(...tookMs) >= 60)
  assert.ok(Math.max(...tookMs) <= 140)
  assert.ok(Math.max(...tookMs) - Math.min(...tookMs) > 70)
})

test('an outage answers 503, takes nothing of the limit, and its end is noted at the first request served', async () => {
  const { clock, server } = world({ fault: { fromMs: 0, untilMs: 5_000, share: 1 } })
  const during = Promise.all(Array.from({ length: 30 }, () => server.request()))
  await clock.advance(5_000)
  assert.equal(countOf(await during, 503), 30)
  assert.equal(server.counts.intoFault, 30)
  assert.equal(server.counts.firstServedAfterMs, null)
  const after = Promise.all(Array.from({ length: 12 }, () => server.request()))
  await clock.advance(200)
  assert.equal(countOf(await after, 200), 10)
  const { firstServedAfterMs } = server.counts
  assert.ok(firstServedAfterMs !== null && firstServedAfterMs >= 5_030 && firstServedAfterMs <= 5_070)
})

test('a brown-out fails its share of the requests', async () => {
  const { clock, server } = world({ limitPerSecond: 5_000, fault: { fromMs: 0, untilMs: 1e9, share: 0.3 } })
  const requests = Promise.all(Array.from({ length: 2_000 }, () => server.request()))
  await clock.advance(200)
  const failed = countOf(await requests, 503)
  assert.ok(failed > 540 && failed < 660, String(failed))
})
