import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as fc from 'fast-check'

import { type OpenOutbox, OutboxFullError, memoryOutbox } from '../../src/index.ts'
import { type Accepted, createRetries, type Identity, RETRIES_DEFAULTS } from '../../src/relay/retries.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'
import { createWorld, type Got, gotOf, requestOf, type SendOptions, workspace, type World } from './world.ts'

const TRACK = 'POST /api/v1/customers/42/events'

function retry(number: number, name: string = 'order', more: SendOptions = {}): SendOptions {
  return { body: { name }, ...more, headers: number === 0 ? {} : { 'x-retry-count': String(number) } }
}

function idOf({ status, headers }: Got): string {
  assert.equal(status, 200)
  return headers.get('x-holdfast-id') ?? assert.fail('there is no id')
}

/** An outbox whose appends wait, and fail, as they are told. */
function steered(): {
  readonly open: OpenOutbox
  isFull: boolean
  gate: Promise<void> | undefined
} {
  const inner = memoryOutbox()
  const state: ReturnType<typeof steered> = {
    isFull: false,
    gate: undefined,
    async open(context) {
      const outbox = await inner(context)
      const append = outbox.append.bind(outbox)
      outbox.append = async (entries) => {
        if (state.gate !== undefined) await state.gate
        if (state.isFull) throw new OutboxFullError({ bound: 'operations', limit: 1, used: 1, retryAfterMs: 1_000 })
        return append(entries)
      }
      return outbox
    },
  }
  return state
}

async function storedIn({ relay, soon }: Pick<World, 'relay' | 'soon'>): Promise<number> {
  return (await soon(relay.workspaces.get('shop')!.stats())).totals.accepted
}

/** A request that is answered into the void: its client has gone meanwhile. */
async function unanswered({ relay, soon }: World, options: SendOptions): Promise<void> {
  const controller = new AbortController()
  const client = relay.workspaces.get('shop')!
  await soon(client.ready())
  const unsubscribe = client.on((event) => {
    if (event.type === 'accepted') controller.abort()
  })
  await soon(relay.fetch(requestOf(TRACK, { ...options, signal: controller.signal })))
  unsubscribe()
  assert.equal(controller.signal.aborted, true)
}

test('a retry of what was stored is the same operation, and gets the same answer', async () => {
  const world = createWorld()
  const id = idOf(await world.send(TRACK, retry(0)))
  for (const number of [1, 2, 3]) assert.equal(idOf(await world.send(TRACK, retry(number))), id)
  assert.equal(await storedIn(world), 1)
  const answered = world.events.filter((event) => event.type === 'answered')
  assert.deepEqual(
    answered.map(({ operations, duplicates }) => [operations, duplicates]),
    [
      [1, 0],
      [0, 1],
      [0, 1],
      [0, 1],
    ],
  )
})

test('a request that does not say that it is a retry is new, and so is one of another body, path or workspace', async () => {
  const world = createWorld()
  const id = idOf(await world.send(TRACK, retry(0)))
  const others = [
    await world.send(TRACK, retry(0)),
    await world.send(TRACK, { ...retry(0), headers: { 'x-retry-count': 'often' } }),
    await world.send(TRACK, retry(1, 'another')),
    await world.send('POST /api/v1/customers/43/events', retry(1)),
  ]
  assert.equal(new Set([id, ...others.map(idOf)]).size, 5)
})

test('two equal events, each sent twice, are two', async () => {
  const world = createWorld()
  const ids = [idOf(await world.send(TRACK, retry(0))), idOf(await world.send(TRACK, retry(0)))]
  const again = [idOf(await world.send(TRACK, retry(1))), idOf(await world.send(TRACK, retry(1)))]
  assert.deepEqual(again.toSorted(), ids.toSorted())
  assert.notEqual(idOf(await world.send(TRACK, retry(1))), ids[0], 'a third one was never answered')
  assert.equal(await storedIn(world), 3)
})

test('a retry while the first is being stored waits for it', async () => {
  const outbox = steered()
  const world = createWorld({ workspaces: [workspace('shop', {}, outbox.open)] })
  await world.soon(world.relay.workspaces.get('shop')!.ready())
  const gate = Promise.withResolvers<void>()
  outbox.gate = gate.promise
  const answers = [0, 1, 2].map((number) => world.relay.fetch(requestOf(TRACK, retry(number))))
  await world.runtime.clock.advance(1_000)
  gate.resolve()
  const got = await Promise.all((await world.soon(Promise.all(answers))).map(gotOf))
  assert.equal(new Set(got.map(idOf)).size, 1)
  assert.equal(await storedIn(world), 1)
})

test('a retry that waited for a first one which was refused is stored itself, once', async () => {
  const outbox = steered()
  const world = createWorld({ workspaces: [workspace('shop', {}, outbox.open)] })
  await world.soon(world.relay.workspaces.get('shop')!.ready())
  const gate = Promise.withResolvers<void>()
  outbox.gate = gate.promise
  outbox.isFull = true
  const first = world.relay.fetch(requestOf(TRACK, retry(0)))
  await world.runtime.clock.advance(10)
  outbox.gate = undefined
  const rest = [1, 2].map((number) => world.relay.fetch(requestOf(TRACK, retry(number))))
  await world.runtime.clock.advance(10)
  gate.resolve()
  await world.soon(first.then(() => (outbox.isFull = false)))
  assert.equal((await first).status, 429)
  await world.soon(Promise.all(rest))
  const last = await world.send(TRACK, retry(3))
  idOf(last)
  assert.equal(await storedIn(world), 1)
})

test('what the relay refused is new when it comes again, also beside an equal one that was stored', async () => {
  const outbox = steered()
  const world = createWorld({ workspaces: [workspace('shop', {}, outbox.open)] })
  const first = idOf(await world.send(TRACK, retry(0)))
  outbox.isFull = true
  assert.equal((await world.send(TRACK, retry(0))).status, 429)
  outbox.isFull = false
  const second = idOf(await world.send(TRACK, retry(1)))
  assert.notEqual(second, first)
  assert.equal(idOf(await world.send(TRACK, retry(1))), first)
  const later = [idOf(await world.send(TRACK, retry(2))), idOf(await world.send(TRACK, retry(2)))]
  assert.deepEqual(later.toSorted(), [first, second].toSorted(), 'each has had its second retry')
  assert.equal(await storedIn(world), 2)
})

test('what broke off before its body was whole is new when it comes again', async () => {
  const world = createWorld()
  const first = idOf(await world.send(TRACK, retry(0)))
  const broken = new ReadableStream<Uint8Array>({ start: (controller) => controller.error(new Error('gone')) })
  assert.equal((await world.send(TRACK, { raw: broken })).status, 400)
  assert.notEqual(idOf(await world.send(TRACK, retry(1))), first)
})

test('a request is remembered 10 s after its answer, and 60 s after it was stored where the answer could not be given', async () => {
  const cases: readonly (readonly [boolean, number, boolean])[] = [
    [true, 9_900, true],
    [true, 10_100, false],
    [false, 59_900, true],
    [false, 60_100, false],
  ]
  for (const [isAnswered, afterMs, isSame] of cases) {
    const world = createWorld()
    if (isAnswered) await world.send(TRACK, retry(0))
    else await unanswered(world, retry(0))
    await world.runtime.clock.advance(afterMs)
    idOf(await world.send(TRACK, retry(1)))
    assert.equal(await storedIn(world), isSame ? 1 : 2, `answered ${isAnswered}, after ${afterMs} ms`)
    await world.soon(world.relay.close())
  }
})

test('a retry of a batch that was partly refused gets the same 207', async () => {
  const world = createWorld()
  const good = { type: 'person', action: 'delete', identifiers: { id: '1' } }
  const body = { batch: [good, { type: 'person' }] }
  const first = await world.send('POST /api/v2/batch', { body })
  const second = await world.send('POST /api/v2/batch', { body, headers: { 'x-retry-count': '1' } })
  assert.deepEqual([second.status, second.text], [207, first.text])
  assert.equal(second.headers.get('x-holdfast-id'), first.headers.get('x-holdfast-id'))
  assert.equal(await storedIn(world), 1)
})

const ACCEPTED: Accepted = { status: 200, id: 'id', operations: 1, body: null }

function identity(content: string, attempt: number): Identity {
  return { content, head: `head of ${content}`, attempt }
}

test('what is remembered has a bound; beyond it retries are new, of what was accepted and of what was refused', () => {
  const clock = new VirtualClock()
  const retries = createRetries(clock, { ...RETRIES_DEFAULTS, requestsMax: 10 })
  for (let n = 0; n < 15; n++) {
    const acceptance = retries.begin(identity(`c${n}`, 0))
    acceptance.stored(ACCEPTED)
    acceptance.answered(true)
  }
  assert.equal(retries.size, 10)
  assert.equal(retries.earlier(identity('c4', 1)), undefined)
  assert.notEqual(retries.earlier(identity('c5', 1)), undefined)
  assert.equal(retries.isNew(identity('c14', 1)), false)
  for (let n = 0; n < 11; n++) retries.turnedAway({ head: `h${n}`, attempt: 0 })
  assert.equal(retries.isNew(identity('c14', 1)), true, 'a refusal was forgotten: nobody knows')
})

test('what is over is taken away by itself, and then no timer is left', async () => {
  const clock = new VirtualClock()
  const retries = createRetries(clock)
  for (let n = 0; n < 1_000; n++) {
    const acceptance = retries.begin(identity(`c${n % 400}`, 0))
    if (n % 10 === 0) acceptance.refused()
    else {
      acceptance.stored(ACCEPTED)
      acceptance.answered(n % 3 > 0)
    }
  }
  await clock.advance(16_000)
  assert.ok(retries.size > 0 && retries.size < 400, `${retries.size} are left of those that were answered`)
  await clock.advance(130_000)
  assert.equal(retries.size, 0)
  assert.equal(clock.pending, 0)
})

/**
 * Clients that send equal and different operations. Each attempt is stored and answered, stored with its answer lost,
 * refused, or turned away before its body is read; then the client comes again, or gives up after a refusal.
 */
type Fate = 'answered' | 'lost' | 'refused' | 'turned-away'

interface Client {
  readonly content: string
  attempt: number
  state: 'trying' | 'answered' | 'given-up'
  /** A retry of it was turned away: nobody knows of what. */
  wasTurnedAway: boolean
}

test('no sequence of first requests, lost answers, refusals and retries loses an operation; duplicates have their named causes', () => {
  const fate = fc.constantFrom<Fate>('answered', 'lost', 'refused', 'turned-away')
  const step = fc.record({ pick: fc.nat({ max: 7 }), fate, waitMs: fc.constantFrom(0, 50, 500) })
  const contents = fc.array(fc.constantFrom('a', 'b'), { minLength: 1, maxLength: 8 })
  fc.assert(
    fc.property(contents, fc.array(step, { maxLength: 60 }), (names, steps) => {
      let nowMs = 0
      const retries = createRetries({ monotonicMs: () => nowMs, wallMs: () => nowMs, timer: () => () => {} })
      const stored = new Map<string, number>()
      const clients = names.map((content): Client => ({ content, attempt: 0, state: 'trying', wasTurnedAway: false }))
      for (const { pick, fate, waitMs } of steps) {
        nowMs += waitMs
        const client = clients[pick % clients.length]!
        if (client.state !== 'trying') continue
        // The official client makes four attempts.
        if (client.attempt > 3) {
          client.state = 'given-up'
          continue
        }
        const known = identity(client.content, client.attempt++)
        if (fate === 'turned-away') {
          retries.turnedAway(known)
          if (known.attempt > 0) client.wasTurnedAway = true
          continue
        }
        const earlier = retries.isNew(known) ? undefined : retries.earlier(known)
        if (earlier === undefined) {
          const acceptance = retries.begin(known)
          if (fate === 'refused') {
            acceptance.refused()
            continue
          }
          stored.set(client.content, (stored.get(client.content) ?? 0) + 1)
          acceptance.stored(ACCEPTED)
          acceptance.answered(fate === 'answered')
        } else earlier.answered(fate === 'answered')
        if (fate === 'answered') client.state = 'answered'
      }
      for (const content of new Set(names)) {
        const equal = clients.filter((client) => client.content === content)
        const answered = equal.filter(({ state }) => state === 'answered').length
        const count = stored.get(content) ?? 0
        assert.ok(count >= answered, `${answered} were told that they are stored, ${count} are`)
        const mayBeTwice = equal.some(({ state, wasTurnedAway }) => state !== 'answered' || wasTurnedAway)
        if (!mayBeTwice) assert.equal(count, answered, 'a duplicate without a cause')
      }
    }),
    { seed: 11, numRuns: 2_000 },
  )
})
