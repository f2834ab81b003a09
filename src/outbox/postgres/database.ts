/**
 * The way to the server: one statement at a time, each on a connection of the pool, none for longer than its time. A
 * connection whose statement did not end in time is thrown away, for its answer would be taken for the next one's.
 */
import { OutboxError } from '../../errors.ts'
import type { Clock } from '../../runtime/clock.ts'
import { failureOf, isUniqueViolation, isWorthAnotherTry } from './failure.ts'
import { ownPool, type OwnPool, type PgClient, type PgPool, type Rows } from './peer.ts'
import type { Target } from './options.ts'

export interface Timeouts {
  readonly statementTimeoutMs: number
  readonly connectionTimeoutMs: number
}

/** Runs one statement. */
export type Query = (text: string, values?: readonly unknown[]) => Promise<Rows>

const TRIES_MAX = 5

export class Database {
  readonly #pool: PgPool
  readonly #own: OwnPool | undefined
  readonly #timeouts: Timeouts
  readonly #clock: Clock
  /** Statements must see what others have committed; where the server's default differs each gets a transaction. */
  #needsBegin = false

  private constructor(pool: PgPool, own: OwnPool | undefined, timeouts: Timeouts, clock: Clock) {
    this.#pool = pool
    this.#own = own
    this.#timeouts = timeouts
    this.#clock = clock
  }

  static async connect(target: Target, timeouts: Timeouts, clock: Clock): Promise<Database> {
    if (target.kind === 'pool') return new Database(target.pool, undefined, timeouts, clock)
    const own = await ownPool({
      connectionString: target.connectionString,
      max: target.poolSize,
      connectionTimeoutMillis: timeouts.connectionTimeoutMs,
      keepAlive: true,
    })
    return new Database(own, own, timeouts, clock)
  }

  /** Looks at the server's default isolation; throws where the server cannot be reached. */
  async checkIsolation(): Promise<void> {
    const [row] = await this.query(`SELECT current_setting('default_transaction_isolation') AS level`)
    this.#needsBegin = row?.['level'] !== 'read committed'
  }

  /** Throws `OutboxError`. What another transaction was in the way of is tried again. */
  async query(text: string, values: readonly unknown[] = []): Promise<Rows> {
    return this.queryRaw(text, values).catch((error: unknown) => {
      throw failureOf(error, true)
    })
  }

  /** As `query`, and hands over an error of the server as it is. */
  async queryRaw(text: string, values: readonly unknown[]): Promise<Rows> {
    return again(isWorthAnotherTry, () => this.#onConnection((query) => this.#inIsolation(query, text, values)))
  }

  /**
   * Several statements in one transaction; tried again as a whole, also where somebody else has used an id since it was
   * looked for. `begin` may set what holds for it.
   */
  async transaction<Result>(begin: string, run: (query: Query) => Promise<Result>): Promise<Result> {
    const isWorth = (error: unknown): boolean => isWorthAnotherTry(error) || isUniqueViolation(error)
    return again(isWorth, () =>
      this.#onConnection((query) => this.#inTransaction(query, begin, () => run(query))),
    ).catch((error: unknown) => {
      throw failureOf(error, true)
    })
  }

  /** A connection for as long as the caller wants; it must be released. */
  async client(): Promise<PgClient> {
    const { connectionTimeoutMs } = this.#timeouts
    const connecting = this.#pool.connect()
    return this.#inTime(connectionTimeoutMs, connecting, () => {
      // It may come all the same, and belongs to the pool.
      connecting.then(
        (client) => client.release(),
        () => {},
      )
      return new OutboxError('OUTBOX_UNAVAILABLE', `no connection to Postgres within ${connectionTimeoutMs} ms`)
    }).catch((error: unknown) => {
      throw failureOf(error, false)
    })
  }

  async end(): Promise<void> {
    await this.#own?.end().catch(() => {})
  }

  async #inIsolation(query: Query, text: string, values: readonly unknown[]): Promise<Rows> {
    if (!this.#needsBegin) return query(text, values)
    return this.#inTransaction(query, '', () => query(text, values))
  }

  async #inTransaction<Result>(query: Query, begin: string, run: () => Promise<Result>): Promise<Result> {
    try {
      // A process that stands still must not keep what it has locked.
      const first = `BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL idle_in_transaction_session_timeout = '5s'`
      await query(`${first}; ${begin}`)
      const result = await run()
      await query('COMMIT')
      return result
    } catch (error) {
      await query('ROLLBACK').catch(() => {})
      throw error
    }
  }

  async #onConnection<Result>(run: (query: Query) => Promise<Result>, cancels = true): Promise<Result> {
    const client = await this.client()
    let broken: Error | undefined
    const onError = (error: Error): void => void (broken = error)
    client.on('error', onError)
    const { statementTimeoutMs } = this.#timeouts
    const query: Query = async (text, values = []) => {
      if (broken !== undefined) throw broken
      const running = client.query(text, values.length === 0 ? undefined : [...values])
      const { rows } = await this.#inTime(statementTimeoutMs, running, () => {
        running.catch(() => {})
        if (cancels) void this.#cancel(client.processID, text)
        broken = new OutboxError('OUTBOX_UNAVAILABLE', `Postgres did not answer within ${statementTimeoutMs} ms`, {
          mayBeStored: true,
        })
        return broken
      })
      return rows
    }
    try {
      return await run(query)
    } finally {
      client.removeListener('error', onError)
      client.release(broken)
    }
  }

  /**
   * Ends a statement that nobody waits for any more: the server does not notice that by itself while it waits for a lock.
   * Its text is compared, because behind a PgBouncer the number is nobody's, or somebody else's.
   */
  async #cancel(processId: number | undefined, text: string): Promise<void> {
    if (processId === undefined) return
    const cancelSql = `SELECT pg_cancel_backend(a.pid) FROM pg_stat_activity a
      WHERE a.pid = $1 AND a.state = 'active' AND left(a.query, 500) = left($2, 500)`
    const ending = this.#onConnection((query) => query(cancelSql, [processId, text]), false)
    await ending.catch(() => {})
  }

  #inTime<Result>(limitMs: number, running: Promise<Result>, late: () => Error): Promise<Result> {
    return new Promise((resolve, reject) => {
      const cancel = this.#clock.timer(limitMs, () => reject(late()), 'held')
      running.then(
        (result) => {
          cancel()
          resolve(result)
        },
        (error: unknown) => {
          cancel()
          reject(error)
        },
      )
    })
  }
}

async function again<Result>(isWorth: (error: unknown) => boolean, run: () => Promise<Result>): Promise<Result> {
  for (let tries = 1; ; tries++) {
    try {
      return await run()
    } catch (error) {
      if (!isWorth(error) || tries === TRIES_MAX) throw error
    }
  }
}
