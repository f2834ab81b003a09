/** An outbox of ours as a side: what the engine does with it, without the engine. */
import { entryOf } from '../../../src/outbox/entry.ts'
import type { Claim, OpenOutbox, Outbox, Settlement, Verdict } from '../../../src/outbox/outbox.ts'
import { systemRuntime } from '../../../src/runtime/system.ts'
import { numberIn } from '../operations.ts'
import { AGAIN_MS, type Consumer, type ConsumerOptions, type Place, type Producer, type Side } from '../side.ts'

const CLAIM = { entriesMax: 500, bytesMax: 475_000, leaseMs: 30_000 }
/** A wake-up may be lost. */
const LOOK_MS = 1_000
const AGAIN: Verdict = { to: 'waiting', delayMs: AGAIN_MS, countAttempt: true }

export function outboxSide(openAt: (place: Place) => Promise<OpenOutbox>, prepare: Side['prepare']): Side {
  const open = async (place: Place, woken: () => void = () => {}): Promise<Outbox> =>
    (await openAt(place))({
      runtime: systemRuntime,
      workspace: 'site',
      notice: (notice) => notice.type === 'appended' && woken(),
    })
  return {
    prepare,
    async produce(place): Promise<Producer> {
      const outbox = await open(place)
      return {
        append: (operations) => outbox.append(operations.map(({ operation }) => entryOf(operation))),
        close: () => outbox.close(),
      }
    },
    async consume(place, options) {
      const bell = createBell()
      return consumer(await open(place, bell.ring), bell, options)
    },
    async waiting(place) {
      const outbox = await open(place)
      const { waiting } = await outbox.stats()
      await outbox.close()
      return waiting
    },
  }
}

interface Bell {
  ring: () => void
  /** Until it rings, at most. Rings that nobody heard are heard at once. */
  wait: (ms: number) => Promise<void>
}

function createBell(): Bell {
  const waiting = new Set<() => void>()
  return {
    ring: () => {
      for (const wake of waiting) wake()
    },
    wait: (ms) =>
      new Promise((resolve) => {
        const wake = (): void => {
          clearTimeout(timer)
          waiting.delete(wake)
          resolve()
        }
        const timer = setTimeout(wake, ms)
        waiting.add(wake)
      }),
  }
}

function consumer(outbox: Outbox, bell: Bell, { sink, batches }: ConsumerOptions): Consumer {
  const stopping = new AbortController()
  let loops: Promise<unknown> = Promise.resolve()

  async function loop(): Promise<void> {
    while (!stopping.signal.aborted) {
      const claim = await outbox.claim(CLAIM)
      if (claim.entries.length === 0) await bell.wait(Math.min(claim.nextInMs ?? LOOK_MS, LOOK_MS))
      else await deliver(claim)
    }
  }

  async function deliver({ lease, entries }: Claim): Promise<void> {
    const done = await sink(entries.map(({ body, attempts }) => ({ number: numberIn(body), isAgain: attempts > 0 })))
    const settlements = entries.map(({ position }, index): Settlement => ({
      lease,
      position,
      verdict: done[index] === true ? { to: 'delivered' } : AGAIN,
    }))
    const states = await outbox.settle(settlements)
    if (states.includes('lapsed')) throw new Error('a lease ended before its batch was settled')
    // Their lanes are free again, for the loop beside this one too.
    bell.ring()
  }

  return {
    start() {
      loops = Promise.all(Array.from({ length: batches }, loop))
    },
    async close() {
      stopping.abort()
      bell.ring()
      await loops
      await outbox.close()
    },
  }
}
