/** Our outbox in Postgres beside pg-boss in its policy that keeps order: storing in bulk, taking to a sink that does nothing. */
import { Client } from 'pg'

import { type PostgresServer, startPostgres } from '../../test/servers/postgres.ts'
import type { Case, Context, Row } from '../case.ts'
import { measureInChild } from '../child.ts'
import { median, perSecond, ratio, ratios } from '../numbers.ts'
import { alternate } from '../rounds.ts'
import type { AppendAnswer, AppendInput } from './children/append.ts'
import type { DrainAnswer, DrainInput } from './children/drain.ts'
import { type SideName, sideOf } from './side.ts'

const SIZES = { full: { rounds: 3, size: 100_000 }, quick: { rounds: 1, size: 1_500 } } as const

const PER_PERSON = 5
const CALL_SIZE = 500
const CALLS_IN_FLIGHT = 4
const BATCHES: Readonly<Record<'postgres-outbox' | 'pg-boss', number>> = { 'postgres-outbox': 4, 'pg-boss': 4 }

const APPEND_TIMES_MIN = 3
const DRAIN_TIMES_MIN = 15

const SIDES = ['postgres-outbox', 'pg-boss'] as const satisfies readonly SideName[]

interface Result {
  readonly appendPerSecond: number
  readonly drainPerSecond: number
}

async function run(url: string, statement: string): Promise<void> {
  const client = new Client({ connectionString: url })
  await client.connect()
  await client.query(statement)
  await client.end()
}

async function measure(context: Context, server: PostgresServer, side: (typeof SIDES)[number]): Promise<Result> {
  const { size } = SIZES[context.scale]
  const people = size / PER_PERSON
  const url = await server.database()
  await (await sideOf(side)).prepare({ url })
  // What the round before has left to write is not this one's.
  await run(url, 'CHECKPOINT')
  const append: AppendInput = { side, url, size, people, callSize: CALL_SIZE, callsInFlight: CALLS_IN_FLIGHT }
  const filled = await measureInChild<AppendAnswer>(new URL('./children/append.ts', import.meta.url), append)
  // The planner would get to know the tables in its own time.
  await run(url, 'ANALYZE')
  const drain: DrainInput = { side, url, size, people, batches: BATCHES[side], keepsOrder: true }
  const drained = await measureInChild<DrainAnswer>(new URL('./children/drain.ts', import.meta.url), drain)
  return { appendPerSecond: filled.perSecond, drainPerSecond: drained.perSecond }
}

export const postgres: Case = {
  name: 'postgres',
  async run(context) {
    const { rounds } = SIZES[context.scale]
    const server = await startPostgres({ shared_buffers: '1GB' }, context.folder)
    try {
      const results = await alternate(rounds, SIDES, async (side, round) => {
        const result = await measure(context, server, side)
        context.say(
          `postgres, round ${round + 1} of ${rounds}, ${side}: append ${perSecond(result.appendPerSecond)}, ` +
            `drain ${perSecond(result.drainPerSecond)}`,
        )
        return result
      })
      const row = (what: string, field: keyof Result, atLeast: number): Row => {
        const [ours, theirs] = SIDES.map((side) => results[side].map((one) => one[field])) as [number[], number[]]
        const times = median(ratios(ours, theirs))
        return {
          what,
          required: `${atLeast} times pg-boss \`key_strict_fifo\``,
          measured: `${ratio(times)} times (${perSecond(median(ours))} to ${perSecond(median(theirs))})`,
          holds: times >= atLeast,
          numbers: { times, ours: median(ours), theirs: median(theirs) },
        }
      }
      return [
        row('Postgres outbox: bulk append', 'appendPerSecond', APPEND_TIMES_MIN),
        row('Postgres outbox: drain, one process', 'drainPerSecond', DRAIN_TIMES_MIN),
      ]
    } finally {
      await server.stop()
    }
  },
}
