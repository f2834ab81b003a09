/** Two processes and a sink that takes its time: ours beside the order-keeping design that BullMQ itself allows. */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'

import { startRedis } from '../../test/servers/redis.ts'
import type { Case, Context } from '../case.ts'
import { count, median, ratio, ratios } from '../numbers.ts'
import { alternate } from '../rounds.ts'
import type { ConsumeInput } from './children/consume.ts'
import { chunks, operations } from './operations.ts'
import { appendAll, type SideName, sideOf } from './side.ts'

const SIZES = { full: { rounds: 3, size: 10_000 }, quick: { rounds: 1, size: 200 } } as const

const CONSUMERS = 2
const PER_PERSON = 5
const SINK_MS = 50
const CALL_SIZE = 500
const CALLS_IN_FLIGHT = 4
/** As many requests as the client has under way unless told. */
const BATCHES = 8
const TIMES_MIN = 20

const SIDES = ['bullmq-outbox', 'bullmq-shards'] as const satisfies readonly SideName[]

interface ConsumerProcess {
  readonly ready: Promise<void>
  stop(): Promise<void>
}

function startConsumer(
  input: ConsumeInput,
  done: (count: number) => void,
  failed: (why: Error) => void,
): ConsumerProcess {
  const program = fileURLToPath(new URL('./children/consume.ts', import.meta.url))
  const child: ChildProcessByStdio<Writable, Readable, null> = spawn(
    process.execPath,
    [program, JSON.stringify(input)],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  )
  child.stdin.on('error', () => {})
  let isReady = (): void => {}
  const ready = new Promise<void>((resolve) => (isReady = resolve))
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (line === 'ready') isReady()
    else done(Number(line.slice(2)))
  })
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()))
  child.once('exit', (code) => code !== 0 && failed(new Error(`a consumer ended with ${code ?? 'a signal'}`)))
  return {
    ready,
    stop: () => {
      child.stdin.end()
      return closed
    },
  }
}

/** From the first append until the last operation is done. Consumers are there before that. */
async function measure(context: Context, side: SideName): Promise<number> {
  const { size } = SIZES[context.scale]
  const server = await startRedis({ appendfsync: 'everysec' }, context.folder)
  try {
    const { url } = server
    const { prepare, produce, waiting } = await sideOf(side)
    await prepare({ url })
    let done = 0
    let settle: { resolve: () => void; reject: (why: Error) => void } | undefined
    const all = new Promise<void>((resolve, reject) => (settle = { resolve, reject }))
    const consumers = Array.from({ length: CONSUMERS }, () =>
      startConsumer(
        { side, url, sinkMs: SINK_MS, batches: BATCHES },
        (count) => (done += count) >= size && settle?.resolve(),
        (why) => settle?.reject(why),
      ),
    )
    await Promise.race([all, Promise.all(consumers.map(({ ready }) => ready))])
    const producer = await produce({ url })
    const calls = chunks(operations(size, size / PER_PERSON), CALL_SIZE)
    const startedMs = performance.now()
    await appendAll(producer, calls, CALLS_IN_FLIGHT)
    await all
    const seconds = (performance.now() - startedMs) / 1000
    await Promise.all(consumers.map((consumer) => consumer.stop()))
    await producer.close()
    const left = await waiting({ url })
    if (left > 0 || done !== size) throw new Error(`${side}: ${done} of ${size} operations are done, ${left} left`)
    return seconds
  } finally {
    await server.stop()
  }
}

export const slowSink: Case = {
  name: 'slow-sink',
  async run(context) {
    const { rounds, size } = SIZES[context.scale]
    const seconds = await alternate(rounds, SIDES, async (side, round) => {
      const took = await measure(context, side)
      context.say(`slow-sink, round ${round + 1} of ${rounds}, ${side}: ${took.toFixed(2)} s`)
      return took
    })
    const times = median(ratios(seconds['bullmq-shards'], seconds['bullmq-outbox']))
    const [ours, theirs] = [median(seconds['bullmq-outbox']), median(seconds['bullmq-shards'])]
    return [
      {
        what: `${count(size)} operations, ${SINK_MS} ms sink, ${CONSUMERS} consumers`,
        required: `${TIMES_MIN} times the one-job-per-operation design with order`,
        measured: `${ratio(times)} times (${ours.toFixed(2)} s to ${theirs.toFixed(1)} s)`,
        holds: times >= TIMES_MIN,
        numbers: { times, oursS: ours, theirsS: theirs },
      },
    ]
  },
}
