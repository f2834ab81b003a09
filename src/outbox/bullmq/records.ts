/** What operators and health ask of the data, and what operators do to it. */
import { CAMPAIGN_WINDOW_MS, TOMBSTONES_MAX, type OutboxLimits } from '../limits.ts'
import type {
  DeadDetail,
  DeadSelection,
  EntryState,
  ListedEntry,
  ListPage,
  ListQuery,
  OutboxStats,
  Position,
} from '../outbox.ts'
import { positionOf, sequenceOf } from '../position.ts'
import { deadLetterOf, entryOf, entryOfHeader, storedLanes, timeOfMinute } from './entry-code.ts'
import type { RedisLink, RedisScript } from './link.ts'
import {
  holdsScript,
  listDeadScript,
  listLaneScript,
  listWaitingScript,
  lookupScript,
  statsScript,
} from './scripts/look.ts'
import { purgeScript, resolveScript } from './scripts/operators.ts'

const PER_SCRIPT_MAX = 500
/** What a page reads at once; bodies may be 32 kB and more. */
const PAGE_MAX = 200
/** Up to so many waiting entries the campaign times are looked at one by one, not by the minute. */
const EXACT_UP_TO = 200

type Page = (after: string, limit: number) => Promise<readonly ListedEntry[]>
type Resolved = readonly [count: number, asleep: number, ids: readonly string[]]

export class Records {
  readonly #link: RedisLink
  readonly #base: string
  readonly #limits: Required<OutboxLimits>

  constructor(link: RedisLink, base: string, limits: Required<OutboxLimits>) {
    this.#link = link
    this.#base = base
    this.#limits = limits
  }

  async holds(lanes: readonly string[]): Promise<boolean> {
    return (await this.#run(holdsScript, storedLanes(lanes))) === 1
  }

  async lookup(positions: readonly Position[]): Promise<readonly EntryState[]> {
    const states: EntryState[] = []
    for (let from = 0; from < positions.length; from += PER_SCRIPT_MAX) {
      const part = positions.slice(from, from + PER_SCRIPT_MAX).map(sequenceOf)
      for (const word of (await this.#run(lookupScript, part)) as string[]) states.push(stateOf(word))
    }
    return states
  }

  async list(query: ListQuery): Promise<ListPage> {
    const matches = (entry: ListedEntry): boolean =>
      (query.id === undefined || entry.id === query.id) &&
      (query.lane === undefined || entry.lanes.includes(query.lane)) &&
      (query.reason === undefined || entry.dead?.reason === query.reason)
    const page = this.#pageOf(query)
    const found: ListedEntry[] = []
    let after = query.after === undefined ? '' : String(sequenceOf(query.after))
    // One more than asked for tells whether there is a next page.
    while (found.length <= query.limit) {
      const limit = Math.min(PAGE_MAX, query.limit + 1)
      const entries = await page(after, limit)
      found.push(...entries.filter(matches))
      if (entries.length < limit) break
      after = entries.at(-1)!.position
    }
    const entries = found.slice(0, query.limit)
    return { entries, after: found.length > query.limit ? (entries.at(-1)?.position ?? null) : null }
  }

  async stats(): Promise<Omit<OutboxStats, 'role' | 'spilled'>> {
    const answer = (await this.#run(statsScript, [CAMPAIGN_WINDOW_MS])) as [
      numbers: readonly number[],
      inFlight: number,
      oldest: string | null,
      minute: number | null,
      stored: number,
      storedDead: number,
    ]
    const [numbers, inFlight, oldest, minute, stored, storedDead] = answer
    const [accepted, delivered, dead, expired, purged, dropped, duplicates] = numbers as [
      number,
      number,
      number,
      number,
      number,
      number,
      number,
    ]
    const [waiting = 0, waitingBytes = 0, deadLetters = 0, deadBytes = 0, lanesHeld = 0] = numbers.slice(7)
    const roughly = minute === null ? null : timeOfMinute(minute)
    return {
      waiting,
      waitingBytes,
      inFlight,
      lanesHeld,
      deadLetters,
      deadBytes,
      operationsMax: this.#limits.maxOperations,
      bytesMax: this.#limits.maxBytes,
      oldestAcceptedAtMs: oldest === null ? null : entryOfHeader(oldest, '').acceptedAtMs,
      oldestCampaignAtMs: roughly === null || waiting > EXACT_UP_TO ? roughly : await this.#tightest(roughly),
      totals: { accepted, delivered, dead, expired, purged, dropped, duplicates },
      lost: accepted - delivered - purged - dropped - stored - storedDead,
    }
  }

  /** Resolves to how many of the lane went. */
  async purge(lane: string): Promise<number> {
    const removed = (await this.#run(purgeScript, [...storedLanes([lane]), TOMBSTONES_MAX])) as number
    const dead = await this.resolveDead({ all: true, lane }, 'purge')
    return removed + dead.count
  }

  async resolveDead(
    selection: DeadSelection,
    how: 'replay' | 'drop' | 'purge',
  ): Promise<{ readonly count: number; readonly wakes: boolean; readonly ids: readonly string[] }> {
    const ids: string[] = []
    let wakes = false
    for await (const sequences of this.#selected(selection)) {
      const [, asleep, gone] = (await this.#run(resolveScript, [how, TOMBSTONES_MAX, ...sequences])) as Resolved
      ids.push(...gone)
      if (asleep === 1) wakes = true
    }
    return { count: ids.length, wakes, ids }
  }

  /** In the order of append, some at a time. Those that die meanwhile may be among them. */
  async *#selected(selection: DeadSelection): AsyncGenerator<readonly number[]> {
    if ('positions' in selection) {
      const sequences = [...new Set(selection.positions.map(sequenceOf))].sort((one, other) => one - other)
      for (let from = 0; from < sequences.length; from += PER_SCRIPT_MAX) {
        yield sequences.slice(from, from + PER_SCRIPT_MAX)
      }
      return
    }
    const { reason, lane } = selection
    let after = ''
    for (;;) {
      const page = await this.#pageOf({ from: 'dead', limit: PAGE_MAX })(after, PAGE_MAX)
      const chosen = page.filter(
        (entry) =>
          (reason === undefined || entry.dead?.reason === reason) && (lane === undefined || entry.lanes.includes(lane)),
      )
      if (chosen.length > 0) yield chosen.map(({ position }) => sequenceOf(position))
      if (page.length < PAGE_MAX) return
      after = page.at(-1)!.position
    }
  }

  #pageOf({ from, lane, order }: ListQuery): Page {
    const direction = order === 'newest-first' ? 'newest' : 'oldest'
    if (from === 'dead') {
      return async (after, limit) => {
        const flat = (await this.#run(listDeadScript, [direction, after, limit])) as string[]
        const entries: ListedEntry[] = []
        for (let at = 0; at < flat.length; at += 2) entries.push(deadLetterOf(Number(flat[at]), flat[at + 1]!))
        return entries
      }
    }
    const [name] = lane === undefined ? [] : storedLanes([lane])
    return async (after, limit) => {
      const flat = await (name === undefined
        ? this.#run(listWaitingScript, [direction, after, limit])
        : this.#run(listLaneScript, [name, direction, after, limit]))
      return waitingOf(flat as (string | number)[])
    }
  }

  async #tightest(roughly: number): Promise<number> {
    const { entries } = await this.list({ from: 'waiting', limit: EXACT_UP_TO })
    const times = entries.map(({ campaignAtMs }) => campaignAtMs).filter((atMs) => atMs !== null && atMs >= roughly)
    return times.length === 0 ? roughly : Math.min(...(times as number[]))
  }

  #run(script: RedisScript, args: readonly (string | number)[]): Promise<unknown> {
    return this.#link.run(script, [this.#base], args)
  }
}

function waitingOf(flat: readonly (string | number)[]): readonly ListedEntry[] {
  const entries: ListedEntry[] = []
  for (let at = 0; at < flat.length; at += 3) {
    const entry = entryOf(String(flat[at + 1]))
    entries.push({ ...entry, position: positionOf(Number(flat[at])), attempts: Number(flat[at + 2]) })
  }
  return entries
}

function stateOf(word: string): EntryState {
  switch (word) {
    case 'w':
      return { state: 'waiting' }
    case 'd':
      return { state: 'delivered' }
    case 'p':
      return { state: 'purged' }
    case 'x':
      return { state: 'dropped' }
    case 'u':
      return { state: 'unknown' }
    default:
      return { state: 'dead', ...(JSON.parse(word) as DeadDetail) }
  }
}
