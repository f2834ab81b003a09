/** The control API: what another process may ask and change. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createSimulator } from '../../src/simulator/index.ts'
import { SCENARIOS } from '../../src/simulator/scenarios.ts'
import { using } from '../using.ts'

const HEADERS = {
  authorization: `Basic ${Buffer.from('site:key').toString('base64')}`,
  'content-type': 'application/json',
}

async function json(url: string, init: RequestInit = {}): Promise<{ readonly status: number; readonly body: unknown }> {
  const response = await fetch(url, init)
  return { status: response.status, body: await response.json() }
}

function track(root: string, person: string, n: number): Promise<Response> {
  const body = JSON.stringify({ name: 'called', data: { n } })
  return fetch(`${root}/api/v1/customers/${person}/events`, { method: 'POST', headers: HEADERS, body })
}

test(
  'it tells what arrived in pages, and leaves no trace itself',
  using(async (use) => {
    const simulator = createSimulator({ siteId: 'site', apiKey: 'key' })
    const { url } = use(await simulator.listen(0, '127.0.0.1', { control: true }))
    for (let n = 0; n < 5; n++) await track(url, `p${n % 2}`, n)
    assert.deepEqual((await json(`${url}/__simulator/`)).body, {
      requests: 5,
      operations: 5,
      applied: 5,
      duplicates: 0,
      faults: 0,
    })
    const seen: unknown[] = []
    for (let after = 0, end = false; !end;) {
      const { body } = await json(`${url}/__simulator/ledger?name=called&person=p0&value=n&limit=1&after=${after}`)
      const page = body as { operations: { value: unknown }[]; after: number; end: boolean }
      seen.push(...page.operations.map(({ value }) => value))
      ;({ after, end } = page)
    }
    assert.deepEqual(seen, [0, 2, 4])
    assert.equal(simulator.ledger.requests().length, 5)
  }),
)

test(
  'faults, outages, settings and reset; while everything is refused it still answers',
  using(async (use) => {
    const simulator = createSimulator({ siteId: 'site', apiKey: 'key' })
    const { url } = use(await simulator.listen(0, '127.0.0.1', { control: true }))
    const post = (path: string, body?: object): Promise<{ status: number; body: unknown }> =>
      json(`${url}/__simulator/${path}`, { method: 'POST', ...(body && { body: JSON.stringify(body) }) })
    assert.equal((await post('faults', { kind: 'status', status: 503, times: 1 })).status, 200)
    assert.equal((await track(url, 'a', 1)).status, 503)
    assert.equal((await track(url, 'a', 1)).status, 200)
    await post('down', { outage: 'refused' })
    await assert.rejects(track(url, 'a', 2))
    assert.equal((await post('up')).status, 200)
    assert.equal((await track(url, 'a', 2)).status, 200)
    await post('settings', { rateLimit: { perSecond: 0.001 } })
    await track(url, 'a', 3)
    assert.equal((await track(url, 'a', 3)).status, 429)
    await post('settings', { rateLimit: null })
    await post('faults', { kind: 'timeout' })
    assert.equal((await json(`${url}/__simulator/faults`, { method: 'DELETE' })).status, 200)
    await post('reset')
    assert.deepEqual((await json(`${url}/__simulator/`)).body, {
      requests: 0,
      operations: 0,
      applied: 0,
      duplicates: 0,
      faults: 0,
    })
  }),
)

test(
  'what it cannot understand it refuses by name',
  using(async (use) => {
    const { url } = use(await createSimulator().listen(0, '127.0.0.1', { control: true }))
    const cases: readonly (readonly [string, unknown, RegExp])[] = [
      ['faults', { kind: 'poison' }, /kind: must be one of latency, status/],
      ['faults', { kind: 'status' }, /status: is required/],
      ['faults', { kind: 'status', status: 42 }, /status: must be 200 to 599/],
      ['faults', { kind: 'status', status: 503, match: 'all' }, /match: is not known/],
      ['faults', { kind: 'latency', latencyMs: 'slow' }, /latencyMs: is of the wrong type/],
      ['faults', [], /body: must be an object/],
      ['down', { outage: 'partly' }, /outage: must be one of/],
      ['settings', { region: 'eu' }, /settings: can be latencyMs and rateLimit/],
      ['settings', { latencyMs: -1 }, /latencyMs/],
    ]
    for (const [path, body, message] of cases) {
      const answer = await json(`${url}/__simulator/${path}`, { method: 'POST', body: JSON.stringify(body) })
      assert.equal(answer.status, 400)
      assert.match(String(Reflect.get(Object(answer.body), 'error')), message)
    }
    assert.equal((await json(`${url}/__simulator/ledger?after=5`)).status, 400)
    assert.equal((await json(`${url}/__simulator/nothing`)).status, 404)
    assert.equal((await json(`${url}/__simulator/`, { headers: { origin: 'http://evil.example' } })).status, 403)
  }),
)

test(
  'it is served only when asked for, and only on loopback',
  using(async (use) => {
    const simulator = createSimulator()
    const { url } = use(await simulator.listen())
    assert.equal((await fetch(`${url}/__simulator/`)).status, 404)
    await assert.rejects(simulator.listen(0, '0.0.0.0', { control: true }), { name: 'OptionsError', field: 'control' })
  }),
)

test('every scenario is made of faults that can be added', () => {
  for (const { faults, description } of Object.values(SCENARIOS)) {
    const simulator = createSimulator()
    for (const fault of faults) simulator.faults.add(fault)
    assert.equal(simulator.faults.size, faults.length)
    assert.notEqual(description, '')
  }
})
