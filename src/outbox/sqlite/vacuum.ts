/**
 * Gives free pages of the file back to the disk: when the file is empty and was large, or when the disk has no room for
 * the reserve, without which appends are refused. In steps, because each is a commit.
 */
import type { Database } from './database.ts'

const FREE_BYTES_MIN = 64 * 1024 * 1024
const PAGES_PER_STEP = 1_000
/** On a full disk the log must not grow much by it. */
const PAGES_PER_STEP_WITHOUT_ROOM = 50

export class Vacuum {
  readonly #database: Database
  readonly #pageBytes: number
  #running = false

  constructor(database: Database) {
    this.#database = database
    this.#pageBytes = database.number('PRAGMA page_size')
  }

  /** One step, if it is worth it. Says whether there is more. */
  some(needsRoom: boolean): boolean {
    const freePages = this.#database.number('PRAGMA freelist_count')
    this.#running = freePages > 0 && (this.#running || needsRoom || this.#isEmptyAndLarge(freePages))
    if (!this.#running) return false
    const pages = needsRoom ? PAGES_PER_STEP_WITHOUT_ROOM : PAGES_PER_STEP
    this.#database.exec(`PRAGMA incremental_vacuum(${pages})`)
    // The file becomes shorter when the log is written into it.
    if (needsRoom || freePages <= pages) this.#database.exec('PRAGMA wal_checkpoint(TRUNCATE)')
    return freePages > pages
  }

  #isEmptyAndLarge(freePages: number): boolean {
    return freePages * this.#pageBytes > FREE_BYTES_MIN && this.#database.number('SELECT waiting FROM state') === 0
  }
}
