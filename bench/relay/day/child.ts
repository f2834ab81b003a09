/**
 * The world of one day: callers, a relay that is killed and restarted, a Customer.io with faults, one virtual clock.
 * Started with `--expose-gc`.
 */
import { join } from 'node:path'

import { openInlineSqliteOutbox } from '../../../src/outbox/sqlite/inline.ts'
import type { OpenOutbox, Outbox } from '../../../src/outbox/outbox.ts'
import { createRelay, type Relay } from '../../../src/relay/index.ts'
import { type Clock, sleep } from '../../../src/runtime/clock.ts'
import type { Runtime } from '../../../src/runtime/runtime.ts'
import { createSimulator } from '../../../src/simulator/index.ts'
import { seededRandom } from '../../../src/testing/seeded-random.ts'
import { createTestRuntime } from '../../../src/testing/test-runtime.ts'
import { VirtualClock } from '../../../src/testing/virtual-clock.ts'
import { answerOfChild, inputOfChild } from '../../child.ts'
import { CREDENTIALS } from '../servers.ts'
import { type Account, Accounts } from './account.ts'
import { runCaller } from './caller.ts'
import { FAULTS } from './faults.ts'

export interface DayInput {
  readonly folder: string
  readonly hours: number
  readonly callers: number
  readonly seed: number
}

export interface DayAnswer {
  readonly account: Account
  /** After each hour, with garbage collected. */
  readonly heapMb: readonly number[]
  readonly kills: number
  readonly restarts: number
}

const HOUR_MS = 3_600_000
const MINUTE_MS = 60_000
const PEOPLE_PER_CALLER = 200
/** Between two calls of a caller at noon and at midnight. */
const PAUSE_MS = { noon: 3_000, midnight: 20_000 } as const
const ENDING_EVERY_MINUTES = 41
const DOWN_MS_MAX = 20_000
/** Long enough for the next one to know that the file is free. */
const TAKEOVER_MS = 60_000
const DRAIN_MINUTES_MAX = 240

const input = inputOfChild() as DayInput
const clock = new VirtualClock()
const random = seededRandom(input.seed)
const accounts = new Accounts()
const simulator = createSimulator({
  clock,
  random,
  state: false,
  latencyMs: { min: 10, max: 60 },
  rateLimit: { perSecond: 100 },
})
for (const fault of FAULTS) simulator.faults.add(fault)

interface Life {
  readonly relay: Relay
  /** From now on nothing of it happens; its files are let go of when another relay has taken over. */
  kill(): void
}

function start(number: number): Life {
  let isAlive = true
  const opened: Outbox[] = []
  const outbox: OpenOutbox = async (context) => {
    const open = openInlineSqliteOutbox({ path: join(input.folder, 'day.db'), reserveBytes: 0, durability: 'os' })
    opened.push(await open(context))
    return opened.at(-1)!
  }
  const relay = createRelay({
    runtime: mortalRuntime(() => isAlive, number),
    workspaces: [{ name: 'day', client: { ...CREDENTIALS, baseUrl: 'http://customer.io.invalid', outbox } }],
  })
  return {
    relay,
    kill() {
      isAlive = false
      void sleep(clock, TAKEOVER_MS).then(() => Promise.all(opened.map((one) => one.close())))
    },
  }
}

/** After its process has died no timer fires, and no answer comes. */
function mortalRuntime(alive: () => boolean, number: number): Runtime {
  const { newId } = createTestRuntime({ clock, seed: input.seed + number })
  const mortalClock: Clock = {
    wallMs: () => clock.wallMs(),
    monotonicMs: () => clock.monotonicMs() + number * 1_000,
    timer: (delayMs, fire) => clock.timer(delayMs, () => alive() && fire()),
  }
  return { clock: mortalClock, random, newId, fetch: (request) => mortal(simulator.fetch(request), alive) }
}

function mortal<T>(promise: Promise<T>, alive: () => boolean): Promise<T> {
  return new Promise((resolve, reject) => {
    promise.then(
      (value) => alive() && resolve(value),
      (error: unknown) => alive() && reject(error),
    )
  })
}

let life: Life | undefined
let lives = 0
let kills = 0
let restarts = 0

function begin(): void {
  life = start(++lives)
}

/** Nobody listens where no relay lives; one that dies does not answer any more. */
function send(request: Request, connection: object): Promise<Response> {
  const now = life
  if (now === undefined) return Promise.reject(new TypeError('fetch failed', { cause: { code: 'ECONNREFUSED' } }))
  return mortal(now.relay.fetch(request, { connection }), () => life === now || endings.has(now))
}

/** Relays that end in order still answer what they have taken in. */
const endings = new Set<Life>()

async function endNow(): Promise<void> {
  const ending = life
  if (ending === undefined) return
  life = undefined
  if (random() < 0.5) {
    kills++
    ending.kill()
  } else {
    restarts++
    endings.add(ending)
    await ending.relay.close({ timeoutMs: 10_000 })
    endings.delete(ending)
  }
  await sleep(clock, random() * DOWN_MS_MAX)
  begin()
}

function collect(): void {
  for (const { call, person, id, applied } of simulator.ledger.all()) {
    if (!applied || call?.type !== 'event' || person === null) continue
    accounts.arrive(person, call.data['number'] as number, id)
  }
  simulator.ledger.clear()
}

function heapMb(): number {
  globalThis.gc?.()
  return process.memoryUsage().heapUsed / 1e6
}

/** More at noon than at midnight. */
function pauseMs(): number {
  const share = (1 - Math.cos((2 * Math.PI * clock.monotonicMs()) / (24 * HOUR_MS))) / 2
  return PAUSE_MS.midnight + share * (PAUSE_MS.noon - PAUSE_MS.midnight)
}

async function drained(): Promise<void> {
  for (let minute = 0; minute < DRAIN_MINUTES_MAX; minute++) {
    await clock.advance(MINUTE_MS)
    collect()
    const stats = await life?.relay.workspaces.get('day')!.stats()
    if (stats?.waiting === 0) return
  }
  throw new Error('the outbox did not empty after the day')
}

begin()
const callers = Array.from({ length: input.callers }, (_, index) =>
  runCaller({
    name: `caller${index}`,
    people: PEOPLE_PER_CALLER,
    clock,
    random,
    accounts,
    send,
    pauseMs,
    untilMs: input.hours * HOUR_MS,
  }),
)
const heap: number[] = []
for (let minute = 1; minute <= input.hours * 60; minute++) {
  await clock.advance(MINUTE_MS)
  collect()
  if (minute % ENDING_EVERY_MINUTES === 0) void endNow()
  if (minute % 60 === 0) heap.push(heapMb())
}
const calling = new Set(callers)
for (const caller of callers) void caller.then(() => calling.delete(caller))
while (calling.size > 0) await clock.advance(MINUTE_MS)
await drained()
const closed = life?.relay.close()
await clock.advance(MINUTE_MS)
await closed
const answer: DayAnswer = { account: accounts.account(), heapMb: heap, kills, restarts }
answerOfChild(answer)
process.exit(0)
