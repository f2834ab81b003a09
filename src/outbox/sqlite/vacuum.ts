/** Gives the file back to the disk when it is empty and was large: in steps, because each is a commit. */
import type { Database } from './database.ts'

const FREE_BYTES_MIN = 64 * 1024 * 1024
const PAGES_PER_STEP = 1_000

export class Vacuum {
  readonly #database: Database
  readonly #pageBytes: number
  #running = false

  constructor(database: Database) {
    this.#database = database
    this.#pageBytes = database.number('PRAGMA page_size')
  }

  /** One step, if it is worth it. Says whether there is more. */
  some(): boolean {
    const freePages = this.#database.number('PRAGMA freelist_count')
    if (!this.#running) {
      const worthIt =
        freePages * this.#pageBytes > FREE_BYTES_MIN && this.#database.number('SELECT waiting FROM state') === 0
      if (!worthIt) return false
    }
    this.#running = freePages > 0
    if (!this.#running) {
      this.#database.exec('PRAGMA wal_checkpoint(TRUNCATE)')
      return false
    }
    this.#database.exec(`PRAGMA incremental_vacuum(${PAGES_PER_STEP})`)
    return true
  }
}
