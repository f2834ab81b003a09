/**
 * The client's life: it opens its outbox, stores calls, has the engine deliver them, answers questions about itself
 * and closes in order. What the calls are is not its business (`calls.ts`).
 *
 * Closing: intake stops; appends under way become durable; the engine sends nothing new and waits for what is on its
 * way; leases end; the outbox is given back. What remains is stored and goes out after the next start. All of it has one
 * end, which a later `close` may bring nearer.
 */
import { createDirect, type Direct } from '../delivery/direct.ts'
import type { DirectOptions } from '../delivery/direct-call.ts'
import { createEngine, type Engine } from '../delivery/engine.ts'
import { createGate, type Gate } from '../delivery/gate.ts'
import { createSender, type Sender } from '../delivery/sender.ts'
import { ClosedError, OptionsError } from '../errors.ts'
import type { IdempotencyStore } from '../idempotency/store.ts'
import { watchAttempts } from '../observe/attempts.ts'
import { createEvents, type Events, type Listener } from '../observe/events.ts'
import type { Health } from '../observe/health.ts'
import type { OpenOutbox, Outbox, OutboxNotice, TransactionQuery } from '../outbox/outbox.ts'
import type { Decoded } from '../protocol/decode.ts'
import { sleep } from '../runtime/clock.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { CustomerIOCalls } from './calls.ts'
import { checkCloseTimeout, type ClosingEnd, createClosingEnd } from './closing.ts'
import { type Condition, createCondition } from './condition.ts'
import { createDeadLetters, type DeadLetters } from './dead-letters.ts'
import { createIdempotency, type Idempotency } from './idempotency.ts'
import { type CallOptions, createIntake } from './intake.ts'
import { createNeighbours, type Neighbours } from './neighbours.ts'
import { createOpening, type Opening } from './opening.ts'
import type { ClientSettings } from './options.ts'
import { purgePerson } from './purge.ts'
import { createQueue, type Queue } from './queue.ts'
import {
  type BatchReceipt,
  createReceipts,
  onlyReceipt,
  type PartialReceipt,
  type Receipt,
  receiptOfAll,
  type Receipts,
} from './receipt.ts'
import { createRegionQuestion, type RegionQuestion } from './region-question.ts'
import type { CloseReport, DrainReport, Stats } from './reports.ts'
import { type PauseWords, sharedPauseOf } from './shared-pause.ts'
import { createStoring, noPrefix, type Storing } from './storing.ts'
import { TransactionCalls, type TransactionClient } from './within.ts'

const DRAIN_LOOK_MS = 25

export abstract class Client extends CustomerIOCalls implements AsyncDisposable {
  readonly #settings: ClientSettings
  readonly #runtime: Runtime
  readonly #events: Events = createEvents()
  readonly #gate: Gate
  readonly #opening: Opening
  readonly #storing: Storing
  readonly #neighbours: Neighbours
  readonly #condition: Condition
  readonly #direct: Direct | undefined
  readonly #receipts: Receipts
  protected readonly sender: Sender
  /** Dead letters: what was given up and why, and what to do with it. */
  readonly deadLetters: DeadLetters
  /** What waits for delivery, to look at. */
  readonly queue: Queue
  /**
   * A store for `executeIdempotent` in the outbox: with the default outbox, results survive restarts, and all processes
   * that share its file share its keys. `close()` waits for what executes, as for requests under way; what takes longer
   * is not remembered.
   * @example `await executeIdempotent(key, () => charge(order), { store: cio.idempotency })`
   */
  readonly idempotency: IdempotencyStore
  readonly #idempotency: Idempotency
  #engine: Engine | undefined
  readonly #question: RegionQuestion
  readonly #end: ClosingEnd
  #closing: Promise<CloseReport> | undefined

  protected constructor(settings: ClientSettings, open: OpenOutbox) {
    super()
    this.#settings = settings
    this.#runtime = settings.runtime
    const { clock, random } = this.#runtime
    this.#gate = createGate(
      {
        concurrency: settings.concurrency,
        rate: { perSecond: settings.requestsPerSecond },
        breaker: { probeTimeoutMs: settings.timeouts.probeMs },
      },
      random,
      this.#events.emit,
      (hint) => this.#opening.opened?.tell(hint),
    )
    this.sender = createSender(settings.target, this.#runtime)
    this.#end = createClosingEnd(clock)
    this.#question = createRegionQuestion({
      sender: this.sender,
      clock,
      settings: settings.health,
      admit: (nowMs) => this.#gate.ask(nowMs),
      answered: (verdict, { outcome, status }, durationMs) => {
        if (verdict.kind === 'throttled') this.#gate.askedTooFast(clock.monotonicMs(), verdict.afterMs)
        this.#events.emit({ type: 'probed', outcome, status, durationMs })
      },
    })
    const wake = (): void => this.#engine?.wake()
    this.#neighbours = createNeighbours({ gate: this.#gate, events: this.#events, clock, wake })
    const notice = (notice: OutboxNotice): void => this.#neighbours.noticed(notice)
    this.#opening = createOpening({
      open: () => open({ runtime: this.#runtime, workspace: settings.target.siteId, notice }),
      clock,
      random,
      whenOpen: (outbox) => this.#begin(outbox),
    })
    const ready = (): Promise<Outbox> => this.#opening.ready()
    this.#direct = settings.direct === undefined ? undefined : this.#createDirect(settings.direct)
    this.#receipts = createReceipts(() => this.#opened(), clock, this.#events)
    this.#storing = createStoring({
      intake: createIntake(settings, this.#runtime, this.#events),
      direct: this.#direct,
      opening: this.#opening,
      receipts: this.#receipts,
      events: this.#events,
      clock,
      tracing: settings.tracing,
      isClosing: () => this.#closing !== undefined,
      stored: wake,
    })
    this.#condition = createCondition({
      opening: this.#opening,
      gate: this.#gate,
      storing: this.#storing,
      neighbours: this.#neighbours,
      attempts: watchAttempts(this.#events, () => clock.wallMs()),
      clock,
      isClosing: () => this.#closing !== undefined,
    })
    this.deadLetters = createDeadLetters(ready, wake)
    this.queue = createQueue(ready)
    this.#idempotency = createIdempotency(() => this.#opening.ready(), clock)
    this.idempotency = this.#idempotency.store
    void this.#opening.ready().catch(() => {})
  }

  /**
   * The same calls, stored in a transaction of yours: each is delivered if and only if that commits. Needs an outbox in
   * your database (`postgresOutbox`); nothing is sent before the commit, in `mode: 'direct'` neither. A call resolves once
   * it is written (`stored` means: with the commit), and rejects with what the database says, after which the transaction
   * cannot commit, or as ever, when nothing was written: await each call inside the transaction. `settled()` of its
   * receipt is for after the commit; before it, and after a rollback, the answer is `unknown`.
   * @param transaction a client of `pg` with an open transaction, or a function `(text, values)` that runs one statement
   * in it, with `$1` to `$n` for its values, and resolves to the rows. Anything else, a pool too: `OptionsError`.
   * @example
   * ```ts
   * await client.query('BEGIN')
   * await client.query('INSERT INTO orders (id) VALUES ($1)', [order.id])
   * await cio.within(client).track('42', 'order_placed', { id: order.id })
   * await client.query('COMMIT')
   * ```
   */
  within(transaction: TransactionClient | TransactionQuery): CustomerIOCalls {
    return new TransactionCalls((calls, answerOf) => handled(this.#storing.store(calls, answerOf)), transaction)
  }

  protected accept(decoded: Decoded, options: CallOptions = {}): Promise<Receipt> {
    return handled(this.#storing.store({ decoded: [decoded], options, prefix: noPrefix }, onlyReceipt))
  }

  protected acceptAll(
    decoded: readonly Decoded[],
    options: CallOptions = {},
    prefix: (index: number) => string,
  ): Promise<BatchReceipt> {
    return handled(this.#storing.store({ decoded, options, prefix }, receiptOfAll))
  }

  /** Stores those of several calls that can be, as one; the others are refused one by one. */
  protected acceptValid(decoded: readonly Decoded[], options: CallOptions = {}): Promise<PartialReceipt> {
    return handled(this.#storing.storeValid(decoded, options))
  }

  #createDirect(options: DirectOptions): Direct {
    return createDirect({
      sender: this.sender,
      gate: this.#gate,
      runtime: this.#runtime,
      events: this.#events,
      options,
      outbox: () => this.#opening.ready(),
      store: (entries) => this.#storing.append(entries),
    })
  }

  #begin(outbox: Outbox): void {
    if (this.#closing !== undefined) return
    this.#engine = createEngine({
      outbox,
      sender: this.sender,
      gate: this.#direct?.engineGate ?? this.#gate,
      runtime: this.#runtime,
      events: this.#events,
      options: this.#settings.engine,
    })
    this.#direct?.shareWith(this.#engine)
    this.#engine.start()
  }

  #opened(): Outbox {
    const outbox = this.#opening.opened
    if (outbox === undefined) throw new ClosedError()
    return outbox
  }

  /** Subscribes to everything that happens. Returns the function that ends the subscription. A listener that throws harms nothing. */
  on(listener: Listener): () => void {
    return this.#events.on(listener)
  }

  /**
   * Resolves when the outbox is open, so that calls can be stored. Nobody needs to wait for it: calls that come before
   * wait by themselves. Rejects with an `OutboxError` when it cannot be opened; asked again later, it tries again (once a
   * second at most). It is also tried again without being asked, after 1 s at first and up to 30 s later on, until `close()`.
   * @example `await cio.ready() // fail at start, not at the first call`
   */
  async ready(): Promise<void> {
    await this.#opening.ready()
  }

  /** Numbers, from the outbox itself. Rejects when the outbox cannot be opened. */
  stats(): Promise<Stats> {
    return this.#condition.stats()
  }

  /**
   * How it is, in one word with its reasons.
   *
   * `passive` asks nobody and speaks of real traffic. `active` also asks Customer.io for the account's region
   * (`GET /api/v1/accounts/region`, which changes nothing there), at most once in `health.intervalMs` (30 s) however many
   * ask, and for `timeouts.probeMs` (3 s) at most; between two questions the newest answer stands. The question takes one
   * request of the rate, and a 429 to it slows everybody; otherwise it changes nothing. Where an ordinary request could not
   * go (circuit, cooldown, rate, parked, paused) it is not asked, and `probe` says so.
   *
   * Resolves when the outbox has answered, and the question; rejects only with an `OptionsError`.
   * @param options.probe @defaultValue 'passive'
   * @example `if (!(await cio.health({ probe: 'active' })).healthy) alarm()`
   */
  async health(options: { readonly probe?: 'passive' | 'active' } = {}): Promise<Health> {
    const { probe: how = 'passive' } = options
    if (how !== 'passive' && how !== 'active') throw new OptionsError('probe', 'must be passive or active')
    return this.#condition.health(how === 'active' ? await this.#question.ask() : null)
  }

  /** Stops sending; calls are stored as before. For this process, until `resume()`. */
  pause(): void {
    this.#gate.pause()
    this.#engine?.wake()
  }

  /** Ends the pause of this process. One for all (`pauseAll`) holds until `resumeAll()`. */
  resume(): void {
    this.#gate.resume()
    this.#engine?.wake()
  }

  /**
   * Stops sending in all processes that share the outbox, on whatever machine, and in those that open it later, until
   * `resumeAll()`; calls are stored as before. Kept in the outbox: it outlives restarts. Requests under way go on.
   *
   * Resolves when the outbox has it; the processes then hear of it within a second or so, this one included. Rejects with
   * an `OptionsError`, or an `OutboxError` when the outbox cannot be written.
   * @param words.who whoever pauses, 1 to 200 characters; shown to everybody, like `words.why` (up to 1,000 characters, @defaultValue none)
   * @example `await cio.pauseAll({ who: 'ada', why: 'the import of May runs' })`
   */
  async pauseAll(words: PauseWords): Promise<void> {
    const pause = sharedPauseOf(words, this.#runtime.clock.wallMs())
    await (await this.#opening.ready()).setPaused(pause)
  }

  /** Ends the pause of `pauseAll()`, whoever began it. A process that was paused by itself stays so. Rejects as that does. */
  async resumeAll(): Promise<void> {
    await (await this.#opening.ready()).setPaused(null)
  }

  /**
   * Removes everything that is stored of one person, waiting operations and dead letters, also merges with others. What is on
   * its way to Customer.io may still arrive; what is called meanwhile may stay. Resolves to how many operations went.
   * Rejects with an `OptionsError`, or an `OutboxError`.
   * @param person as the calls named the person
   * @example `await cio.purge('42') // before the person is deleted at Customer.io`
   */
  async purge(person: string): Promise<number> {
    return purgePerson(await this.#opening.ready(), person)
  }

  /**
   * Waits until nothing is waiting in the outbox, or for `timeoutMs`, and keeps the process alive until then. Takes calls
   * all the while; it is no barrier.
   * @param options.timeoutMs in milliseconds. @defaultValue no limit
   */
  async drain(options: { readonly timeoutMs?: number } = {}): Promise<DrainReport> {
    const { timeoutMs = Infinity } = options
    if (!(timeoutMs >= 0)) throw new OptionsError('timeoutMs', 'must be a number, 0 or more')
    const { clock } = this.#runtime
    const endMs = clock.monotonicMs() + timeoutMs
    const outbox = await this.#opening.ready()
    for (;;) {
      const { waiting: waitingThere, spilled } = await outbox.stats()
      const waiting = waitingThere + spilled
      if (waiting === 0) return { drained: true, waiting }
      if (clock.monotonicMs() >= endMs || this.#closing !== undefined) return { drained: false, waiting }
      await sleep(clock, Math.min(DRAIN_LOOK_MS, endMs - clock.monotonicMs()), undefined, 'held')
    }
  }

  /**
   * Takes no more calls, lets what is on its way finish or run into its end, and gives the outbox back. Everything that
   * was accepted stays stored and goes out after the next start.
   *
   * A second call gets the first one's report, and brings the end nearer where its own would be sooner; it never puts it
   * off. The outbox gets up to 2 s beyond the end to write what has come back.
   * @param options.timeoutMs for requests under way, in milliseconds from now; 0 ends them at once. @defaultValue `timeouts.closeMs`
   * @returns what remains, when all is closed. Rejects with an `OptionsError` for a wrong `timeoutMs`, and closes nothing.
   * @example
   * ```ts
   * process.once('SIGTERM', () => process.once('SIGTERM', () => cio.close({ timeoutMs: 0 }))) // the second one is fast
   * process.once('SIGTERM', () => cio.close())
   * ```
   */
  async close(options: { readonly timeoutMs?: number } = {}): Promise<CloseReport> {
    const { timeoutMs = this.#settings.timeouts.closeMs } = options
    checkCloseTimeout(timeoutMs)
    this.#end.within(timeoutMs)
    const working = this.#stopWorking(timeoutMs)
    this.#closing ??= this.#close(working)
    return this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** May be called again, to end sooner. */
  async #stopWorking(timeoutMs: number): Promise<void> {
    await Promise.all([
      // Those that are stored at the end wait for the outbox.
      this.#direct && this.#end.orEnd(this.#direct.stop(timeoutMs)),
      this.#engine?.stop(timeoutMs),
      this.#idempotency.close(timeoutMs),
    ])
  }

  async #close(stopped: Promise<void>): Promise<CloseReport> {
    this.#question.close()
    const ready = this.#opening.end()
    const outbox = await this.#end.orEnd(ready)
    // One that opens after the end is given back all the same.
    if (outbox === undefined) void ready.then((late) => late?.close()).catch(() => {})
    else await this.#end.orEnd(this.#storing.idle())
    await stopped
    const stats = await outbox?.stats().catch(() => undefined)
    this.#receipts.close()
    await outbox?.close()
    this.#end.done()
    const report = { waiting: stats?.waiting ?? null, deadLetters: stats?.deadLetters ?? null }
    this.#events.emit({ type: 'closed', ...report })
    return report
  }
}

/**
 * A call that nobody awaits must not end the process when it is refused: the refusal is an event and a number in the
 * statistics. Whoever awaits the promise gets the error as ever.
 */
function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {})
  return promise
}
