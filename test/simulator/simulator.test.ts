/** Time, chance, options and signals. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'

import { OptionsError } from '../../src/errors.ts'
import { createSimulator } from '../../src/simulator/index.ts'
import { requestOf, setUp } from './asking.ts'

const TRACK = 'POST /api/v1/customers/42/events'

test('an answer takes its latency, and the work is done when half of it has passed', async () => {
  const { ask, simulator, clock } = setUp({ latencyMs: 100 })
  let answered = false
  const asked = ask(TRACK, { body: { name: 'order' } }).then(() => (answered = true))
  await clock.advance(49)
  assert.equal(simulator.ledger.count(), 0)
  await clock.advance(1)
  assert.equal(simulator.ledger.count({ applied: true }), 1)
  await clock.advance(49)
  assert.equal(answered, false)
  await clock.advance(1)
  await asked
  assert.equal(answered, true)
  simulator.change({ latencyMs: 0 })
  assert.equal((await ask(TRACK, { body: { name: 'order' } })).status, 200)
})

test('with a range of latencies concurrent requests are done in another order than they were sent, the same one for a seed', async () => {
  const run = async (seed: number): Promise<string[]> => {
    const { ask, simulator, clock } = setUp({ latencyMs: { min: 1, max: 50 }, seed })
    const names = Array.from({ length: 20 }, (_, index) => `e${index}`)
    const asked = Promise.all(names.map((name) => ask(TRACK, { body: { name } })))
    await clock.advance(50)
    await asked
    return simulator.ledger.all().map(({ name }) => name ?? '')
  }
  const first = await run(1)
  assert.notDeepEqual(
    first,
    Array.from({ length: 20 }, (_, index) => `e${index}`),
  )
  assert.deepEqual(await run(1), first)
  assert.notDeepEqual(await run(2), first)
})

test('a whole run with chance in every part is the same for the same seed', async () => {
  const run = async (seed: number): Promise<unknown> => {
    const { simulator, clock } = setUp({ latencyMs: { min: 0, max: 30 }, seed, rateLimit: { perSecond: 40 } })
    simulator.faults.add({ kind: 'status', status: 502, html: true, share: 0.2 })
    simulator.faults.add({ kind: 'reset', share: 0.1, applied: true })
    simulator.faults.add({ kind: 'half-response', share: 0.1 })
    simulator.faults.add({ kind: 'latency', latencyMs: { min: 10, max: 400 }, share: 0.3 })
    simulator.faults.add({ kind: 'timeout', share: 0.05 })
    const seen: string[] = []
    const asked = Array.from({ length: 200 }, async (_, index) => {
      const controller = new AbortController()
      clock.timer(300, () => controller.abort(new Error('too slow')))
      const person = `${index % 7}`
      const batch = [{ type: 'person', action: 'event', identifiers: { id: person }, name: `e${index}` }]
      try {
        const response = await simulator.fetch(
          requestOf('POST /api/v2/batch', { body: { batch }, signal: controller.signal }),
        )
        seen.push(`${index} ${response.status} ${await response.text()}`)
      } catch (error) {
        seen.push(`${index} ${error instanceof Error ? error.message : ''}`)
      }
    })
    for (let step = 0; step < 40; step++) await clock.advance(25)
    await Promise.all(asked)
    return { seen, ledger: simulator.ledger.all(), people: simulator.workspace.people() }
  }
  const first = await run(7)
  assert.deepEqual(await run(7), first)
  assert.notDeepEqual(await run(8), first)
})

test('the signal ends a request as it ends that of the real fetch, with its own reason', async () => {
  const { simulator, clock } = setUp()
  const reason = new Error('enough')
  const aborted = AbortSignal.abort(reason)
  await assert.rejects(simulator.fetch(requestOf(TRACK, { body: { name: 'a' }, signal: aborted })), reason)
  await assert.rejects(simulator.fetch(requestOf(TRACK, { body: { name: 'a' }, signal: AbortSignal.abort() })), {
    name: 'AbortError',
  })
  assert.equal(simulator.ledger.requests().length, 0)
  const controller = new AbortController()
  simulator.faults.add({ kind: 'timeout', times: 1 })
  const hanging = simulator.fetch(requestOf(TRACK, { body: { name: 'a' }, signal: controller.signal }))
  await clock.advance(3_600_000)
  controller.abort(reason)
  await assert.rejects(hanging, reason)
  assert.equal(clock.pending, 0)
})

test('half a response gives its half and then breaks', async () => {
  const { simulator } = setUp()
  simulator.faults.add({ kind: 'half-response' })
  const response = await simulator.fetch(requestOf(TRACK, { body: { name: 'a' } }))
  const reader = response.body!.getReader()
  const first = await reader.read()
  assert.equal(Buffer.from(first.value ?? []).toString(), '{')
  await assert.rejects(reader.read(), { name: 'TypeError', message: 'terminated' })
})

test('a request that waits leaves no timer behind when its signal ends it', async () => {
  const { simulator, clock } = setUp({ latencyMs: 1_000 })
  const controller = new AbortController()
  const waiting = simulator.fetch(requestOf(TRACK, { body: { name: 'a' }, signal: controller.signal }))
  await clock.advance(600)
  controller.abort()
  await assert.rejects(waiting, { name: 'AbortError' })
  assert.equal(clock.pending, 0)
})

test('a body above the bound is refused with 413 before it is parsed', async () => {
  const { ask, simulator } = setUp({ bodyBytesMax: 100 })
  assert.equal((await ask(TRACK, { body: { name: 'x'.repeat(50) } })).status, 200)
  const answer = await ask(TRACK, { body: { name: 'x'.repeat(100) } })
  assert.equal(answer.status, 413)
  assert.deepEqual(
    simulator.ledger.requests().map(({ status, operations }) => [status, operations]),
    [
      [200, 1],
      [413, 0],
    ],
  )
})

test('a wrong option is refused with the name of its field', () => {
  const wrong: [Record<string, unknown>, string][] = [
    [{ region: 'mars' }, 'region'],
    [{ wrongRegion: 'refuse' }, 'wrongRegion'],
    [{ personIdentifier: 'email' }, 'personIdentifier'],
    [{ unauthorizedAs: 'html' }, 'unauthorizedAs'],
    [{ oversizedStatus: 422 }, 'oversizedStatus'],
    [{ oversizedItem: 'all' }, 'oversizedItem'],
    [{ strict: 'yes' }, 'strict'],
    [{ ledger: 1 }, 'ledger'],
    [{ state: null }, 'state'],
    [{ siteId: '' }, 'siteId'],
    [{ apiKey: 5 }, 'apiKey'],
    [{ bodyBytesMax: 0 }, 'bodyBytesMax'],
    [{ ledgerMax: 1.5 }, 'ledgerMax'],
    [{ stateMax: -1 }, 'stateMax'],
    [{ latencyMs: Number.NaN }, 'latencyMs'],
    [{ latencyMs: { min: 2, max: 1 } }, 'latencyMs'],
    [{ rateLimit: { perSecond: 0 } }, 'rateLimit.perSecond'],
  ]
  for (const [options, field] of wrong) {
    assert.throws(
      () => createSimulator(options),
      (error) => error instanceof OptionsError && error.field === field,
      JSON.stringify(options),
    )
  }
  const none: Record<string, undefined> = { siteId: undefined, latencyMs: undefined, strict: undefined }
  assert.ok(createSimulator(none))
  const { simulator } = setUp()
  assert.throws(() => simulator.change({ latencyMs: -1 }), OptionsError)
})

test('on real time a request that waits keeps the process alive until it is answered', () => {
  const program = `
    import { createSimulator } from './src/simulator/index.ts'
    const simulator = createSimulator({ latencyMs: 60 })
    const request = new Request('https://track.customer.io/api/v1/accounts/region', { headers: { authorization: 'Basic YTpi' } })
    void simulator.fetch(request).then((response) => console.log(response.status))
  `
  const child = spawnSync(process.execPath, ['--input-type=module-typescript', '-e', program], {
    cwd: new URL('../..', import.meta.url),
    encoding: 'utf8',
    timeout: 20_000,
  })
  assert.deepEqual([child.stdout, child.status], ['200\n', 0], child.stderr)
})
