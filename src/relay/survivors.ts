/**
 * Retries of requests that were stored just before the relay ended without answering them. Nothing of their content is
 * remembered but the operations themselves: those that still wait and were accepted shortly before the start are read when
 * the outbox is open, and a retry is one of them if its call, stamped with that one's id and time, is that one.
 *
 * What was delivered before the end is not found, and is stored a second time; nor is what stands behind the newest
 * `operationsMax`. After `forMs` nothing is looked for any more.
 */
import { hash } from 'node:crypto'

import type { Queue, WaitingOperation } from '../client/queue.ts'
import type { Call } from '../protocol/call.ts'
import { createOperation } from '../protocol/operation.ts'
import type { Clock } from '../runtime/clock.ts'
import { type Attempted, claimFor } from './attempts.ts'

export interface SurvivorsOptions {
  /** How long before the start an operation may have been accepted. */
  readonly acceptedWithinMs: number
  /** How long after the start a retry may come. */
  readonly forMs: number
  readonly operationsMax: number
}

export const SURVIVORS_DEFAULTS: SurvivorsOptions = Object.freeze({
  acceptedWithinMs: 60_000,
  forMs: 60_000,
  operationsMax: 10_000,
})

export interface Survivors {
  /** The id of the operation that this call of a retry is; undefined where there is none. Claimed by that. */
  idOf(call: Call, attempt: number): string | undefined
}

interface Survivor extends Attempted {
  readonly id: string
  readonly acceptedAtMs: number
  /** Of the stored call. */
  readonly digest: string
}

const PAGE_MAX = 1_000

/** @param startedAtMs wall time of the start. Rejects when the outbox cannot be read. */
export async function readSurvivors(
  queue: Queue,
  clock: Clock,
  startedAtMs: number,
  options: SurvivorsOptions = SURVIVORS_DEFAULTS,
): Promise<Survivors> {
  const byContent = new Map<string, Survivor[]>()
  const oldestMs = startedAtMs - options.acceptedWithinMs
  let left = options.operationsMax
  let after: Parameters<Queue['list']>[0] = {}
  while (left > 0) {
    const page = await queue.list({ order: 'newest-first', limit: Math.min(left, PAGE_MAX), ...after })
    left -= page.operations.length
    for (const operation of page.operations) add(byContent, operation, startedAtMs, oldestMs)
    const last = page.operations.at(-1)
    if (page.after === null || last === undefined || last.acceptedAtMs < oldestMs) break
    after = { after: page.after }
  }
  const endMs = clock.monotonicMs() + options.forMs
  return {
    idOf(call, attempt) {
      if (clock.monotonicMs() >= endMs) byContent.clear()
      if (byContent.size === 0 || attempt === 0) return undefined
      const equal = byContent.get(contentOf(call))?.filter(({ id, acceptedAtMs, digest }) => {
        return digestOf(createOperation(call, { id, acceptedAtMs }).call) === digest
      })
      return claimFor(equal ?? [], attempt)?.id
    },
  }
}

function add(
  byContent: Map<string, Survivor[]>,
  { id, acceptedAtMs, call }: WaitingOperation,
  startedAtMs: number,
  oldestMs: number,
): void {
  if (call === undefined || acceptedAtMs < oldestMs || acceptedAtMs > startedAtMs) return
  const content = contentOf(call)
  const survivor = { id, acceptedAtMs, digest: digestOf(call), attempts: [] }
  const equal = byContent.get(content)
  if (equal === undefined) byContent.set(content, [survivor])
  else equal.push(survivor)
}

/** What a call has before and after it is stamped. */
function contentOf(call: Call): string {
  return digestOf({ ...call, id: undefined, timestamp: undefined })
}

function digestOf(call: object): string {
  return hash('sha256', JSON.stringify(call), 'base64')
}
