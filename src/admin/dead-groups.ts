/** Dead letters put together by what they died of, so that ten thousand of them are a few lines. */
import type { DeadLetter } from '../client/dead-letters.ts'
import type { DeadGroup } from './contract.ts'

/** The rest of very many kinds is left out; the scan then says that it is not complete. */
const GROUPS_MAX = 500

export interface Grouping {
  /** False where it has no room for another kind. */
  add(letter: DeadLetter): boolean
  /** The largest first. */
  groups(): readonly DeadGroup[]
}

export function createGrouping(): Grouping {
  const groups = new Map<string, { -readonly [Field in keyof DeadGroup]: DeadGroup[Field] }>()
  return {
    add({ id, type, reason, status = null, field = null, message = null, diedAtMs }) {
      const key = JSON.stringify([type, reason, status, field])
      const group = groups.get(key)
      if (group !== undefined) {
        group.count++
        group.firstAtMs = Math.min(group.firstAtMs, diedAtMs)
        group.lastAtMs = Math.max(group.lastAtMs, diedAtMs)
        return true
      }
      if (groups.size >= GROUPS_MAX) return false
      groups.set(key, {
        type,
        reason,
        status,
        field,
        count: 1,
        firstAtMs: diedAtMs,
        lastAtMs: diedAtMs,
        sampleId: id,
        sampleMessage: message,
      })
      return true
    },
    groups: () => [...groups.values()].sort((a, b) => b.count - a.count || b.lastAtMs - a.lastAtMs),
  }
}
