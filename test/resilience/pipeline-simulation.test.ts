/** The pipeline against a server of its own on virtual time: a burst, an outage, a shared limit, a brown-out. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createPipeline } from '../../src/resilience/pipeline.ts'
import type { PipelineAttempt, Pipeline } from '../../src/resilience/pipeline-contract.ts'
import { seededRandom } from '../../src/testing/seeded-random.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'

interface ServerOptions {
  readonly clock: VirtualClock
  readonly seed: number
  /** Requests that any second may hold. */
  readonly perSecond?: number
  /** What a request that arrives now meets. */
  readonly failing?: (nowMs: number) => boolean
}

/** Answers after 60 to 140 ms; over its limit with 429 and no Retry-After, as the provider does. */
class Server {
  sent = 0
  throttled = 0
  readonly #options: ServerOptions
  readonly #random: () => number
  readonly #accepted: number[] = []

  constructor(options: ServerOptions) {
    this.#options = options
    this.#random = seededRandom(options.seed)
  }

  readonly answer = async (_attempt: PipelineAttempt): Promise<number> => {
    this.sent++
    const status = this.#judge()
    await new Promise<void>((resolve) => this.#options.clock.timer(60 + 80 * this.#random(), resolve))
    if (status !== 200) throw Object.assign(new Error(`status ${status}`), { status })
    return status
  }

  #judge(): number {
    const { clock, perSecond = Infinity, failing } = this.#options
    const nowMs = clock.monotonicMs()
    if (failing?.(nowMs) === true) return 503
    while (this.#accepted.length > 0 && this.#accepted[0]! <= nowMs - 1_000) this.#accepted.shift()
    if (this.#accepted.length >= perSecond) {
      this.throttled++
      return 429
    }
    this.#accepted.push(nowMs)
    return 200
  }
}

interface Call {
  readonly atMs: number
  readonly endedAtMs: number
  readonly ok: boolean
}

/** Makes a call every so often, `next` choosing through which pipeline, and gives what became of each. */
async function offer(
  clock: VirtualClock,
  load: { readonly perSecond: number; readonly forMs: number },
  next: () => Promise<{ readonly ok: boolean }>,
): Promise<readonly Call[]> {
  const calls: Promise<Call>[] = []
  const endMs = clock.monotonicMs() + load.forMs
  const make = (): void => {
    const atMs = clock.monotonicMs()
    calls.push(next().then(({ ok }) => ({ atMs, endedAtMs: clock.monotonicMs(), ok })))
    if (atMs + 1_000 / load.perSecond < endMs) clock.timer(1_000 / load.perSecond, make)
  }
  make()
  await clock.advance(load.forMs + 61_000)
  return Promise.all(calls)
}

function pipelineOf(clock: VirtualClock, seed: number, perSecond: number): Pipeline<'track'> {
  return createPipeline({
    limits: { track: { perSecond } },
    deadlineMs: 60_000,
    clock,
    random: seededRandom(seed),
  })
}

const lost = (calls: readonly Call[]): number => calls.filter(({ ok }) => !ok).length

for (const perSecond of [90, 100]) {
  test(`a burst of 3,000 calls at a limit of 100/s succeeds with few extra requests (told ${perSecond}/s)`, async () => {
    const clock = new VirtualClock()
    const server = new Server({ clock, seed: 11, perSecond: 100 })
    const pipeline = pipelineOf(clock, 1, perSecond)
    const results = Promise.all(Array.from({ length: 3_000 }, () => pipeline.tryExecute('track', server.answer)))
    await clock.advance(61_000)
    assert.equal((await results).filter(({ ok }) => !ok).length, 0)
    assert.ok(server.sent < 3_000 * 1.005, `${server.sent} requests`)
  })
}

test('an outage of 60 s gets under 30 requests, and the first success comes within 5 s of its end', async () => {
  for (let seed = 1; seed <= 12; seed++) {
    const clock = new VirtualClock()
    const fromMs = 5_000 + 370 * seed
    const untilMs = fromMs + 60_000
    const server = new Server({ clock, seed, failing: (nowMs) => nowMs >= fromMs && nowMs < untilMs })
    const pipeline = pipelineOf(clock, seed, 90)
    let into = 0
    const calls = await offer(clock, { perSecond: 50, forMs: 90_000 }, () =>
      pipeline.tryExecute('track', (attempt) => {
        const nowMs = clock.monotonicMs()
        if (nowMs >= fromMs && nowMs < untilMs) into++
        return server.answer(attempt)
      }),
    )
    const recovered = Math.min(
      ...calls.filter(({ ok, endedAtMs }) => ok && endedAtMs > untilMs).map((c) => c.endedAtMs),
    )
    assert.ok(into < 30, `seed ${seed}: ${into} requests into the outage`)
    assert.ok(recovered - untilMs < 5_000, `seed ${seed}: first success ${recovered - untilMs} ms after the end`)
    const healed = calls.filter(({ atMs }) => atMs >= recovered + 1_000)
    assert.ok(healed.length > 500)
    assert.equal(lost(healed), 0)
  }
})

test('ten pipelines that share a limit of 100/s get under 3 % answers of 429', async () => {
  const clock = new VirtualClock()
  const server = new Server({ clock, seed: 21, perSecond: 100 })
  const pipelines = Array.from({ length: 10 }, (_, index) => pipelineOf(clock, index + 1, 90))
  let turn = 0
  const calls = await offer(clock, { perSecond: 150, forMs: 60_000 }, () =>
    pipelines[turn++ % 10]!.tryExecute('track', server.answer),
  )
  assert.ok(server.throttled < 0.03 * server.sent, `${server.throttled} of ${server.sent}`)
  // 150/s for a minute cannot all go within a minute of deadline at 100/s, but nearly all of it can.
  assert.ok(lost(calls) < 0.01 * calls.length, `${lost(calls)} of ${calls.length} lost`)
  assert.ok(server.sent - server.throttled > 0.99 * calls.length)
})

test('a brown-out of 30 % loses under 1 % of the calls, and opens no circuit', async () => {
  for (let seed = 1; seed <= 3; seed++) {
    const clock = new VirtualClock()
    const random = seededRandom(70 + seed)
    const server = new Server({ clock, seed, failing: () => random() < 0.3 })
    const pipeline = pipelineOf(clock, seed, 90)
    const calls = await offer(clock, { perSecond: 50, forMs: 60_000 }, () =>
      pipeline.tryExecute('track', server.answer),
    )
    assert.ok(calls.length >= 3_000)
    assert.ok(lost(calls) < 0.01 * calls.length, `seed ${seed}: ${lost(calls)} of ${calls.length} lost`)
    assert.equal(pipeline.stats().breaker.totals.opened, 0)
  }
})
