/** Durable append: many callers at once, and one after the other. */
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'

import { startRedis } from '../../test/servers/redis.ts'
import type { Case, Context, Row } from '../case.ts'
import { measureInChild } from '../child.ts'
import { median, perSecond, ratio, ratios } from '../numbers.ts'
import { alternate } from '../rounds.ts'
import type { AppendAnswer, AppendInput } from './child.ts'
import type { SideName } from './side.ts'

const SIZES = {
  full: { rounds: 5, warmUpMs: 1_000, measureMs: 2_000 },
  quick: { rounds: 1, warmUpMs: 50, measureMs: 100 },
} as const

const CALLERS = 256

/** Every write is on the disk before it is answered, as ours are; rewrites of the file would only cost Redis something. */
const SYNCED = { appendfsync: 'always', 'auto-aof-rewrite-percentage': '0' }

const program = new URL('./child.ts', import.meta.url)

const LABELS: Readonly<Record<SideName, string>> = {
  client: 'the client',
  outbox: 'the outbox alone',
  log: 'a bare log',
  write: 'one bare fdatasync',
  bullmq: 'BullMQ `Queue.add`',
}

async function measure(context: Context, side: SideName, callers: number): Promise<AppendAnswer> {
  const { warmUpMs, measureMs } = SIZES[context.scale]
  const folder = join(context.folder, 'append')
  mkdirSync(folder, { recursive: true })
  try {
    const input: Omit<AppendInput, 'redisPort'> = { side, callers, warmUpMs, measureMs, folder }
    if (side !== 'bullmq') return await measureInChild<AppendAnswer>(program, { ...input, redisPort: 0 })
    const redis = await startRedis(SYNCED, folder)
    try {
      return await measureInChild<AppendAnswer>(program, { ...input, redisPort: redis.port })
    } finally {
      await redis.stop()
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function measureAll(
  context: Context,
  names: readonly SideName[],
  callers: number,
): Promise<Readonly<Record<SideName, readonly number[]>>> {
  const { rounds } = SIZES[context.scale]
  return alternate(rounds, names, async (side, round) => {
    const answer = await measure(context, side, callers)
    context.say(
      `append, ${callers} callers, round ${round + 1} of ${rounds}, ${LABELS[side]}: ` +
        `${perSecond(answer.perSecond)} (p50 ${answer.p50Ms.toFixed(2)} ms, p99 ${answer.p99Ms.toFixed(1)} ms)`,
    )
    return answer.perSecond
  })
}

function row(
  what: string,
  ours: SideName,
  theirs: SideName,
  rates: Readonly<Record<SideName, readonly number[]>>,
  atLeast: number,
): Row {
  const measured = median(ratios(rates[ours], rates[theirs]))
  const [our, their] = [median(rates[ours]), median(rates[theirs])]
  return {
    what: `${what}: ${LABELS[ours]}`,
    required: `${atLeast} of ${LABELS[theirs]}`,
    measured: `${ratio(measured)} (${perSecond(our)} to ${perSecond(their)})`,
    holds: measured >= atLeast,
    numbers: { ratio: measured, ours: our, theirs: their },
  }
}

export const append: Case = {
  name: 'append',
  async run(context) {
    const what = `durable append, ${CALLERS} callers`
    const rates = await measureAll(context, ['client', 'log', 'outbox', 'bullmq'], CALLERS)
    return [
      row(what, 'client', 'log', rates, 0.6),
      row(what, 'outbox', 'log', rates, 0.6),
      row(what, 'client', 'bullmq', rates, 5),
    ]
  },
}

export const single: Case = {
  name: 'single',
  async run(context) {
    const what = 'durable append, one caller after the other'
    const rates = await measureAll(context, ['client', 'write', 'outbox'], 1)
    return [row(what, 'client', 'write', rates, 0.6), row(what, 'outbox', 'write', rates, 0.6)]
  },
}
