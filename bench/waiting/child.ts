/**
 * A process that holds an outbox open, or none. It says how soon the outbox could be used, and how much memory the
 * process takes once that no longer changes. Started with `--expose-gc`.
 */
import { setTimeout as passed } from 'node:timers/promises'

import { answerOfChild, inputOfChild } from '../child.ts'

export interface WaitingInput {
  /** Null for a process that opens nothing. */
  readonly path: string | null
}

export interface WaitingAnswer {
  readonly rssMb: number
  readonly peakMb: number
  /** From the call to open until an append was durable, and until a claim was answered; both are asked for at once. */
  readonly appendMs: number
  readonly claimMs: number
}

const LOOK_MS = 100
const LOOKS = 20
const STABLE_MB = 1
const LOOKS_MAX = 600

function rssMb(): number {
  return process.memoryUsage.rss() / 1e6
}

/** Collects garbage until the size of the process stays as it is for two seconds. */
async function stableRssMb(): Promise<number> {
  const seen: number[] = []
  while (seen.length < LOOKS_MAX) {
    globalThis.gc?.()
    seen.push(rssMb())
    const newest = seen.slice(-LOOKS)
    if (newest.length === LOOKS && Math.max(...newest) - Math.min(...newest) < STABLE_MB) return seen.at(-1)!
    await passed(LOOK_MS)
  }
  throw new Error('the memory of the process did not come to rest within a minute')
}

async function hold(path: string): Promise<WaitingAnswer> {
  const { sqliteOutbox, systemRuntime } = await import('../../src/index.ts')
  const { entryOf } = await import('../../src/outbox/entry.ts')
  const { operationOf, sampleCalls } = await import('../sample-calls.ts')
  const [call] = sampleCalls(1)
  const entry = entryOf(operationOf(call!))

  const startedMs = performance.now()
  const outbox = await sqliteOutbox({ path })({ runtime: systemRuntime, workspace: 'site', notice: () => {} })
  const [appendMs, { claim, claimMs }] = await Promise.all([
    outbox.append([entry]).then(() => performance.now() - startedMs),
    outbox
      .claim({ entriesMax: 400, bytesMax: 1_000_000, leaseMs: 60_000 })
      .then((claim) => ({ claim, claimMs: performance.now() - startedMs })),
  ])
  if (claim.entries.length === 0) throw new Error('the first claim is empty')
  const settlements = claim.entries.map(({ position }) => ({
    lease: claim.lease,
    position,
    verdict: { to: 'waiting', delayMs: 0, countAttempt: false } as const,
  }))
  await outbox.settle(settlements)
  const stable = await stableRssMb()
  await outbox.close()
  return { rssMb: stable, peakMb: process.resourceUsage().maxRSS / 1000, appendMs, claimMs }
}

const { path } = inputOfChild() as WaitingInput
if (path === null) {
  const stable = await stableRssMb()
  const answer: WaitingAnswer = {
    rssMb: stable,
    peakMb: process.resourceUsage().maxRSS / 1000,
    appendMs: 0,
    claimMs: 0,
  }
  answerOfChild(answer)
} else answerOfChild(await hold(path))
