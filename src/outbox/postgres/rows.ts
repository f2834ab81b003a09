/**
 * An entry as a row and back. What only a reader needs is one JSON text, `head`, in which Postgres meets no character
 * that it cannot store (it has none for U+0000). Lanes are found by a hash of 64 bits, made here, so that a row is as
 * narrow for a long address as for a short one, and no two versions of a server disagree about it.
 */
import { hash } from 'node:crypto'

import type { Priority } from '../../protocol/operation.ts'
import { RESEND_MS } from '../limits.ts'
import type { NewEntry } from '../outbox.ts'

export interface EntryRow {
  /** Lanes are eight bytes here, each a character. */
  readonly lane: string
  readonly lanes: readonly string[] | null
  readonly isBacklog: boolean
  readonly campaignAtMs: number | null
  readonly keepMs: number
  readonly isKeyed: boolean
  readonly id: string
  readonly head: string
  readonly body: string
  /** Of the body. */
  readonly bytes: number
}

/** The eight bytes under which a lane is found, each a character. */
function laneWord(lane: string): string {
  return hash('sha256', lane, 'binary').slice(0, 8)
}

/** The number that those bytes are, as text. */
export function numberOfWord(word: string): string {
  return Buffer.from(word, 'latin1').readBigInt64BE(0).toString()
}

/** The number under which a lane is found, as text. */
export function laneNumber(lane: string): string {
  return numberOfWord(laneWord(lane))
}

export function rowOf(entry: NewEntry, rememberKeysMs: number): EntryRow {
  const { lanes, type, priority, acceptedAtMs, expiresAtMs, campaignAtMs, keyed } = entry
  const first = laneWord(lanes[0]!)
  const body = wellFormed(entry.body)
  return {
    lane: first,
    lanes: lanes.length === 1 ? null : [...new Set(lanes.map(laneWord))],
    isBacklog: priority !== 'live',
    campaignAtMs,
    isKeyed: keyed,
    keepMs: keyed ? Math.max(rememberKeysMs, RESEND_MS) : RESEND_MS,
    id: wellFormed(entry.id),
    head: JSON.stringify([type, priority, lanes, acceptedAtMs, expiresAtMs, keyed, campaignAtMs]),
    body,
    bytes: Buffer.byteLength(body),
  }
}

export function entryOf(row: Readonly<Record<string, unknown>>): NewEntry {
  const [type, priority, lanes, acceptedAtMs, expiresAtMs, keyed, campaignAtMs] = JSON.parse(row['head'] as string) as [
    string,
    Priority,
    readonly string[],
    number,
    number | null,
    boolean,
    number | null,
  ]
  return {
    id: row['id'] as string,
    lanes,
    type,
    priority,
    acceptedAtMs,
    expiresAtMs,
    campaignAtMs,
    keyed,
    body: row['body'] as string,
  }
}

/** Postgres stores neither half a pair of UTF-16 nor U+0000; a body is JSON, which escapes both. */
function wellFormed(text: string): string {
  const whole = text.isWellFormed() ? text : text.toWellFormed()
  return whole.includes('\u0000') ? whole.replaceAll('\u0000', '\uFFFD') : whole
}
