import assert from 'node:assert/strict'
import { test } from 'node:test'

import { OptionsError } from '../../src/errors.ts'
import { type ArrivingRequest, type Fault, Faults } from '../../src/simulator/faults.ts'
import { seededRandom } from '../../src/testing/seeded-random.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'

function arriving(over: Partial<ArrivingRequest> = {}): ArrivingRequest {
  return {
    number: 1,
    method: 'PUT',
    path: '/api/v1/customers/42',
    route: { name: 'identify', identifier: '42' },
    person: '42',
    body: '{"plan":"pro"}',
    ...over,
  }
}

function setUp(): { readonly clock: VirtualClock; readonly faults: Faults } {
  const clock = new VirtualClock()
  return { clock, faults: new Faults(clock, seededRandom(1)) }
}

test('a fault with a count ends after it has struck so often', () => {
  const { faults } = setUp()
  const handle = faults.add({ kind: 'reset', times: 2 })
  const kinds = [1, 2, 3].map(() => faults.strike(arriving()).deciding?.kind)
  assert.deepEqual(kinds, ['reset', 'reset', undefined])
  assert.equal(handle.struck, 2)
  assert.equal(faults.size, 0)
})

test('the first deciding fault that strikes decides, and later ones keep their count', () => {
  const { faults } = setUp()
  faults.add({ kind: 'reset', times: 1 })
  const second = faults.add({ kind: 'timeout', times: 1 })
  assert.equal(faults.strike(arriving()).deciding?.kind, 'reset')
  assert.equal(second.struck, 0)
  assert.equal(faults.strike(arriving()).deciding?.kind, 'timeout')
})

test('latency faults add up beside the one that decides', () => {
  const { faults } = setUp()
  faults.add({ kind: 'latency', latencyMs: 10 })
  faults.add({ kind: 'status', status: 503 })
  faults.add({ kind: 'latency', latencyMs: 20 })
  const struck = faults.strike(arriving())
  assert.deepEqual(
    struck.latencies.map(({ latencyMs }) => latencyMs),
    [10, 20],
  )
  assert.equal(struck.deciding?.kind, 'status')
})

test('a fault strikes between its times and not outside of them', async () => {
  const { clock, faults } = setUp()
  faults.add({ kind: 'reset', afterMs: 100, forMs: 50 })
  const seen: string[] = []
  for (let atMs = 0; atMs <= 200; atMs += 50) {
    if (faults.strike(arriving()).deciding !== undefined) seen.push(`${atMs}`)
    await clock.advance(50)
  }
  assert.deepEqual(seen, ['100'])
  assert.equal(faults.size, 0)
})

test('a fault can be kept to a route, a person or a text in the body', () => {
  const { faults } = setUp()
  faults.add({ kind: 'reset', match: ({ route }) => route.name === 'track' })
  faults.add({ kind: 'timeout', match: ({ person }) => person === '7' })
  faults.add({ kind: 'refused', match: ({ body }) => body.includes('"gold"') })
  const table: [Partial<ArrivingRequest>, string | undefined][] = [
    [{}, undefined],
    [{ route: { name: 'track', identifier: '42' } }, 'reset'],
    [{ person: '7' }, 'timeout'],
    [{ body: '{"plan":"gold"}' }, 'refused'],
  ]
  for (const [over, kind] of table) assert.equal(faults.strike(arriving(over)).deciding?.kind, kind)
})

test('a share strikes that part of the requests, the same ones for the same seed', () => {
  const run = (): boolean[] => {
    const { faults } = setUp()
    faults.add({ kind: 'status', status: 502, html: true, share: 0.3 })
    return Array.from({ length: 2_000 }, () => faults.strike(arriving()).deciding !== undefined)
  }
  const first = run()
  const share = first.filter(Boolean).length / first.length
  assert.ok(share > 0.27 && share < 0.33, `${share}`)
  assert.deepEqual(run(), first)
})

test('a fault that looks at calls counts a request once, and only when it has hit', () => {
  const { faults } = setUp()
  const handle = faults.add({ kind: 'poison', item: () => true, times: 1 })
  assert.equal(faults.strike(arriving()).calls.length, 1)
  assert.equal(handle.struck, 0)
  const { calls } = faults.strike(arriving())
  calls[0]?.struck()
  calls[0]?.struck()
  assert.equal(handle.struck, 1)
  assert.equal(faults.strike(arriving()).calls.length, 0)
})

test('removing ends a fault, twice or once, and clear ends all', () => {
  const { faults } = setUp()
  const first = faults.add({ kind: 'reset' })
  faults.add({ kind: 'timeout' })
  first.remove()
  first.remove()
  assert.equal(faults.strike(arriving()).deciding?.kind, 'timeout')
  faults.clear()
  assert.equal(faults.strike(arriving()).deciding, undefined)
})

test('every connection is refused only by a fault without a condition', async () => {
  const { clock, faults } = setUp()
  for (const fault of [
    { kind: 'refused', share: 0.5 },
    { kind: 'refused', times: 3 },
    { kind: 'refused', match: () => true },
    { kind: 'reset' },
  ] satisfies Fault[]) {
    faults.add(fault)
  }
  assert.equal(faults.refusesAll, false)
  faults.add({ kind: 'refused', afterMs: 10, forMs: 10 })
  assert.equal(faults.refusesAll, false)
  await clock.advance(10)
  assert.equal(faults.refusesAll, true)
  await clock.advance(10)
  assert.equal(faults.refusesAll, false)
})

test('a fault that makes no sense is refused with the name of the field', () => {
  const { faults } = setUp()
  const table: [Fault, string][] = [
    [{ kind: 'reset', times: 0 }, 'times'],
    [{ kind: 'reset', times: 1.5 }, 'times'],
    [{ kind: 'reset', share: 1.1 }, 'share'],
    [{ kind: 'reset', share: Number.NaN }, 'share'],
    [{ kind: 'reset', afterMs: -1 }, 'afterMs'],
    [{ kind: 'reset', forMs: 0 }, 'forMs'],
    [{ kind: 'status', status: 199 }, 'status'],
    [{ kind: 'status', status: 502.5 }, 'status'],
    [{ kind: 'status', status: 502, html: true, text: true }, 'text'],
    [{ kind: 'status', status: 429, retryAfterDate: true }, 'retryAfterDate'],
    [{ kind: 'latency', latencyMs: -1 }, 'latencyMs'],
    [{ kind: 'latency', latencyMs: { min: 5, max: 4 } }, 'latencyMs'],
    [{ kind: 'redirect', to: '' }, 'to'],
    [JSON.parse('{"kind":"flood"}') as Fault, 'kind'],
  ]
  for (const [fault, field] of table) {
    assert.throws(
      () => faults.add(fault),
      (error) => error instanceof OptionsError && error.field === field,
      JSON.stringify(fault),
    )
  }
  assert.equal(faults.size, 0)
})

test('the number of faults at once has a bound', () => {
  const { faults } = setUp()
  for (let count = 0; count < 1_000; count++) faults.add({ kind: 'reset' })
  assert.throws(() => faults.add({ kind: 'reset' }), OptionsError)
})
