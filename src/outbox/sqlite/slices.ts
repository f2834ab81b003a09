/** A table cut into ranges of its sequence, each of so few rows that looking at all of them takes milliseconds. */
import type { Database, Statement } from './database.ts'

const ROWS = 5_000

export interface Slice {
  /** Sequences above this ... */
  readonly after: number
  /** ... and up to this. */
  readonly upTo: number
}

export class Slices {
  readonly #end: Readonly<Record<'entry' | 'dead_letter', Statement>>
  readonly #start: Readonly<Record<'entry' | 'dead_letter', Statement>>

  constructor(database: Database) {
    const end = (table: string): Statement =>
      database.prepare(
        `SELECT max(seq) FROM (SELECT seq FROM ${table} WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ${ROWS})`,
      )
    this.#end = { entry: end('entry'), dead_letter: end('dead_letter') }
    const start = (table: string): Statement =>
      database.prepare(`SELECT min(seq) FROM (SELECT seq FROM ${table} WHERE seq <= ? ORDER BY seq DESC LIMIT ${ROWS})`)
    this.#start = { entry: start('entry'), dead_letter: start('dead_letter') }
  }

  /** The next slice after a sequence, up to `last` at most; undefined when there are no more rows. */
  next(table: 'entry' | 'dead_letter', after: number, last: number): Slice | undefined {
    const upTo = this.#end[table].get(after, last)?.[0]
    return typeof upTo === 'number' ? { after, upTo } : undefined
  }
  /** The slice that ends with a sequence, on the way back; undefined when there are no more rows. */
  before(table: 'entry' | 'dead_letter', upTo: number): Slice | undefined {
    const first = this.#start[table].get(upTo)?.[0]
    return typeof first === 'number' ? { after: first - 1, upTo } : undefined
  }
}
