/**
 * BullMQ beside the data: a doorbell that wakes other processes, a sweep that repairs what a lost bell or a dead process
 * left, the pause, and a picture of the dead letters. Nothing here holds the order or the operations themselves; when it
 * is away, delivery is slower to start and nothing else.
 */
import { OutboxError } from '../../errors.ts'
import type { CancelTimer, Clock } from '../../runtime/clock.ts'
import { Bell } from './bell.ts'
import { type BullMq, type Job, loadBullMq, type Queue, type Worker } from './bullmq.ts'
import { DeadMirror, type MirroredDead } from './dead-mirror.ts'
import { FailedJobs } from './failed-jobs.ts'
import { within } from './patience.ts'
import { makePlaneClient, type PlaneClient } from './plane-client.ts'
import type { RedisConnection } from './redis-client.ts'
import { failureOf, unavailable } from './redis-failure.ts'
import { PlaneWorker } from './plane-worker.ts'

export type { MirroredDead } from './dead-mirror.ts'

export interface ControlPlane {
  /**
   * Something was appended here and others may be asleep: adds the doorbell job, of which one waits at most. Never
   * throws, waits for nothing; one job in 50 ms at most. A bell that is lost is made good by the sweep.
   */
  ring(): void
  /**
   * Pauses or resumes the BullMQ queue, so that Bull Board shows it. Rejects with `OutboxError` `OUTBOX_UNAVAILABLE` when
   * that cannot be done now.
   */
  setPaused(paused: boolean): Promise<void>
  /** Shows dead letters as failed jobs of the queue `<name>-dead`, the newest 10,000. Those that are shown stay as they are. */
  mirror(dead: readonly MirroredDead[]): void
  /** Takes them away again, by the ids of their operations. */
  unmirror(ids: readonly string[]): void
  /** Ends all its connections, soon, whatever has become of the server. Closing twice is allowed. */
  close(): Promise<void>
}

export interface ControlPlaneParts {
  readonly connection: RedisConnection
  /** With a hash tag, `{...}`, so that the keys of a queue lie in one slot of a cluster. */
  readonly prefix: string
  readonly name: string
  readonly clock: Clock
  /** BullMQ's telemetry, as `bullmq-otel` makes it; for queues and workers. */
  readonly telemetry?: unknown
  /** A doorbell or a sweep has come to this process. */
  readonly woken: () => void
  /** The sweep has come to this process; each is given to one. Repairs: leases that lapsed, dead letters not shown. */
  readonly sweep: () => Promise<void>
  /** Somebody else, or another process, has paused or resumed the queue. */
  readonly pausedChanged: (paused: boolean) => void
  /** Something did not work; it is tried again. */
  readonly failed: (error: unknown) => void
}

const DOORBELL = 'doorbell'
const SWEEP = 'sweep'
const SWEEP_MS = 2_000
/** When the sweep has been due for so long, it does not come by itself. */
const LATE_MS = 10_000
const TICK_MS = 1_000
/** Ticks between two looks at whether the sweep is still planned. */
const PLAN_TICKS = 5
const ACT_MS_MAX = 5_000
const SWEEP_MS_MAX = 30_000
const ANSWER_MS_MAX = 30_000
/** How often the same failure is told. */
const TELL_AGAIN_MS = 10_000
const TOLD_MAX = 50
/** Of BullMQ's stream of events, for those who listen to it. */
const EVENTS_MAX = 100

const jobOptions = { attempts: 1, removeOnComplete: true, removeOnFail: { count: 10 } }
// One that comes while another is being heard is kept, or what was appended meanwhile would wait for the sweep.
const doorbellOptions = { ...jobOptions, deduplication: { id: DOORBELL, keepLastIfActive: true } }

const workerOptions = {
  concurrency: 1,
  // A process that dies with a sweep in hand must not stop the next one.
  maxStalledCount: Number.MAX_SAFE_INTEGER,
  lockDuration: 10_000,
  stalledInterval: 5_000,
  runRetryDelay: 1_000,
}

/**
 * Starts the control plane. Resolves at once, also while Redis is away: it works from when Redis comes.
 * @throws OptionsError for a connection that cannot be one, and when bullmq or ioredis is not installed
 */
export async function openControlPlane(parts: ControlPlaneParts): Promise<ControlPlane> {
  const bullmq = await loadBullMq()
  return new Plane(parts, bullmq, await makePlaneClient(parts.connection))
}

class Plane implements ControlPlane {
  readonly #parts: ControlPlaneParts
  readonly #clock: Clock
  readonly #plane: PlaneClient
  readonly #queue: Queue
  readonly #dead: FailedJobs
  readonly #mirror: DeadMirror
  readonly #makeWorker: () => PlaneWorker
  #worker: PlaneWorker
  readonly #failed: (error: unknown) => void
  readonly #bell: Bell
  #tick: CancelTimer = () => {}
  #ticks = 0
  #isLooking = false
  #isWriting = false
  /** When the sweep is due next, and since when we have seen it to be due then. */
  #due: { readonly next: number | undefined; readonly sinceMs: number } | null = null
  #paused = false
  /** Counts our own changes of the pause: what was asked before one of them says nothing about after it. */
  #pauseChanges = 0
  #closing: Promise<void> | null = null

  constructor(parts: ControlPlaneParts, bullmq: BullMq, plane: PlaneClient) {
    const { clock, name, prefix, telemetry } = parts
    this.#parts = parts
    this.#clock = clock
    this.#plane = plane
    this.#failed = atTimes(clock, (error) => this.#closing === null && parts.failed(error))
    const traced = telemetry === undefined ? {} : { telemetry: telemetry as never }
    const shared = { connection: plane.client, prefix, ...traced }
    this.#queue = new bullmq.Queue(name, { ...shared, streams: { events: { maxLen: EVENTS_MAX } } })
    this.#queue.on('error', this.#failed)
    this.#dead = new FailedJobs({ bullmq, plane, name, prefix, clock, telemetry: traced, failed: this.#failed })
    this.#mirror = new DeadMirror(this.#dead)
    this.#bell = new Bell(clock, () => this.#ring())
    const process = async (job: Job): Promise<void> => this.#process(job)
    const make = (): Worker => new bullmq.Worker(name, process, { ...shared, ...workerOptions })
    this.#makeWorker = () => new PlaneWorker(clock, plane, make, this.#failed)
    this.#worker = this.#makeWorker()
    plane.client.on('ready', () => this.#welcome())
    if (plane.client.status === 'ready') this.#welcome()
    this.#armTick()
  }

  ring(): void {
    if (this.#closing === null) this.#bell.ring()
  }

  async setPaused(paused: boolean): Promise<void> {
    if (this.#closing !== null) throw new OutboxError('OUTBOX_CLOSED', 'the connection to Redis was closed')
    if (!this.#isReady) throw unavailable('Redis cannot be reached', false)
    this.#pauseChanges++
    const how = await within(this.#clock, ACT_MS_MAX, paused ? this.#queue.pause() : this.#queue.resume(), 'held')
    this.#pauseChanges++
    if (how === 'late') throw unavailable(`Redis did not answer within ${ACT_MS_MAX} ms`, true)
    if (how !== 'done') throw failureOf(how.error, true)
    this.#paused = paused
  }

  mirror(dead: readonly MirroredDead[]): void {
    this.#mirror.mirror(dead)
    this.#write()
  }

  unmirror(ids: readonly string[]): void {
    this.#mirror.unmirror(ids)
    this.#write()
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#tick()
    this.#bell.close()
    const how = this.#isReady ? 'soft' : 'hard'
    await Promise.all([this.#worker.close(how), this.#dead.close(how)])
    void this.#queue.close().catch(() => {})
    this.#plane.end()
  }

  get #isReady(): boolean {
    return this.#plane.client.status === 'ready'
  }

  /** Redis is there, perhaps another one or an empty one. */
  #welcome(): void {
    this.#due = null
    this.#mirror.forget()
    this.#ticks = 0
    void this.#look()
  }

  async #process(job: Job): Promise<void> {
    if (this.#closing !== null) return
    this.#parts.woken()
    if (job.name !== SWEEP) return
    const how = await within(this.#clock, SWEEP_MS_MAX, this.#parts.sweep())
    if (how === 'late') this.#failed(new Error(`a sweep took more than ${SWEEP_MS_MAX} ms`))
    else if (how !== 'done') this.#failed(how.error)
  }

  /** Resolves when the bell may ring again. */
  async #ring(): Promise<void> {
    // A bell that is lost is made good by the sweep; kept until Redis comes back it would be of no use.
    if (this.#isReady) await this.#tried(this.#queue.add(DOORBELL, {}, doorbellOptions))
  }

  /**
   * Resolves when it has an answer, or has had none for long: what is under way holds back the next of its kind, but not
   * for ever. Never rejects.
   */
  async #tried(work: Promise<unknown>): Promise<'done' | 'failed'> {
    const how = await within(this.#clock, ANSWER_MS_MAX, work)
    if (typeof how === 'object') this.#failed(how.error)
    return how === 'done' ? 'done' : 'failed'
  }

  #armTick(): void {
    this.#tick = this.#clock.timer(TICK_MS, () => {
      this.#armTick()
      void this.#look()
    })
  }

  /** One at a time: what has no answer yet is not asked again. */
  async #look(): Promise<void> {
    if (!this.#isReady || this.#isLooking || this.#closing !== null) return
    this.#isLooking = true
    await this.#tried(this.#lookAround())
    this.#isLooking = false
    this.#write()
  }

  async #lookAround(): Promise<void> {
    if (this.#ticks++ % PLAN_TICKS === 0) {
      await this.#plan()
      await this.#dead.look()
    }
    await this.#lookAtPause()
  }

  /**
   * Each sweep plans the next one. When none comes for long the plan was lost, or all workers have fallen silent, as they
   * have been known to after a connection came back: both are made anew. One that is silent among others harms nobody.
   */
  async #plan(): Promise<void> {
    const planned = await this.#queue.getJobScheduler(SWEEP)
    const nowMs = this.#clock.monotonicMs()
    if (this.#paused || this.#due === null || this.#due.next !== planned?.next) {
      this.#due = { next: planned?.next, sinceMs: nowMs }
    }
    const isLate = nowMs - this.#due.sinceMs > LATE_MS
    if (planned?.every === SWEEP_MS && !isLate) return
    await this.#queue.upsertJobScheduler(SWEEP, { every: SWEEP_MS }, { name: SWEEP, opts: jobOptions })
    if (isLate && this.#closing === null) this.#renewWorker()
  }

  #renewWorker(): void {
    this.#due = null
    void this.#worker.close('hard')
    this.#worker = this.#makeWorker()
  }

  async #lookAtPause(): Promise<void> {
    const changes = this.#pauseChanges
    const paused = await this.#queue.isPaused()
    if (paused === this.#paused || changes !== this.#pauseChanges || this.#closing !== null) return
    this.#paused = paused
    this.#parts.pausedChanged(paused)
  }

  #write(): void {
    if (this.#isWriting || !this.#isReady || this.#closing !== null || !this.#mirror.hasChanges) return
    this.#isWriting = true
    void this.#tried(this.#mirror.write()).then((how) => {
      this.#isWriting = false
      // What failed is tried again at the next tick.
      if (how === 'done') this.#write()
    })
  }
}

/** Passes on what is told, the same thing at times only: each lost connection says so at each of its tries. */
function atTimes(clock: Clock, tell: (error: unknown) => void): (error: unknown) => void {
  const told = new Map<string, number>()
  return (error) => {
    const text = error instanceof Error ? error.message : String(error)
    const nowMs = clock.monotonicMs()
    if (nowMs - (told.get(text) ?? -Infinity) < TELL_AGAIN_MS) return
    if (told.size >= TOLD_MAX) told.clear()
    told.set(text, nowMs)
    tell(error)
  }
}
