/**
 * An entry as a row and back. The checksum covers everything that must not change, the sequence included, so that a
 * row that was damaged on the disk, or moved to another's place, is known when it is claimed.
 */
import { crc32 } from 'node:zlib'

import type { ClaimedEntry, NewEntry } from '../outbox.ts'
import { positionOf } from '../position.ts'
import type { SqlRow, SqlValue } from './database.ts'

/** Of `entry` and `dead_letter`, in the order in which `pushValues` writes and `readEntry` reads them. */
export const ENTRY_COLUMNS =
  'seq, id, lane, lanes, type, priority, accepted_at, expires_at, campaign_at, keyed, attempts, crc, body'

export const ENTRY_COLUMN_COUNT: number = ENTRY_COLUMNS.split(', ').length

const CRC_AT: number = ENTRY_COLUMNS.split(', ').indexOf('crc')

/** `?, ?, ...` for one row. */
export const ENTRY_PLACES: string = Array.from({ length: ENTRY_COLUMN_COUNT }, () => '?').join(', ')

export interface ReadEntry {
  readonly sequence: number
  readonly entry: ClaimedEntry
  /** Whether it is what was written. Where it is not, the fields are only good to be looked at. */
  readonly intact: boolean
}

/** A row as it was written. What is read may be anything, until its checksum has been compared. */
type EntryRow = readonly [
  sequence: number,
  id: string,
  lane: string,
  lanes: string | null,
  type: string,
  priority: number,
  acceptedAtMs: number,
  expiresAtMs: number | null,
  campaignAtMs: number | null,
  keyed: number,
  attempts: number,
  crc: number,
  body: string,
]

/** Adds the values of one row to those of others. No attempt was counted yet. */
export function pushValues(into: SqlValue[], sequence: number, entry: NewEntry): void {
  const { id, type, acceptedAtMs, expiresAtMs, campaignAtMs, body } = entry
  const lane = storedLane(entry.lanes[0] ?? '')
  const lanes = entry.lanes.length === 1 ? null : JSON.stringify(entry.lanes.map(storedLane))
  const priority = entry.priority === 'live' ? 1 : 0
  const keyed = entry.keyed ? 1 : 0
  const row: EntryRow = [
    sequence,
    id,
    lane,
    lanes,
    type,
    priority,
    acceptedAtMs,
    expiresAtMs,
    campaignAtMs,
    keyed,
    0,
    0,
    body,
  ]
  const from = into.length
  into.push(...row)
  into[from + CRC_AT] = checksum(row)
}

export function readEntry(row: SqlRow): ReadEntry {
  const [sequence, id, lane, lanes, type, priority, acceptedAtMs, expiresAtMs, campaignAtMs, keyed] = row
  const [attempts, crc, body] = row.slice(10)
  return {
    sequence: Number(sequence),
    intact: typeof body === 'string' && crc === checksum(row as unknown as EntryRow),
    entry: {
      position: positionOf(Number(sequence)),
      id: textOf(id),
      lanes: lanesOf(lane, lanes),
      type: textOf(type),
      priority: priority === 1 ? 'live' : 'bulk',
      acceptedAtMs: Number(acceptedAtMs),
      expiresAtMs: expiresAtMs === null ? null : Number(expiresAtMs),
      campaignAtMs: campaignAtMs === null ? null : Number(campaignAtMs),
      keyed: keyed === 1,
      attempts: Number(attempts),
      body: textOf(body),
    },
  }
}

/** Lanes of a row. Never throws: a damaged row has to be put somewhere. */
export function lanesOf(lane: SqlValue | undefined, lanes: SqlValue | undefined): readonly string[] {
  if (typeof lanes !== 'string') return [textOf(lane)]
  try {
    const parsed: unknown = JSON.parse(lanes)
    if (Array.isArray(parsed) && parsed.length > 0) return parsed.map(String)
  } catch {}
  return [textOf(lane)]
}

/** SQL that is true for rows of the lane that is bound twice. */
export const IN_LANE =
  '(lane = ? OR (lanes IS NOT NULL AND json_valid(lanes) AND EXISTS (SELECT 1 FROM json_each(lanes) WHERE value = ?)))'

/** UTF-8 cannot hold half of a surrogate pair; a lane that has one is stored, and must be compared, without it. */
export function storedLane(lane: string): string {
  return lane.toWellFormed()
}

function textOf(value: SqlValue | undefined): string {
  if (typeof value === 'string') return value
  return value instanceof Uint8Array ? Buffer.from(value).toString('utf8') : String(value ?? '')
}

/** Of all but `attempts`, which changes. In one text and one call, because it is taken for every append and claim. */
function checksum([
  sequence,
  id,
  lane,
  lanes,
  type,
  priority,
  accepted,
  expires,
  campaign,
  keyed,
  ,
  ,
  body,
]: EntryRow): number {
  return crc32(
    `${sequence}\n${id}\n${lane}\n${lanes}\n${type}\n${priority}\n${accepted}\n${expires}\n${campaign}\n${keyed}\n${body}`,
  )
}
