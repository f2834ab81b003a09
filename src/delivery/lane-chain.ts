/**
 * The calls of this process that are on their way to Customer.io or to the outbox, by lane: a call begins when it is
 * the first of each of its lanes, and those behind it move up when it leaves. It joins in the moment of the call, so
 * the order is that of the calls.
 *
 * Bounded by the memory of what is in it: a call that does not fit could be neither sent nor stored without overtaking.
 */
import { OutboxFullError } from '../errors.ts'
import { assert } from '../runtime/assert.ts'

/** A call's place. */
export interface Link {
  /** Undefined when it is its turn at once. */
  readonly turn: Promise<void> | undefined
  /** Once, whatever became of it; also of one whose turn has not come. */
  leave(): void
}

export interface LaneChain {
  /** Throws `OutboxFullError` when there is no room; then nothing has joined. */
  join(lanes: readonly string[], bytes: number): Link
}

/** What a call costs besides its body. */
const CALL_BYTES = 1_000
const RETRY_FULL_MS = 1_000

interface Member {
  readonly lanes: readonly string[]
  /** Lanes in which others stand before it. */
  behind: number
  begin: (() => void) | undefined
}

export function createLaneChain(bytesMax: number): LaneChain {
  const queues = new Map<string, Set<Member>>()
  let usedBytes = 0

  function enter(member: Member): void {
    for (const lane of member.lanes) {
      const queue = queues.get(lane)
      if (queue === undefined) queues.set(lane, new Set([member]))
      else {
        queue.add(member)
        member.behind++
      }
    }
  }

  function leave(member: Member): void {
    for (const lane of member.lanes) {
      const queue = queues.get(lane)
      assert(queue !== undefined, 'a lane with a call has a queue')
      const [first] = queue
      queue.delete(member)
      const [next] = queue
      if (next === undefined) queues.delete(lane)
      else if (first === member && --next.behind === 0) next.begin?.()
    }
  }

  return {
    join(lanes, bytes) {
      const cost = bytes + CALL_BYTES
      // One alone always fits: it is bounded by the size that a call may have.
      if (usedBytes > 0 && usedBytes + cost > bytesMax) {
        throw new OutboxFullError({ bound: 'pending', limit: bytesMax, used: usedBytes, retryAfterMs: RETRY_FULL_MS })
      }
      usedBytes += cost
      const member: Member = { lanes: lanes.length === 1 ? lanes : [...new Set(lanes)], behind: 0, begin: undefined }
      enter(member)
      const turn = member.behind === 0 ? undefined : new Promise<void>((resolve) => (member.begin = resolve))
      let isIn = true
      return {
        turn,
        leave() {
          assert(isIn, 'a call leaves once')
          isIn = false
          usedBytes -= cost
          leave(member)
        },
      }
    },
  }
}
