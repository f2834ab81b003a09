/** Our outbox in Redis beside BullMQ: storing in bulk, taking to a sink that does nothing, memory of what waits. */
import { Redis } from 'ioredis'

import { type RedisServer, startRedis } from '../../test/servers/redis.ts'
import type { Case, Context, Row } from '../case.ts'
import { measureInChild } from '../child.ts'
import { median, perSecond, ratio, ratios, rounded } from '../numbers.ts'
import { alternate } from '../rounds.ts'
import type { AppendAnswer, AppendInput } from './children/append.ts'
import type { DrainAnswer, DrainInput } from './children/drain.ts'
import { type SideName, sideOf } from './side.ts'

const SIZES = {
  full: { rounds: 3, size: 100_000, perPerson: 5 },
  quick: { rounds: 1, size: 1_500, perPerson: 5 },
} as const

/** The log of writes is not rewritten while it is measured. */
const SETTINGS = { appendfsync: 'everysec', 'auto-aof-rewrite-percentage': '0' }
const CALL_SIZE = 500
const CALLS_IN_FLIGHT = 4
const BATCHES = 4

const APPEND_TIMES_MIN = 3
const DRAIN_TIMES_MIN = 8

const SIDES = ['bullmq-outbox', 'bullmq'] as const satisfies readonly SideName[]

interface Result {
  readonly appendPerSecond: number
  readonly drainPerSecond: number
  /** Bytes of memory for one operation that waits, with several of each person, and with one. */
  readonly bytes: number
  readonly loneBytes: number
}

async function memoryOf({ url }: RedisServer): Promise<number> {
  const client = new Redis(url)
  const info = await client.info('memory')
  await client.quit()
  return Number(/used_memory:(\d+)/.exec(info)?.[1])
}

/** Stores operations on a server that has none. */
async function fill(
  server: RedisServer,
  side: SideName,
  size: number,
  people: number,
): Promise<{ readonly perSecond: number; readonly bytes: number }> {
  await (await sideOf(side)).prepare(server)
  const before = await memoryOf(server)
  const input: AppendInput = {
    side,
    url: server.url,
    size,
    people,
    callSize: CALL_SIZE,
    callsInFlight: CALLS_IN_FLIGHT,
  }
  const { perSecond } = await measureInChild<AppendAnswer>(new URL('./children/append.ts', import.meta.url), input)
  return { perSecond, bytes: ((await memoryOf(server)) - before) / size }
}

async function onServer<T>(context: Context, run: (server: RedisServer) => Promise<T>): Promise<T> {
  const server = await startRedis(SETTINGS, context.folder)
  try {
    return await run(server)
  } finally {
    await server.stop()
  }
}

async function measure(context: Context, side: SideName): Promise<Result> {
  const { size, perPerson } = SIZES[context.scale]
  const people = size / perPerson
  const busy = await onServer(context, async (server) => {
    const filled = await fill(server, side, size, people)
    const input: DrainInput = {
      side,
      url: server.url,
      size,
      people,
      batches: BATCHES,
      keepsOrder: side === 'bullmq-outbox',
    }
    const drained = await measureInChild<DrainAnswer>(new URL('./children/drain.ts', import.meta.url), input)
    return { filled, drained }
  })
  const lone = await onServer(context, (server) => fill(server, side, size, size))
  return {
    appendPerSecond: busy.filled.perSecond,
    drainPerSecond: busy.drained.perSecond,
    bytes: busy.filled.bytes,
    loneBytes: lone.bytes,
  }
}

export const redis: Case = {
  name: 'redis',
  async run(context) {
    const { rounds, perPerson } = SIZES[context.scale]
    const results = await alternate(rounds, SIDES, async (side, round) => {
      const result = await measure(context, side)
      context.say(
        `redis, round ${round + 1} of ${rounds}, ${side}: append ${perSecond(result.appendPerSecond)}, ` +
          `drain ${perSecond(result.drainPerSecond)}, ${rounded(result.bytes)} and ${rounded(result.loneBytes)} bytes`,
      )
      return result
    })
    const all = (side: (typeof SIDES)[number], field: keyof Result): number[] => results[side].map((one) => one[field])
    const faster = (what: string, their: string, field: keyof Result, atLeast: number): Row => {
      const [ours, theirs] = [all('bullmq-outbox', field), all('bullmq', field)]
      const times = median(ratios(ours, theirs))
      return {
        what,
        required: `${atLeast} times ${their}`,
        measured: `${ratio(times)} times (${perSecond(median(ours))} to ${perSecond(median(theirs))})`,
        holds: times >= atLeast,
        numbers: { times, ours: median(ours), theirs: median(theirs) },
      }
    }
    const smaller = (what: string, field: keyof Result): Row => {
      const [ours, theirs] = [all('bullmq-outbox', field), all('bullmq', field)]
      const share = median(ratios(ours, theirs))
      return {
        what,
        required: "below BullMQ's own",
        measured: `${ratio(share)} of it (${rounded(median(ours))} to ${rounded(median(theirs))} bytes)`,
        holds: share < 1,
        numbers: { share, ours: median(ours), theirs: median(theirs) },
      }
    }
    return [
      faster('Redis outbox: bulk append', 'BullMQ `addBulk`', 'appendPerSecond', APPEND_TIMES_MIN),
      faster(
        'Redis outbox: drain, one process',
        'a BullMQ worker at concurrency 50',
        'drainPerSecond',
        DRAIN_TIMES_MIN,
      ),
      smaller(`Redis memory of a waiting operation, ${perPerson} of each person`, 'bytes'),
      smaller('Redis memory of a waiting operation, one of each person', 'loneBytes'),
    ]
  },
}
