/**
 * One run: a world from one seed. Phase 1, safety: calls, faults, kills, jumps of the wall clock. Phase 2, liveness:
 * the faults stop and the outbox must empty. Then every promise is checked against what arrived.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import type { BatchReceipt, DeadLetter, Receipt } from '../../src/index.ts'
import { createMetrics } from '../../src/metrics/index.ts'
import { createSimulator } from '../../src/simulator/index.ts'
import { seededRandom } from '../../src/testing/seeded-random.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'
import { checkers } from './checkers.ts'
import { createNetwork } from './network.ts'
import type { Issued, Oracle } from './oracle.ts'
import { outboxOf } from './outboxes.ts'
import { type Deliver, type Freeze, type Mode, type PauseForAll, type Plan, planOf } from './plan.ts'
import { type SimulatedProcess, type Sighting, startProcess } from './process.ts'
import { type PlannedCall, workloadOf } from './workload.ts'

/** Without progress for this long after the faults have ended, a run has stalled. */
const STALL_MS = 900_000

export interface RunResult {
  readonly plan: Plan
  readonly problems: readonly string[]
  readonly seen: ReadonlySet<string>
  readonly log: readonly string[]
  readonly accepted: number
  readonly requests: number
  readonly virtualMs: number
}

export async function runSeed(seed: number, mode: Mode = 'outbox', deliver: Deliver = 'one'): Promise<RunResult> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-simulation-'))
  try {
    return await new World(planOf(seed, mode, deliver), folder).run()
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

class World {
  readonly #plan: Plan
  readonly #clock = new VirtualClock()
  readonly #random
  readonly #log: string[] = []
  readonly #oracle: Oracle = []
  readonly #sighting: Sighting = { violations: [], seen: new Set() }
  readonly #network
  readonly #outbox
  readonly #processes: SimulatedProcess[] = []
  /** By call that has no answer yet. */
  readonly #owed = new Map<symbol, SimulatedProcess>()
  #incarnation = 0

  constructor(plan: Plan, folder: string) {
    this.#plan = plan
    this.#random = seededRandom(plan.seed + 0.5e9)
    const simulator = createSimulator({
      clock: this.#clock,
      random: this.#random,
      siteId: 'site',
      apiKey: 'key',
      rateLimit: { perSecond: plan.providerPerSecond, retryAfter: plan.seed % 2 === 0 },
    })
    this.#network = createNetwork(plan, this.#clock, this.#random, simulator.fetch, (line) => this.#note(line))
    this.#outbox = outboxOf(plan, folder)
  }

  async run(): Promise<RunResult> {
    const plan = this.#plan
    for (let index = 0; index < plan.processes; index++) this.#start(index)
    await this.#faults()
    this.#network.heal()
    for (const process of this.#processes) process.thaw()
    if (plan.pauses.length > 0) await this.#ask((process) => process.client.resumeAll())
    this.#note('healed')
    const stalled = await this.#settle()
    const problems = [...this.#sighting.violations, ...stalled, ...(await this.#check())]
    for (const process of this.#processes) void process.client.close()
    await this.#clock.advance(60_000)
    await this.#outbox.close()
    return {
      plan,
      problems,
      seen: this.#sighting.seen,
      log: this.#log,
      accepted: this.#oracle.filter(({ state }) => state === 'stored' || state === 'delivered').length,
      requests: this.#network.requests,
      virtualMs: this.#clock.monotonicMs(),
    }
  }

  /** Phase 1: everything that the plan says, in the order of time. */
  async #faults(): Promise<void> {
    const plan = this.#plan
    const acts: { atMs: number; act: () => void }[] = [
      ...workloadOf(plan, this.#random).map((call) => ({ atMs: call.atMs, act: () => this.#issue(call) })),
      ...plan.kills.map((kill) => ({ atMs: kill.atMs, act: () => this.#kill(kill.process) })),
      ...plan.freezes.flatMap((freeze) => this.#freezing(freeze)),
      ...plan.pauses.flatMap((pause) => this.#pausing(pause)),
      ...plan.wallJumps.map((jump) => ({ atMs: jump.atMs, act: () => this.#clock.jumpWallMs(jump.byMs) })),
    ]
    acts.sort((a, b) => a.atMs - b.atMs)
    for (const { atMs, act } of acts) {
      await this.#clock.advance(Math.max(0, atMs - this.#clock.monotonicMs()))
      act()
    }
    await this.#clock.advance(Math.max(0, plan.durationMs - this.#clock.monotonicMs()))
  }

  #freezing({ atMs, forMs, process: index }: Freeze): { atMs: number; act: () => void }[] {
    let frozen: SimulatedProcess | undefined
    return [
      {
        atMs,
        act: () => {
          frozen = this.#processes[index]!
          this.#note(`freeze ${frozen.name}`)
          frozen.freeze()
        },
      },
      { atMs: atMs + forMs, act: () => frozen?.thaw() },
    ]
  }

  #pausing({ atMs, forMs }: PauseForAll): { atMs: number; act: () => void }[] {
    const asked = (end: number, ask: (client: SimulatedProcess['client']) => Promise<void>): (() => void) => {
      return () => void ask(this.#processes.at(end)!.client).catch(() => {})
    }
    return [
      { atMs, act: asked(0, (client) => client.pauseAll({ who: 'somebody' })) },
      { atMs: atMs + forMs, act: asked(-1, (client) => client.resumeAll()) },
    ]
  }

  /** Phase 2: until nothing waits, in the outbox or for an answer of a living process; a stall, not slowness, fails. */
  async #settle(): Promise<string[]> {
    let newest = ''
    let sinceMs = this.#clock.monotonicMs()
    for (;;) {
      const stats = await this.#ask((process) => process.client.stats())
      const isAnswered = [...this.#owed.values()].every((process) => !process.alive())
      if (stats.waiting === 0 && isAnswered) return []
      const progress = `${stats.waiting} ${this.#network.arrivals.length} ${stats.deadLetters}`
      if (progress !== newest) {
        newest = progress
        sinceMs = this.#clock.monotonicMs()
      } else if (this.#clock.monotonicMs() - sinceMs > STALL_MS) {
        return [`stalled with ${stats.waiting} waiting (${JSON.stringify({ ...stats, totals: undefined })})`]
      }
      await this.#clock.advance(1_000)
    }
  }

  async #check(): Promise<string[]> {
    const stats = await this.#ask((process) => process.client.stats())
    const deadLetters: DeadLetter[] = []
    let after: string | null = null
    do {
      const position: string | null = after
      const page: { deadLetters: readonly DeadLetter[]; after: string | null } = await this.#ask((process) =>
        process.client.deadLetters.list({ limit: 1_000, ...(position === null ? {} : { after: position }) }),
      )
      deadLetters.push(...page.deadLetters)
      after = page.after
    } while (after !== null)
    const evidence = { plan: this.#plan, oracle: this.#oracle, arrivals: this.#network.arrivals, deadLetters, stats }
    if (deadLetters.length > 0) this.#sighting.seen.add('dead letter')
    if (this.#hasReplay()) this.#sighting.seen.add('replay')
    const problems = Object.entries(checkers).flatMap(([name, check]) =>
      check(evidence).map((problem) => `${name}: ${problem}`),
    )
    return [...problems, ...(await this.#checkMetrics())]
  }

  /** What an operator is shown of the account. */
  async #checkMetrics(): Promise<string[]> {
    const metrics = createMetrics({ runtime: { clock: this.#clock } })
    const families = await this.#ask((process) => {
      metrics.watch(process.name, process.client)
      return metrics.collect()
    })
    metrics.close()
    return ['holdfast.conservation.error', 'holdfast.ops.lost', 'holdfast.scrape.errors'].flatMap((name) => {
      const [sample] = families.find(({ metric }) => metric.name === name)?.samples ?? []
      const value = sample !== undefined && 'value' in sample ? sample.value : 'nothing'
      return value === 0 ? [] : [`metrics: ${name} is ${value}`]
    })
  }

  #hasReplay(): boolean {
    const marks = this.#network.arrivals.map((arrival) => arrival.mark).filter((mark) => mark.includes('#'))
    return new Set(marks).size < marks.length
  }

  /** Asks a living process something, letting time go on until it answers. */
  async #ask<T>(question: (process: SimulatedProcess) => Promise<T>): Promise<T> {
    const process = this.#processes.find((candidate) => candidate.alive())!
    const asked: { answer?: { readonly value: T }; error?: Error } = {}
    question(process).then(
      (value) => (asked.answer = { value }),
      (error: Error) => (asked.error = error),
    )
    for (let waits = 0; asked.answer === undefined && asked.error === undefined; waits++) {
      if (waits > 1_000) throw new Error('a question is not answered')
      await this.#clock.advance(10)
    }
    if (asked.answer === undefined) throw asked.error ?? new Error('no answer')
    return asked.answer.value
  }

  #start(index: number): void {
    this.#incarnation++
    this.#processes[index] = startProcess({
      name: `process ${index}.${this.#incarnation}`,
      plan: this.#plan,
      clock: this.#clock,
      random: this.#random,
      network: this.#network,
      open: this.#outbox.open,
      sighting: this.#sighting,
      log: (line) => this.#note(line),
    })
  }

  #kill(index: number): void {
    const process = this.#processes[index]!
    this.#note(`kill ${process.name}`)
    process.kill()
    this.#start(index)
  }

  /** Of a process that is frozen, when it goes on; of one that dies before that, never. */
  #issue(call: PlannedCall): void {
    const process = this.#processes[call.process]!
    process.whenRunning(() => process.alive() && this.#issueNow(call, process))
  }

  #issueNow(call: PlannedCall, process: SimulatedProcess): void {
    const issued: Issued = { call, wallMs: this.#clock.wallMs(), state: 'pending' }
    this.#oracle.push(issued)
    this.#note(`call ${call.n} ${call.mark}`)
    const answer = this.#answered(process, call.issue(process.client))
    answer.then(
      (receipt: Receipt | BatchReceipt) => {
        if (!process.alive()) return
        issued.state = receipt.state
        if ('id' in receipt) issued.id = receipt.id
        this.#note(`${receipt.state} ${call.n}`)
        this.#sighting.seen.add(receipt.state === 'duplicate' ? 'duplicate' : `${receipt.state} receipt`)
      },
      (error: Error & { code?: string; reason?: string }) => {
        if (!process.alive()) return
        issued.state = 'refused'
        issued.errorCode = error.code ?? error.message
        if (error.reason !== undefined) issued.errorReason = error.reason
        this.#note(`refused ${call.n} ${issued.errorCode} ${issued.errorReason ?? ''}`)
        if (issued.errorCode === 'OUTBOX_FULL') this.#sighting.seen.add('full outbox')
        if (issued.errorReason !== undefined) this.#sighting.seen.add(`thrown ${issued.errorReason}`)
      },
    )
  }

  /** Keeps the process among those that owe an answer until it has given this one. */
  #answered<T>(process: SimulatedProcess, answer: Promise<T>): Promise<T> {
    const owes = Symbol(process.name)
    this.#owed.set(owes, process)
    return answer.finally(() => this.#owed.delete(owes))
  }

  #note(line: string): void {
    this.#log.push(`${this.#clock.monotonicMs().toFixed(1)} ${line}`)
  }
}
