/**
 * Whatever two handles and open transactions do, in whatever order: a claim gives all that may go and nothing else, as
 * the oracle has it, and the account stays even. `HOLDFAST_MODEL_RUNS` asks for more sequences than the tests run.
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'

import * as fc from 'fast-check'
import type { PoolClient } from 'pg'

import type { ClaimedEntry, NewEntry, Outbox, Verdict } from '../../../src/outbox/outbox.ts'
import { entry } from '../../../src/testing/outbox-conformance/scene.ts'
import { startPostgres, type PostgresServer } from '../../servers/postgres.ts'
import { Oracle } from './oracle.ts'
import { migrated, open } from './scene.ts'

let server: PostgresServer

before(async () => {
  server = await startPostgres({ max_connections: '200', fsync: 'off' })
})
after(() => server.stop())

type Made = Pick<NewEntry, 'lanes' | 'priority'>
type Action =
  | { readonly do: 'append'; readonly handle: number; readonly made: readonly Made[] }
  | { readonly do: 'begin' | 'commit' | 'rollback' }
  | { readonly do: 'join'; readonly made: readonly Made[] }
  | { readonly do: 'claim'; readonly handle: number; readonly entriesMax: number }
  | { readonly do: 'settle'; readonly handle: number; readonly verdicts: readonly Verdict[] }
  | { readonly do: 'end leases' | 'end waits' | 'replay' | 'drop' }
  | { readonly do: 'purge'; readonly lane: string }

const LANES = ['a', 'b', 'c', 'd', 'e']
const lane = fc.constantFrom(...LANES)
const made = fc.array(
  fc.record(
    {
      lanes: fc.oneof({ weight: 3, arbitrary: lane.map((one) => [one]) }, fc.uniqueArray(lane, { minLength: 2 })),
      priority: fc.constantFrom('live' as const, 'live' as const, 'bulk' as const),
    },
    { noNullPrototype: true },
  ),
  { minLength: 1, maxLength: 6 },
)
const verdict = fc.constantFrom<Verdict>(
  { to: 'delivered' },
  { to: 'delivered' },
  { to: 'waiting', delayMs: 0, countAttempt: true },
  { to: 'waiting', delayMs: 600_000, countAttempt: false },
  { to: 'dead', reason: 'rejected' },
  { to: 'dead', reason: 'expired' },
)
const handle = fc.nat(1)
const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('append' as const), handle, made }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('join' as const), made }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constantFrom('begin' as const, 'commit' as const, 'rollback' as const) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('claim' as const), handle, entriesMax: fc.constantFrom(1, 2, 100) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('settle' as const), handle, verdicts: fc.array(verdict, { minLength: 1 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom('end leases' as const, 'end waits' as const, 'replay' as const, 'drop' as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('purge' as const), lane }) },
)

interface Flight {
  readonly lease: string
  readonly entry: ClaimedEntry
}

class Run {
  readonly oracle = new Oracle()
  readonly #outboxes: readonly Outbox[]
  readonly #client: PoolClient
  readonly #schema: string
  #flights: Flight[] = []
  #joined: NewEntry[] | undefined
  #made = 0

  constructor(outboxes: readonly Outbox[], client: PoolClient, schema: string) {
    this.#outboxes = outboxes
    this.#client = client
    this.#schema = schema
  }

  async do(action: Action): Promise<void> {
    if (action.do === 'append') {
      const entries = this.#entries(action.made)
      await this.#outboxes[action.handle]!.append(entries)
      this.oracle.append(entries)
    } else if (action.do === 'join') await this.#join(action.made)
    else if (action.do === 'begin' || action.do === 'commit' || action.do === 'rollback') await this.#turn(action.do)
    else if (action.do === 'claim') await this.claim(this.#outboxes[action.handle]!, action.entriesMax)
    else if (action.do === 'settle') await this.settle(this.#outboxes[action.handle]!, action.verdicts)
    else if (action.do === 'purge') {
      assert.equal(await this.#outboxes[0]!.purge(action.lane), this.oracle.purge(action.lane))
    } else if (action.do === 'replay' || action.do === 'drop') {
      assert.equal(await this.#outboxes[1]!.resolveDead({ all: true }, action.do), this.oracle.resolveDead(action.do))
    } else await this.#end(action.do)
  }

  /** Gives what the oracle says, or as much of it as was asked for. */
  async claim(outbox: Outbox, entriesMax: number): Promise<number> {
    const { lease, entries, nextInMs } = await outbox.claim({ entriesMax, bytesMax: 1_000_000, leaseMs: 600_000 })
    const ready = this.oracle.ready()
    const ids = entries.map(({ id }) => id)
    assert.deepEqual(
      ids.filter((id) => !ready.includes(id)),
      [],
      'these may not go',
    )
    assert.equal(ids.length, Math.min(entriesMax, ready.length), `of ${ready.join(', ')} came ${ids.join(', ')}`)
    if (ready.length > ids.length) assert.equal(nextInMs, 0)
    for (const each of entries) {
      this.oracle.claimed(each.id, lease)
      this.#flights.push({ lease, entry: each })
    }
    return ids.length
  }

  async settle(outbox: Outbox, verdicts: readonly Verdict[]): Promise<void> {
    const flights = this.#flights.splice(0, verdicts.length)
    const settlements = flights.map(({ lease, entry: { position } }, index) => ({
      lease,
      position,
      verdict: verdicts[index]!,
    }))
    const states = await outbox.settle(settlements)
    for (const [index, flight] of flights.entries()) {
      const { id } = flight.entry
      const isHeld = this.oracle.isInFlight(id, flight.lease)
      assert.equal(states[index], isHeld ? 'held' : 'lapsed', id)
      if (isHeld) this.oracle.settle(id, verdicts[index]!)
    }
  }

  async finish(): Promise<void> {
    await this.#turn('commit')
    await this.#end('end leases')
    await this.#end('end waits')
    const [outbox] = this.#outboxes
    for (const each of LANES) assert.equal(await outbox!.mayHold([each]), this.oracle.holds(each))
    const delivered = { to: 'delivered' } as const
    while ((await this.claim(outbox!, 100)) > 0)
      await this.settle(
        outbox!,
        Array.from({ length: 100 }, () => delivered),
      )
    const { totals, waiting, lost, deadLetters } = await outbox!.stats()
    assert.deepEqual(
      { delivered: totals.delivered, purged: totals.purged, dropped: totals.dropped, waiting, lost, deadLetters },
      {
        delivered: this.oracle.delivered,
        purged: this.oracle.purged,
        dropped: this.oracle.dropped,
        waiting: 0,
        lost: 0,
        deadLetters: this.oracle.entries.length,
      },
    )
  }

  #entries(made: readonly Made[]): readonly NewEntry[] {
    return made.map((each) => entry(`e${++this.#made}`, each))
  }

  async #join(made: readonly Made[]): Promise<void> {
    await this.#turn('begin')
    const entries = this.#entries(made)
    await this.#outboxes[0]!.append(entries, async (text, values) => (await this.#client.query(text, [...values])).rows)
    this.#joined!.push(...entries)
  }

  async #turn(how: 'begin' | 'commit' | 'rollback'): Promise<void> {
    if ((how === 'begin') === (this.#joined !== undefined)) return
    await this.#client.query(how)
    if (how === 'commit') this.oracle.append(this.#joined!)
    this.#joined = how === 'begin' ? [] : undefined
  }

  async #end(what: 'end leases' | 'end waits'): Promise<void> {
    // Beside the transaction that may be open.
    const [table, column] = what === 'end leases' ? ['leases', 'until'] : ['retries', 'due']
    await this.sql(`UPDATE ${this.#schema}.${table} SET ${column} = now() - interval '1 second'`)
    this.oracle.end(what === 'end leases' ? 'in flight' : 'held')
  }

  sql: (text: string) => Promise<unknown> = async () => {}
}

const runs = Number(process.env['HOLDFAST_MODEL_RUNS'] ?? 12)

test('two handles and a transaction, in any order: claims give what may go, and nothing is lost', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(action, { minLength: 30, maxLength: 80 }), async (actions) => {
      const { pool, schema } = await migrated(server.connectionString)
      const handles = [await open({ pool, schema }), await open({ pool, schema })]
      const client = await pool.connect()
      try {
        const run = new Run(
          handles.map(({ outbox }) => outbox),
          client,
          schema,
        )
        run.sql = (text) => pool.query(text)
        for (const each of actions) await run.do(each)
        await run.finish()
      } finally {
        client.release(true)
        for (const { outbox } of handles) await outbox.close()
        await pool.query(`DROP SCHEMA ${schema} CASCADE`)
        await pool.end()
      }
    }),
    { numRuns: runs, endOnFailure: true },
  )
})
