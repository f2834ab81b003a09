/**
 * A process of the application: a client on a runtime that dies with it. After `kill` no timer of it fires, no answer
 * reaches it and nothing it asked the outbox comes back; what had left it goes on.
 */
import { ResilientCustomerIO, type TimeoutOptions } from '../../src/index.ts'
import type { OpenOutbox, Outbox, OutboxNotice } from '../../src/outbox/outbox.ts'
import type { Clock } from '../../src/runtime/clock.ts'
import type { Random, Runtime } from '../../src/runtime/runtime.ts'
import { ulid } from '../../src/runtime/ulid.ts'
import type { VirtualClock } from '../../src/testing/virtual-clock.ts'
import { createFreezer } from '../client/freezing.ts'
import type { Network } from './network.ts'
import type { Plan } from './plan.ts'

export interface Sighting {
  /** What a running process must never do, as sentences. */
  readonly violations: string[]
  /** What a run should see now and then. */
  readonly seen: Set<string>
}

export interface SimulatedProcess {
  readonly name: string
  readonly client: ResilientCustomerIO
  alive(): boolean
  kill(): void
  freeze(): void
  thaw(): void
  /** At once, or when it goes on. */
  whenRunning(act: () => void): void
}

export function startProcess(parts: {
  readonly name: string
  readonly plan: Plan
  readonly clock: VirtualClock
  readonly random: Random
  readonly network: Network
  readonly open: OpenOutbox
  readonly sighting: Sighting
  readonly log: (line: string) => void
}): SimulatedProcess {
  const { name, plan, clock, random, sighting } = parts
  let diedAtMs: number | null = null
  const alive = (): boolean => diedAtMs === null
  const freezer = createFreezer()
  let circuit = 'closed'
  let underWay = 0
  const starts: number[] = []

  const fetch = parts.network.fetchFor({
    started() {
      underWay++
      if (circuit === 'open') sighting.violations.push(`${name} sent while its circuit was open`)
      // A probe goes beside what still hangs.
      if (underWay > plan.concurrency + 1) sighting.violations.push(`${name} had ${underWay} requests under way`)
      starts.push(clock.monotonicMs())
      const recent = starts.filter((startedMs) => startedMs > clock.monotonicMs() - 1_000).length
      const allowed = plan.perSecond + Math.max(1, plan.perSecond / 10) + 1
      if (recent > allowed) sighting.violations.push(`${name} sent ${recent} requests in a second`)
    },
    ended() {
      underWay--
    },
    diedAtMs: () => diedAtMs,
  })

  const runtime: Runtime = {
    clock: mortalClock(freezer.clock(clock), alive, plan.outbox === 'sqlite' ? Math.floor(random() * 1e9) : 0),
    random,
    newId: () =>
      ulid(
        clock.wallMs(),
        Uint8Array.from({ length: 10 }, () => Math.floor(random() * 256)),
      ),
    fetch: (request) => mortal(freezer.fetch(fetch)(request), alive),
  }
  const client = new ResilientCustomerIO({
    siteId: 'site',
    apiKey: 'key',
    baseUrl: 'http://customer.io.invalid',
    lint: 'off',
    concurrency: plan.concurrency,
    rateLimit: { perSecond: plan.perSecond },
    mode: plan.mode,
    timeouts: { deadlineMs: plan.deadlineMs, ...leasesOf(plan) },
    batch: { operationsMax: plan.batchOperationsMax },
    ...(plan.maxAgeMs === null ? {} : { maxAgeMs: plan.maxAgeMs }),
    runtime,
    outbox: async (context) => {
      const notice = (each: OutboxNotice): void => {
        if (alive()) context.notice(each)
      }
      return mortalOutbox(await freezer.outbox(parts.open)({ ...context, notice }), alive)
    },
  })
  client.on((event) => {
    if (!alive()) return
    sighting.seen.add(event.type)
    if (event.type === 'circuit') {
      circuit = event.to
      sighting.seen.add(`circuit-${event.to}`)
    }
    const detail = 'entries' in event ? (typeof event.entries === 'number' ? event.entries : event.entries.length) : ''
    parts.log(`${name} ${event.type} ${detail}`)
  })
  return {
    name,
    client,
    alive,
    kill() {
      diedAtMs = clock.monotonicMs()
    },
    freeze: () => freezer.freeze(),
    thaw: () => freezer.thaw(),
    whenRunning: (act) => freezer.whenRunning(act),
  }
}

function leasesOf({ attemptMs }: Plan): TimeoutOptions {
  return attemptMs === null ? {} : { callMs: attemptMs, batchMs: attemptMs, leaseMs: 2 * attemptMs }
}

/** Each process has its own origin of monotonic time; what shares memory shares it. */
function mortalClock(clock: Clock, alive: () => boolean, originMs: number): Clock {
  return {
    wallMs: () => clock.wallMs(),
    monotonicMs: () => clock.monotonicMs() + originMs,
    timer: (delayMs, fire) => clock.timer(delayMs, () => alive() && fire()),
  }
}

function mortal<T>(promise: Promise<T>, alive: () => boolean): Promise<T> {
  return new Promise((resolve, reject) => {
    promise.then(
      (value) => alive() && resolve(value),
      (error: unknown) => alive() && reject(error),
    )
  })
}

function mortalOutbox(outbox: Outbox, alive: () => boolean): Outbox {
  const guard = <T>(run: () => Promise<T>): Promise<T> => (alive() ? mortal(run(), alive) : new Promise(() => {}))
  const { executions } = outbox
  return {
    executions: {
      begin: (ask) => guard(() => executions.begin(ask)),
      renew: (ask) => guard(() => executions.renew(ask)),
      complete: (ask) => guard(() => executions.complete(ask)),
      abandon: (ask) => guard(() => executions.abandon(ask)),
    },
    append: (entries) => guard(() => outbox.append(entries)),
    claim: (want) => guard(() => outbox.claim(want)),
    renew: (leases, leaseMs) => guard(() => outbox.renew(leases, leaseMs)),
    settle: (settlements) => guard(() => outbox.settle(settlements)),
    stats: () => guard(() => outbox.stats()),
    mayHold: (lanes) => guard(() => outbox.mayHold(lanes)),
    lookup: (positions) => guard(() => outbox.lookup(positions)),
    list: (query) => guard(() => outbox.list(query)),
    resolveDead: (selection, how) => guard(() => outbox.resolveDead(selection, how)),
    purge: (lane) => guard(() => outbox.purge(lane)),
    tell: (hint) => {
      if (alive()) outbox.tell(hint)
    },
    setPaused: (pause) => guard(() => outbox.setPaused(pause)),
    close: () => guard(() => outbox.close()),
  }
}
