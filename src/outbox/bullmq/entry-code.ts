/** An entry as Redis holds it: a header of JSON, whose first four fields the scripts read too, and the body as it is. */
import type { DeadDetail, ListedEntry, NewEntry } from '../outbox.ts'
import { positionOf } from '../position.ts'

type Header = readonly [
  id: string,
  lanes: readonly string[],
  live: 0 | 1,
  campaignAtMs: number | null,
  type: string,
  acceptedAtMs: number,
  expiresAtMs: number | null,
  keyed: 0 | 1,
]

const MINUTE_MS = 60_000

/** What a handle needs again of a claimed entry when it settles it. */
export interface Footprint {
  readonly id: string
  readonly type: string
  readonly lanes: readonly string[]
  readonly bytes: number
  readonly campaignAtMs: number | null
}

/** As `e` holds it. */
export function storedEntry(entry: NewEntry, lanes: readonly string[]): string {
  const header: Header = [
    entry.id,
    lanes,
    entry.priority === 'live' ? 1 : 0,
    entry.campaignAtMs,
    entry.type,
    entry.acceptedAtMs,
    entry.expiresAtMs,
    entry.keyed ? 1 : 0,
  ]
  return `${JSON.stringify(header)}\n${entry.body}`
}

/** What a lone surrogate becomes on its way to Redis, it becomes here, so that a lane has one name. */
export function storedLanes(lanes: readonly string[]): readonly string[] {
  return lanes.map((lane) => lane.toWellFormed())
}

export function entryOf(stored: string): NewEntry {
  const line = stored.indexOf('\n')
  return entryOfHeader(stored.slice(0, line), stored.slice(line + 1))
}

export function entryOfHeader(header: string, body: string): NewEntry {
  const [id, lanes, live, campaignAtMs, type, acceptedAtMs, expiresAtMs, keyed] = JSON.parse(header) as Header
  const priority = live === 1 ? 'live' : 'bulk'
  return { id, lanes, type, priority, acceptedAtMs, expiresAtMs, campaignAtMs, keyed: keyed === 1, body }
}

/** As an argument of the scripts. */
export function minuteOf(campaignAtMs: number | null): number | string {
  return campaignAtMs === null ? '' : Math.floor(campaignAtMs / MINUTE_MS)
}

/** The begin of the minute: a window must not look wider open than it is. */
export function timeOfMinute(minute: number): number {
  return minute * MINUTE_MS
}

export function footprintOf({ id, type, lanes, body, campaignAtMs }: NewEntry): Footprint {
  return { id, type, lanes, bytes: Buffer.byteLength(body), campaignAtMs }
}

/** A dead letter: header, detail, attempts and time, body, each on a line but the last. */
export function deadLetterOf(sequence: number, letter: string): ListedEntry {
  const first = letter.indexOf('\n')
  const second = letter.indexOf('\n', first + 1)
  const third = letter.indexOf('\n', second + 1)
  const [attempts = 0, atMs = 0] = letter
    .slice(second + 1, third)
    .split(':')
    .map(Number)
  const detail = JSON.parse(letter.slice(first + 1, second)) as DeadDetail
  return {
    ...entryOfHeader(letter.slice(0, first), letter.slice(third + 1)),
    position: positionOf(sequence),
    attempts,
    dead: { ...detail, atMs },
  }
}
