/** What waits for delivery, for people: to look at, never to change. */
import { callOf } from '../outbox/entry.ts'
import type { ListedEntry, Outbox, Position } from '../outbox/outbox.ts'
import type { Call } from '../protocol/call.ts'
import { personLane } from '../protocol/lanes.ts'
import type { Priority } from '../protocol/operation.ts'

export interface WaitingOperation {
  readonly position: Position
  /** The operation's ULID. */
  readonly id: string
  readonly type: string
  readonly priority: Priority
  /** Wall times. */
  readonly acceptedAtMs: number
  readonly expiresAtMs: number | null
  /** From which the campaign window of 72 hours runs; null where it triggers no campaign. */
  readonly campaignAtMs: number | null
  /** That failed so far. */
  readonly attempts: number
  /** The call itself; undefined when what is stored cannot be read any more. */
  readonly call: Call | undefined
}

export interface QueueQuery {
  /** Of one person, as named in the call. */
  readonly person?: string
  /** Of this operation alone. */
  readonly id?: string
  /** @defaultValue 'oldest-first' */
  readonly order?: 'oldest-first' | 'newest-first'
  /** `after` of the page before. */
  readonly after?: Position
  /** 1 to 1,000. @defaultValue 100 */
  readonly limit?: number
}

export interface Queue {
  /** A page of what waits. `after` is null on the last one. What is in flight is among it. */
  list(
    query?: QueueQuery,
  ): Promise<{ readonly operations: readonly WaitingOperation[]; readonly after: Position | null }>
}

export function createQueue(ready: () => Promise<Pick<Outbox, 'list'>>): Queue {
  return {
    async list({ person, limit = 100, ...query } = {}) {
      const lane = person === undefined ? {} : { lane: personLane({ by: 'path', value: person }) }
      const page = await (await ready()).list({ from: 'waiting', limit, ...lane, ...query })
      return { operations: page.entries.map(waitingOf), after: page.after }
    },
  }
}

/** The call in a stored body; undefined when it cannot be read any more. */
export function readableCall(body: string): Call | undefined {
  try {
    return callOf(body)
  } catch {
    return undefined
  }
}

function waitingOf(entry: ListedEntry): WaitingOperation {
  const { position, id, type, priority, acceptedAtMs, expiresAtMs, campaignAtMs, attempts, body } = entry
  const call = readableCall(body)
  return { position, id, type, priority, acceptedAtMs, expiresAtMs, campaignAtMs, attempts, call }
}
