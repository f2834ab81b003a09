/**
 * Looks after an outage from its begin to its end: opens the remote outbox, asks whether it is back, drains the file
 * into it, and lets appends go direct again when nothing of this producer is in the file any more.
 *
 * The end, without a gap in which the order could break: when little is left, the line is held, what is on its way to the
 * file is waited for, the rest goes over, and the line goes direct. Of several processes with
 * the same file one drains it; the others wait until their own entries have gone over.
 */
import { createLatch, type Latch } from '../../runtime/latch.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { Outbox, OutboxNotice, OutboxStats, Position } from '../outbox.ts'
import { sequenceOf } from '../position.ts'
import { Backoff } from './away.ts'
import type { Delivering } from './delivering.ts'
import type { Line } from './line.ts'
import type { Remote } from './remote.ts'
import type { Transfer } from './transfer.ts'
import type { Turnstile } from './turnstile.ts'

/** How often it is looked whether what is in flight from the file has ended, or another process has drained it. */
const LOOK_MS = 100
/** With fewer entries left in the file the line is held: they go over in some batches, which take milliseconds. */
const NEAR_MAX = 2_000
/** How long the line is held at most for what another process drains. */
const HELD_MS_MAX = 500

export interface KeeperParts {
  readonly runtime: Pick<Runtime, 'clock' | 'random'>
  readonly remote: Remote
  readonly line: Line
  readonly delivering: Delivering
  readonly transfer: Transfer
  readonly turnstile: Turnstile
  readonly notice: (notice: OutboxNotice) => void
  /** The remote outbox was opened. */
  readonly opened: () => void
  readonly pinged: (stats: OutboxStats) => void
}

/** `again`: there is more to do. `look`: some time later. `away`: after a pause that grows. `rest`: when something happens. */
type Next = 'again' | 'look' | 'away' | 'rest'

export class Keeper {
  readonly #parts: KeeperParts
  readonly #latch: Latch
  readonly #backoff: Backoff
  #notBeforeMs = 0
  /** Whether the remote outbox took or answered something since it was last found away. */
  #isProven = false
  #heldSinceMs = 0
  #stopping = false
  #ended: Promise<void> | undefined
  #stopWaiting: (() => void) | undefined
  readonly #stopped = new Promise<void>((resolve) => (this.#stopWaiting = resolve))

  constructor(parts: KeeperParts) {
    this.#parts = parts
    this.#latch = createLatch(parts.runtime.clock)
    this.#backoff = new Backoff(parts.runtime.random)
  }

  start(isProven: boolean): void {
    this.#isProven = isProven
    this.#ended = this.#run()
  }

  /** There may be something to do. */
  wake(): void {
    this.#latch.open()
  }

  /** The remote outbox was found away. */
  missed(): void {
    this.#isProven = false
    this.#postpone()
    this.#latch.open()
  }

  /** Resolves when nothing is under way any more. */
  async stop(): Promise<void> {
    this.#stopping = true
    this.#stopWaiting!()
    this.#latch.open()
    await this.#ended
    if (this.#parts.line.state === 'held') this.#parts.line.turn('spilling')
  }

  async #run(): Promise<void> {
    const { clock } = this.#parts.runtime
    while (!this.#stopping) {
      const leftMs = this.#notBeforeMs - clock.monotonicMs()
      if (leftMs > 0) {
        await this.#latch.wait(leftMs)
        continue
      }
      const next = await this.#step()
      if (next === 'away') this.#postpone()
      else if (next !== 'again') await this.#latch.wait(next === 'look' ? LOOK_MS : Infinity)
    }
  }

  async #step(): Promise<Next> {
    const { delivering, turnstile, line } = this.#parts
    try {
      if ((await this.#open()) && (delivering.answers || (await this.#ping()))) {
        delivering.quiesce()
        const next = await turnstile.pass(() => this.#drain())
        if (next === 'rest') delivering.resume()
        if (next !== 'away') return next
      }
    } catch {
      // Of the file: it has its own trouble, which its appends report.
    }
    if (line.state === 'held') line.turn('spilling')
    delivering.resume()
    return 'away'
  }

  async #open(): Promise<boolean> {
    const { remote, delivering, notice, opened } = this.#parts
    if (remote.opened !== undefined) return true
    try {
      await Promise.race([remote.open(), this.#stopped])
    } catch {
      return false
    }
    if (this.#stopping) return false
    this.#isProven = true
    delivering.answered()
    opened()
    notice({ type: 'appended' })
    return true
  }

  /** Whether the remote outbox answers. */
  async #ping(): Promise<boolean> {
    const { remote, delivering, notice, pinged } = this.#parts
    try {
      pinged(await remote.get().stats())
    } catch {
      this.#isProven = false
      return false
    }
    this.#isProven = true
    if (!delivering.answers) {
      delivering.answered()
      notice({ type: 'appended' })
    }
    return true
  }

  async #drain(): Promise<Next> {
    const { transfer, line, remote } = this.#parts
    const head = await transfer.read()
    if (head.inFlight > 0) return 'look'
    const isOver = this.#isOver(head.first)
    const mustDrain = head.role === 'active' && head.entries.length > 0
    if (line.state === 'direct') return mustDrain ? this.#move(head, remote.get()) : 'rest'
    if (!this.#isProven && !mustDrain && !(await this.#ping())) return 'away'
    if (line.state === 'spilling') {
      const isNear = isOver || (head.role === 'active' ? head.waiting < NEAR_MAX : this.#isNear(head.first))
      if (this.#isProven && isNear) return this.#hold()
    } else if (isOver) {
      return this.#goDirect()
    }
    if (mustDrain) return this.#move(head, remote.get())
    if (line.state === 'held' && this.#parts.runtime.clock.monotonicMs() - this.#heldSinceMs > HELD_MS_MAX) {
      line.turn('spilling')
    }
    return 'look'
  }

  async #move(head: Parameters<Transfer['move']>[0], to: Outbox): Promise<Next> {
    try {
      if (!(await this.#parts.transfer.move(head, to))) return 'again'
    } catch {
      this.#isProven = false
      return 'away'
    }
    this.#isProven = true
    this.#backoff.succeeded()
    return 'again'
  }

  async #hold(): Promise<Next> {
    const { line, runtime } = this.#parts
    line.turn('held')
    this.#heldSinceMs = runtime.clock.monotonicMs()
    await line.fileIdle()
    return 'again'
  }

  #goDirect(): Next {
    const { line, notice } = this.#parts
    this.#backoff.succeeded()
    line.turn('direct')
    notice({ type: 'spill', state: 'ended', code: null, waiting: 0 })
    return 'again'
  }

  /** Whether nothing of this producer is in the file. */
  #isOver(first: Position | null): boolean {
    return first === null || sequenceOf(first) > this.#parts.line.mark
  }

  /** Whether so little is left that another process takes it over while the line is held. */
  #isNear(first: Position | null): boolean {
    return this.#parts.line.mark - sequenceOf(first ?? '') < NEAR_MAX
  }

  #postpone(): void {
    this.#notBeforeMs = this.#parts.runtime.clock.monotonicMs() + this.#backoff.failed()
  }
}
