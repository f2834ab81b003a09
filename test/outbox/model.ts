/**
 * Any sequence of calls does the same on the memory outbox, which is the model, and on a real one. `HOLDFAST_MODEL_RUNS`
 * asks for more sequences than the tests run, `HOLDFAST_MODEL_SEED` for others.
 */
import assert from 'node:assert/strict'

import * as fc from 'fast-check'

import type { ClaimedEntry, NewEntry, OpenOutbox, Outbox, Settlement, Verdict } from '../../src/outbox/outbox.ts'
import { entry } from '../../src/testing/outbox-conformance/scene.ts'
import { createTestRuntime, type TestRuntime } from '../../src/testing/test-runtime.ts'

export const limits = { maxOperations: 60, maxBytes: 6_000, rememberKeysMs: 500 }

export type Action =
  | { readonly do: 'append'; readonly entries: readonly NewEntry[] }
  | { readonly do: 'claim'; readonly entriesMax: number; readonly bytesMax: number; readonly leaseMs: number }
  | { readonly do: 'settle'; readonly verdicts: readonly Verdict[] }
  | { readonly do: 'renew'; readonly leaseMs: number }
  | { readonly do: 'pass'; readonly ms: number; readonly jumpMs: number }
  | { readonly do: 'purge'; readonly lane: string }
  | { readonly do: 'resolve'; readonly how: 'replay' | 'drop'; readonly lane: string; readonly all: boolean }
  | { readonly do: 'reopen' }

const LANES = ['a', 'b', 'c', 'd', 'e', 'f']
const lane = fc.constantFrom(...LANES)
const lanes = fc.oneof({ weight: 3, arbitrary: lane.map((one) => [one]) }, fc.uniqueArray(lane, { minLength: 2 }))
const newEntry = fc
  .record({ lanes, isLive: fc.boolean(), key: fc.option(fc.nat(5)), bytes: fc.integer({ min: 1, max: 200 }) })
  .map(({ lanes, isLive, key, bytes }) =>
    entry(key === null ? 'free' : `key ${key}`, {
      lanes,
      priority: isLive ? 'live' : 'bulk',
      keyed: key !== null,
      body: 'x'.repeat(bytes),
    }),
  )
const verdict: fc.Arbitrary<Verdict> = fc.oneof(
  { weight: 5, arbitrary: fc.constant<Verdict>({ to: 'delivered' }) },
  fc.record(
    { to: fc.constant('waiting' as const), delayMs: fc.constantFrom(0, 20, 300), countAttempt: fc.boolean() },
    { noNullPrototype: true },
  ),
  fc.constantFrom<Verdict>({ to: 'dead', reason: 'rejected', status: 400 }, { to: 'dead', reason: 'expired' }),
)

const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.array(newEntry, { maxLength: 8 }).map((entries): Action => ({ do: 'append', entries })),
  },
  {
    weight: 6,
    arbitrary: fc
      .tuple(fc.constantFrom(1, 2, 5, 100), fc.constantFrom(150, 100_000), fc.constantFrom(30, 10_000))
      .map(([entriesMax, bytesMax, leaseMs]): Action => ({ do: 'claim', entriesMax, bytesMax, leaseMs })),
  },
  { weight: 6, arbitrary: fc.array(verdict).map((verdicts): Action => ({ do: 'settle', verdicts })) },
  { weight: 1, arbitrary: fc.constantFrom(10, 1_000).map((leaseMs): Action => ({ do: 'renew', leaseMs })) },
  {
    weight: 3,
    arbitrary: fc
      .tuple(fc.constantFrom(1, 20, 300), fc.constantFrom(0, 0, 3_600_000, -3_600_000))
      .map(([ms, jumpMs]): Action => ({ do: 'pass', ms, jumpMs })),
  },
  { weight: 1, arbitrary: lane.map((lane): Action => ({ do: 'purge', lane })) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.constantFrom('replay' as const, 'drop' as const), lane, fc.boolean())
      .map(([how, lane, all]): Action => ({ do: 'resolve', how, lane, all })),
  },
  { weight: 1, arbitrary: fc.constant<Action>({ do: 'reopen' }) },
)

/** One of the two, with what the contract leaves open made comparable. */
export class Side {
  readonly runtime: TestRuntime = createTestRuntime()
  readonly #open: OpenOutbox
  outbox!: Outbox
  /** Position -> lease, of what is in flight as far as the caller knows. */
  readonly leases: Map<string, string> = new Map()

  constructor(open: OpenOutbox) {
    this.#open = open
  }

  async open(): Promise<void> {
    this.outbox = await this.#open({ runtime: this.runtime, workspace: 'test', notice: () => {} })
  }

  async append(entries: readonly NewEntry[]): Promise<unknown> {
    return this.outbox.append(entries).catch((error: unknown) => String(error))
  }

  async claim(want: Extract<Action, { do: 'claim' }>): Promise<readonly ClaimedEntry[]> {
    const { entries, lease } = await this.outbox.claim(want)
    for (const { position } of entries) this.leases.set(position, lease)
    return entries
  }

  settle(positions: readonly string[], verdicts: readonly Verdict[]): Promise<unknown> {
    const settlements = positions.map((position, index): Settlement => {
      const lease = this.leases.get(position)!
      this.leases.delete(position)
      return { lease, position, verdict: verdicts[index]! }
    })
    return this.outbox.settle(settlements)
  }

  async look(): Promise<unknown> {
    const { role, ...stats } = await this.outbox.stats()
    const [waiting, dead] = await Promise.all([
      this.outbox.list({ from: 'waiting', limit: 1_000 }),
      this.outbox.list({ from: 'dead', limit: 1_000 }),
    ])
    const positions = Array.from({ length: 200 }, (_, index) => String(index + 1))
    assert.equal(stats.lost, 0)
    assert.equal(role, 'active')
    const held: boolean[] = []
    for (const name of LANES) held.push(await this.outbox.mayHold([name]))
    return { stats, waiting, dead, held, states: await this.outbox.lookup(positions) }
  }
}

export class Pair {
  readonly model: Side
  readonly real: Side
  readonly #lastOfLane = new Map<string, number>()

  constructor(model: OpenOutbox, real: (side: () => Side) => OpenOutbox) {
    this.model = new Side(model)
    this.real = new Side(real(() => this.real))
  }

  /** Does all of it on both, from opening to closing. */
  async play(actions: readonly Action[]): Promise<void> {
    await this.model.open()
    await this.real.open()
    try {
      for (const each of actions) await this.run(each)
    } finally {
      await this.model.outbox.close()
      await this.real.outbox.close()
    }
  }

  async both<Result>(work: (side: Side) => Promise<Result>): Promise<Result> {
    const [expected, actual] = [await work(this.model), await work(this.real)]
    assert.deepEqual(actual, expected)
    return actual
  }

  async run(action: Action): Promise<void> {
    switch (action.do) {
      case 'append':
        await this.both((side) => side.append(action.entries))
        break
      case 'claim':
        await this.#claim(action)
        break
      case 'settle':
        await this.#settle(action.verdicts)
        break
      case 'renew': {
        const leases = (side: Side): readonly string[] => [...side.leases.values()]
        await this.both((side) => side.outbox.renew(leases(side), action.leaseMs))
        break
      }
      case 'pass':
        for (const { runtime } of [this.model, this.real]) {
          runtime.clock.jumpWallMs(action.jumpMs)
          await runtime.clock.advance(action.ms)
        }
        break
      case 'purge':
        await this.both((side) => side.outbox.purge(action.lane))
        break
      case 'resolve': {
        const selection = action.all
          ? ({ all: true, reason: 'rejected' } as const)
          : ({ all: true, lane: action.lane } as const)
        await this.both((side) => side.outbox.resolveDead(selection, action.how))
        break
      }
      case 'reopen':
        await this.both((side) => side.outbox.close().then(() => side.open()))
    }
    await this.both((side) => side.look())
  }

  /** Which of those that may go are given is open; that they may go, and how many, is not. */
  async #claim(want: Extract<Action, { do: 'claim' }>): Promise<void> {
    const expected = await this.model.claim(want)
    const actual = await this.real.claim(want)
    if (want.bytesMax > 10_000) assert.equal(actual.length, expected.length)
    if (want.bytesMax > 10_000 && want.entriesMax === 100) {
      assert.deepEqual(inOrder(actual), inOrder(expected))
    }
    for (const entries of [expected, actual]) {
      const occupied = entries.flatMap((each) => each.lanes)
      assert.equal(new Set(occupied).size, occupied.length, 'one of a lane at a time')
    }
    const given = (entries: readonly ClaimedEntry[]): readonly string[] => entries.map(({ position }) => position)
    const common = new Set(given(actual).filter((position) => given(expected).includes(position)))
    for (const [side, entries] of [
      [this.model, expected],
      [this.real, actual],
    ] as const) {
      const others = given(entries).filter((position) => !common.has(position))
      await side.settle(
        others,
        others.map(() => ({ to: 'waiting', delayMs: 0, countAttempt: false })),
      )
    }
    // An earlier lease of theirs has lapsed, if one of the two could give them.
    for (const position of [...given(expected), ...given(actual)].filter((each) => !common.has(each))) {
      this.model.leases.delete(position)
      this.real.leases.delete(position)
    }
  }

  async #settle(verdicts: readonly Verdict[]): Promise<void> {
    const positions = [...this.model.leases.keys()].sort((a, b) => Number(a) - Number(b)).slice(0, verdicts.length)
    const waiting = new Map(
      (await this.model.outbox.list({ from: 'waiting', limit: 1_000 })).entries.map((each) => [each.position, each]),
    )
    const states = (await this.both((side) => side.settle(positions, verdicts))) as readonly string[]
    for (const [index, position] of positions.entries()) {
      if (states[index] !== 'held' || verdicts[index]!.to !== 'delivered') continue
      for (const lane of waiting.get(position)!.lanes) {
        assert.ok(Number(position) > (this.#lastOfLane.get(lane) ?? 0), 'delivered in the order of the lane')
        this.#lastOfLane.set(lane, Number(position))
      }
    }
  }
}

export const actions: fc.Arbitrary<readonly Action[]> = fc.array(action, { minLength: 10, maxLength: 60, size: 'max' })

/** @param runs how many sequences the tests run */
export function runsOf(runs: number): fc.Parameters<unknown> {
  const numRuns = Number(process.env['HOLDFAST_MODEL_RUNS'] ?? runs)
  const seed = Number(process.env['HOLDFAST_MODEL_SEED'] ?? 2_026)
  return { numRuns, seed, endOnFailure: false }
}

function inOrder(entries: readonly ClaimedEntry[]): readonly ClaimedEntry[] {
  return [...entries].sort((a, b) => Number(a.position) - Number(b.position))
}
