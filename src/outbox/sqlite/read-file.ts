/**
 * A look into the file of an outbox without being one of its handles: it takes no ownership, delivers nothing and changes
 * nothing that is stored. Whose it is, is read from it. For the tools of operators.
 *
 * SQLite makes the files of its log for every reader, and a connection that may not write leaves them behind; so it is
 * opened for writing where that is allowed, and told not to write.
 */
import { accessSync, constants, existsSync } from 'node:fs'
import { dirname } from 'node:path'

import { OutboxError } from '../../errors.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { ListPage, ListQuery, OutboxStats } from '../outbox.ts'
import { Census } from './census.ts'
import { Database } from './database.ts'
import { failureOf } from './failure.ts'
import { sqliteDefaults } from './options.ts'
import { hasLivingOwner, type OwnerMark } from './owner-mark.ts'
import { Queries } from './queries.ts'
import { StateTransactions } from './state.ts'
import { finish } from './steps.ts'
import { checkOurs } from './whose-file.ts'

export interface OutboxFileReader {
  /** Whose operations these are, as the outbox was told when it was made. */
  readonly workspace: string
  list(query: ListQuery): Promise<ListPage>
  /** `operationsMax` and `bytesMax` are the defaults: the file does not say. `inFlight` and `lanesHeld` are 0. */
  stats(): Promise<OutboxStats>
  /** Whether a process delivers from it now. Takes up to 2.5 s where one that has died did. */
  isOwned(): Promise<boolean>
  close(): void
}

/** Throws `OutboxError` where there is no file, or none of ours. */
export function readOutboxFile(path: string, runtime: Pick<Runtime, 'clock' | 'random'>): OutboxFileReader {
  return attempt(path, () => {
    if (!existsSync(path)) throw new OutboxError('OUTBOX_UNAVAILABLE', 'there is no outbox', { path })
    const database = openForReading(path, runtime.random)
    try {
      return new FileReader(path, database, runtime)
    } catch (error) {
      database.close()
      throw error
    }
  })
}

function openForReading(path: string, random: Runtime['random']): Database {
  const database = new Database(path, { random, readOnly: !isWritable(path) })
  try {
    database.exec('PRAGMA query_only = 1')
    if (checkOurs(database, path) === 'empty')
      throw new OutboxError('OUTBOX_UNAVAILABLE', 'there is no outbox', { path })
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

function isWritable(path: string): boolean {
  try {
    for (const target of [path, dirname(path)]) accessSync(target, constants.W_OK)
    return true
  } catch {
    return false
  }
}

class FileReader implements OutboxFileReader {
  readonly workspace: string
  readonly #path: string
  readonly #database: Database
  readonly #runtime: Pick<Runtime, 'clock' | 'random'>
  readonly #transactions: StateTransactions
  readonly #queries: Queries
  readonly #census: Census

  constructor(path: string, database: Database, runtime: Pick<Runtime, 'clock' | 'random'>) {
    this.workspace = database.text('SELECT workspace FROM state')
    this.#path = path
    this.#database = database
    this.#runtime = runtime
    this.#transactions = new StateTransactions(database)
    this.#queries = new Queries(database, this.#transactions)
    this.#census = new Census(path, database, this.#transactions, runtime)
  }

  async list(query: ListQuery): Promise<ListPage> {
    return attempt(this.#path, () => finish(this.#queries.list(query)))
  }

  async stats(): Promise<OutboxStats> {
    return attempt(this.#path, () => {
      const { lost, oldestCampaignAtMs } = finish(this.#census.take())
      const oldest = this.#database.prepare('SELECT accepted_at FROM entry ORDER BY seq LIMIT 1').get()
      return this.#transactions.read((state): OutboxStats => {
        const { waiting, waitingBytes, deadLetters, deadBytes } = state
        const { accepted, delivered, dead, expired, purged, dropped, duplicates } = state
        return {
          role: 'standby',
          waiting,
          waitingBytes,
          inFlight: 0,
          lanesHeld: 0,
          deadLetters,
          deadBytes,
          operationsMax: sqliteDefaults.maxOperations,
          bytesMax: sqliteDefaults.maxBytes,
          oldestAcceptedAtMs: oldest === undefined ? null : Number(oldest[0]),
          oldestCampaignAtMs: oldest === undefined ? null : oldestCampaignAtMs,
          totals: { accepted, delivered, dead, expired, purged, dropped, duplicates },
          spilled: 0,
          lost,
        }
      })
    })
  }

  isOwned(): Promise<boolean> {
    const mark = (): OwnerMark =>
      attempt(this.#path, () => this.#transactions.read(({ owner, beat }) => ({ owner, beat })))
    return hasLivingOwner(mark, this.#runtime.clock)
  }

  close(): void {
    this.#database.close()
  }
}

function attempt<Result>(path: string, work: () => Result): Result {
  try {
    return work()
  } catch (error) {
    throw failureOf(error, path)
  }
}
