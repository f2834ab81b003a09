/**
 * Says the same thing once in a while instead of a thousand times: the first at once, then what came in the meantime, with
 * its count, when the interval is over. Bounded, however many things there are to say.
 */
import type { CancelTimer, Clock } from '../runtime/clock.ts'

export interface Tally {
  /** @param say is called with the count: 1 now, or what has come by the end of the interval. */
  add(key: string, count: number, say: (count: number) => void): void
  /** Says what is still unsaid, and leaves no timer behind. */
  end(): void
}

interface Row {
  count: number
  say: (count: number) => void
  cancel: CancelTimer
}

/** Different things in one interval; further ones are not said. */
const ROWS_MAX = 1_000

export function createTally(clock: Clock, intervalMs: number): Tally {
  const rows = new Map<string, Row>()
  const arm = (key: string): CancelTimer =>
    clock.timer(intervalMs, () => {
      const row = rows.get(key)
      if (row === undefined) return
      if (row.count === 0) {
        rows.delete(key)
        return
      }
      speak(row)
      row.cancel = arm(key)
    })
  return {
    add(key, count, say) {
      const row = rows.get(key)
      if (row !== undefined) {
        row.count += count
        row.say = say
        return
      }
      if (rows.size >= ROWS_MAX) return
      rows.set(key, { count: 0, say, cancel: arm(key) })
      say(count)
    },
    end() {
      for (const row of rows.values()) {
        row.cancel()
        if (row.count > 0) speak(row)
      }
      rows.clear()
    },
  }
}

function speak(row: Row): void {
  const { count } = row
  row.count = 0
  row.say(count)
}
