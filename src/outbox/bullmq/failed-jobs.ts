/** The BullMQ queue of dead letters: each is a job that fails at once, with the reason that the dead letter has. */
import type { Clock } from '../../runtime/clock.ts'
import type { BullMq, Job, Queue, Worker } from './bullmq.ts'
import { type DeadQueue, failedReason, type MirroredDead, MIRRORED_MAX } from './dead-mirror.ts'
import type { PlaneClient } from './plane-client.ts'
import { PlaneWorker } from './plane-worker.ts'

const workerOptions = { concurrency: 20, maxStalledCount: Number.MAX_SAFE_INTEGER, runRetryDelay: 1_000 }
/** Dead letters are rare, and two connections are dear. */
const REST_MS = 5_000

export interface FailedJobsParts {
  readonly bullmq: BullMq
  readonly plane: PlaneClient
  readonly name: string
  readonly prefix: string
  readonly clock: Clock
  readonly telemetry: object
  readonly failed: (error: unknown) => void
  /** Jobs that are shown at most; the oldest go. @defaultValue 10,000 */
  readonly shownMax?: number
}

export class FailedJobs implements DeadQueue {
  readonly #parts: FailedJobsParts
  readonly #queue: Queue
  #worker: PlaneWorker | null = null
  #usedMs = 0
  #isClosed = false

  constructor(parts: FailedJobsParts) {
    this.#parts = parts
    const { bullmq, plane, name, prefix, telemetry, failed } = parts
    this.#queue = new bullmq.Queue(`${name}-dead`, {
      connection: plane.client,
      prefix,
      ...telemetry,
      streams: { events: { maxLen: 100 } },
    })
    this.#queue.on('error', failed)
  }

  async show(dead: readonly MirroredDead[]): Promise<void> {
    this.#usedMs = this.#parts.clock.monotonicMs()
    const { shownMax = MIRRORED_MAX } = this.#parts
    await this.#queue.addBulk(dead.map((one) => jobOf(one, shownMax)))
    this.#work()
  }

  async hide(ids: readonly string[]): Promise<readonly string[]> {
    const removed = await Promise.all(ids.map(async (id) => ({ id, count: await this.#queue.remove(id) })))
    return removed.flatMap(({ id, count }) => (count === 0 ? [id] : []))
  }

  /** Ends the worker when it has had nothing to do for a while; starts it for what a dead process has left behind. */
  async look(): Promise<void> {
    const waiting = await this.#queue.getWaitingCount()
    if (waiting > 0) {
      this.#usedMs = this.#parts.clock.monotonicMs()
      this.#work()
    } else if (this.#worker !== null && this.#parts.clock.monotonicMs() - this.#usedMs > REST_MS) {
      const resting = this.#worker
      this.#worker = null
      await resting.close('soft')
    }
  }

  async close(how: 'soft' | 'hard'): Promise<void> {
    this.#isClosed = true
    await this.#worker?.close(how)
    void this.#queue.close().catch(() => {})
  }

  #work(): void {
    if (!this.#isClosed) this.#worker ??= this.#start()
  }

  #start(): PlaneWorker {
    const { bullmq, plane, prefix, clock, telemetry, failed } = this.#parts
    const fail = (job: Job<MirroredDead>): never => {
      throw new bullmq.UnrecoverableError(failedReason(job.data))
    }
    const options = { connection: plane.client, prefix, ...telemetry, ...workerOptions }
    const make = (): Worker => new bullmq.Worker(this.#queue.name, async (job) => fail(job), options)
    return new PlaneWorker(clock, plane, make, failed)
  }
}

function jobOf(dead: MirroredDead, shownMax: number): { name: string; data: MirroredDead; opts: object } {
  const { id, type, reason, status, field, atMs } = dead
  return {
    name: type,
    data: {
      id,
      type,
      reason,
      atMs,
      ...(status === undefined ? {} : { status }),
      ...(field === undefined ? {} : { field }),
    },
    opts: {
      jobId: id,
      timestamp: Math.max(0, Math.trunc(atMs)),
      attempts: 1,
      stackTraceLimit: 0,
      removeOnFail: { count: shownMax },
    },
  }
}
