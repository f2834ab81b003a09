/**
 * Reads what can be read of a damaged outbox, and writes it into a new one: entries, dead letters, tombstones and keys
 * under their own sequences, and an account that fits. Rows are read range by range; where a page cannot be read the
 * range is halved, until the rows at fault are alone, and those are left out. A row whose checksum does not match is
 * taken over as it is: it becomes a dead letter `damaged` when its turn comes.
 */
import type { Database, SqlRow, Statement } from './database.ts'
import { ENTRY_COLUMNS } from './entry-rows.ts'
import { SELECT_STATE, stateFields, writeState, type State } from './state.ts'

export interface Salvaged {
  /** Entries and dead letters. */
  readonly recovered: number
  /** Null where it is not known how many there should be. */
  readonly lost: number | null
}

const RANGE = 2_048
/** A file in which nothing can be found any more must not be searched without end: half a minute or so. */
const READS_MAX = 5_000_000
/** What no outbox reaches; a higher number is damage. */
const SEQUENCE_MAX = 1e12
/** Where the last sequence is not known: so far beyond the last one found that none is given a second time. */
const GAP = 1_000_000

const tables: Readonly<Record<string, string>> = {
  entry: ENTRY_COLUMNS,
  dead_letter: `${ENTRY_COLUMNS}, reason, status, field, message, died_at`,
  tombstone: 'seq, state, moved_to',
  known_key: 'seq, id, at',
}
/** Has numbers of its own. Where its place in the file is guessed, rows of another table may be found there. */
const EXECUTION_COLUMNS = 'seq, key, token, at, ms, chars, upto, value'
const EXECUTION_ROW =
  "typeof(key) = 'text' AND typeof(token) = 'text' AND typeof(at) = 'integer' AND typeof(ms) = 'integer' AND typeof(chars) = 'integer' AND typeof(upto) = 'integer' AND typeof(value) IN ('text', 'null')"

const PAUSE_ROW = "typeof(who) = 'text' AND typeof(why) = 'text' AND typeof(at) = 'integer'"

export function salvage(damaged: Database, fresh: Database): Salvaged {
  const old = readState(damaged)
  for (const [table, columns] of Object.entries(tables)) copyTable(damaged, fresh, table, columns, old?.sequence)
  copyTable(damaged, fresh, 'execution', EXECUTION_COLUMNS, undefined, EXECUTION_ROW)
  copyTable(damaged, fresh, 'pause', 'seq, who, why, at', 1, PAUSE_ROW)
  const [state, recovered] = accountOf(fresh, old)
  const lost = old === undefined ? null : Math.max(0, old.waiting + old.deadLetters - recovered)
  // What is missing may have been delivered or may be lost: it is not known any more which.
  if (lost !== 0) state.forgottenTo = state.sequence
  writeState(fresh, state)
  return { recovered, lost }
}

/** @param where what makes a row one of this table. */
function copyTable(
  damaged: Database,
  fresh: Database,
  table: string,
  columns: string,
  lastGiven?: number,
  where: string = '1',
): void {
  const first = attempt(() => damaged.number(`SELECT min(seq) FROM ${table}`))
  const last = attempt(() => damaged.number(`SELECT max(seq) FROM ${table}`))
  // Where neither end can be reached, nothing can.
  if (first === undefined && last === undefined) return
  const end = Math.min(last ?? lastGiven ?? first! + GAP, lastGiven ?? SEQUENCE_MAX)
  const places = columns.replace(/\w+/g, '?')
  const insert = fresh.prepare(`INSERT OR IGNORE INTO ${table} (${columns}) VALUES (${places})`)
  const select = damaged.prepare(`SELECT ${columns} FROM ${table} WHERE seq BETWEEN ? AND ? AND ${where} ORDER BY seq`)
  const budget = { reads: READS_MAX }
  for (let from = Math.max(1, first ?? 1); from <= end && budget.reads > 0; from += RANGE) {
    const to = Math.min(from + RANGE - 1, end)
    // On a damaged page a row may stand under a number that it cannot have.
    const rows = rowsOf(select, from, to, budget).filter(([seq]) => Number(seq) >= from && Number(seq) <= to)
    fresh.transaction(
      'write',
      () => undefined,
      () => rows.forEach((row) => insert.run(...row)),
    )
  }
}

function rowsOf(select: Statement, from: number, to: number, budget: { reads: number }): readonly SqlRow[] {
  if (budget.reads-- <= 0) return []
  const rows = attempt(() => select.all(from, to))
  if (rows !== undefined) return rows
  if (from === to) return []
  const middle = Math.floor((from + to) / 2)
  return [...rowsOf(select, from, middle, budget), ...rowsOf(select, middle + 1, to, budget)]
}

/** The account of the damaged outbox, where it can be read and can be true. */
function readState(damaged: Database): State | undefined {
  const row = attempt(() => damaged.prepare(SELECT_STATE).get())
  if (row === undefined || !row.every((value) => Number.isSafeInteger(value) && Number(value) >= 0)) return undefined
  return Object.fromEntries(stateFields.map((field, index) => [field, Number(row[index])])) as unknown as State
}

/** The account of what was taken over, and how many entries and dead letters that is. Nobody delivers. */
function accountOf(fresh: Database, old: State | undefined): readonly [State, number] {
  const count = (what: string): number => fresh.number(`SELECT ${what}`)
  const waiting = count('count(*) FROM entry')
  const deadLetters = count('count(*) FROM dead_letter')
  const expired = count("count(*) FROM dead_letter WHERE reason = 'expired'")
  const last = Math.max(...Object.keys(tables).map((table) => count(`max(seq) FROM ${table}`)))
  const recovered = waiting + deadLetters
  const state: State = {
    sequence: old === undefined ? last + GAP : Math.max(old.sequence, last),
    forgottenTo: old?.forgottenTo ?? 0,
    waiting,
    waitingBytes: count('sum(octet_length(body)) FROM entry'),
    deadLetters,
    deadBytes: count('sum(octet_length(body)) FROM dead_letter'),
    accepted: old?.accepted ?? recovered,
    delivered: old?.delivered ?? 0,
    dead: deadLetters - expired,
    expired,
    purged: old?.purged ?? 0,
    dropped: old?.dropped ?? 0,
    duplicates: old?.duplicates ?? 0,
    fence: old?.fence ?? 0,
    owner: 0,
    beat: 0,
  }
  return [state, recovered]
}

/** Undefined for what cannot be read. */
function attempt<Result>(read: () => Result): Result | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}
