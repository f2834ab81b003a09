/**
 * One run: a shop's day through two backends, Customer.io's outage in the middle of it, `kill -9` in the middle of that.
 *
 * The parent is everything around the backends: the shop's customers, who cause the calls; the two fakes of
 * Customer.io; the hand that kills. So it knows what was asked, what callers were told and what arrived, and needs
 * nobody's word for the account.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { seededRandom } from '../src/testing/seeded-random.ts'
import { holdfastAccount, officialAccount } from './account/account.ts'
import { brokenPromises, type Left } from './account/promises.ts'
import type { Line } from './calls/line.ts'
import { peopleOf } from './calls/mark.ts'
import type { Display } from './display/display.ts'
import { count, duration } from './display/format.ts'
import type { Plan } from './plan.ts'
import { Player } from './player.ts'
import { Outage } from './provider/outage.ts'
import type { Actor, Note, Result } from './result.ts'
import { Side } from './side.ts'
import { Watcher } from './watcher.ts'

export interface RunSettings {
  /** The calls that are played: the first ones of the data file. */
  readonly lines: readonly Line[]
  readonly plan: Plan
  readonly seed: number
  readonly display: Display
  /** Breaks the run off. */
  readonly signal: AbortSignal
}

/** Rejects with the signal's reason, or with an error whose message says what kept the demo from its end. */
export async function run(settings: RunSettings): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-demo-'))
  const show = new Show(settings, folder)
  try {
    return await show.play()
  } finally {
    await show.clear()
    await rm(folder, { recursive: true, force: true })
  }
}

class Show {
  readonly #settings: RunSettings
  readonly #folder: string
  readonly #timeline: Note[] = []
  readonly #sides: Side[] = []
  #outage: Outage | undefined
  /** A process that ends by itself ends the run. */
  readonly #accident = new AbortController()
  readonly #signal: AbortSignal
  #openedMs = performance.now()

  constructor(settings: RunSettings, folder: string) {
    this.#settings = settings
    this.#folder = folder
    this.#signal = AbortSignal.any([settings.signal, this.#accident.signal])
  }

  async play(): Promise<Result> {
    const { lines, plan, display } = this.#settings
    const holdfast = await this.#openSide('Holdfast', new URL('./backend/holdfast.ts', import.meta.url), true)
    const official = await this.#openSide('customerio-node', new URL('./backend/official.ts', import.meta.url), false)
    await this.#startBackends()
    const nowMs = (): number => this.#nowMs()
    const player = new Player(lines, plan, [holdfast.backend, official.backend])
    const watcher = new Watcher({ lines: lines.length, holdfast, official, player, display, nowMs })
    this.#openedMs = performance.now()
    display.open({ lines: lines.length, people: new Set(lines.flatMap(peopleOf)).size, plan })
    watcher.start()
    try {
      this.#note('shop', 'opens')
      const ending = Promise.all([player.play(nowMs, this.#signal), this.#troubles(holdfast, official)])
      await this.#orBrokenOff(ending)
      this.#note('shop', `closes; ${count(holdfast.missing)} operations still wait in Holdfast's outbox`)
      const left = await this.#finish(holdfast, official)
      watcher.look()
      return this.#resultOf(holdfast, official, left, player.notMade)
    } finally {
      watcher.stop()
    }
  }

  /** Ends every process and frees every port. */
  async clear(): Promise<void> {
    await this.#outage?.end()
    await Promise.all(this.#sides.map((side) => side.close()))
  }

  /** What happens to both sides, and when. */
  async #troubles(holdfast: Side, official: Side): Promise<void> {
    const { plan } = this.#settings
    await this.#until(plan.brownOutAtMs)
    const sinceMs = this.#nowMs()
    this.#outage = new Outage(this.#sides.map(({ provider }) => provider))
    this.#outage.brownOut()
    this.#note('Customer.io', 'falters: it does its work, but half of its answers are lost')
    await this.#until(plan.downAtMs)
    this.#outage.goDown()
    this.#note('Customer.io', 'is down: 502 pages and refused connections')
    await this.#until(plan.killAtMs)
    await this.#kill(holdfast, official)
    await this.#until(plan.restartAtMs)
    await this.#startBackends()
    this.#note('shop', 'both backends run again, Customer.io is still down')
    await this.#until(plan.backAtMs)
    await this.#outage.end()
    this.#note('Customer.io', `is back after ${duration(this.#nowMs() - sinceMs)}`)
  }

  async #kill(holdfast: Side, official: Side): Promise<void> {
    const [underWay, gone] = await Promise.all([holdfast.backend.kill(), official.backend.kill()])
    this.#note('shop', 'kill -9 of both backends')
    this.#note('Holdfast', `is dead; ${count(holdfast.missing - underWay)} operations are in its outbox, on disk`)
    this.#note('customerio-node', `is dead; ${count(gone)} calls were in its memory and are gone`)
  }

  async #finish(holdfast: Side, official: Side): Promise<Left> {
    const { patienceMs } = this.#settings.plan
    const delivered = holdfast.backend.finish(patienceMs).then((left) => {
      this.#note('Holdfast', left.waiting === 0 ? 'has delivered everything' : `${count(left.waiting)} operations wait`)
      return left
    })
    const [left] = await this.#orBrokenOff(Promise.all([delivered, official.backend.finish(patienceMs)]))
    return left
  }

  #resultOf(holdfast: Side, official: Side, left: Left, notMade: number): Result {
    const { lines, seed } = this.#settings
    const account = holdfastAccount(lines, holdfast.backend.asked, holdfast.look().arrivals)
    return {
      seed,
      durationMs: Math.round(this.#nowMs()),
      lines: lines.length,
      notMade,
      holdfast: account,
      official: officialAccount(lines, official.backend.asked, official.look().arrivals),
      left,
      broken: brokenPromises(account, left),
      timeline: this.#timeline,
    }
  }

  async #openSide(name: Actor, program: URL, makesAgain: boolean): Promise<Side> {
    const side = await Side.open({
      name,
      program,
      makesAgain,
      outboxPath: join(this.#folder, 'outbox.db'),
      lines: this.#settings.lines,
      // The same chance on both sides.
      random: seededRandom(this.#settings.seed),
      told: (text) => this.#note(name, text),
      died: (message) => this.#accident.abort(new Error(message)),
    })
    this.#sides.push(side)
    return side
  }

  async #startBackends(): Promise<void> {
    await this.#orBrokenOff(Promise.all(this.#sides.map(({ backend }) => backend.start())))
  }

  /** Since the shop opened. */
  #nowMs(): number {
    return performance.now() - this.#openedMs
  }

  async #until(atMs: number): Promise<void> {
    await sleep(Math.max(0, atMs - this.#nowMs()), undefined, { signal: this.#signal })
  }

  /** Waits for what may never come when a process has died. */
  async #orBrokenOff<T>(wait: Promise<T>): Promise<T> {
    const signal = this.#signal
    signal.throwIfAborted()
    const ended = Promise.withResolvers<never>()
    const end = (): void => ended.reject(signal.reason)
    signal.addEventListener('abort', end, { once: true })
    try {
      return await Promise.race([wait, ended.promise])
    } finally {
      signal.removeEventListener('abort', end)
    }
  }

  #note(who: Actor, text: string): void {
    const note: Note = { atMs: Math.round(this.#nowMs()), who, text }
    this.#timeline.push(note)
    this.#settings.display.note(note)
  }
}
