/**
 * Random schedules of appends, faults, deliveries and deaths: nothing that has a receipt is lost, nothing is there twice,
 * and what one producer appended keeps its order. `HOLDFAST_SPILL_RUNS` asks for more schedules than the tests run,
 * `HOLDFAST_SPILL_SEED` for others.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as fc from 'fast-check'

import type { Claim, Settlement } from '../../../src/outbox/outbox.ts'
import { entry } from '../../../src/testing/outbox-conformance/scene.ts'
import { seededRandom } from '../../../src/testing/seeded-random.ts'
import { settled } from '../../virtual-time.ts'
import { drained, type Fate, inScene, type SpillHandle, type SpillScene, waitingIn } from './scene.ts'

const RUNS = Number(process.env['HOLDFAST_SPILL_RUNS'] ?? 150)
const SEED = Number(process.env['HOLDFAST_SPILL_SEED'] ?? 5)
const LANES = ['a', 'b', 'c']
const WEATHERS = ['well', 'refused', 'lost', 'late', 'slow', 'append only', 'changing', 'changing', 'changing'] as const
const LEASE_MS = 3_000

type Weather = (typeof WEATHERS)[number]

type Step =
  | { readonly do: 'append'; readonly producer: number; readonly lanes: readonly string[]; readonly keyed: boolean }
  | { readonly do: 'weather'; readonly weather: Weather; readonly seed: number }
  | { readonly do: 'pass'; readonly ms: number }
  | { readonly do: 'claim'; readonly producer: number; readonly entriesMax: number }
  | { readonly do: 'settle'; readonly producer: number }
  | { readonly do: 'restart'; readonly producer: number; readonly how: 'kill' | 'close' }

const producer = fc.constantFrom(0, 1)
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('append' as const),
      producer,
      lanes: fc.array(fc.constantFrom(...LANES), { minLength: 1, maxLength: 8 }),
      keyed: fc.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('weather' as const),
      weather: fc.constantFrom(...WEATHERS),
      seed: fc.nat(1_000),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.constantFrom(1, 3, 20, 60, 250, 1_000, 7_000) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('claim' as const), producer, entriesMax: fc.constantFrom(1, 3, 50) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('settle' as const), producer }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('restart' as const),
      producer,
      how: fc.constantFrom('kill' as const, 'close' as const),
    }),
  },
)

function fateOf(weather: Weather, seed: number): (call: string) => Fate {
  const random = seededRandom(seed)
  const fates: readonly Fate[] = ['well', 'refused', 'lost', 'late', 'slow']
  if (weather === 'changing') return () => fates[Math.floor(random() * fates.length)]!
  if (weather === 'append only') return (call) => (call === 'append' ? 'refused' : 'well')
  return () => weather
}

interface Delivery {
  readonly id: string
  readonly lane: string
  readonly from: 'remote' | 'file'
  readonly settlement: Settlement
  readonly untilMs: number
  isSettled: boolean
}

class World {
  readonly scene: SpillScene
  readonly onOutage: 'hold' | 'deliver'
  readonly handles: SpillHandle[] = []
  readonly stored = new Set<string>()
  readonly appended: string[] = []
  /** Under way when their process died, without a receipt. They may come late, and after what the next process appends. */
  readonly abandoned = new Set<string>()
  /** By who claimed. */
  readonly deliveries: Delivery[][] = [[], []]
  /** By producer. */
  readonly underWay: Promise<unknown>[][] = [[], []]
  #number = 0

  constructor(scene: SpillScene, onOutage: 'hold' | 'deliver') {
    this.scene = scene
    this.onOutage = onOutage
  }

  /** @param files whether the producers have one file together. */
  async open(producer: number, files: 'own' | 'shared'): Promise<void> {
    const file = files === 'own' ? `spill-${producer}.db` : 'spill.db'
    const opening = this.scene.open({ file, onOutage: this.onOutage, deliverAfterMs: 2_000, diskMs: 2 })
    this.handles[producer] = await settled(opening, this.scene.runtime.clock)
  }

  append(producer: number, lanes: readonly string[], keyed: boolean): void {
    const entries = lanes.map((lane) => entry(`${producer}-${this.#number++}`, { lanes: [lane], keyed }))
    this.appended.push(...entries.map(({ id }) => id))
    const append = this.handles[producer]!.outbox.append(entries).then(
      () => entries.forEach(({ id }) => this.stored.add(id)),
      () => {},
    )
    this.underWay[producer]!.push(append)
  }

  /** What is claimed has reached the provider, whatever becomes of its settlement. */
  async claim(producer: number, entriesMax: number): Promise<number> {
    const { clock } = this.scene.runtime
    const askedMs = clock.monotonicMs()
    const want = { entriesMax, bytesMax: 1_000_000, leaseMs: LEASE_MS }
    const claiming = this.handles[producer]!.outbox.claim(want).catch(() => undefined)
    const claimed: Claim | undefined = await settled(claiming, clock)
    const given = (claimed?.entries ?? []).map(({ id, lanes, position }): Delivery => ({
      id,
      lane: lanes[0]!,
      from: position.startsWith('spill:') ? 'file' : 'remote',
      settlement: { lease: claimed!.lease, position, verdict: { to: 'delivered' } },
      untilMs: askedMs + LEASE_MS,
      isSettled: false,
    }))
    for (const each of given) this.#checkAlone(each, clock.monotonicMs())
    this.deliveries[producer]!.push(...given)
    return given.length
  }

  async settle(producer: number): Promise<void> {
    const open = this.deliveries[producer]!.filter(({ isSettled }) => !isSettled)
    const settling = this.handles[producer]!.outbox.settle(open.map(({ settlement }) => settlement))
    const states = await settled(
      settling.catch(() => []),
      this.scene.runtime.clock,
    )
    for (const [index] of states.entries()) open[index]!.isSettled = true
  }

  /** What is in flight from the file has neither gone over meanwhile nor been overtaken by what stood behind it. */
  #checkAlone(given: Delivery, nowMs: number): void {
    const ahead = this.deliveries
      .flat()
      .filter(
        ({ from, lane, isSettled, untilMs }) => from === 'file' && lane === given.lane && !isSettled && untilMs > nowMs,
      )
      .filter(({ id }) => id.split('-')[0] === given.id.split('-')[0] && numberOf(id) <= numberOf(given.id))
    assert.deepEqual(
      ahead.map(({ id }) => id),
      [],
      `in flight while ${given.id} was given`,
    )
  }

  #abandon(producer: number): void {
    this.underWay[producer] = []
    const isOwn = (id: string): boolean => id.startsWith(`${producer}-`)
    for (const id of this.appended) if (isOwn(id) && !this.stored.has(id)) this.abandoned.add(id)
  }

  async run(steps: readonly Step[], files: 'own' | 'shared'): Promise<void> {
    const { network, runtime } = this.scene
    for (const producer of [0, 1]) await this.open(producer, files)
    for (const each of steps) {
      if (each.do === 'append') this.append(each.producer, each.lanes, each.keyed)
      if (each.do === 'weather') network.fate = fateOf(each.weather, each.seed)
      if (each.do === 'pass') await runtime.clock.advance(each.ms)
      if (each.do === 'claim') await this.claim(each.producer, each.entriesMax)
      if (each.do === 'settle') await this.settle(each.producer)
      if (each.do === 'restart') {
        const { outbox, kill } = this.handles[each.producer]!
        if (each.how === 'close') await settled(outbox.close(), runtime.clock)
        else {
          kill()
          this.deliveries[each.producer] = this.deliveries[each.producer]!.map((old) => ({ ...old, isSettled: true }))
          this.#abandon(each.producer)
        }
        await this.open(each.producer, files)
      }
    }
    network.fate = () => 'well'
    await settled(Promise.all(this.underWay.flat()), runtime.clock)
    await runtime.clock.advance(60_000)
    for (const { outbox } of this.handles) await drained(outbox, runtime.clock)
  }
}

const ascending = (numbers: readonly number[]): readonly number[] => numbers.toSorted((a, b) => a - b)
const numberOf = (id: string): number => Number(id.split('-')[1])

/** The order of each producer, and that nothing is there twice. */
function checkOrder(all: readonly string[], abandoned: ReadonlySet<string>): void {
  assert.equal(new Set(all).size, all.length)
  const ids = all.filter((id) => !abandoned.has(id))
  for (const producer of ['0', '1']) {
    const numbers = ids.filter((id) => id.startsWith(`${producer}-`)).map(numberOf)
    assert.deepEqual(numbers, ascending([...new Set(numbers)]), `producer ${producer}`)
  }
}

for (const files of ['own', 'shared'] as const) {
  test(`whatever happens, with ${files} files: what has a receipt reaches the remote outbox once and in order`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), (steps) =>
        inScene(async (scene) => {
          const world = new World(scene, 'hold')
          await world.run(
            steps.filter((each) => each.do !== 'claim'),
            files,
          )
          const ids = (await waitingIn(scene.remote)).map(({ id }) => id)
          checkOrder(ids, world.abandoned)
          const there = new Set(ids)
          assert.deepEqual(
            [...world.stored].filter((id) => !there.has(id)),
            [],
            'lost',
          )
        })(),
      ),
      { numRuns: RUNS, seed: SEED },
    )
  })
}

test('whatever happens, with deliveries in between: each lane is delivered in order, and nothing is lost', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), fc.constantFrom('hold', 'deliver'), (steps, onOutage) =>
      inScene(async (scene) => {
        const world = new World(scene, onOutage)
        await world.run(steps, 'own')
        for (let idle = 0; idle < 5;) {
          const claimed = await world.claim(0, 50)
          await world.settle(0)
          idle = claimed === 0 ? idle + 1 : 0
          await scene.runtime.clock.advance(1_000)
        }
        const first = new Map<string, Delivery>()
        for (const delivery of world.deliveries.flat().toSorted((a, b) => a.untilMs - b.untilMs)) {
          if (!first.has(delivery.id)) first.set(delivery.id, delivery)
        }
        assert.deepEqual(
          [...world.stored].filter((id) => !first.has(id)),
          [],
          'lost',
        )
        for (const lane of LANES) {
          // Past what waits in the remote outbox is the one way in which an operation may overtake another.
          for (const from of ['remote', 'file'] as const) {
            const ids = [...first.values()]
              .filter((each) => each.lane === lane && each.from === from)
              .map(({ id }) => id)
            checkOrder(ids, world.abandoned)
          }
        }
        for (const { outbox } of world.handles) {
          const { waiting, spilled, lost } = await settled(outbox.stats(), scene.runtime.clock)
          assert.deepEqual([waiting, spilled, lost], [0, 0, 0])
        }
      })(),
    ),
    { numRuns: RUNS, seed: SEED },
  )
})
