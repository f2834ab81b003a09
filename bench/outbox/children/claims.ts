/**
 * A process that claims behind a lane that is held back: that lane's operations were stored first, those of other people
 * after them. Says how long each claim of `claimSize` took.
 */
import { entryOf } from '../../../src/outbox/entry.ts'
import { systemRuntime } from '../../../src/runtime/system.ts'
import { answerOfChild, inputOfChild } from '../../child.ts'
import { chunks, numbered } from '../operations.ts'
import { openerOf, prepare, type StoreName } from '../stores.ts'

export interface ClaimsInput {
  readonly store: StoreName
  readonly url: string
  /** Operations of the lane that is held back. */
  readonly blocked: number
  readonly claims: number
  readonly claimSize: number
}

export interface ClaimsAnswer {
  readonly claimsMs: readonly number[]
}

const HELD_MS = 600_000
const APPEND = 500

const { store, url, blocked, claims, claimSize } = inputOfChild() as ClaimsInput
const want = { entriesMax: claimSize, bytesMax: 1e9, leaseMs: 60_000 }
await prepare(store, url)
const outbox = await (await openerOf(store, url))({ runtime: systemRuntime, workspace: 'site', notice: () => {} })

/** As a backlog: nothing of it may pass by what was stored before. */
async function append(people: readonly string[]): Promise<void> {
  const entries = people.map((person, number) => ({
    ...entryOf(numbered(number, person).operation),
    priority: 'bulk' as const,
  }))
  for (const chunk of chunks(entries, APPEND)) await outbox.append(chunk)
}

await append(Array.from({ length: blocked }, () => 'blocked'))
const head = await outbox.claim(want)
await outbox.settle(
  head.entries.map(({ position }) => ({
    lease: head.lease,
    position,
    verdict: { to: 'waiting', delayMs: HELD_MS, countAttempt: true },
  })),
)
await append(Array.from({ length: claims * claimSize }, (_, index) => `other-${index}`))

const claimsMs: number[] = []
for (let turn = 0; turn < claims; turn++) {
  const startedMs = performance.now()
  const { lease, entries } = await outbox.claim(want)
  claimsMs.push(performance.now() - startedMs)
  if (entries.length !== claimSize) throw new Error(`a claim gave ${entries.length} of ${claimSize} entries`)
  await outbox.settle(entries.map(({ position }) => ({ lease, position, verdict: { to: 'delivered' } })))
}
const { waiting, lanesHeld } = await outbox.stats()
await outbox.close()
if (waiting !== blocked || lanesHeld !== 1)
  throw new Error(`${waiting} operations wait and ${lanesHeld} lanes are held`)
const answer: ClaimsAnswer = { claimsMs }
answerOfChild(answer)
