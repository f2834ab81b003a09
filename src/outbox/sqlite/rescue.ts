/**
 * A damaged file: it is set aside, never thrown away, and what can be read of it goes into a new one in its order. Rows
 * are read one range after the other; where a page cannot be read, the range is halved until the rows at fault are
 * alone, and they are left out. A row whose checksum does not match is taken over as it is: it becomes a dead letter
 * `damaged` when its turn comes.
 */
import { existsSync, renameSync } from 'node:fs'

import type { Runtime } from '../../runtime/runtime.ts'
import type { OutboxNotice } from '../outbox.ts'
import { openDatabase } from './connection.ts'
import { Database, type SqlRow, type Statement } from './database.ts'
import { ENTRY_COLUMNS, ENTRY_PLACES } from './entry-rows.ts'
import type { ResolvedSqliteOptions } from './options.ts'

const RANGE = 4_096
/** Rows that a state row which cannot be believed may claim at most. */
const SEQUENCE_MAX = 1e12
const DEAD_COLUMNS = `${ENTRY_COLUMNS}, reason, status, field, message, died_at`
const KEEP = ['delivered', 'purged', 'dropped', 'duplicates', 'fence', 'forgotten_to'] as const

/** Sets the damaged file aside and begins a new one with what could be read. */
export function rescue(
  options: ResolvedSqliteOptions,
  workspace: string,
  runtime: Pick<Runtime, 'random'>,
): Extract<OutboxNotice, { readonly type: 'quarantined' }> {
  const aside = setAside(options.path)
  const fresh = openDatabase(options, workspace, runtime)
  try {
    const { recovered, lost } = salvage(aside, fresh, runtime)
    return { type: 'quarantined', path: aside, recovered, lost }
  } finally {
    fresh.close()
  }
}

/** The first free name; the WAL goes along, for it may hold the newest commits. */
function setAside(path: string): string {
  let number = 1
  while (existsSync(`${path}.damaged-${number}`)) number++
  const aside = `${path}.damaged-${number}`
  renameSync(path, aside)
  for (const suffix of ['-wal', '-shm']) {
    if (existsSync(path + suffix)) renameSync(path + suffix, aside + suffix)
  }
  return aside
}

function salvage(
  aside: string,
  fresh: Database,
  runtime: Pick<Runtime, 'random'>,
): { recovered: number; lost: number | null } {
  let damaged: Database
  try {
    damaged = new Database(aside, { random: runtime.random })
  } catch {
    return { recovered: 0, lost: null }
  }
  try {
    const state = stateOf(damaged)
    const entries = rowsOf(damaged, 'entry', ENTRY_COLUMNS, state?.sequence)
    const dead = rowsOf(damaged, 'dead_letter', DEAD_COLUMNS, state?.sequence)
    takeOver(fresh, entries, dead, state)
    const recovered = entries.length + dead.length
    return { recovered, lost: state === undefined ? null : Math.max(0, state.stored - recovered) }
  } finally {
    damaged.close()
  }
}

interface Account {
  readonly sequence: number
  /** Rows that should be there. */
  readonly stored: number
  readonly kept: readonly number[]
}

function stateOf(damaged: Database): Account | undefined {
  try {
    const row = damaged.prepare(`SELECT sequence, waiting + dead_letters, ${KEEP.join(', ')} FROM state`).get()
    const numbers = row?.map(Number)
    if (numbers === undefined || numbers.some((number) => !Number.isSafeInteger(number) || number < 0)) return undefined
    const [sequence = 0, stored = 0, ...kept] = numbers
    return sequence > SEQUENCE_MAX ? undefined : { sequence, stored, kept }
  } catch {
    return undefined
  }
}

function rowsOf(damaged: Database, table: string, columns: string, last: number | undefined): readonly SqlRow[] {
  let range: Statement
  try {
    range = damaged.prepare(`SELECT ${columns} FROM ${table} WHERE seq > ? AND seq <= ? ORDER BY seq`)
  } catch {
    return []
  }
  const rows: SqlRow[] = []
  const read = (after: number, upTo: number): void => {
    try {
      rows.push(...range.all(after, upTo))
    } catch {
      if (upTo - after <= 1) return
      const middle = Math.floor((after + upTo) / 2)
      read(after, middle)
      read(middle, upTo)
    }
  }
  const end = last ?? bound(damaged, table, 'max')
  for (let after = Math.max(0, bound(damaged, table, 'min') - 1); after < end; after += RANGE) {
    read(after, Math.min(end, after + RANGE))
  }
  return rows
}

/** 0 when it cannot be read. */
function bound(damaged: Database, table: string, which: 'min' | 'max'): number {
  try {
    return Number(damaged.prepare(`SELECT ${which}(seq) FROM ${table}`).get()?.[0] ?? 0)
  } catch {
    return 0
  }
}

/** Everything under its own sequence, and an account that fits it. */
function takeOver(
  fresh: Database,
  entries: readonly SqlRow[],
  dead: readonly SqlRow[],
  state: Account | undefined,
): void {
  const insertEntry = fresh.prepare(`INSERT OR IGNORE INTO entry (${ENTRY_COLUMNS}) VALUES (${ENTRY_PLACES})`)
  const insertDead = fresh.prepare(
    `INSERT OR IGNORE INTO dead_letter (${DEAD_COLUMNS}) VALUES (${ENTRY_PLACES}, ?, ?, ?, ?, ?)`,
  )
  const sequence = Math.max(state?.sequence ?? 0, ...[...entries, ...dead].map(([seq]) => Number(seq)).slice(-1), 0)
  fresh.transaction(
    'write',
    () => undefined,
    () => {
      for (const row of entries) insertEntry.run(...row)
      for (const row of dead) insertDead.run(...row)
      const keep = KEEP.map((column, index) => `${column} = ${state?.kept[index] ?? 0}`).join(', ')
      fresh.exec(`UPDATE state SET ${keep}, sequence = max(${sequence},
        (SELECT coalesce(max(seq), 0) FROM entry), (SELECT coalesce(max(seq), 0) FROM dead_letter))`)
      fresh.exec(`UPDATE state SET
        waiting = (SELECT count(*) FROM entry),
        waiting_bytes = (SELECT coalesce(sum(octet_length(body)), 0) FROM entry),
        dead_letters = (SELECT count(*) FROM dead_letter),
        dead_bytes = (SELECT coalesce(sum(octet_length(body)), 0) FROM dead_letter),
        dead = (SELECT count(*) FROM dead_letter WHERE reason IS NOT 'expired'),
        expired = (SELECT count(*) FROM dead_letter WHERE reason = 'expired')`)
      fresh.exec('UPDATE state SET accepted = delivered + dead + expired + purged + dropped + waiting')
    },
  )
}
