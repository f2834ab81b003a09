/** What the server is, and what it may lose as it is configured. */
import { OutboxError } from '../../errors.ts'
import type { Clock } from '../../runtime/clock.ts'
import type { OutboxNotice, StoreReport } from '../outbox.ts'
import type { Database } from './database.ts'

const OLDEST = 14

export async function serverReport(database: Database): Promise<StoreReport> {
  const [row] = await database.query(
    `SELECT current_setting('server_version') AS version, current_setting('server_version_num')::integer AS number,
      current_setting('fsync') AS fsync, current_setting('full_page_writes') AS full_page_writes,
      current_setting('synchronous_commit') AS synchronous_commit, current_setting('server_encoding') AS encoding`,
  )
  if (Number(row?.['number']) < OLDEST * 10_000) {
    throw new OutboxError(
      'OUTBOX_UNAVAILABLE',
      `Postgres ${String(row?.['version'])} is too old: ${OLDEST} is the oldest that works`,
    )
  }
  if (row?.['encoding'] !== 'UTF8') {
    throw new OutboxError(
      'OUTBOX_UNAVAILABLE',
      `the database has the encoding ${String(row?.['encoding'])}, and must have UTF8`,
    )
  }
  const risks: string[] = []
  if (row['fsync'] === 'off') risks.push('fsync is off: a power loss may destroy the database')
  if (row['full_page_writes'] === 'off') {
    risks.push('full_page_writes is off: a power loss may damage pages, unless the disk writes them whole')
  }
  if (row['synchronous_commit'] === 'off') {
    risks.push('synchronous_commit is off: what was confirmed in the last second may be lost when the server dies')
  }
  return { server: `postgres ${String(row['version']).split(' ')[0]}`, risks }
}

const LOOK_EVERY_MS = 60_000

/** Tells what the server is once, and again when it has changed. */
export class Reports {
  readonly #database: Database
  readonly #clock: Clock
  readonly #notice: (notice: OutboxNotice) => void
  #told: string | undefined
  #lookedMs = -Infinity

  constructor(database: Database, clock: Clock, notice: (notice: OutboxNotice) => void) {
    this.#database = database
    this.#clock = clock
    this.#notice = notice
  }

  tell(report: StoreReport): void {
    this.#lookedMs = this.#clock.monotonicMs()
    const text = JSON.stringify(report)
    if (text === this.#told) return
    this.#told = text
    this.#notice({ type: 'store-report', report })
  }

  /** Looks, where the last look is old. */
  async look(): Promise<void> {
    if (this.#clock.monotonicMs() - this.#lookedMs < LOOK_EVERY_MS) return
    this.tell(await serverReport(this.#database))
  }
}
