/**
 * The order-keeping design that BullMQ itself allows: 16 queues, a person always in the same one, one job at a time from
 * each (`setGlobalConcurrency`), and a job that must come again goes back to the head and stops its queue for a while.
 */
import { type JobsOptions, Queue, Worker } from 'bullmq'

import { type Numbered, numberOf, type Stored, storedAs } from '../operations.ts'
import { AGAIN_MS, type Side } from '../side.ts'
import { connect } from './bullmq.ts'

const SHARDS = 16
const OPTIONS: JobsOptions = { removeOnComplete: true }
/** A worker obeys `rateLimit` only when it has a limit; this one is never met. */
const NO_LIMIT = { max: 1e9, duration: 1 }

const names = Array.from({ length: SHARDS }, (_, shard) => `calls-${shard}`)

function shardOf(person: string): number {
  let hash = 0
  for (let at = 0; at < person.length; at++) hash = (Math.imul(hash, 31) + person.charCodeAt(at)) >>> 0
  return hash % SHARDS
}

function grouped(operations: readonly Numbered[]): Map<number, { name: string; data: Stored; opts: JobsOptions }[]> {
  const groups = new Map<number, { name: string; data: Stored; opts: JobsOptions }[]>()
  for (const operation of operations) {
    const shard = shardOf(operation.person)
    const group = groups.get(shard) ?? []
    groups.set(shard, group)
    group.push({ name: 'op', data: storedAs(operation), opts: OPTIONS })
  }
  return groups
}

export const side: Side = {
  async prepare(place) {
    const connection = connect(place)
    for (const name of names) await new Queue(name, { connection }).setGlobalConcurrency(1)
    await connection.quit()
  },
  async produce(place) {
    const connection = connect(place)
    const queues = names.map((name) => new Queue(name, { connection }))
    await Promise.all(queues.map((queue) => queue.waitUntilReady()))
    return {
      append: (operations) =>
        Promise.all([...grouped(operations)].map(([shard, jobs]) => queues[shard]!.addBulk(jobs))),
      close: async () => {
        await Promise.all(queues.map((queue) => queue.close()))
        await connection.quit()
      },
    }
  },
  async consume(place, { sink }) {
    const connection = connect(place)
    const workers = names.map((name) => {
      const worker: Worker<Stored> = new Worker<Stored>(
        name,
        async ({ data, attemptsStarted }) => {
          const [isDone] = await sink([{ number: numberOf(data), isAgain: attemptsStarted > 1 }])
          if (isDone === true) return
          await worker.rateLimit(AGAIN_MS)
          throw Worker.RateLimitError()
        },
        { connection, concurrency: 1, limiter: NO_LIMIT, autorun: false },
      )
      return worker
    })
    await Promise.all(workers.map((worker) => worker.waitUntilReady()))
    return {
      start: () => {
        for (const worker of workers) void worker.run()
      },
      close: async () => {
        await Promise.all(workers.map((worker) => worker.close()))
        await connection.quit()
      },
    }
  },
  async waiting(place) {
    const connection = connect(place)
    let waiting = 0
    for (const name of names) {
      const counts = await new Queue(name, { connection }).getJobCounts('waiting', 'active', 'delayed', 'failed')
      waiting += Object.values(counts).reduce((sum, count) => sum + count, 0)
    }
    await connection.quit()
    return waiting
  },
}
