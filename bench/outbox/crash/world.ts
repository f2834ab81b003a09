/**
 * One store, two processes that store operations, two that deliver them, and a Customer.io with faults. The processes that
 * deliver, or the server of the store, are struck again and again; each blow waits until they are at work again.
 */
import { setTimeout as passed } from 'node:timers/promises'

import { startPostgres } from '../../../test/servers/postgres.ts'
import type { TestServer } from '../../../test/servers/process.ts'
import { startRedis } from '../../../test/servers/redis.ts'
import { createSimulator, type SimulatorServer } from '../../../src/simulator/index.ts'
import { seededRandom } from '../../../src/testing/seeded-random.ts'
import { prepare, type StoreName } from '../stores.ts'
import { type Account, accountOf } from './account.ts'
import type { ConsumerInput } from './consumer.ts'
import { addFaults, arrivalsAt, finalsAt } from './provider.ts'
import { type Blow, blowsOf, CONSUMERS, type Counts, type Size } from './plan.ts'
import { startProcess, type WorldProcess } from './process.ts'
import type { ProducerInput } from './producer.ts'
import { endOf } from './end.ts'

export interface WorldOptions extends Counts, Size {
  readonly store: StoreName
  readonly seed: number
  /** Where the server keeps its files. */
  readonly folder?: string
  readonly leaseMs: number
  readonly attemptMs: number
  readonly struck?: (blow: Blow, isBusy: boolean) => void
}

export interface WorldResult {
  readonly account: Account
  /** Blows that fell while a request of their target was under way. */
  readonly busyBlows: number
  /** Appends that were made again. */
  readonly again: number
  readonly requests: number
  readonly seconds: number
}

const PRODUCERS = 2
const LATENCY_MS = { min: 15, max: 45 }
const LOOK_MS = 2
/** A blow falls in any case after so long. */
const WORK_MS_MAX = 3_000

export async function runWorld(options: WorldOptions): Promise<WorldResult> {
  const startedMs = performance.now()
  const { server, url } = await startServer(options)
  try {
    await prepare(options.store, url)
    const simulator = createSimulator({ latencyMs: LATENCY_MS, random: seededRandom(options.seed) })
    addFaults(simulator)
    const listening = await simulator.listen()
    try {
      const world = new World(options, server, url, listening)
      const { busyBlows, again, dead, accepted } = await world.run()
      const arrivals = arrivalsAt(simulator)
      const account = accountOf({ size: options, arrivals, dead, accepted, finals: finalsAt(simulator, options) })
      const seconds = (performance.now() - startedMs) / 1000
      return { account, busyBlows, again, requests: simulator.ledger.requests().length, seconds }
    } finally {
      await listening[Symbol.asyncDispose]()
    }
  } finally {
    await server.stop()
  }
}

async function startServer({
  store,
  serverKills,
  folder,
}: WorldOptions): Promise<{ readonly server: TestServer; readonly url: string }> {
  if (store === 'redis') {
    // A server that syncs once a second has promised nothing of the second before its death.
    const server = await startRedis({ appendfsync: serverKills > 0 ? 'always' : 'everysec' }, folder)
    return { server, url: server.url }
  }
  const server = await startPostgres({}, folder)
  return { server, url: await server.database() }
}

function underWayAt(consumer: WorldProcess): number {
  return consumer.times('s') - consumer.times('r')
}

class World {
  readonly #options: WorldOptions
  readonly #server: TestServer
  readonly #url: string
  readonly #baseUrl: string
  readonly #producers: readonly WorldProcess[]
  readonly #consumers: WorldProcess[]
  readonly #portions: number
  #released = 0
  #busyBlows = 0
  #failure: Error | undefined

  constructor(options: WorldOptions, server: TestServer, url: string, provider: SimulatorServer) {
    this.#options = options
    this.#server = server
    this.#url = url
    this.#baseUrl = provider.url
    const { store, operations, people } = options
    this.#producers = Array.from({ length: PRODUCERS }, (_, which) => {
      const input: ProducerInput = { store, url, size: { operations, people }, which }
      return startProcess(new URL('./producer.ts', import.meta.url), input, this.#failed)
    })
    this.#consumers = Array.from({ length: CONSUMERS }, () => this.#startConsumer())
    this.#portions = options.kills + 2 * options.freezes + options.serverKills + 1
  }

  async run(): Promise<{
    readonly busyBlows: number
    readonly again: number
    readonly dead: readonly number[]
    readonly accepted: number
  }> {
    const { store, seed, operations } = this.#options
    try {
      for (const blow of blowsOf(this.#options, seededRandom(seed))) await this.#strike(blow)
      this.#release(operations)
      await this.#until(() => this.#producers.every((one) => one.times(`stored ${operations}`) > 0), Infinity)
      const { dead, accepted } = await endOf(store, this.#url, () => this.#check())
      await Promise.all([...this.#consumers, ...this.#producers].map((one) => one.finish()))
      this.#check()
      const again = this.#producers.reduce((sum, one) => sum + one.times('again'), 0)
      return { busyBlows: this.#busyBlows, again, dead, accepted }
    } finally {
      await Promise.all([...this.#consumers, ...this.#producers].map((one) => one.kill()))
    }
  }

  readonly #failed = (why: Error): void => void (this.#failure ??= why)

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure
  }

  #startConsumer(): WorldProcess {
    const { store, leaseMs, attemptMs } = this.#options
    const input: ConsumerInput = { store, url: this.#url, baseUrl: this.#baseUrl, leaseMs, attemptMs }
    return startProcess(new URL('./consumer.ts', import.meta.url), input, this.#failed)
  }

  /** More operations are stored; nobody waits for that. */
  #release(below?: number): void {
    const { operations } = this.#options
    this.#released = below ?? Math.min(operations, this.#released + Math.ceil(operations / this.#portions))
    for (const producer of this.#producers) producer.say(`go ${this.#released}`)
  }

  async #strike(blow: Blow): Promise<void> {
    await this.#until(() => this.#consumers.every((one) => one.times('ready') > 0), Infinity)
    const busy = this.#watch(blow.afterRequests)
    this.#release()
    await this.#until(() => busy() !== undefined, WORK_MS_MAX)
    await passed(blow.thenMs)
    const target = busy() ?? 0
    const isBusy = underWayAt(this.#consumers[target]!) > 0
    if (isBusy) this.#busyBlows++
    this.#options.struck?.(blow, isBusy)
    if (blow.to === 'server') await this.#strikeServer(blow.downMs)
    else if (blow.how === 'kill') await this.#kill(target)
    else await this.#freeze(this.#consumers[target]!, blow.beyondMs)
  }

  /** Which process has begun so many requests from now on. */
  #watch(requests: number): () => number | undefined {
    const before = this.#consumers.map((one) => one.times('s'))
    return () => {
      const index = this.#consumers.findIndex((one, at) => one.times('s') >= before[at]! + requests)
      return index === -1 ? undefined : index
    }
  }

  async #kill(index: number): Promise<void> {
    await this.#consumers[index]!.kill()
    this.#consumers[index] = this.#startConsumer()
  }

  /** Meanwhile the other one gets what the frozen one had, and what came after it. */
  async #freeze(consumer: WorldProcess, beyondMs: number): Promise<void> {
    consumer.signal('SIGSTOP')
    this.#release()
    await passed(this.#options.leaseMs + beyondMs)
    consumer.signal('SIGCONT')
  }

  async #strikeServer(downMs: number): Promise<void> {
    await this.#server.kill()
    await passed(downMs)
    await this.#server.restart()
  }

  /** Looks until it is so, for so long at most. */
  async #until(isSo: () => boolean, msMax: number): Promise<void> {
    const startedMs = performance.now()
    while (!isSo() && performance.now() - startedMs < msMax) {
      this.#check()
      await passed(LOOK_MS)
    }
  }
}
