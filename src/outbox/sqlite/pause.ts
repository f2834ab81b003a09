/**
 * A pause of delivery, in the file: it outlives every handle, and each handle looks for it when it opens and at each tick.
 */
import type { OutboxNotice, SharedPause } from '../outbox.ts'
import type { Commits } from './commits.ts'
import type { Database, Statement } from './database.ts'
import { makeExecutionTable } from './executions.ts'
import { PAUSE_SCHEMA } from './schema.ts'

type PauseNotice = Extract<OutboxNotice, { readonly type: 'paused' }>

export class Pause {
  readonly #database: Database
  readonly #commits: Commits
  readonly #notice: (notice: PauseNotice) => void
  /** Made once the table is there: a file of an earlier version gets it with its first pause. */
  #select: Statement | undefined
  /** Undefined before the first look, which tells what it finds: an earlier connection may have found something else. */
  #known: SharedPause | null | undefined

  constructor(database: Database, commits: Commits, notice: (notice: PauseNotice) => void) {
    this.#database = database
    this.#commits = commits
    this.#notice = notice
  }

  /** Tells what has changed since the last look. */
  look(): void {
    const pause = this.#read()
    if (this.#known !== undefined && isSame(this.#known, pause)) return
    this.#known = pause
    this.#notice({ type: 'paused', pause })
  }

  set(pause: SharedPause | null): void {
    if (pause !== null || this.#read() !== null) this.#commits.commit(() => this.#write(pause))
    this.look()
  }

  #read(): SharedPause | null {
    if (this.#select === undefined) {
      if (!isMade(this.#database)) return null
      this.#select = this.#database.prepare('SELECT who, why, at FROM pause')
    }
    const row = this.#select.get()
    return row === undefined ? null : { who: String(row[0]), why: String(row[1]), atMs: Number(row[2]) }
  }

  #write(pause: SharedPause | null): void {
    if (!isMade(this.#database)) {
      makeExecutionTable(this.#database)
      this.#database.exec(PAUSE_SCHEMA)
    }
    this.#database.exec('DELETE FROM pause')
    if (pause === null) return
    const insert = this.#database.prepare('INSERT INTO pause (seq, who, why, at) VALUES (1, ?, ?, ?)')
    insert.run(pause.who, pause.why, pause.atMs)
  }
}

/** Lets a pause pass once: a connection that is opened anew, and a thread, tell what they find. */
export function onlyNewPauses(notice: (notice: OutboxNotice) => void): (notice: OutboxNotice) => void {
  let told: SharedPause | null = null
  return (each) => {
    if (each.type === 'paused') {
      if (isSame(told, each.pause)) return
      told = each.pause
    }
    notice(each)
  }
}

function isMade(database: Database): boolean {
  return database.number("SELECT count(*) FROM sqlite_schema WHERE name = 'pause'") > 0
}

function isSame(one: SharedPause | null, other: SharedPause | null): boolean {
  if (one === null || other === null) return one === other
  return one.who === other.who && one.why === other.why && one.atMs === other.atMs
}
