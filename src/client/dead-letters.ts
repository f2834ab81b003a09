/** Dead letters, for people: what was given up and why, and how to send it again or let it go. */
import type { DeadReason, DeadSelection, ListedEntry, Outbox, Position } from '../outbox/outbox.ts'
import type { Call } from '../protocol/call.ts'
import { personLane } from '../protocol/lanes.ts'
import { readableCall } from './queue.ts'

export interface DeadLetter {
  /** Names it in `replay` and `drop`. */
  readonly position: Position
  /** The operation's ULID; a replay keeps it. */
  readonly id: string
  readonly type: string
  readonly reason: DeadReason
  /** In Customer.io's words, where it gave some. */
  readonly status?: number
  readonly field?: string
  readonly message?: string
  /** Wall times. */
  readonly acceptedAtMs: number
  readonly diedAtMs: number
  readonly attempts: number
  /** The call itself; undefined when what is stored cannot be read any more. */
  readonly call: Call | undefined
}

export interface DeadLetterQuery {
  readonly reason?: DeadReason
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

/** Which ones: by position, or all that match. */
export type DeadLetterSelection =
  | { readonly positions: readonly Position[] }
  | { readonly all: true; readonly reason?: DeadReason; readonly person?: string }

export interface DeadLetters {
  /** A page. `after` is null on the last one. */
  list(
    query?: DeadLetterQuery,
  ): Promise<{ readonly deadLetters: readonly DeadLetter[]; readonly after: Position | null }>
  /** Puts them at the end of their lanes again, with their ids and times. Resolves to how many. */
  replay(selection: DeadLetterSelection): Promise<number>
  /** Removes them for good. Resolves to how many. */
  drop(selection: DeadLetterSelection): Promise<number>
}

export function createDeadLetters(
  ready: () => Promise<Pick<Outbox, 'list' | 'resolveDead'>>,
  replayed: () => void,
): DeadLetters {
  return {
    async list(query = {}) {
      const { person: _, reason: __, limit = 100, ...rest } = query
      const page = await (await ready()).list({ from: 'dead', limit, ...filterOf(query), ...rest })
      return { deadLetters: page.entries.map(deadLetterOf), after: page.after }
    },
    async replay(selection) {
      const count = await (await ready()).resolveDead(selectionOf(selection), 'replay')
      replayed()
      return count
    },
    drop: async (selection) => (await ready()).resolveDead(selectionOf(selection), 'drop'),
  }
}

function selectionOf(selection: DeadLetterSelection): DeadSelection {
  return 'positions' in selection ? selection : { all: true, ...filterOf(selection) }
}

function filterOf(query: { readonly reason?: DeadReason; readonly person?: string }): {
  reason?: DeadReason
  lane?: string
} {
  return {
    ...(query.reason === undefined ? {} : { reason: query.reason }),
    ...(query.person === undefined ? {} : { lane: personLane({ by: 'path', value: query.person }) }),
  }
}

function deadLetterOf(entry: ListedEntry): DeadLetter {
  const { atMs, ...detail } = entry.dead ?? { atMs: entry.acceptedAtMs, reason: 'damaged' as const }
  return {
    position: entry.position,
    id: entry.id,
    type: entry.type,
    acceptedAtMs: entry.acceptedAtMs,
    diedAtMs: atMs,
    attempts: entry.attempts,
    ...detail,
    call: readableCall(entry.body),
  }
}
