/**
 * A process that drains a backlog into a simulator inside itself. It first drains a small one, so that no size pays for
 * code that has not run yet; and it checks that every operation arrived exactly once and in the order of its person.
 */
import { ResilientCustomerIO, sqliteOutbox, systemRuntime } from '../../src/index.ts'
import { createSimulator, type LedgerEntry } from '../../src/simulator/index.ts'
import { answerOfChild, inputOfChild } from '../child.ts'

export interface DrainInput {
  readonly warmUp: { readonly path: string; readonly size: number }
  readonly backlog: { readonly path: string; readonly size: number }
}

export interface DrainAnswer {
  readonly perSecond: number
  /** Seconds of each tenth of the backlog. */
  readonly tenths: readonly number[]
}

const LATENCY_MS = 20
const CONCURRENCY = 8
/** How often the ledger is read and emptied: a million entries of it would be what is measured. */
const COLLECT_REQUESTS = 100

interface Arrivals {
  take(entries: readonly LedgerEntry[]): void
  check(): void
}

function watchArrivals(size: number): Arrivals {
  const times = new Uint8Array(size)
  const newest = new Map<string, number>()
  let disordered = 0
  return {
    take(entries) {
      for (const { call, person, applied } of entries) {
        if (!applied || call?.type !== 'event' || person === null) throw new Error('the simulator refused an operation')
        const number = call.data['number'] as number
        times[number]!++
        if (number < (newest.get(person) ?? -1)) disordered++
        newest.set(person, number)
      }
    },
    check() {
      const missing = times.filter((count) => count === 0).length
      const repeated = times.filter((count) => count > 1).length
      if (missing + repeated + disordered === 0) return
      throw new Error(`of ${size} operations ${missing} are missing, ${repeated} repeated, ${disordered} out of order`)
    },
  }
}

async function drain({ path, size }: { readonly path: string; readonly size: number }): Promise<DrainAnswer> {
  const simulator = createSimulator({ latencyMs: LATENCY_MS, state: false })
  const arrivals = watchArrivals(size)
  const collect = (): void => {
    arrivals.take(simulator.ledger.all())
    simulator.ledger.clear()
  }
  let requests = 0
  const cio = new ResilientCustomerIO({
    siteId: 'site',
    apiKey: 'key',
    outbox: sqliteOutbox({ path }),
    concurrency: CONCURRENCY,
    rateLimit: { perSecond: Infinity },
    runtime: {
      ...systemRuntime,
      async fetch(request) {
        if (++requests % COLLECT_REQUESTS === 0) collect()
        return simulator.fetch(request)
      },
    },
  })
  cio.pause()
  const { waiting } = await cio.stats()
  if (waiting !== size) throw new Error(`${waiting} of ${size} operations wait`)

  const marks: number[] = []
  let delivered = 0
  const all = new Promise<void>((resolve) => {
    cio.on((event) => {
      if (event.type !== 'delivered') return
      delivered += event.entries.length
      while (delivered >= ((marks.length + 1) * size) / 10 && marks.length < 10) marks.push(performance.now())
      if (delivered >= size) resolve()
    })
  })
  // Nothing else of this process keeps it alive while it waits.
  const alive = setInterval(() => {}, 1_000)
  const startedMs = performance.now()
  cio.resume()
  await all
  const seconds = (performance.now() - startedMs) / 1000
  clearInterval(alive)
  await cio.close()
  collect()
  arrivals.check()
  const tenths = marks.map((mark, index) => (mark - (marks[index - 1] ?? startedMs)) / 1000)
  return { perSecond: size / seconds, tenths }
}

const { warmUp, backlog } = inputOfChild() as DrainInput
await drain(warmUp)
answerOfChild(await drain(backlog))
