import assert from 'node:assert/strict'
import { test } from 'node:test'

import { CAMPAIGN_WINDOW_MS, holdfastAccount, officialAccount } from '../../demo/account/account.ts'
import { type Arrival, ArrivalReader } from '../../demo/account/arrivals.ts'
import type { Asked, Fate } from '../../demo/account/asked.ts'
import { brokenPromises } from '../../demo/account/promises.ts'
import type { Line } from '../../demo/calls/line.ts'
import { createSimulator } from '../../src/simulator/index.ts'

const SECOND = 1_767_225_600
const START_MS = SECOND * 1_000

/** Two of ada, one of bob, a merge of the two, one more of ada. */
const lines: readonly Line[] = [
  { offsetMs: 0, method: 'identify', args: ['ada', { plan: 'pro' }] },
  { offsetMs: 1, method: 'track', args: ['ada', { name: 'order', data: { total: 12 } }] },
  { offsetMs: 2, method: 'track', args: ['bob', { name: 'order', data: { total: 9 } }] },
  { offsetMs: 3, method: 'mergeCustomers', args: ['id', 'ada', 'id', 'bob'] },
  { offsetMs: 4, method: 'trackPageView', args: ['ada', '/'] },
]

const acknowledged: Fate = { kind: 'acknowledged', atMs: START_MS + 200, waitedMs: 2, id: 'R' }

function asked(n: number, fate: Fate = acknowledged, times: number = 1): Asked {
  return { n, atMs: START_MS, times, fate }
}

const all = lines.map((_, n) => asked(n))

function arrival(n: number | null, changed: Partial<Arrival> = {}): Arrival {
  const method = n === null ? undefined : lines[n]?.method
  const timestamp = method === 'mergeCustomers' ? null : SECOND
  const id = method?.startsWith('track') ? `ULID-${n}` : null
  return { n, atMs: START_MS + 500, id, timestamp, applied: true, ...changed }
}

function account(calls: readonly Asked[], arrivals: readonly Arrival[]): ReturnType<typeof holdfastAccount> {
  return holdfastAccount(lines, calls, arrivals)
}

const inOrder = [0, 1, 2, 3, 4].map((n) => arrival(n))
const nothingLeft = { waiting: 0, deadLetters: 0 }

test('a run in which everything arrived once and in order breaks no promise', () => {
  const good = account(all, inOrder)
  assert.deepEqual(good, {
    calls: 5,
    accepted: 5,
    refused: 0,
    madeAgain: 0,
    arrived: 5,
    delivered: 5,
    lost: 0,
    recordedTwice: 0,
    duplicatesAbsorbed: 0,
    duplicatesWithAnotherId: 0,
    unasked: 0,
    orderViolations: 0,
    wrongTimes: 0,
    longestDelayMs: 500,
    callerWait: { medianMs: 2, longestMs: 2 },
    campaignWindow: { events: 3, inside: 3, smallestMarginMs: CAMPAIGN_WINDOW_MS - 500 },
  })
  assert.deepEqual(brokenPromises(good, nothingLeft), [])
})

const breaches: readonly {
  readonly name: string
  readonly calls?: readonly Asked[]
  readonly arrivals: readonly Arrival[]
  readonly sentences: readonly string[]
}[] = [
  {
    name: 'an accepted call that never arrived is lost',
    arrivals: inOrder.slice(0, 4),
    sentences: ['1 operations that were accepted never arrived.'],
  },
  {
    name: 'a refused call is told of',
    calls: [...all.slice(0, 4), asked(4, { kind: 'failed', atMs: START_MS, waitedMs: 1, reason: 'OutboxFullError' })],
    arrivals: inOrder.slice(0, 4),
    sentences: ['1 calls were refused although there was room for them.'],
  },
  {
    name: 'a later call of the same person that overtakes breaks the order',
    arrivals: [1, 0, 2, 3, 4].map((n) => arrival(n)),
    sentences: ['1 operations arrived after a later one of the same person.'],
  },
  {
    name: 'a merge that overtakes one of its two people breaks the order',
    arrivals: [0, 1, 3, 2, 4].map((n) => arrival(n)),
    sentences: ['1 operations arrived after a later one of the same person.'],
  },
  {
    name: 'a repeat after a later call of the same person breaks the order too',
    arrivals: [...inOrder, arrival(0)],
    sentences: ['1 operations arrived after a later one of the same person.'],
  },
  {
    name: 'a repeat under another id is an event twice',
    arrivals: [arrival(0), arrival(1), arrival(1, { id: 'OTHER' }), ...inOrder.slice(2)],
    sentences: ['1 events are at Customer.io twice.', '1 operations were repeated with another id or time.'],
  },
  {
    name: 'an event with the time of its delivery instead of its call is wrong',
    arrivals: [...inOrder.slice(0, 4), arrival(4, { timestamp: SECOND + 1, atMs: START_MS + 1_500 })],
    sentences: ['1 operations arrived with a time that is not that of their call.'],
  },
  {
    name: 'what nobody asked for is told of',
    arrivals: [...inOrder, arrival(null)],
    sentences: ['1 operations arrived that nobody had asked for.'],
  },
  {
    name: 'a call that was not made must not arrive',
    calls: all.slice(0, 4),
    arrivals: inOrder,
    sentences: ['1 operations arrived that nobody had asked for.'],
  },
  {
    name: 'an event that comes after 72 hours triggers nothing',
    arrivals: [...inOrder.slice(0, 4), arrival(4, { atMs: START_MS + CAMPAIGN_WINDOW_MS + 1 })],
    sentences: ['1 events came too late to trigger a campaign.'],
  },
  {
    name: 'a run without calls shows nothing',
    calls: [],
    arrivals: [],
    sentences: ['Nothing was accepted, so nothing is shown.'],
  },
]

for (const { name, calls = all, arrivals, sentences } of breaches) {
  test(name, () => {
    assert.deepEqual(brokenPromises(account(calls, arrivals), nothingLeft), sentences)
  })
}

test('what still waits, and what became a dead letter, breaks a promise', () => {
  assert.deepEqual(brokenPromises(account(all, inOrder), { waiting: 3, deadLetters: 2 }), [
    '3 operations were still waiting when the demo ended.',
    '2 operations became dead letters.',
  ])
})

test('a repeat with the same id and time right after the first is absorbed', () => {
  const repeated = account(all, [
    arrival(0),
    arrival(0),
    arrival(1),
    arrival(1, { applied: false }),
    ...inOrder.slice(2),
  ])
  assert.equal(repeated.duplicatesAbsorbed, 2)
  assert.deepEqual(brokenPromises(repeated, nothingLeft), [])
})

test('a call that was made again counts once, and from its first time', () => {
  const calls = [...all.slice(0, 4), { ...asked(4, acknowledged, 2), atMs: START_MS - 3_000 }]
  const again = account(calls, inOrder)
  assert.deepEqual([again.calls, again.accepted, again.madeAgain, again.longestDelayMs], [5, 5, 1, 3_500])
})

test('of the official client everything is counted that was made, and lost is what never arrived', () => {
  const failed: Fate = { kind: 'failed', atMs: START_MS + 2_000, waitedMs: 2_000, reason: 'TypeError' }
  const calls = [asked(0), asked(1, failed), asked(2, failed), asked(3, { kind: 'gone' }), asked(4)]
  // Call 1 ended in an error and arrived all the same; call 4 arrived twice, with nothing to tell them apart by.
  const arrivals = [arrival(0), arrival(1), arrival(4, { id: null }), arrival(4, { id: null })]
  assert.deepEqual(officialAccount(lines, calls, arrivals), {
    calls: 5,
    succeeded: 2,
    failed: 2,
    gone: 1,
    arrived: 3,
    lost: 2,
    recordedTwice: 1,
    longestDelayMs: 500,
    callerWait: { medianMs: 2_000, longestMs: 2_000 },
  })
})

test('without calls there is no delay and no wait to speak of', () => {
  const { longestDelayMs, callerWait } = officialAccount(lines, [], [])
  assert.deepEqual([longestDelayMs, callerWait], [null, null])
})

test('arrivals are read from the ledger: what took effect or was a repeat, not what failed before the work', async () => {
  const simulator = createSimulator({ siteId: 'site', apiKey: 'key' })
  const reader = new ArrivalReader(lines)
  const send = async (body: object): Promise<number> => {
    const headers = { authorization: `Basic ${btoa('site:key')}`, 'content-type': 'application/json' }
    const url = 'https://track.customer.io/api/v1/customers/ada/events'
    const response = await simulator.fetch(new Request(url, { method: 'POST', headers, body: JSON.stringify(body) }))
    return response.status
  }
  const order = { name: 'order', data: { total: 12 }, id: '01ARZ3NDEKTSV4RRFFQ69G5FAV', timestamp: SECOND }
  simulator.down()
  assert.equal(await send(order), 502)
  reader.read(simulator.ledger.all())
  assert.deepEqual(reader.arrivals, [])
  simulator.up()
  for (const body of [order, order, { name: 'never called' }]) assert.equal(await send(body), 200)
  reader.read(simulator.ledger.all())
  reader.read(simulator.ledger.all())
  assert.deepEqual(
    reader.arrivals.map(({ n, id, timestamp, applied }) => ({ n, id, timestamp, applied })),
    [
      { n: 1, id: order.id, timestamp: SECOND, applied: true },
      { n: 1, id: order.id, timestamp: SECOND, applied: false },
      { n: null, id: null, timestamp: null, applied: true },
    ],
  )
  assert.equal(reader.calls, 1)
})
